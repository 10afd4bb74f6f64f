/* Superpages, address spaces, user mode. */
#include "paging.h"

#define MEGA 0x140000000ul
#define GIGA 0x180000000ul
#define NOT_CANONICAL 0x0000008000000000ul
#define HIGH_HALF 0xffffffffc0000000ul

static const uint64_t DATA = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;

bool test_canonical(void) {
    probe_load(NOT_CANONICAL);
    bool holds = faulted(CAUSE_LOAD_PAGE, NOT_CANONICAL);
    probe_store(NOT_CANONICAL | 0x80000000, 1);
    holds &= faulted(CAUSE_STORE_PAGE, NOT_CANONICAL | 0x80000000);
    uint64_t page = page_take();
    sv39_map(root, HIGH_HALF, page, LEVEL_4K, DATA);
    sfence_vma();
    probe_store(HIGH_HALF + 24, 99);
    return holds && no_fault() && *(uint64_t *)(page + 24) == 99;
}

bool test_megapage(void) {
    uint64_t page = page_take(), base = page & ~0x1ffffful;
    sv39_map(root, MEGA, base, LEVEL_2M, DATA);
    sv39_map(root, GIGA, 0x80000000, LEVEL_1G, DATA);
    sfence_vma();
    probe_store(MEGA + (page - base) + 8, 1234);
    bool holds = *(uint64_t *)(page + 8) == 1234;
    probe_store(GIGA + (page - 0x80000000) + 16, 5678);
    holds &= *(uint64_t *)(page + 16) == 5678 && probe_load(MEGA + (page - base) + 16) == 5678;
    holds &= no_fault();
    probe_fetch(MEGA);
    return holds && faulted(CAUSE_FETCH_PAGE, MEGA);
}

bool test_misaligned_superpage(void) {
    uint64_t page = page_take() | PAGE_SIZE; /* certainly no multiple of 2 MiB */
    sv39_map(root, MEGA, page, LEVEL_2M, DATA);
    sfence_vma();
    probe_load(MEGA + 32);
    bool holds = faulted(CAUSE_LOAD_PAGE, MEGA + 32);
    sv39_map(root, GIGA, 0x80200000, LEVEL_1G, DATA);
    sfence_vma();
    probe_store(GIGA, 1);
    return holds && faulted(CAUSE_STORE_PAGE, GIGA);
}

bool test_sfence_address(void) {
    uint64_t pages[4];
    for (unsigned i = 0; i < 4; i++) {
        pages[i] = page_take();
        *(uint64_t *)pages[i] = 100 + i;
        area_map(i, pages[i], DATA);
        probe_load(area_address(i));
    }
    bool holds = true;
    for (unsigned step = 1; step < 12; step++) {
        for (unsigned i = 0; i < 4; i++)
            area_map(i, pages[(i + step) % 4], DATA);
        for (unsigned i = 0; i < 4; i++)
            holds &= probe_load(area_address(i)) == 100 + (i + step) % 4;
    }
    return holds && no_fault();
}

bool test_address_spaces(void) {
    static uint64_t *other;
    if (other == NULL)
        other = sv39_identity();
    uint64_t mine = page_take(), theirs = page_take(), address = area_address(11);
    area_map(11, mine, DATA);
    sv39_map(other, address, theirs, LEVEL_4K, DATA);
    bool holds = true;
    for (uint64_t i = 0; i < 50; i++) {
        probe_store(address, 2 * i);
        csr_write(satp, sv39_satp(other));
        sfence_vma();
        probe_store(address, 2 * i + 1);
        holds &= probe_load(address) == 2 * i + 1;
        csr_write(satp, sv39_satp(root));
        sfence_vma();
        holds &= probe_load(address) == 2 * i;
    }
    return holds && no_fault() && *(uint64_t *)mine == 98 && *(uint64_t *)theirs == 99;
}

static uint64_t user_sum(uint64_t count) {
    volatile uint64_t sum = 0;
    for (uint64_t i = 1; i <= count; i++)
        sum += i * i;
    return sum;
}

bool test_user(void) {
    for (uint64_t count = 0; count < 200; count++) {
        if (user_call(user_sum, count) != count * (count + 1) * (2 * count + 1) / 6)
            return false;
    }
    return no_fault();
}

static uint64_t user_load(uint64_t address) { return probe_load(address); }

static uint64_t user_store(uint64_t address) {
    probe_store(address, 4711);
    return 0;
}

static uint64_t user_fetch(uint64_t address) { return probe_fetch(address); }

static uint64_t user_privileged(uint64_t unused) {
    uint64_t value = unused;
    PROBE("csrr %0, sstatus", : "+r"(value));
    return value;
}

static bool mend_user_page(uint64_t cause, uint64_t address) {
    area_map((unsigned)((address - AREA) / PAGE_SIZE), page_take(), DATA | PTE_U);
    return cause == CAUSE_STORE_PAGE;
}

bool test_user_faults(void) {
    uint64_t page = page_take(), address = area_address(12);
    write_function(page, 12);
    area_map(12, page, PTE_KERNEL); /* the kernel's: no business of the user's */
    user_call(user_load, address);
    bool holds = faulted(CAUSE_LOAD_PAGE, address);
    user_call(user_store, address);
    holds &= faulted(CAUSE_STORE_PAGE, address);
    user_call(user_fetch, address);
    holds &= faulted(CAUSE_FETCH_PAGE, address);
    area_map(12, page, PTE_V | PTE_X | PTE_A | PTE_U);
    holds &= user_call(user_fetch, address) == 12 && no_fault();
    holds &= user_call(user_privileged, 55) == 55 && fault.count == 1 && fault.cause == CAUSE_ILLEGAL;
    fault.count = 0;
    mend = mend_user_page;
    user_call(user_store, area_address(13));
    holds &= faulted(CAUSE_STORE_PAGE, area_address(13));
    return holds && user_call(user_load, area_address(13)) == 4711 && no_fault();
}
