/* paging: S-mode under Sv39. Prints one line per test; exit 1 if any fails. */
#include "paging.h"

static const struct {
    const char *name;
    bool (*run)(void);
} tests[] = {
    {"demand-store", test_demand_store},
    {"demand-load", test_demand_load},
    {"copy-on-write", test_copy_on_write},
    {"fetch-fault", test_fetch_fault},
    {"straddle", test_straddle},
    {"accessed", test_accessed},
    {"dirty", test_dirty},
    {"accessed-fetch", test_accessed_fetch},
    {"permissions", test_permissions},
    {"sum", test_sum},
    {"mxr", test_mxr},
    {"reserved", test_reserved},
    {"canonical", test_canonical},
    {"megapage", test_megapage},
    {"misaligned-superpage", test_misaligned_superpage},
    {"sfence-address", test_sfence_address},
    {"address-spaces", test_address_spaces},
    {"user", test_user},
    {"user-faults", test_user_faults},
};

static uint8_t trap_stack[4096] __attribute__((aligned(16)));

void machine_trap(struct frame *frame) {
    if (mode_call_returns(frame))
        return;
    print("paging: trap 0x%lx at 0x%lx value 0x%lx reached M-mode\n", frame->cause, frame->pc, frame->value);
    finish(1);
}

static uint64_t supervisor_main(uint64_t failures) {
    csr_write(stvec, supervisor_trap_entry);
    csr_write(sscratch, trap_stack + sizeof trap_stack);
    csr_write(satp, sv39_satp(root));
    sfence_vma();
    for (uint64_t round = 0; round < argument("rounds", 1); round++) {
        for (unsigned i = 0; i < COUNT_OF(tests); i++) {
            fault.count = 0;
            mend = NULL;
            bool passed = tests[i].run();
            failures += !passed;
            pages_release();
            print("%s %s\n", passed ? "ok" : "FAILED", tests[i].name);
            if (!passed)
                print("  last fault: cause %lu stval 0x%lx sepc 0x%lx\n", fault.cause, fault.value, fault.pc);
        }
    }
    return failures;
}

int main(void) {
    pmp_open();
    csr_write(medeleg, 1ul << CAUSE_ILLEGAL | 1ul << CAUSE_ECALL_U | 1ul << CAUSE_FETCH_PAGE |
                           1ul << CAUSE_LOAD_PAGE | 1ul << CAUSE_STORE_PAGE);
    root = sv39_identity();
    sv39_map(root, 0x80000000 - USER_OFFSET, 0x80000000, LEVEL_1G, PTE_KERNEL | PTE_U);
    uint64_t failures = mode_call(MODE_S, supervisor_main, 0);
    print("paging: %lu failed\n", failures);
    return failures != 0;
}
