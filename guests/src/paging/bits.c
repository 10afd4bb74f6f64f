/* Accessed and dirty bits, permissions, SUM, MXR, reserved encodings. A machine may set A and D itself, or fault and
   leave that to software: both are right. */
#include "paging.h"

static bool mend_accessed_dirty(uint64_t cause, uint64_t address) {
    uint64_t *entry = sv39_entry(root, address, LEVEL_4K);
    uint64_t wanted = PTE_A | (cause == CAUSE_STORE_PAGE ? PTE_D : 0);
    if ((*entry & PTE_V) == 0 || (*entry & wanted) == wanted)
        return false;
    *entry |= wanted;
    sfence_vma_address(address);
    return true;
}

bool test_accessed(void) {
    mend = mend_accessed_dirty;
    volatile uint64_t *entry = area_map(0, page_take(), PTE_V | PTE_R | PTE_W);
    volatile uint64_t *other = area_map(1, page_take(), PTE_V | PTE_R | PTE_W);
    for (unsigned repeat = 0; repeat < 3; repeat++) {
        probe_load(area_address(0));
        if ((*entry & (PTE_A | PTE_D)) != PTE_A || (*other & (PTE_A | PTE_D)) != 0)
            return false;
        *entry &= ~PTE_A;
        sfence_vma_address(area_address(0));
    }
    return (*entry & PTE_A) == 0;
}

bool test_dirty(void) {
    mend = mend_accessed_dirty;
    volatile uint64_t *entry = area_map(0, page_take(), PTE_V | PTE_R | PTE_W);
    probe_load(area_address(0)); /* a cached translation from a load must not hide the first store */
    for (unsigned repeat = 0; repeat < 3; repeat++) {
        probe_store(area_address(0), repeat);
        if ((*entry & (PTE_A | PTE_D)) != (PTE_A | PTE_D))
            return false;
        *entry &= ~PTE_D;
        sfence_vma();
        probe_load(area_address(0));
        if ((*entry & PTE_D) != 0)
            return false;
    }
    return probe_load(area_address(0)) == 2;
}

bool test_accessed_fetch(void) {
    mend = mend_accessed_dirty;
    uint64_t page = page_take();
    write_function(page, 17);
    volatile uint64_t *entry = area_map(0, page, PTE_V | PTE_X);
    return probe_fetch(area_address(0)) == 17 && (*entry & (PTE_A | PTE_D)) == PTE_A;
}

bool test_permissions(void) {
    uint64_t page = page_take(), address = area_address(5);
    write_function(page, 5);
    area_map(5, page, PTE_V | PTE_R | PTE_A | PTE_D);
    probe_store(address, 1);
    bool holds = faulted(CAUSE_STORE_PAGE, address);
    probe_fetch(address);
    holds &= faulted(CAUSE_FETCH_PAGE, address);
    asm volatile("amoadd.d zero, zero, (%0)" :: "r"(address) : "memory"); /* an AMO faults as a store */
    holds &= faulted(CAUSE_STORE_PAGE, address);
    probe_load(address);
    holds &= no_fault();
    area_map(5, page, PTE_V | PTE_X | PTE_A | PTE_D);
    holds &= probe_fetch(address) == 5 && no_fault();
    probe_load(address);
    holds &= faulted(CAUSE_LOAD_PAGE, address);
    return holds && ((uint32_t *)page)[1] == 0x00008067;
}

bool test_sum(void) {
    uint64_t page = page_take(), address = area_address(6);
    write_function(page, 6);
    area_map(6, page, PTE_KERNEL | PTE_U);
    csr_clear(sstatus, MSTATUS_SUM);
    probe_load(address);
    bool holds = faulted(CAUSE_LOAD_PAGE, address);
    probe_store(address + 8, 1);
    holds &= faulted(CAUSE_STORE_PAGE, address + 8);
    csr_set(sstatus, MSTATUS_SUM);
    holds &= (probe_load(address) & 0xffffffff) == 0x00600513 && no_fault();
    sfence_vma();         /* QEMU lets a fetch through where a load has filled its TLB */
    probe_fetch(address); /* never, SUM or not */
    holds &= faulted(CAUSE_FETCH_PAGE, address);
    csr_clear(sstatus, MSTATUS_SUM);
    probe_load(address);
    return holds && faulted(CAUSE_LOAD_PAGE, address);
}

bool test_mxr(void) {
    uint64_t page = page_take(), address = area_address(7);
    write_function(page, 7);
    area_map(7, page, PTE_V | PTE_X | PTE_A);
    probe_load(address);
    bool holds = faulted(CAUSE_LOAD_PAGE, address);
    csr_set(sstatus, MSTATUS_MXR);
    holds &= (probe_load(address) & 0xffffffff) == 0x00700513 && no_fault();
    probe_store(address, 0);
    holds &= faulted(CAUSE_STORE_PAGE, address);
    csr_clear(sstatus, MSTATUS_MXR);
    probe_load(address);
    return holds && faulted(CAUSE_LOAD_PAGE, address);
}

bool test_reserved(void) {
    static const uint64_t flags[] = {
        PTE_R | PTE_A | PTE_D,                 /* not valid */
        PTE_V | PTE_W | PTE_A | PTE_D,         /* writable but not readable */
        PTE_V | PTE_W | PTE_X | PTE_A | PTE_D,
        PTE_V,                                 /* a pointer where a leaf has to be */
    };
    uint64_t page = page_take(), address = area_address(8);
    for (unsigned i = 0; i < COUNT_OF(flags); i++) {
        area_map(8, page, flags[i]);
        probe_load(address);
        if (!faulted(CAUSE_LOAD_PAGE, address))
            return false;
        probe_store(address, 1);
        if (!faulted(CAUSE_STORE_PAGE, address))
            return false;
    }
    return *(uint64_t *)page == 0;
}
