/* smp: what its tests share. Each test is run by all harts at once. */
#pragma once
#include "runtime/runtime.h"

/* One hart's part of each test; what it returns false for is reported by hart 0. `scale` is the boot argument. */
struct test {
    const char *name;
    bool (*run)(unsigned hart);
};

extern unsigned harts;
extern uint64_t scale;

/* Waits in wfi until all harts have come; barriers also order memory. */
void barrier(unsigned hart);
/* Sleeps for some ticks of mtime. */
void nap(unsigned hart, uint64_t ticks);
void send_ipi(unsigned hart);
/* Sleeps until the condition holds; whoever makes it hold sends an IPI. Clears IPIs. */
void wait_condition(unsigned hart, bool (*holds)(unsigned hart));

/* A hart's own word, on a cache line of its own. */
struct cell {
    volatile uint64_t value;
    uint64_t padding[7];
};

static inline uint64_t amo_add(volatile uint64_t *address, uint64_t value) {
    uint64_t old;
    asm volatile("amoadd.d.aqrl %0, %2, (%1)" : "=r"(old) : "r"(address), "r"(value) : "memory");
    return old;
}

bool test_presence(unsigned hart);
bool test_lock_amo(unsigned hart);
bool test_lock_lrsc(unsigned hart);
bool test_lock_ticket(unsigned hart);
bool test_counter_lrsc(unsigned hart);
bool test_counter_amo(unsigned hart);
bool test_amo_all(unsigned hart);
bool test_reservation(unsigned hart);
bool test_messages(unsigned hart);
bool test_ipi_ring(unsigned hart);
bool test_ipi_storm(unsigned hart);
bool test_patch_code(unsigned hart);
bool test_patch_all(unsigned hart);
