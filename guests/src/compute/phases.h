/* The phases of compute: each does the same amount of work for any seed and returns a checksum of its result. */
#pragma once
#include "runtime/runtime.h"

uint64_t quicksort_phase(uint64_t seed);
uint64_t mergesort_phase(uint64_t seed);
uint64_t integer_matrix_phase(uint64_t seed);
uint64_t double_matrix_phase(uint64_t seed);
uint64_t crc32_phase(uint64_t seed);
uint64_t pointer_phase(uint64_t seed);
uint64_t division_phase(uint64_t seed);

/* Ends the guest with exit code 1 where a result is wrong in itself. */
void require(bool holds, const char *what);
