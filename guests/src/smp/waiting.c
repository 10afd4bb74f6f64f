/* Waiting without spinning. Interrupts stay globally off here: wfi wakes for any that is enabled in mie. */
#include "smp.h"

static volatile uint64_t arrived;
static volatile uint64_t generation;

void send_ipi(unsigned hart) {
    fence(); /* what was written before is seen by whoever wakes */
    asm volatile("fence rw, o" ::: "memory");
    msip_write(hart, 1);
}

void wait_condition(unsigned hart, bool (*holds)(unsigned hart)) {
    csr_write(mie, INTERRUPT_MSI);
    for (;;) {
        msip_write(hart, 0); /* before looking, so that an IPI sent after the look still wakes */
        asm volatile("fence iorw, iorw" ::: "memory");
        if (holds(hart))
            break;
        wait_for_interrupt();
    }
    fence();
}

static struct cell awaited[HARTS_MAX];

static bool barrier_open(unsigned hart) { return generation != awaited[hart].value; }

void barrier(unsigned hart) {
    fence();
    awaited[hart].value = generation;
    if (amo_add(&arrived, 1) + 1 < harts) {
        wait_condition(hart, barrier_open);
        return;
    }
    arrived = 0;
    fence();
    generation = generation + 1;
    for (unsigned other = 0; other < harts; other++) {
        if (other != hart)
            send_ipi(other);
    }
}

void nap(unsigned hart, uint64_t ticks) {
    uint64_t until = mtime_read() + ticks;
    mtimecmp_write(hart, until);
    csr_write(mie, INTERRUPT_MTI);
    while (mtime_read() < until)
        wait_for_interrupt();
    mtimecmp_write(hart, -1ul);
    csr_write(mie, INTERRUPT_MSI);
}
