#include "sloppy.h"

#define PHYSICAL_PAGES (WINDOW_PAGES / 4)
#define ENTRIES 512u

static uint64_t physical[PHYSICAL_PAGES][PAGE_SIZE / 8] PAGES;
static uint64_t *tables[WINDOW_PAGES / ENTRIES];

uint64_t *window_entry(unsigned page) { return &tables[page / ENTRIES][page % ENTRIES]; }

void data_setup(uint64_t *root) {
    for (unsigned page = 0; page < PHYSICAL_PAGES; page++) {
        for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
            physical[page][i] = (uint64_t)page << 32 | i;
    }
    for (unsigned page = 0; page < WINDOW_PAGES; page++) {
        uint64_t *entry = sv39_entry(root, WINDOW + page * PAGE_SIZE, LEVEL_4K);
        *entry = pte_make((uint64_t)physical[page % PHYSICAL_PAGES], PTE_V | PTE_R | PTE_W);
        if (page % ENTRIES == 0)
            tables[page / ENTRIES] = entry;
    }
}

static void clear_bits(unsigned pages, uint64_t bits) {
    for (unsigned page = 0; page < pages; page++)
        *window_entry(page) &= ~bits;
}

/* Loads from every page in a pseudo-random order, stores to a quarter. The step is odd, so all pages come up. */
static void touch(unsigned pages) {
    unsigned step = (unsigned)draw(pages) | 1, page = (unsigned)draw(pages);
    unsigned span = pages == WINDOW_PAGES ? pages : 1024;
    for (unsigned i = 0; i < span; i++) {
        page = (page + step) % span;
        if (page >= pages)
            continue;
        volatile uint64_t *words = (volatile uint64_t *)(WINDOW + page * PAGE_SIZE);
        unsigned at = (unsigned)(sloppy.hash >> 32) % (PAGE_SIZE / 8 - 4);
        see(words[at] ^ words[at + 1] << 1);
        see(words[at + 2] ^ words[at + 3] << 1);
        if ((sloppy.hash & 3) == 0)
            words[at] += sloppy.hash >> 40;
    }
}

/* Two pages change places, and nobody tells the TLB. */
static void swap_some(unsigned pages) {
    for (unsigned i = 0; i < pages / 16; i++) {
        uint64_t *left = window_entry((unsigned)draw(pages)), *right = window_entry((unsigned)draw(pages));
        uint64_t entry = *left;
        *left = *right;
        *right = entry;
    }
}

static void see_tables(unsigned pages) {
    for (unsigned page = 0; page < pages; page++)
        see(*(volatile uint64_t *)window_entry(page));
}

void data_pass(unsigned pages) {
    static const uint64_t bits[] = {PTE_A, PTE_D, PTE_A | PTE_D};
    clear_bits(pages, bits[draw(COUNT_OF(bits))]);
    touch(pages);
    see_tables(pages);
    swap_some(pages);
    touch(pages);
    see_tables(pages);
}
