/* selftest: checks the CPU and the devices, one line per check, then `ALL TESTS PASSED`; exit 1 if any fails.
   counters=loose leaves out what only a machine that counts exactly can pass; priority=loose expects QEMU 7.2's order
   of interrupts (lowest number first) instead of the specified one. On QEMU 7.2 give both. */
#include "selftest.h"

volatile struct trap trap;
volatile uint64_t interrupts_taken;
static unsigned failures;

void check(const char *name, uint64_t actual, uint64_t expected) {
    if (actual == expected) {
        print("ok %s\n", name);
        return;
    }
    failures++;
    print("FAILED %s expected 0x%lx got 0x%lx\n", name, expected, actual);
}

void check_true(const char *name, bool holds, uint64_t got) {
    if (holds) {
        print("ok %s\n", name);
        return;
    }
    failures++;
    print("FAILED %s expected otherwise got 0x%lx\n", name, got);
}

void check_trap(const char *name, char mode, uint64_t cause, uint64_t value_a, uint64_t value_b) {
    bool holds = trap.count == 1 && trap.mode == mode && trap.cause == cause;
    if (holds && (trap.value == value_a || trap.value == value_b)) {
        print("ok %s\n", name);
    } else {
        failures++;
        print("FAILED %s expected 1 trap mode %c cause %lu value 0x%lx got %lu traps mode %c cause %lu value 0x%lx\n",
              name, mode, cause, value_a, trap.count, trap.count == 0 ? '-' : trap.mode, trap.cause, trap.value);
    }
    traps_forget();
}

void traps_forget(void) {
    memset((void *)&trap, 0, sizeof trap);
    interrupts_taken = 0;
}

/* Over the instruction that trapped, 2 or 4 bytes long; a call into nothing goes back to its caller. */
static void step_over(struct frame *frame) {
    if (frame->cause == CAUSE_FETCH_ACCESS || frame->cause == CAUSE_FETCH_PAGE)
        frame->pc = frame->x[1];
    else
        frame->pc += (*(uint16_t *)frame->pc & 3) == 3 ? 4 : 2;
}

static void record(struct frame *frame, char mode) {
    trap.count++;
    trap.cause = frame->cause;
    trap.value = frame->value;
    trap.pc = frame->pc;
    trap.status = frame->status;
    trap.mode = mode;
    if ((frame->cause & CAUSE_INTERRUPT) == 0) {
        step_over(frame);
        return;
    }
    uint64_t number = frame->cause & 0xf;
    interrupts_taken = interrupts_taken << 4 | number;
    if (mode == 'M')
        csr_clear(mie, 1ul << number);
    else
        csr_clear(sie, 1ul << number);
}

void machine_trap(struct frame *frame) {
    if (!mode_call_returns(frame))
        record(frame, 'M');
}

void supervisor_trap(struct frame *frame) { record(frame, 'S'); }

static uint8_t supervisor_stack[4096] __attribute__((aligned(16)));

int main(void) {
    pmp_open();
    csr_write(stvec, supervisor_trap_entry);
    csr_write(sscratch, supervisor_stack + sizeof supervisor_stack);
    mtimecmp_write(0, -1ul);
    static void (*const checks[])(void) = {
        check_integer,  check_multiply,   check_compressed,    check_atomic,      check_float,   check_rounding,
        check_csr,      check_traps,      check_delegation,    check_interrupts,  check_vectors, check_wait,
        check_misaligned, check_access_faults, check_translation, check_counters, check_uart,    check_plic,
        check_clint,    check_rtc,        check_code,
        check_pmp, /* last: a locked entry stays until reset */
    };
    for (unsigned i = 0; i < COUNT_OF(checks); i++) {
        traps_forget();
        checks[i]();
    }
    if (failures == 0)
        print("ALL TESTS PASSED\n");
    else
        print("%u CHECKS FAILED\n", failures);
    return failures != 0;
}
