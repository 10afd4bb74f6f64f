/* compute: a mixed load. rounds=10 is about 2 G instructions. Checks itself; exit 1 if a result is wrong. */
#include "phases.h"

#define ROUNDS 10
#define SEED 0x6c6f636b73746570ul

static const struct {
    const char *name;
    uint64_t (*run)(uint64_t seed);
    uint64_t first; /* the checksum in round 0, from QEMU 7.2 */
} phases[] = {
    {"quicksort", quicksort_phase, 0xbb2a95e983c7bbbaul},
    {"mergesort", mergesort_phase, 0x9264c5caefaca201ul},
    {"integer-matrix", integer_matrix_phase, 0x987923013b0416faul},
    {"double-matrix", double_matrix_phase, 0x0f52daf8e74172ecul},
    {"crc32", crc32_phase, 0x9c070656a16465ceul},
    {"pointers", pointer_phase, 0x9f20bdcb8584e3fful},
    {"division", division_phase, 0xffb15c98c843e800ul},
};

/* The final checksum of the default number of rounds. */
#define CHECKSUM_ROUNDS 0x9cfb1d3b3bc03f3dul

void require(bool holds, const char *what) {
    if (holds)
        return;
    print("compute: wrong: %s\n", what);
    finish(1);
}

int main(void) {
    uint64_t rounds = argument("rounds", ROUNDS), seed = SEED, checksum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < COUNT_OF(phases); i++) {
            uint64_t result = phases[i].run(random_next(&seed));
            checksum = hash_mix(checksum, result);
            print("round %lu %s %016lx\n", round, phases[i].name, result);
            require(round > 0 || result == phases[i].first, phases[i].name);
        }
    }
    print("compute: checksum %016lx after %lu rounds\n", checksum, rounds);
    require(rounds != ROUNDS || checksum == CHECKSUM_ROUNDS, "final checksum");
    return 0;
}
