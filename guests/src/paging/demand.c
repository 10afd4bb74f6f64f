/* Faults that the handler mends: demand mapping, copy on write, code that comes when called. */
#include "paging.h"

#define COUNT 40u

static const uint64_t DATA = PTE_V | PTE_R | PTE_A;
static uint64_t zero_page;

static bool mend_with_new_page(uint64_t cause, uint64_t address) {
    if (cause != CAUSE_STORE_PAGE)
        return false;
    area_map((unsigned)((address - AREA) / PAGE_SIZE), page_take(), DATA | PTE_W | PTE_D);
    return true;
}

bool test_demand_store(void) {
    mend = mend_with_new_page;
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t address = area_address(i) + 8 * i;
        probe_store(address, i + 1);
        if (fault.count != i + 1 || fault.value != address || fault.cause != CAUSE_STORE_PAGE)
            return false;
    }
    for (unsigned i = 0; i < COUNT; i++) {
        if (probe_load(area_address(i) + 8 * i) != i + 1 || probe_load(area_address(i) + 4088) != 0)
            return false;
    }
    return fault.count == COUNT;
}

/* Loads get one shared page of zeros, read only; the first store makes a copy of whatever is mapped. */
static bool mend_with_copy(uint64_t cause, uint64_t address) {
    unsigned page = (unsigned)((address - AREA) / PAGE_SIZE);
    if (cause == CAUSE_LOAD_PAGE) {
        area_map(page, zero_page, DATA);
        return true;
    }
    if (cause != CAUSE_STORE_PAGE)
        return false;
    uint64_t shared = pte_physical(*sv39_entry(root, address, LEVEL_4K)), copy = page_take();
    memcpy((void *)copy, (void *)shared, PAGE_SIZE);
    area_map(page, copy, DATA | PTE_W | PTE_D);
    return true;
}

bool test_demand_load(void) {
    zero_page = page_take();
    mend = mend_with_copy;
    for (unsigned i = 0; i < COUNT; i++) {
        if (probe_load(area_address(i) + 16) != 0)
            return false;
    }
    if (fault.count != COUNT)
        return false;
    for (unsigned i = 0; i < COUNT; i += 2)
        probe_store(area_address(i) + 16, i + 5);
    for (unsigned i = 0; i < COUNT; i++) {
        if (probe_load(area_address(i) + 16) != (i % 2 == 0 ? i + 5 : 0))
            return false;
    }
    return fault.count == COUNT + COUNT / 2 && *(uint64_t *)(zero_page + 16) == 0;
}

bool test_copy_on_write(void) {
    uint64_t shared = page_take();
    for (unsigned i = 0; i < 512; i++)
        ((uint64_t *)shared)[i] = i * i;
    mend = mend_with_copy;
    for (unsigned parent = 0; parent < 2; parent++)
        area_map(parent, shared, DATA);
    probe_store(area_address(1) + 80, 7777);
    bool separate = probe_load(area_address(0) + 80) == 100 && probe_load(area_address(1) + 80) == 7777;
    bool copied = probe_load(area_address(1) + 88) == 121 && *(uint64_t *)(shared + 80) == 100;
    return separate && copied && faulted(CAUSE_STORE_PAGE, area_address(1) + 80);
}

static bool mend_with_code(uint64_t cause, uint64_t address) {
    if (cause != CAUSE_FETCH_PAGE)
        return false;
    uint64_t page = page_take();
    write_function(page + address % PAGE_SIZE, 321);
    area_map((unsigned)((address - AREA) / PAGE_SIZE), page, PTE_V | PTE_X | PTE_A);
    return true;
}

bool test_fetch_fault(void) {
    probe_fetch(area_address(9));
    bool stepped_over = faulted(CAUSE_FETCH_PAGE, area_address(9)) && fault.pc == area_address(9);
    mend = mend_with_code;
    uint64_t result = probe_fetch(area_address(9) + 64);
    return stepped_over && result == 321 && faulted(CAUSE_FETCH_PAGE, area_address(9) + 64);
}

/* An access over the end of a page faults for the part that is missing, and happens as a whole afterwards. */
bool test_straddle(void) {
    mend = mend_with_new_page;
    area_map(3, page_take(), DATA | PTE_W | PTE_D);
    probe_store(area_address(4) - 3, 0x1122334455667788);
    bool second = faulted(CAUSE_STORE_PAGE, area_address(4));
    bool whole = probe_load(area_address(4) - 3) == 0x1122334455667788;
    return second && whole && (probe_load(area_address(4)) & 0xffffffffff) == 0x1122334455;
}
