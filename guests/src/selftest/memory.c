/* Misaligned access, access faults, MPRV, PMP. */
#include "selftest.h"
#include "runtime/sv39.h"

static uint8_t pages[2][PAGE_SIZE] PAGES;

/* Works, or traps as misaligned: a platform may choose. */
#define MISALIGNED(name, load, store, address, mask) do { \
        uint64_t value_ = 0; \
        PROBE(store " %0, 0(%1)", :: "r"(0x8877665544332211), "r"(address) : "memory"); \
        bool stored_ = trap.count == 0; \
        PROBE(load " %0, 0(%1)", : "+r"(value_) : "r"(address) : "memory"); \
        bool works_ = stored_ && trap.count == 0 && value_ == (0x8877665544332211 & (mask)); \
        check_true(name, works_ || (trap.count == 2 && trap.cause == CAUSE_LOAD_MISALIGNED), value_); \
        traps_forget(); \
    } while (0)

void check_misaligned(void) {
    uint64_t inside = (uint64_t)pages[0] + 101, across = (uint64_t)pages[1] - 1;
    MISALIGNED("misaligned lhu and sh", "lhu", "sh", inside, 0xffff);
    MISALIGNED("misaligned lwu and sw", "lwu", "sw", inside, 0xffffffff);
    MISALIGNED("misaligned ld and sd", "ld", "sd", inside, -1ul);
    MISALIGNED("misaligned lhu over pages", "lhu", "sh", across, 0xffff);
    MISALIGNED("misaligned lwu over pages", "lwu", "sw", across, 0xffffffff);
    MISALIGNED("misaligned ld over pages", "ld", "sd", across - 3, -1ul);
    PROBE("amoadd.w t0, t0, (%0)", :: "r"(inside) : "t0", "memory"); /* QEMU says 4 or 6, depending on its threads */
    check_true("misaligned amo traps", trap.count == 1 && trap.value == inside &&
               (trap.cause == CAUSE_STORE_MISALIGNED || trap.cause == CAUSE_LOAD_MISALIGNED), trap.cause);
    traps_forget();
}

static uint64_t load_unmapped(uint64_t address) { return probe_load(address); }

void check_access_faults(void) {
    probe_load(UNMAPPED + 8);
    check_trap("access fault of a load", 'M', CAUSE_LOAD_ACCESS, UNMAPPED + 8, UNMAPPED + 8);
    probe_store(UNMAPPED + 16, 1);
    check_trap("access fault of a store", 'M', CAUSE_STORE_ACCESS, UNMAPPED + 16, UNMAPPED + 16);
    probe_fetch(UNMAPPED + 32);
    check("access fault of a fetch has its own mepc", trap.pc, UNMAPPED + 32);
    check_trap("access fault of a fetch", 'M', CAUSE_FETCH_ACCESS, UNMAPPED + 32, UNMAPPED + 32);
    csr_write(medeleg, 1ul << CAUSE_LOAD_ACCESS);
    mode_call(MODE_S, load_unmapped, UNMAPPED + 40);
    csr_write(medeleg, 0);
    check_trap("access fault delegated to S", 'S', CAUSE_LOAD_ACCESS, UNMAPPED + 40, UNMAPPED + 40);
}

#define MAPPED 0x100000000ul

/* One load or store as the given mode would do it. */
static uint64_t load_as(uint64_t mode, uint64_t address, uint64_t bits) {
    uint64_t value = 0;
    csr_clear(mstatus, MSTATUS_MPP);
    csr_set(mstatus, mode << MSTATUS_MPP_SHIFT);
    PROBE("csrs mstatus, %2\nld %0, 0(%1)\ncsrc mstatus, %2", : "+r"(value)
          : "r"(address), "r"(MSTATUS_MPRV | bits) : "memory");
    return value;
}

static void store_as(uint64_t mode, uint64_t address, uint64_t value) {
    csr_clear(mstatus, MSTATUS_MPP);
    csr_set(mstatus, mode << MSTATUS_MPP_SHIFT);
    PROBE("csrs mstatus, %2\nsd %0, 0(%1)\ncsrc mstatus, %2", :: "r"(value), "r"(address), "r"(MSTATUS_MPRV) : "memory");
}

