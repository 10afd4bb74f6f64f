#include "smp.h"

#define TRIES 100u
#define NAP_TICKS 50u /* 5 us */

/* What a lock protects: updated by plain loads and stores, so that any overlap of two owners shows. */
static struct {
    volatile uint64_t count, owner, mixed;
} shared;

static volatile uint32_t lock_word;
static volatile uint64_t ticket_next, ticket_now;

static bool take_amo(void) {
    uint32_t old;
    asm volatile("amoswap.w.aq %0, %2, (%1)" : "=r"(old) : "r"(&lock_word), "r"(1) : "memory");
    return old == 0;
}

static void give_amo(void) { asm volatile("amoswap.w.rl zero, zero, (%0)" :: "r"(&lock_word) : "memory"); }

static bool take_lrsc(void) {
    uint32_t busy;
    asm volatile("1: lr.w.aq %0, (%1)\n"
                 "bnez %0, 2f\n"
                 "sc.w %0, %2, (%1)\n"
                 "2:" : "=&r"(busy) : "r"(&lock_word), "r"(1) : "memory");
    return busy == 0;
}

static void give_lrsc(void) {
    fence();
    lock_word = 0;
}

/* Returns whether no other hart was in the section. */
static bool critical_section(unsigned hart) {
    shared.owner = hart + 1;
    uint64_t count = shared.count, mixed = shared.mixed;
    for (unsigned i = 0; i < 10; i++)
        asm volatile("nop");
    shared.mixed = mixed + count;
    shared.count = count + 1;
    return shared.owner == hart + 1;
}

/* All harts have counted `each` times: none was lost, and the sum over the counts is exact. */
static bool counted(unsigned hart, uint64_t each) {
    barrier(hart);
    uint64_t total = each * harts;
    bool exact = shared.count == total && shared.mixed == total * (total - 1) / 2;
    barrier(hart);
    if (hart == 0)
        shared.count = shared.mixed = 0;
    return exact;
}

static bool contend(unsigned hart, bool (*take)(void), void (*give)(void)) {
    uint64_t each = 30 * scale;
    bool alone = true;
    for (uint64_t i = 0; i < each; i++) {
        for (unsigned tries = 1; !take(); tries++) {
            if (tries % TRIES == 0)
                nap(hart, NAP_TICKS * (hart + 1));
        }
        alone &= critical_section(hart);
        give();
    }
    return counted(hart, each) && alone;
}

bool test_lock_amo(unsigned hart) { return contend(hart, take_amo, give_amo); }

bool test_lock_lrsc(unsigned hart) { return contend(hart, take_lrsc, give_lrsc); }

/* First come, first served: each waiter naps until its ticket is up. */
bool test_lock_ticket(unsigned hart) {
    uint64_t each = scale;
    bool alone = true;
    for (uint64_t i = 0; i < each; i++) {
        uint64_t ticket = amo_add(&ticket_next, 1);
        for (unsigned tries = 1; ticket_now != ticket; tries++) {
            if (tries % TRIES == 0)
                nap(hart, NAP_TICKS);
        }
        fence();
        alone &= critical_section(hart);
        fence();
        ticket_now = ticket + 1;
    }
    return counted(hart, each) && alone;
}
