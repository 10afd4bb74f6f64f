/* Messages and interrupts between harts. */
#include "smp.h"

static struct cell mailbox[HARTS_MAX];
static struct cell answered[HARTS_MAX];
static struct cell taken[HARTS_MAX];
static volatile uint64_t token;
static uint64_t ring_end;

/* A payload of plain stores, published by one store and an IPI: whoever sees the number sees the payload. */
static uint64_t payload[HARTS_MAX][8];

static bool mail_here(unsigned hart) { return mailbox[hart].value != answered[hart].value; }

bool test_messages(unsigned hart) {
    unsigned next = (hart + 1) % harts;
    bool whole = true;
    for (uint64_t number = 1; number <= 5 * scale; number++) {
        for (unsigned i = 0; i < 8; i++)
            payload[next][i] = number * (i + 1) + hart;
        fence();
        mailbox[next].value = number;
        send_ipi(next);
        wait_condition(hart, mail_here);
        for (unsigned i = 0; i < 8; i++)
            whole &= payload[hart][i] == number * (i + 1) + (hart + harts - 1) % harts;
        answered[hart].value = number;
        barrier(hart);
    }
    mailbox[hart].value = answered[hart].value = 0;
    return whole;
}

/* The token goes round; each hart sleeps until it is its turn. */
static bool token_here(unsigned hart) { return token >= ring_end || token % harts == hart; }

bool test_ipi_ring(unsigned hart) {
    if (hart == 0) {
        ring_end = 20 * scale * harts;
        token = 0;
    }
    barrier(hart);
    uint64_t turns = 0;
    while (token < ring_end) {
        wait_condition(hart, token_here);
        if (token >= ring_end)
            break;
        turns++;
        token = token + 1;
        if (token < ring_end) {
            send_ipi((hart + 1) % harts);
            continue;
        }
        for (unsigned other = 0; other < harts; other++)
            send_ipi(other);
    }
    barrier(hart);
    return turns == 20 * scale;
}

/* Taken as real interrupts: everyone counts into everyone's mailbox and pokes; the handler empties its own. */
void machine_trap(struct frame *frame) {
    unsigned hart = (unsigned)csr_read(mhartid);
    if (frame->cause != (CAUSE_INTERRUPT | 3)) {
        print("smp: hart %u trap 0x%lx at 0x%lx value 0x%lx\n", hart, frame->cause, frame->pc, frame->value);
        finish(1);
    }
    msip_write(hart, 0);
    asm volatile("fence iorw, iorw" ::: "memory");
    uint64_t count;
    asm volatile("amoswap.d.aqrl %0, zero, (%1)" : "=r"(count) : "r"(&mailbox[hart].value) : "memory");
    taken[hart].value += count;
}

bool test_ipi_storm(unsigned hart) {
    uint64_t each = 10 * scale, work = hart;
    taken[hart].value = mailbox[hart].value = 0;
    barrier(hart);
    csr_write(mie, INTERRUPT_MSI);
    csr_set(mstatus, MSTATUS_MIE);
    for (uint64_t i = 0; i < each; i++) {
        for (unsigned other = 0; other < harts; other++) {
            amo_add(&mailbox[other].value, 1);
            send_ipi(other);
        }
        for (unsigned k = 0; k < 20; k++)
            work = hash_mix(work, k);
    }
    csr_clear(mstatus, MSTATUS_MIE);
    while (taken[hart].value < each * harts) { /* the last ones wake us */
        wait_for_interrupt();
        csr_set(mstatus, MSTATUS_MIE);
        csr_clear(mstatus, MSTATUS_MIE);
    }
    bool exact = taken[hart].value == each * harts && work != 0;
    barrier(hart);
    mailbox[hart].value = 0;
    return exact;
}
