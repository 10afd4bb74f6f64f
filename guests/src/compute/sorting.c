#include "phases.h"

#define COUNT 65536u

static uint64_t values[COUNT] PAGES;
static uint64_t scratch[COUNT] PAGES;

static uint64_t fill(uint64_t seed) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNT; i++)
        sum += values[i] = random_next(&seed);
    return sum;
}

/* In order, and still the same values (by their sum). */
static uint64_t verified_hash(uint64_t sum, const char *what) {
    uint64_t hash = values[0], actual = values[0];
    for (unsigned i = 1; i < COUNT; i++) {
        require(values[i - 1] <= values[i], what);
        actual += values[i];
        hash = hash_mix(hash, values[i]);
    }
    require(actual == sum, what);
    return hash;
}

static void quicksort(uint64_t *low, uint64_t *high) { /* both inclusive */
    while (low < high) {
        uint64_t pivot = low[(high - low) / 2], *left = low, *right = high;
        while (left <= right) {
            while (*left < pivot)
                left++;
            while (*right > pivot)
                right--;
            if (left <= right) {
                uint64_t value = *left;
                *left++ = *right;
                *right-- = value;
            }
        }
        if (right - low < high - left) { /* the smaller part by recursion, so that the stack stays small */
            quicksort(low, right);
            low = left;
        } else {
            quicksort(left, high);
            high = right;
        }
    }
}

uint64_t quicksort_phase(uint64_t seed) {
    uint64_t hash = 0;
    for (unsigned repeat = 0; repeat < 3; repeat++) {
        uint64_t sum = fill(seed + repeat);
        quicksort(values, values + COUNT - 1);
        hash ^= verified_hash(sum, "quicksort order");
    }
    return hash;
}

uint64_t mergesort_phase(uint64_t seed) {
    uint64_t sum = fill(seed);
    for (unsigned width = 1; width < COUNT; width *= 2) {
        for (unsigned start = 0; start < COUNT; start += 2 * width) {
            unsigned left = start, middle = start + width, right = middle, end = middle + width;
            for (unsigned i = start; i < end; i++) {
                if (left < middle && (right >= end || values[left] <= values[right]))
                    scratch[i] = values[left++];
                else
                    scratch[i] = values[right++];
            }
        }
        memcpy(values, scratch, sizeof values);
    }
    return verified_hash(sum, "mergesort order");
}
