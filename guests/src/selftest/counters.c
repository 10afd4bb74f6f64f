/* Counters: access from S and U, moving on, and counting exactly. */
#include "selftest.h"

static uint64_t read_cycle(uint64_t unused) { PROBE("rdcycle t0", ::: "t0"); return unused; }
static uint64_t read_time(uint64_t unused) { PROBE("rdtime t0", ::: "t0"); return unused; }
static uint64_t read_instret(uint64_t unused) { PROBE("rdinstret t0", ::: "t0"); return unused; }

static const struct {
    const char *name;
    uint64_t (*read)(uint64_t);
    uint64_t encoding;
} counters[] = {
    {"counter cycle", read_cycle, 0xc00022f3},
    {"counter time", read_time, 0xc01022f3},
    {"counter instret", read_instret, 0xc02022f3},
};

static void check_gates(void) {
    for (unsigned i = 0; i < COUNT_OF(counters); i++) {
        csr_write(mcounteren, 7 & ~(1 << i));
        csr_write(scounteren, 7);
        in_mode(MODE_S, counters[i].read);
        check_trap(counters[i].name, 'M', CAUSE_ILLEGAL, 0, counters[i].encoding);
        in_mode(MODE_U, counters[i].read);
        check_trap("  nor from U", 'M', CAUSE_ILLEGAL, 0, counters[i].encoding);
        csr_write(mcounteren, 1 << i);
        csr_write(scounteren, 7 & ~(1 << i));
        in_mode(MODE_S, counters[i].read);
        check("  open for S", trap.count, 0);
        in_mode(MODE_U, counters[i].read);
        check_trap("  scounteren closes it for U", 'M', CAUSE_ILLEGAL, 0, counters[i].encoding);
        csr_write(scounteren, 1 << i);
        in_mode(MODE_U, counters[i].read);
        check("  open for U", trap.count, 0);
        csr_write(mcounteren, 0);
        counters[i].read(0);
        check("  always open for M", trap.count, 0);
    }
    csr_write(mcounteren, 7);
    csr_write(scounteren, 7);
}

/* Small handlers of a known length, for counting over traps. */
void counted_exception(void); /* 4 instructions */
void counted_interrupt(void); /* 5 instructions, clears msip */

#define COUNTED(text, ...) ({ uint64_t before_, after_; \
    asm volatile("csrr %0, minstret\n" text "\ncsrr %1, minstret" : "=&r"(before_), "=&r"(after_) __VA_ARGS__); \
    after_ - before_; })

static void check_exact(void) {
    check("instret of nothing", COUNTED("", :: "memory"), 1);
    check("instret of 10 nops", COUNTED(".option push\n.option norvc\n.rept 10\nnop\n.endr\n.option pop", :: "memory"), 11);
    check("instret of 10 c.nops", COUNTED(".rept 10\nc.nop\n.endr", :: "memory"), 11);
    check("instret of mixed sizes", COUNTED(".rept 7\nc.nop\nxori t0, t0, 1\n.endr", :: "t0"), 15);
    check("instret of a loop", COUNTED("li t0, 1000\n1: addi t0, t0, -1\nbnez t0, 1b", :: "t0"), 2002);
    check("instret of jumps", COUNTED("j 1f\nnop\n1: j 2f\nnop\n2:", :: "memory"), 3);
    csr_write(mtvec, counted_exception);
    uint64_t illegal = COUNTED("nop\n.word 0xffffffff\nnop", :: "t0");
    uint64_t ecall = COUNTED("nop\necall\nnop", :: "t0");
    uint64_t fault = COUNTED("nop\n.option push\n.option norvc\nld t0, 0(%2)\n.option pop\nnop", : "r"(UNMAPPED) : "t0");
    csr_write(mtvec, machine_trap_entry);
    check("instret over an illegal instruction", illegal, 7);
    check("instret over an ecall", ecall, 7);
    check("instret over a fault", fault, 7);
    csr_write(mtvec, counted_interrupt);
    csr_write(mie, INTERRUPT_MSI);
    csr_set(mstatus, MSTATUS_MIE);
    uint64_t interrupt = COUNTED("sw %3, 0(%2)\nj 1f\n1: nop\nj 1f\n1: nop", : "r"(CLINT_BASE), "r"(1) : "t0", "memory");
    csr_clear(mstatus, MSTATUS_MIE);
    csr_write(mie, 0);
    csr_write(mtvec, machine_trap_entry);
    check("instret over an interrupt", interrupt, 6 + 5);
    uint64_t first, second;
    asm volatile("csrw minstret, %2\ncsrr %0, minstret\ncsrr %1, instret"
                 : "=&r"(first), "=&r"(second) : "r"(0x123456789ul)); /* the write is done instead of the increment */
    check("minstret reads back what was written", first, 0x123456789);
    check("instret follows minstret", second, 0x12345678a);
}

void check_counters(void) {
    check_gates();
    uint64_t cycle = csr_read(cycle), instret = csr_read(instret), time = csr_read(time), mtime = mtime_read();
    for (unsigned i = 0; i < 100000; i++)
        asm volatile("");
    check_true("cycle moves on", csr_read(cycle) > cycle, csr_read(cycle));
    check_true("instret moves on", csr_read(instret) > instret, csr_read(instret));
    check_true("time moves on", csr_read(time) > time, csr_read(time));
    check_true("time isn't behind mtime", mtime >= time && csr_read(time) >= mtime, mtime);
    csr_write(mcycle, 1ul << 40);
    cycle = csr_read(mcycle) - (1ul << 40);
    check_true("mcycle is writable", cycle < 1000000, cycle);
    csr_write(minstret, 1ul << 40);
    instret = csr_read(minstret) - (1ul << 40);
    check_true("minstret is writable", instret < 1000000, instret);
    if (!argument_is("counters", "loose"))
        check_exact();
    traps_forget();
}
