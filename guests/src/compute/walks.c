/* CRC-32, pointer chasing, division. */
#include "phases.h"

#define CRC_BYTES 1048576u
#define NODES 65536u
#define CRC_REPEATS 4
#define DIVISIONS 600000u

static uint8_t bytes[CRC_BYTES] PAGES;
static uint32_t crc_table[256];

static uint32_t crc32(const uint8_t *data, size_t size) {
    uint32_t crc = 0xffffffff;
    for (; size > 0; size--)
        crc = crc_table[(crc ^ *data++) & 0xff] ^ crc >> 8;
    return ~crc;
}

uint64_t crc32_phase(uint64_t seed) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
        crc_table[i] = crc;
    }
    require(crc32((const uint8_t *)"123456789", 9) == 0xcbf43926, "CRC-32 check value");
    for (unsigned i = 0; i < CRC_BYTES; i += 8)
        *(uint64_t *)(bytes + i) = random_next(&seed);
    uint64_t hash = 0;
    for (unsigned repeat = 0; repeat < CRC_REPEATS; repeat++) {
        uint32_t crc = crc32(bytes + repeat, CRC_BYTES - repeat);
        bytes[crc % CRC_BYTES] ^= 0x5a;
        hash = hash_mix(hash, crc);
    }
    return hash;
}

struct node {
    struct node *next;
    uint64_t value;
};
static struct node nodes[NODES] PAGES;

uint64_t pointer_phase(uint64_t seed) {
    /* Sattolo's shuffle makes one cycle through all nodes. */
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].next = &nodes[i];
        nodes[i].value = random_next(&seed);
    }
    for (unsigned i = NODES - 1; i > 0; i--) {
        unsigned j = (unsigned)(random_next(&seed) % i);
        struct node *other = nodes[i].next;
        nodes[i].next = nodes[j].next;
        nodes[j].next = other;
    }
    uint64_t hash = 0;
    struct node *node = nodes;
    for (unsigned lap = 0; lap < 40; lap++) {
        unsigned steps = 0;
        do {
            hash += node->value ^ hash << 5;
            node->value += hash & 1;
            node = node->next;
            steps++;
        } while (node != nodes);
        require(steps == NODES, "length of the cycle");
    }
    return hash;
}

uint64_t division_phase(uint64_t seed) {
    uint64_t hash = 0;
    for (unsigned i = 0; i < DIVISIONS; i++) {
        uint64_t dividend = random_next(&seed), divisor = random_next(&seed) >> (i & 63) | 1;
        uint64_t quotient = dividend / divisor, remainder = dividend % divisor;
        require(quotient * divisor + remainder == dividend && remainder < divisor, "unsigned division");
        int64_t numerator = (int64_t)dividend, denominator = (int64_t)(divisor >> 33) - 0x40000001;
        int64_t signed_quotient = numerator / denominator, signed_remainder = numerator % denominator;
        require(signed_quotient * denominator + signed_remainder == numerator, "signed division");
        int32_t word = (int32_t)dividend / ((int32_t)(divisor & 0xffff) + 1);
        hash = hash_mix(hash, quotient ^ (uint64_t)signed_remainder ^ (uint64_t)(int64_t)word);
    }
    return hash;
}