void check_translation(void) {
    uint64_t *root = sv39_identity();
    sv39_map(root, MAPPED, (uint64_t)pages[0], LEVEL_4K, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
    sv39_map(root, MAPPED + PAGE_SIZE, (uint64_t)pages[1], LEVEL_4K, PTE_V | PTE_R | PTE_U | PTE_A | PTE_D);
    ((volatile uint64_t *)pages[0])[1] = 1001;
    ((volatile uint64_t *)pages[1])[1] = 2002;
    csr_write(satp, sv39_satp(root));
    check("satp holds Sv39", csr_read(satp), sv39_satp(root));
    sfence_vma();
    check("M-mode isn't translated", *(volatile uint64_t *)(pages[0] + 8), 1001);
    check("MPRV load as S", load_as(MODE_S, MAPPED + 8, 0), 1001);
    check("MPRV load as U", load_as(MODE_U, MAPPED + PAGE_SIZE + 8, 0), 2002);
    check("MPRV load as S with SUM", load_as(MODE_S, MAPPED + PAGE_SIZE + 8, MSTATUS_SUM), 2002);
    check("MPRV load as M", load_as(MODE_M, (uint64_t)pages[0] + 8, 0), 1001);
    check("MPRV causes no trap there", trap.count, 0);
    load_as(MODE_U, MAPPED + 8, 0);
    check_trap("MPRV load as U of S's page", 'M', CAUSE_LOAD_PAGE, MAPPED + 8, MAPPED + 8);
    load_as(MODE_S, MAPPED + PAGE_SIZE + 8, 0);
    check_trap("MPRV load as S of U's page", 'M', CAUSE_LOAD_PAGE, MAPPED + PAGE_SIZE + 8, MAPPED + PAGE_SIZE + 8);
    store_as(MODE_S, MAPPED + 8, 1003);
    check("MPRV store as S", *(volatile uint64_t *)(pages[0] + 8), 1003);
    store_as(MODE_U, MAPPED + PAGE_SIZE, 1);
    check_trap("MPRV store as U, read only", 'M', CAUSE_STORE_PAGE, MAPPED + PAGE_SIZE, MAPPED + PAGE_SIZE);
    sv39_map(root, MAPPED + 2 * PAGE_SIZE, UNMAPPED, LEVEL_4K, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
    sfence_vma();
    load_as(MODE_S, MAPPED + 2 * PAGE_SIZE, 0);
    check_trap("access fault has the virtual address", 'M', CAUSE_LOAD_ACCESS, MAPPED + 2 * PAGE_SIZE,
               MAPPED + 2 * PAGE_SIZE);
    csr_write(satp, 0);
    sfence_vma();
}

static uint64_t probe_all(uint64_t address) {
    uint64_t allowed = 0, before = trap.count;
    probe_load(address);
    allowed |= trap.count == before ? PMP_R : 0;
    before = trap.count;
    probe_store(address + 64, 1);
    allowed |= trap.count == before ? PMP_W : 0;
    before = trap.count;
    probe_fetch(address);
    return allowed | (trap.count == before ? PMP_X : 0);
}

static uint64_t probe_load_of(uint64_t address) { return probe_load(address); }
static uint64_t probe_fetch_of(uint64_t address) { return probe_fetch(address); }
static uint64_t probe_store_of(uint64_t address) {
    probe_store(address, 1);
    return 0;
}

/* Entry 0 guards one page, entry 1 allows everything else. */
static void guard(uint64_t page, uint64_t bits) {
    csr_write(pmpaddr1, -1ul >> 10);
    csr_write(pmpaddr0, page >> 2 | 0x1ff); /* NAPOT, 4 KiB */
    csr_write(pmpcfg0, (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 8 | PMP_NAPOT | bits);
    sfence_vma();
}

void check_pmp(void) {
    static const struct {
        const char *name;
        uint64_t bits;
    } rights[] = {
        {"pmp none", 0}, {"pmp r", PMP_R}, {"pmp rw", PMP_R | PMP_W}, {"pmp x", PMP_X}, {"pmp rx", PMP_R | PMP_X},
        {"pmp rwx", PMP_R | PMP_W | PMP_X},
    };
    uint64_t page = (uint64_t)pages[1];
    *(volatile uint32_t *)page = 0x00008067; /* ret */
    fence_i();
    for (unsigned i = 0; i < COUNT_OF(rights); i++) {
        guard(page, rights[i].bits);
        check(rights[i].name, mode_call(MODE_S, probe_all, page), rights[i].bits);
        check("  and from U", mode_call(MODE_U, probe_all, page), rights[i].bits);
        traps_forget();
        check("  and M is free", probe_all(page), PMP_R | PMP_W | PMP_X);
    }
    guard(page, 0);
    mode_call(MODE_S, probe_load_of, page);
    check_trap("pmp load fault", 'M', CAUSE_LOAD_ACCESS, page, page);
    mode_call(MODE_S, probe_store_of, page);
    check_trap("pmp store fault", 'M', CAUSE_STORE_ACCESS, page, page);
    mode_call(MODE_U, probe_fetch_of, page);
    check_trap("pmp fetch fault", 'M', CAUSE_FETCH_ACCESS, page, page);
    mode_call(MODE_S, probe_load_of, page - 8);
    check("pmp leaves the page before alone", trap.count, 0);
    guard(page, PMP_LOCKED | PMP_R);
    check("pmp locked binds M", probe_all(page), PMP_R);
    traps_forget();
    csr_write(pmpcfg0, (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 8 | PMP_NAPOT | PMP_R | PMP_W | PMP_X);
    csr_write(pmpaddr0, 0);
    sfence_vma();
    check("pmp locked stays", (csr_read(pmpcfg0) & 0xff) << 56 | csr_read(pmpaddr0),
          (PMP_LOCKED | PMP_NAPOT | PMP_R) << 56 | page >> 2 | 0x1ff);
    probe_store(page, 1);
    check_trap("pmp locked store fault in M", 'M', CAUSE_STORE_ACCESS, page, page);
}
