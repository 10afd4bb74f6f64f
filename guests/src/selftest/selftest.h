/* selftest: what its checks share. */
#pragma once
#include "runtime/probe.h"
#include "runtime/runtime.h"

#define UNMAPPED 0x18000000ul

/* One line per check: `ok NAME`, or `FAILED NAME expected .. got ..`. */
void check(const char *name, uint64_t actual, uint64_t expected);
/* For what the specification leaves open: `got` says what came if it isn't right. */
void check_true(const char *name, bool holds, uint64_t got);

/* What has trapped since traps_forget(). The handlers step over the instruction, or to ra for a fetch. */
struct trap {
    uint64_t cause, value, pc, status, count;
    uint64_t vector; /* number of the vector taken, when traps go through a table */
    char mode;       /* 'M' or 'S': who took it */
};
extern volatile struct trap trap;
void traps_forget(void);

/* The causes of interrupts taken since traps_forget(), a hexadecimal digit each, the first one highest. Each handler
   turns its cause off in mie or sie. */
extern volatile uint64_t interrupts_taken;

/* Exactly one trap, with these properties. `value_b` is a second value that the specification allows. */
void check_trap(const char *name, char mode, uint64_t cause, uint64_t value_a, uint64_t value_b);

/* Runs in S- or U-mode. */
static inline uint64_t in_mode(uint64_t mode, uint64_t (*function)(uint64_t)) { return mode_call(mode, function, 0); }

/* The pending UART interrupt: asks for THRE and routes it to a PLIC context, or takes that back. */
void uart_interrupt_raise(unsigned context);
void uart_interrupt_drop(unsigned context);

void check_integer(void);
void check_multiply(void);
void check_compressed(void);
void check_atomic(void);
void check_float(void);
void check_rounding(void);
void check_csr(void);
void check_traps(void);
void check_delegation(void);
void check_interrupts(void);
void check_vectors(void);
void check_wait(void);
void check_misaligned(void);
void check_access_faults(void);
void check_translation(void);
void check_pmp(void);
void check_counters(void);
void check_uart(void);
void check_plic(void);
void check_clint(void);
void check_rtc(void);
void check_code(void);
