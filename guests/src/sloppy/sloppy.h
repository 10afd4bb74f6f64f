/* sloppy: what its parts share. Everything it maps stays mapped and readable, and every instruction that it writes may
   stand for every other, so whatever a stale TLB or stale code shows is harmless, but it shows in the hash. */
#pragma once
#include "runtime/sv39.h"

#define WINDOW 0x100000000ul
#define WINDOW_PAGES 4096u     /* virtual; four of them share each physical page */
#define CODE_WINDOW 0x110000000ul
#define CODE_PAGES 32u

struct sloppy {
    uint64_t hash, random, faults;
};
extern struct sloppy sloppy;

static inline void see(uint64_t value) { sloppy.hash = hash_mix(sloppy.hash, value); }
static inline uint64_t draw(uint64_t below) { return random_next(&sloppy.random) % below; }

/* The level-0 entries of both windows, each contiguous per 2 MiB. */
uint64_t *window_entry(unsigned page);
uint64_t *code_entry(unsigned page);

void data_setup(uint64_t *root);
/* Clears A and D of the first `pages` pages, touches them, swaps some, all without sfence.vma. */
void data_pass(unsigned pages);
void code_setup(uint64_t *root);
/* Rewrites functions and calls them at all their addresses, without fence.i. */
void code_pass(void);
