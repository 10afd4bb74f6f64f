/* Functions of straight-line code, `addi a0, a0, n` and a `ret` that never changes. Each page holds 16 of 64 bytes. */
#include "sloppy.h"

#define FUNCTIONS 16u
#define FUNCTION_WORDS 16u
#define RET 0x00008067u
#define CALLS 300u

static uint32_t code[CODE_PAGES][PAGE_SIZE / 4] PAGES;
static uint64_t *entries;

uint64_t *code_entry(unsigned page) { return &entries[page]; }

static uint32_t random_addi(void) { return (uint32_t)draw(2048) << 20 | 10u << 15 | 10u << 7 | 0x13; }

void code_setup(uint64_t *root) {
    for (unsigned page = 0; page < CODE_PAGES; page++) {
        for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
            code[page][i] = i % FUNCTION_WORDS == FUNCTION_WORDS - 1 ? RET : random_addi();
        sv39_map(root, CODE_WINDOW + page * PAGE_SIZE, (uint64_t)code[page], LEVEL_4K, PTE_V | PTE_RWX);
    }
    entries = sv39_entry(root, CODE_WINDOW, LEVEL_4K);
    fence_i();
}

static uint64_t call(uint64_t address, uint64_t value) { return ((uint64_t (*)(uint64_t))address)(value); }

void code_pass(void) {
    for (unsigned i = 0; i < CALLS; i++) {
        unsigned page = (unsigned)draw(CODE_PAGES), function = (unsigned)draw(FUNCTIONS);
        unsigned first = function * FUNCTION_WORDS;
        uint64_t mapped = CODE_WINDOW + page * PAGE_SIZE + 4 * first, direct = (uint64_t)&code[page][first];
        see(call(mapped, i));
        volatile uint32_t *word = &code[page][first + draw(FUNCTION_WORDS - 1)];
        *word = random_addi();
        see(call(mapped, i));
        see(call(direct, i));
        if (i % 32 == 0) { /* two code pages change places */
            unsigned other = (unsigned)draw(CODE_PAGES);
            uint64_t entry = entries[page] & ~PTE_A;
            entries[page] = entries[other];
            entries[other] = entry;
            see(call(mapped, i));
        }
        see(*(volatile uint64_t *)&entries[page]);
    }
}
