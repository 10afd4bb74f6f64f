/* What every guest shares: entry, console, exit, traps, boot arguments. There is no libc. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "csr.h"
#include "devices.h"

#define HARTS_MAX 8
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PAGES __attribute__((section(".pages,\"aw\",@nobits#"), aligned(4096)))

/* Every guest defines this; hart 0 runs it in M-mode and its result is the exit code. */
int main(void);

/* ---- board.c: what the device tree says ---- */
struct board {
    unsigned hart_count;
    uint64_t memory_base, memory_size; /* bytes */
    char arguments[512];               /* bootargs of /chosen */
};
extern struct board board;
void board_read(const uint8_t *device_tree);
/* The boot argument `name=123` or `name=0x7b`; `otherwise` if it isn't given. */
uint64_t argument(const char *name, uint64_t otherwise);
/* Whether the boot argument `name=word` is given. */
bool argument_is(const char *name, const char *word);

/* ---- console.c ---- */
void print_character(char character);
/* printf with %c %s %d %u %x %% and l, zero padding and width. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void finish(int code); /* 0 ends with 0x5555, else 0x3333 with the code */
_Noreturn void panic(const char *why);

/* ---- memory.c ---- */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);

/* ---- trap.S: traps run on a stack of their own, with all integer registers in a frame that may be changed ---- */
struct frame {
    uint64_t x[32];
    uint64_t pc, status, cause, value; /* xepc, xstatus, xcause, xtval */
};
void machine_trap_entry(void);       /* for mtvec: calls machine_trap */
void supervisor_trap_entry(void);    /* for stvec: calls supervisor_trap; needs sscratch = top of a stack */
void machine_trap(struct frame *frame);    /* the guest's own, or one that panics */
void supervisor_trap(struct frame *frame); /* the guest's own, or one that panics */

/* Runs function(argument) in U- or S-mode on this stack and returns its result; for M-mode callers only. The
   guest's machine_trap must begin with `if (mode_call_returns(frame)) return;`. */
uint64_t mode_call(uint64_t mode, uint64_t (*function)(uint64_t), uint64_t argument);
bool mode_call_returns(struct frame *frame);
/* One PMP entry that allows S and U everything. */
void pmp_open(void);

/* ---- start.S: other harts sleep until hart 0 sets this and sends them an IPI ---- */
extern void (*volatile secondary_main)(uint64_t hart);

/* ---- small helpers ---- */
static inline void wait_for_interrupt(void) { asm volatile("wfi" ::: "memory"); }
static inline void fence(void) { asm volatile("fence rw, rw" ::: "memory"); }
static inline void fence_i(void) { asm volatile("fence.i" ::: "memory"); }
static inline void sfence_vma(void) { asm volatile("sfence.vma" ::: "memory"); }

/* 64 more bits into a hash (FNV-like with a fold; not cryptographic). */
static inline uint64_t hash_mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ul;
    return hash ^ hash >> 29;
}

/* xorshift64: pseudo-random, the same everywhere. The state must not be 0. */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}
