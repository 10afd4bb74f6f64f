#include "sv39.h"

#define TABLES 64
#define ENTRIES 512

static uint64_t tables[TABLES][ENTRIES] PAGES;
static unsigned tables_used;

uint64_t *sv39_table(void) {
    if (tables_used == TABLES)
        panic("out of page tables");
    return memset(tables[tables_used++], 0, PAGE_SIZE);
}

uint64_t *sv39_entry(uint64_t *root, uint64_t address, enum sv39_level level) {
    uint64_t *table = root;
    for (unsigned at = LEVEL_1G;; at--) {
        uint64_t *entry = &table[address >> (PAGE_SHIFT + 9 * at) & (ENTRIES - 1)];
        if (at == (unsigned)level)
            return entry;
        if ((*entry & PTE_V) == 0)
            *entry = pte_make((uint64_t)sv39_table(), PTE_V);
        table = (uint64_t *)pte_physical(*entry);
    }
}

void sv39_map(uint64_t *root, uint64_t address, uint64_t physical, enum sv39_level level, uint64_t flags) {
    *sv39_entry(root, address, level) = pte_make(physical, flags);
}

uint64_t *sv39_identity(void) {
    uint64_t *root = sv39_table();
    sv39_map(root, 0, 0, LEVEL_1G, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
    sv39_map(root, 0x80000000, 0x80000000, LEVEL_1G, PTE_KERNEL);
    return root;
}
