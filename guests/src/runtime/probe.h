/* Accesses that may trap: always 4-byte instructions, so that a handler can step over them by adding 4 to the pc. */
#pragma once
#include <stdint.h>

#define PROBE(text, ...) \
    asm volatile(".option push\n.option norvc\n" text "\n.option pop" __VA_ARGS__)

static inline uint64_t probe_load(uint64_t address) {
    uint64_t value = 0;
    PROBE("ld %0, 0(%1)", : "+r"(value) : "r"(address) : "memory");
    return value;
}

static inline void probe_store(uint64_t address, uint64_t value) {
    PROBE("sd %0, 0(%1)", :: "r"(value), "r"(address) : "memory");
}

/* Calls what is at the address; a handler steps over a fetch fault by going to ra. */
static inline uint64_t probe_fetch(uint64_t address) {
    register uint64_t result asm("a0") = 0;
    asm volatile("jalr %1" : "+r"(result) : "r"(address)
                 : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
    return result;
}
