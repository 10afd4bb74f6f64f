#include "phases.h"

#define SIZE 96

static int64_t left[SIZE][SIZE], right[SIZE][SIZE], product[SIZE][SIZE];
static double left_real[SIZE][SIZE], right_real[SIZE][SIZE], product_real[SIZE][SIZE];

/* Freivalds' check in exact arithmetic: (A B) v = A (B v) modulo 2^64. */
static bool product_holds(uint64_t seed) {
    uint64_t vector[SIZE], inner[SIZE];
    for (unsigned i = 0; i < SIZE; i++)
        vector[i] = random_next(&seed);
    for (unsigned i = 0; i < SIZE; i++) {
        inner[i] = 0;
        for (unsigned k = 0; k < SIZE; k++)
            inner[i] += (uint64_t)right[i][k] * vector[k];
    }
    for (unsigned i = 0; i < SIZE; i++) {
        uint64_t expected = 0, actual = 0;
        for (unsigned k = 0; k < SIZE; k++) {
            expected += (uint64_t)left[i][k] * inner[k];
            actual += (uint64_t)product[i][k] * vector[k];
        }
        if (expected != actual)
            return false;
    }
    return true;
}

uint64_t integer_matrix_phase(uint64_t seed) {
    uint64_t hash = 0;
    for (unsigned repeat = 0; repeat < 4; repeat++) {
        for (unsigned i = 0; i < SIZE; i++) {
            for (unsigned k = 0; k < SIZE; k++) {
                left[i][k] = (int32_t)random_next(&seed);
                right[i][k] = (int32_t)random_next(&seed);
            }
        }
        for (unsigned i = 0; i < SIZE; i++) {
            for (unsigned j = 0; j < SIZE; j++) {
                int64_t sum = 0;
                for (unsigned k = 0; k < SIZE; k++)
                    sum = (int64_t)((uint64_t)sum + (uint64_t)(left[i][k] * right[k][j]));
                product[i][j] = sum;
                hash = hash_mix(hash, (uint64_t)sum);
            }
        }
        require(product_holds(seed), "integer matrix product");
    }
    return hash;
}

/* IEEE 754 in a fixed order of operations: the bits are the same on every machine. */
uint64_t double_matrix_phase(uint64_t seed) {
    uint64_t hash = 0;
    for (unsigned i = 0; i < SIZE; i++) {
        for (unsigned k = 0; k < SIZE; k++) {
            left_real[i][k] = (double)(int64_t)random_next(&seed) / 9.2e18;
            right_real[i][k] = (double)(int64_t)random_next(&seed) / 9.2e18;
        }
    }
    for (unsigned repeat = 0; repeat < 3; repeat++) {
        for (unsigned i = 0; i < SIZE; i++) {
            for (unsigned j = 0; j < SIZE; j++) {
                double sum = 0;
                for (unsigned k = 0; k < SIZE; k++)
                    sum += left_real[i][k] * right_real[k][j];
                product_real[i][j] = sum;
            }
        }
        for (unsigned i = 0; i < SIZE; i++) {
            for (unsigned j = 0; j < SIZE; j++) {
                uint64_t bits;
                left_real[i][j] = product_real[i][j] / (1.0 + product_real[j][i] * product_real[j][i]);
                memcpy(&bits, &left_real[i][j], sizeof bits);
                hash = hash_mix(hash, bits);
            }
        }
    }
    return hash;
}
