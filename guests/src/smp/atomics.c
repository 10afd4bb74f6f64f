#include "smp.h"

static volatile uint64_t counter;
static volatile uint32_t present;

bool test_presence(unsigned hart) {
    asm volatile("amoor.w zero, %1, (%0)" :: "r"(&present), "r"(1u << hart) : "memory");
    barrier(hart);
    return present == (1u << harts) - 1 && csr_read(mhartid) == hart;
}

static bool counted(unsigned hart, uint64_t expected) {
    barrier(hart);
    bool exact = counter == expected;
    barrier(hart);
    counter = 0;
    return exact;
}

bool test_counter_lrsc(unsigned hart) {
    uint64_t each = 200 * scale;
    for (uint64_t i = 0; i < each; i++) {
        uint64_t scratch;
        asm volatile("1: lr.d %0, (%1)\n"
                     "addi %0, %0, 3\n"
                     "sc.d %0, %0, (%1)\n"
                     "bnez %0, 1b" : "=&r"(scratch) : "r"(&counter) : "memory");
    }
    return counted(hart, 3 * each * harts);
}

bool test_counter_amo(unsigned hart) {
    uint64_t each = 200 * scale;
    uint64_t previous = 0;
    bool rising = true;
    for (uint64_t i = 0; i < each; i++) {
        uint64_t old = amo_add(&counter, 1);
        rising &= i == 0 || old > previous;
        previous = old;
    }
    return counted(hart, each * harts) && rising;
}

static volatile uint64_t any_set, all_set, toggled, largest, smallest, swapped;
static volatile int64_t largest_signed, smallest_signed;

#define AMO(name, address, value) ({ uint64_t old_; \
    asm volatile(name " %0, %2, (%1)" : "=r"(old_) : "r"(address), "r"((uint64_t)(value)) : "memory"); old_; })

/* Whatever the order in which the harts come, each result is known. */
bool test_amo_all(unsigned hart) {
    if (hart == 0) {
        any_set = toggled = largest = swapped = 0;
        all_set = smallest = -1ul;
        largest_signed = -1000000000;
        smallest_signed = 1000000000;
    }
    barrier(hart);
    uint64_t each = 5 * scale, drawn = 1 + hart, xor_of_mine = 0;
    for (uint64_t i = 0; i < each; i++) {
        uint64_t bit = 1ul << (8 * hart + i % 8), number = i * harts + hart;
        AMO("amoor.d", &any_set, bit);
        AMO("amoand.d", &all_set, ~bit);
        drawn = drawn * 6364136223846793005ul + 1442695040888963407ul;
        xor_of_mine ^= drawn;
        AMO("amoxor.d", &toggled, drawn);
        AMO("amomaxu.d", &largest, number);
        AMO("amominu.d", &smallest, number + 5);
        AMO("amomax.d", &largest_signed, -(int64_t)number);
        AMO("amomin.d", &smallest_signed, -(int64_t)number);
    }
    AMO("amoxor.d", &toggled, xor_of_mine); /* each hart takes its own away again */
    AMO("amoadd.d", &counter, AMO("amoswap.d", &swapped, hart + 1));
    barrier(hart);
    uint64_t bits = harts == 8 ? -1ul : (1ul << (8 * harts)) - 1;
    if (each < 8)
        bits = any_set;
    int64_t last = (int64_t)(each * harts) - 1;
    bool holds = any_set == bits && all_set == ~bits && toggled == 0 && largest == (uint64_t)last && smallest == 5;
    holds &= largest_signed == 0 && smallest_signed == -last;
    holds &= counter + swapped == (uint64_t)harts * (harts + 1) / 2; /* each value was swapped out once, but the last */
    barrier(hart);
    counter = 0;
    return holds;
}

static volatile uint64_t reserved_word;
static volatile uint64_t turn;

static bool turn_is_one(unsigned hart) { return (void)hart, turn == 1; }
static bool turn_is_two(unsigned hart) { return (void)hart, turn == 2; }

/* A store by another hart between LR and SC makes the SC fail. With one hart, its own plain case has to succeed. */
bool test_reservation(unsigned hart) {
    bool holds = true;
    for (uint64_t i = 0; i < scale / 4 + 1; i++) {
        if (hart == 0) {
            turn = 0;
            reserved_word = i;
        }
        barrier(hart);
        uint64_t loaded, failed = 0;
        if (hart == 0) {
            asm volatile("lr.d %0, (%1)" : "=r"(loaded) : "r"(&reserved_word) : "memory");
            if (harts > 1) {
                turn = 1;
                send_ipi(1);
                wait_condition(hart, turn_is_two);
            }
            asm volatile("sc.d %0, %2, (%1)" : "=r"(failed) : "r"(&reserved_word), "r"(loaded + 1000) : "memory");
            if (harts > 1)
                holds &= failed != 0 && reserved_word == i + 77;
        } else if (hart == 1) {
            wait_condition(hart, turn_is_one);
            reserved_word = i + 77;
            turn = 2;
            send_ipi(0);
        }
        barrier(hart);
    }
    return holds;
}
