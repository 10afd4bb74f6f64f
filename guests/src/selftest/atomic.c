/* The A extension on one hart. */
#include "selftest.h"

#define AMO(name, initial, operand, expected) do { \
        word = (uint64_t)(initial); \
        uint64_t old_; \
        asm volatile(name " %0, %2, (%1)" : "=r"(old_) : "r"(&word), "r"((uint64_t)(operand)) : "memory"); \
        check("atomic " name, word, (uint64_t)(expected)); \
        check("atomic " name " returns", old_, (uint64_t)(initial)); \
    } while (0)

/* 32 bits: the upper half of the memory stays, the old value is sign extended. */
#define HIGH 0x1234567800000000ul
#define AMO_WORD(name, initial, operand, expected) do { \
        word = HIGH | (uint32_t)(initial); \
        uint64_t old_; \
        asm volatile(name " %0, %2, (%1)" : "=r"(old_) : "r"(&word), "r"((uint64_t)(operand)) : "memory"); \
        check("atomic " name, word, HIGH | (uint32_t)(expected)); \
        check("atomic " name " returns", old_, (uint64_t)(int64_t)(int32_t)(initial)); \
    } while (0)

static volatile uint64_t word;

static void check_reservations(void) {
    uint64_t old, failed, other = 5;
    word = 40;
    asm volatile("lr.d.aqrl %0, (%2)\nsc.d.rl %1, %3, (%2)" : "=&r"(old), "=&r"(failed) : "r"(&word), "r"(41ul) : "memory");
    check("atomic lr.d", old, 40);
    check("atomic sc.d succeeds", failed, 0);
    check("atomic sc.d stores", word, 41);
    asm volatile("sc.d %0, %2, (%1)" : "=&r"(failed) : "r"(&word), "r"(99ul) : "memory");
    check_true("atomic second sc.d fails", failed != 0 && word == 41, failed);
    asm volatile("lr.w %0, (%2)\nsc.w %1, %3, (%2)" : "=&r"(old), "=&r"(failed) : "r"(&word), "r"(-1ul) : "memory");
    check("atomic sc.w", failed << 32 | word, 0xffffffff);
    asm volatile("lr.d %0, (%2)\nsc.d %1, %0, (%3)" : "=&r"(old), "=&r"(failed) : "r"(&word), "r"(&other) : "memory");
    check_true("atomic sc.d elsewhere fails", failed != 0 && other == 5, failed);
    asm volatile("lr.w %0, (%1)" : "=r"(old) : "r"(&word) : "memory");
    check("atomic lr.w extends the sign", old, -1ul);
}

void check_atomic(void) {
    AMO("amoswap.d", 1, 2, 2);
    AMO("amoadd.d", -1ul, 2, 1);
    AMO("amoxor.d", 0xff0, 0x0ff, 0xf0f);
    AMO("amoand.d", 0xff0, 0x0ff, 0x0f0);
    AMO("amoor.d", 0xff0, 0x0ff, 0xfff);
    AMO("amomin.d", -1ul, 1, -1ul);
    AMO("amomax.d", -1ul, 1, 1);
    AMO("amominu.d", -1ul, 1, 1);
    AMO("amomaxu.d", -1ul, 1, -1ul);
    AMO_WORD("amoswap.w", 0x80000001, 2, 2);
    AMO_WORD("amoadd.w", 0xffffffff, 2, 1);
    AMO_WORD("amoxor.w", 0xff0, 0x0ff, 0xf0f);
    AMO_WORD("amoand.w", 0xff0, 0x0ff, 0x0f0);
    AMO_WORD("amoor.w", 0xff0, 0x0ff, 0xfff);
    AMO_WORD("amomin.w", 0x80000000, 1, 0x80000000);
    AMO_WORD("amomax.w", 0x80000000, 1, 1);
    AMO_WORD("amominu.w", 0x80000000, 1, 1);
    AMO_WORD("amomaxu.w", 0x80000000, 1, 0x80000000);
    check_reservations();
}
