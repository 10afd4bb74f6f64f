/* paging: what its tests share. They run in S-mode with Sv39 on. */
#pragma once
#include "runtime/probe.h"
#include "runtime/sv39.h"

/* User mode sees all of RAM once more, 1 GiB lower, with the U bit set. */
#define USER_OFFSET 0x40000000ul
/* Test mappings live from here. */
#define AREA 0x100000000ul

extern uint64_t *root;

/* The last page fault (or other delegated trap), and how many there were. */
struct fault {
    uint64_t cause, value, pc, count;
};
extern struct fault fault;
/* Asked first about each fault: true if it has mended the cause and the instruction is to be tried again. Otherwise
   the instruction is stepped over. */
extern bool (*mend)(uint64_t cause, uint64_t address);

/* A zeroed page of RAM; all come back with pages_release. */
uint64_t page_take(void);
void pages_release(void);

/* Maps one page of the area, with sfence.vma. Returns the entry. */
uint64_t *area_map(unsigned page, uint64_t physical, uint64_t flags);
static inline uint64_t area_address(unsigned page) { return AREA + page * PAGE_SIZE; }
void sfence_vma_address(uint64_t address);

/* Whether exactly one fault, with this cause and stval, has happened since the last question. */
bool faulted(uint64_t cause, uint64_t address);
bool no_fault(void);

/* Runs function(argument) in U-mode, at its user address and on this stack's user address. */
uint64_t user_call(uint64_t (*function)(uint64_t), uint64_t argument);

/* Writes `li a0, number; ret` to an address. */
void write_function(uint64_t address, unsigned number);

bool test_demand_store(void);
bool test_demand_load(void);
bool test_copy_on_write(void);
bool test_fetch_fault(void);
bool test_straddle(void);
bool test_accessed(void);
bool test_dirty(void);
bool test_accessed_fetch(void);
bool test_permissions(void);
bool test_sum(void);
bool test_mxr(void);
bool test_reserved(void);
bool test_canonical(void);
bool test_megapage(void);
bool test_misaligned_superpage(void);
bool test_sfence_address(void);
bool test_address_spaces(void);
bool test_user(void);
bool test_user_faults(void);
