/* Sv39 page tables (privileged specification 1.10, section 4.4). */
#pragma once
#include "runtime.h"

enum sv39_level { LEVEL_4K = 0, LEVEL_2M = 1, LEVEL_1G = 2 };

#define PTE_RWX (PTE_R | PTE_W | PTE_X)
#define PTE_KERNEL (PTE_V | PTE_RWX | PTE_A | PTE_D)

/* A zeroed table from a pool of 64 pages. */
uint64_t *sv39_table(void);
/* The entry for an address at a level; tables on the way are made. */
uint64_t *sv39_entry(uint64_t *root, uint64_t address, enum sv39_level level);
void sv39_map(uint64_t *root, uint64_t address, uint64_t physical, enum sv39_level level, uint64_t flags);
/* A root with RAM (1 GiB from 0x80000000, RWX) and the devices (the first GiB, RW) mapped one to one. */
uint64_t *sv39_identity(void);

static inline uint64_t sv39_satp(const uint64_t *root) { return SATP_SV39 | (uint64_t)root >> PAGE_SHIFT; }
static inline uint64_t pte_make(uint64_t physical, uint64_t flags) {
    return physical >> PAGE_SHIFT << PTE_ADDRESS_SHIFT | flags;
}
static inline uint64_t pte_physical(uint64_t entry) {
    return entry << 10 >> 10 >> PTE_ADDRESS_SHIFT << PAGE_SHIFT;
}
