/* Code written by one hart and run by the others: stores, fence, IPI; the others do fence.i and call it. */
#include "smp.h"

#define WORDS 64u

static uint32_t code[WORDS] __attribute__((aligned(4096)));
static volatile uint64_t version;
static struct cell seen_version[HARTS_MAX];
static struct cell result[HARTS_MAX];

static uint64_t call_code(void) {
    fence_i();
    return ((uint64_t (*)(void))(uint64_t)code)();
}

/* li a0, 0; then addi a0, a0, n often, compressed and not; ret. Returns what it will compute. */
static uint64_t write_code(uint64_t number) {
    uint64_t sum = 0;
    code[0] = 0x00000513;
    for (unsigned i = 1; i < WORDS - 1; i++) {
        uint32_t immediate = (uint32_t)(number * 31 + i * 7) & 0x7ff;
        if (i % 4 == 3) {
            code[i] = 0x05050505; /* twice c.addi a0, 1 */
            sum += 2;
        } else {
            code[i] = immediate << 20 | 0x00050513;
            sum += immediate;
        }
    }
    code[WORDS - 1] = 0x00008067;
    return sum;
}

static bool version_new(unsigned hart) { return version != seen_version[hart].value; }

/* Each hart is the writer in turn; everyone else sleeps until it is poked. */
bool test_patch_code(unsigned hart) {
    bool right = true;
    for (uint64_t number = 1; number <= 4 * scale; number++) {
        if (number % harts == hart) {
            uint64_t expected = write_code(number);
            fence();
            version = number;
            for (unsigned other = 0; other < harts; other++) {
                if (other != hart)
                    send_ipi(other);
            }
            result[hart].value = call_code();
            barrier(hart);
            for (unsigned other = 0; other < harts; other++)
                right &= result[other].value == expected;
        } else {
            wait_condition(hart, version_new);
            result[hart].value = call_code();
            barrier(hart);
        }
        seen_version[hart].value = number;
        barrier(hart);
    }
    return right;
}

/* Each hart patches one instruction of one function for all, then all run the sum of the patches. */
bool test_patch_all(unsigned hart) {
    bool right = true;
    for (uint64_t number = 1; number <= 2 * scale; number++) {
        if (hart == 0) {
            code[0] = 0x00000513;
            code[1 + harts] = 0x00008067;
        }
        uint32_t immediate = (uint32_t)(number * 13 + hart) & 0x7ff;
        code[1 + hart] = immediate << 20 | 0x00050513;
        barrier(hart);
        uint64_t expected = 0;
        for (unsigned other = 0; other < harts; other++)
            expected += (number * 13 + other) & 0x7ff;
        right &= call_code() == expected;
        barrier(hart);
    }
    return right;
}
