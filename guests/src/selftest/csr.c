/* CSR access rules, and exceptions taken in M-mode. */
#include "selftest.h"

static uint64_t read_mstatus(uint64_t unused) { PROBE("csrr t0, mstatus", ::: "t0"); return unused; }
static uint64_t read_sstatus(uint64_t unused) { PROBE("csrr t0, sstatus", ::: "t0"); return unused; }
static uint64_t do_mret(uint64_t unused) { PROBE("mret"); return unused; }
static uint64_t do_sret(uint64_t unused) { PROBE("sret"); return unused; }
static uint64_t read_satp(uint64_t unused) { PROBE("csrr t0, satp", ::: "t0"); return unused; }
static uint64_t do_sfence(uint64_t unused) { PROBE("sfence.vma"); return unused; }
static uint64_t do_wfi(uint64_t unused) { PROBE("wfi"); return unused; }
static uint64_t do_ecall(uint64_t unused) { PROBE("ecall"); return unused; }
static uint64_t read_stvec(uint64_t unused) { return unused + csr_read(stvec); }

#define CHECK_ILLEGAL(name, instruction, encoding) do { \
        PROBE(instruction, ::: "t0", "memory"); \
        check_trap(name, 'M', CAUSE_ILLEGAL, 0, encoding); \
    } while (0)

/* Bits of mstatus that make S-mode instructions trap. */
static void check_trapping(const char *name, uint64_t bit, uint64_t (*function)(uint64_t), uint64_t encoding) {
    csr_set(mstatus, bit);
    in_mode(MODE_S, function);
    csr_clear(mstatus, bit);
    check_trap(name, 'M', CAUSE_ILLEGAL, 0, encoding);
}

void check_csr(void) {
    uint64_t wanted = 2ul << 62 | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12 | 1 << 18 | 1 << 20;
    check("misa has IMAFDC, S and U", csr_read(misa) & wanted, wanted);
    check("mhartid", csr_read(mhartid), 0);
    csr_write(sscratch, csr_read(sscratch) ^ 0x5a5a5a5a5a5a5a50);
    csr_write(sscratch, csr_read(sscratch) ^ 0x5a5a5a5a5a5a5a50);
    uint64_t old, second;
    csr_write(sepc, 0x80001230);
    asm volatile("csrrs %0, sepc, %2\ncsrrc %1, sepc, %3" : "=&r"(old), "=&r"(second) : "r"(0x0cul), "r"(0x30ul));
    check("csrrs returns the old value", old, 0x80001230);
    check("csrrs sets bits", second, 0x8000123c);
    check("csrrc clears bits", csr_read(sepc), 0x8000120c);
    asm volatile("csrrwi %0, sepc, 20\ncsrrsi zero, sepc, 8\ncsrrci zero, sepc, 4" : "=r"(old));
    check("csr immediates", csr_read(sepc), 24);
    csr_write(mcause, CAUSE_INTERRUPT | 5);
    check("mcause is written", csr_read(mcause), CAUSE_INTERRUPT | 5);
    csr_set(mstatus, MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SUM | MSTATUS_MXR);
    wanted = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SUM | MSTATUS_MXR;
    check("sstatus shows mstatus", csr_read(sstatus) & (wanted | MSTATUS_MPP | MSTATUS_MIE), wanted);
    csr_clear(sstatus, wanted);
    check("sstatus writes mstatus", csr_read(mstatus) & wanted, 0);
    csr_write(satp, 1ul << 60);
    check("satp ignores an unknown mode", csr_read(satp), 0);

    CHECK_ILLEGAL("csr that isn't there", "csrr t0, 0x5c0", 0x5c0022f3);
    CHECK_ILLEGAL("csr write to a read-only one", "csrw cycle, t0", 0xc0029073);
    CHECK_ILLEGAL("csr set of a read-only one", "csrs mhartid, t0", 0xf142a073);
    csr_write(mcounteren, 7);
    PROBE("csrrs t0, mhartid, x0", ::: "t0");
    check("csrrs with x0 doesn't write", trap.count, 0);
    in_mode(MODE_S, read_mstatus);
    check_trap("csr mstatus from S", 'M', CAUSE_ILLEGAL, 0, 0x300022f3);
    in_mode(MODE_U, read_sstatus);
    check_trap("csr sstatus from U", 'M', CAUSE_ILLEGAL, 0, 0x100022f3);
    check("csr stvec from S", mode_call(MODE_S, read_stvec, 1), (uint64_t)supervisor_trap_entry + 1);
    in_mode(MODE_S, do_mret);
    check_trap("mret from S", 'M', CAUSE_ILLEGAL, 0, 0x30200073);
    in_mode(MODE_U, do_sret);
    check_trap("sret from U", 'M', CAUSE_ILLEGAL, 0, 0x10200073);
    check_trapping("TSR traps sret", MSTATUS_TSR, do_sret, 0x10200073);
    check_trapping("TVM traps satp", MSTATUS_TVM, read_satp, 0x180022f3);
    check_trapping("TVM traps sfence.vma", MSTATUS_TVM, do_sfence, 0x12000073);
    check_trapping("TW traps wfi", MSTATUS_TW, do_wfi, 0x10500073);
}

