/* The four functions that the compiler may call. Built with -fno-tree-loop-distribute-patterns, or they'd call themselves. */
#include "runtime.h"

void *memcpy(void *to, const void *from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((((uintptr_t)to | (uintptr_t)from) & 7) == 0) {
        for (; size >= 8; size -= 8, target += 8, source += 8)
            *(uint64_t *)target = *(const uint64_t *)source;
    }
    for (; size > 0; size--)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int byte, size_t size) {
    uint8_t *target = to;
    uint64_t word = (uint8_t)byte * 0x0101010101010101ul;
    if (((uintptr_t)to & 7) == 0) {
        for (; size >= 8; size -= 8, target += 8)
            *(uint64_t *)target = word;
    }
    for (; size > 0; size--)
        *target++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left, *b = right;
    for (; size > 0; size--, a++, b++) {
        if (*a != *b)
            return *a - *b;
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != 0)
        length++;
    return length;
}