extern char trapping_ebreak[], trapping_illegal[], trapping_short[];

void check_traps(void) {
    in_mode(MODE_U, do_ecall);
    check("ecall from U sets MPP", trap.status & MSTATUS_MPP, 0);
    check_trap("ecall from U", 'M', CAUSE_ECALL_U, 0, 0);
    in_mode(MODE_S, do_ecall);
    check("ecall from S sets MPP", trap.status & MSTATUS_MPP, MODE_S << MSTATUS_MPP_SHIFT);
    check_trap("ecall from S", 'M', CAUSE_ECALL_S, 0, 0);
    do_ecall(0);
    check("ecall from M sets MPP", trap.status & MSTATUS_MPP, MSTATUS_MPP);
    check_trap("ecall from M", 'M', CAUSE_ECALL_M, 0, 0);
    PROBE(".global trapping_ebreak\ntrapping_ebreak: ebreak");
    check("ebreak has its own mepc", trap.pc, (uint64_t)trapping_ebreak);
    check_trap("ebreak", 'M', CAUSE_BREAKPOINT, 0, (uint64_t)trapping_ebreak);
    asm volatile("c.ebreak");
    check_trap("c.ebreak", 'M', CAUSE_BREAKPOINT, 0, trap.pc);
    PROBE(".global trapping_illegal\ntrapping_illegal: .word 0xffffffff");
    check("illegal has its own mepc", trap.pc, (uint64_t)trapping_illegal);
    check_trap("illegal", 'M', CAUSE_ILLEGAL, 0, 0xffffffff);
    asm volatile(".global trapping_short\nc.nop\ntrapping_short: .half 0\nc.nop");
    check("illegal of 2 bytes has its own mepc", trap.pc, (uint64_t)trapping_short);
    check_trap("illegal of 2 bytes", 'M', CAUSE_ILLEGAL, 0, 0);
    csr_set(mstatus, MSTATUS_MIE);
    do_ecall(0);
    uint64_t after = csr_read(mstatus);
    csr_clear(mstatus, MSTATUS_MIE);
    check("a trap moves MIE to MPIE", trap.status & (MSTATUS_MIE | MSTATUS_MPIE), MSTATUS_MPIE);
    check("mret moves MPIE to MIE", after & (MSTATUS_MIE | MSTATUS_MPIE), MSTATUS_MIE | MSTATUS_MPIE);
    check("mret sets MPP to U", after & MSTATUS_MPP, 0);
    traps_forget();
}

static uint64_t do_illegal(uint64_t unused) { PROBE(".word 0xffffffff"); return unused; }

static uint64_t supervisor_traps_itself(uint64_t unused) {
    csr_set(sstatus, MSTATUS_SIE);
    do_illegal(0);
    uint64_t after = csr_read(sstatus);
    csr_clear(sstatus, MSTATUS_SIE);
    return unused + after;
}

void check_delegation(void) {
    csr_write(medeleg, 1ul << CAUSE_ECALL_U | 1ul << CAUSE_ILLEGAL | 1ul << CAUSE_BREAKPOINT);
    do_illegal(0);
    check_trap("delegation doesn't lower M's own traps", 'M', CAUSE_ILLEGAL, 0, 0xffffffff);
    uint64_t after = mode_call(MODE_S, supervisor_traps_itself, 0);
    check("a trap in S moves SIE and sets SPP", trap.status & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP),
          MSTATUS_SPIE | MSTATUS_SPP);
    check("sret restores SIE and clears SPP", after & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP),
          MSTATUS_SIE | MSTATUS_SPIE);
    check_trap("delegated illegal from S", 'S', CAUSE_ILLEGAL, 0, 0xffffffff);
    /* mode_call comes back by an ecall from U, which must reach M: delegate it only in between. */
    csr_write(medeleg, 1ul << CAUSE_ILLEGAL);
    in_mode(MODE_U, read_sstatus);
    check("a trap from U clears SPP", trap.status & MSTATUS_SPP, 0);
    check_trap("delegated illegal from U", 'S', CAUSE_ILLEGAL, 0, 0x100022f3);
    in_mode(MODE_S, do_ecall);
    check_trap("what isn't delegated goes to M", 'M', CAUSE_ECALL_S, 0, 0);
    csr_write(medeleg, 0);
}
