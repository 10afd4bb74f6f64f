/* RV64I and M: each instruction on operands that show its corner. */
#include "selftest.h"

#define TWO(name, left, right, expected) do { \
        uint64_t result_; \
        asm volatile(name " %0, %1, %2" : "=r"(result_) : "r"((uint64_t)(left)), "r"((uint64_t)(right))); \
        check("integer " name, result_, (uint64_t)(expected)); \
    } while (0)
#define IMMEDIATE(name, left, right, expected) do { \
        uint64_t result_; \
        asm volatile(name " %0, %1, " #right : "=r"(result_) : "r"((uint64_t)(left))); \
        check("integer " name, result_, (uint64_t)(expected)); \
    } while (0)
#define BRANCH(name, left, right, expected) do { \
        uint64_t result_ = 1; \
        asm volatile(name " %1, %2, 1f\nli %0, 0\n1:" : "+r"(result_) \
                     : "r"((uint64_t)(left)), "r"((uint64_t)(right))); \
        check("branch " name, result_, expected); \
    } while (0)
#define LOAD(name, offset, expected) do { \
        uint64_t result_; \
        asm volatile(name " %0, " #offset "(%1)" : "=r"(result_) : "r"(bytes) : "memory"); \
        check("load " name, result_, (uint64_t)(expected)); \
    } while (0)
#define STORE(name, expected) do { \
        word = 0x1111111111111111; \
        asm volatile(name " %0, 0(%1)" :: "r"(0xfedcba9876543210), "r"(&word) : "memory"); \
        check("store " name, word, expected); \
    } while (0)

#define MIN (1ul << 63)

void check_integer(void) {
    static const uint8_t bytes[8] __attribute__((aligned(8))) = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};
    volatile uint64_t word;
    TWO("add", -1ul, 2, 1);
    TWO("sub", 1, 2, -1ul);
    TWO("addw", 0x7fffffff, 1, 0xffffffff80000000);
    TWO("subw", 0x80000000, 1, 0x7fffffff);
    TWO("sll", 1, 127, MIN);
    TWO("srl", MIN, 63, 1);
    TWO("sra", MIN, 63, -1ul);
    TWO("sllw", 3, 63, 0xffffffff80000000);
    TWO("srlw", 0xffffffff80000000, 31, 1);
    TWO("sraw", 0x80000000, 31, -1ul);
    TWO("slt", -1ul, 0, 1);
    TWO("sltu", -1ul, 0, 0);
    TWO("xor", 0xff00, 0x0ff0, 0xf0f0);
    TWO("or", 0xff00, 0x0ff0, 0xfff0);
    TWO("and", 0xff00, 0x0ff0, 0x0f00);
    IMMEDIATE("addi", 5, -2048, -2043ul);
    IMMEDIATE("addiw", 0x7fffffff, 1, 0xffffffff80000000);
    IMMEDIATE("slti", -5ul, -4, 1);
    IMMEDIATE("sltiu", 5, -1, 1);
    IMMEDIATE("xori", 0x55, -1, ~0x55ul);
    IMMEDIATE("ori", 0x50, 0x0f, 0x5f);
    IMMEDIATE("andi", 0x5f, 0x0f, 0x0f);
    IMMEDIATE("slli", 1, 63, MIN);
    IMMEDIATE("srli", MIN, 62, 2);
    IMMEDIATE("srai", MIN, 62, -2ul);
    IMMEDIATE("slliw", 1, 31, 0xffffffff80000000);
    IMMEDIATE("srliw", -1ul, 4, 0x0fffffff);
    IMMEDIATE("sraiw", 0x80000000, 4, 0xfffffffff8000000);
    BRANCH("beq", 5, 5, 1);
    BRANCH("bne", 5, 5, 0);
    BRANCH("blt", -1ul, 0, 1);
    BRANCH("bge", -1ul, 0, 0);
    BRANCH("bltu", -1ul, 0, 0);
    BRANCH("bgeu", -1ul, 0, 1);
    LOAD("lb", 1, 0xffffffffffffff92);
    LOAD("lbu", 1, 0x92);
    LOAD("lh", 2, 0xffffffffffffb4a3);
    LOAD("lhu", 2, 0xb4a3);
    LOAD("lw", 4, 0xfffffffff8e7d6c5);
    LOAD("lwu", 4, 0xf8e7d6c5);
    LOAD("ld", 0, 0xf8e7d6c5b4a39281);
    STORE("sb", 0x1111111111111110);
    STORE("sh", 0x1111111111113210);
    STORE("sw", 0x1111111176543210);
    STORE("sd", 0xfedcba9876543210);
    uint64_t upper, base, link;
    asm volatile("lui %0, 0x80000" : "=r"(upper));
    check("integer lui", upper, 0xffffffff80000000);
    asm volatile("1: auipc %0, 1\nla %1, 1b" : "=r"(upper), "=r"(base));
    check("integer auipc", upper - base, 4096);
    asm volatile(".option push\n.option norvc\nla %0, 1f\njalr %1, %0, 1\n1: .option pop"
                 : "=&r"(base), "=&r"(link)); /* the lowest bit of the target is dropped */
    check("integer jalr", link, base);
    asm volatile("add zero, %0, %0\nmv %1, zero" :: "r"(1ul), "r"(1ul));
    asm volatile("addi %0, zero, 0" : "=r"(base));
    check("integer x0", base, 0);
}

void check_multiply(void) {
    TWO("mul", 0x100000001, 0x100000001, 0x200000001);
    TWO("mulh", -1ul, -1ul, 0);
    TWO("mulhu", -1ul, -1ul, -2ul);
    TWO("mulhsu", -1ul, -1ul, -1ul);
    TWO("mulw", 0x10000, 0x18000, 0xffffffff80000000);
    TWO("div", -7ul, 2, -3ul);
    TWO("div", 7, 0, -1ul);
    TWO("div", MIN, -1ul, MIN);
    TWO("divu", -1ul, 16, 0x0fffffffffffffff);
    TWO("divu", 7, 0, -1ul);
    TWO("rem", -7ul, 2, -1ul);
    TWO("rem", 7, 0, 7);
    TWO("rem", MIN, -1ul, 0);
    TWO("remu", -1ul, 16, 15);
    TWO("remu", 7, 0, 7);
    TWO("divw", 0x80000000, -1ul, 0xffffffff80000000);
    TWO("divuw", 0x80000000, 1, 0xffffffff80000000);
    TWO("remw", -7ul, 2, -1ul);
    TWO("remuw", 0xffffffff, 0, -1ul);
}

/* The compressed instructions, spelled out so that the assembler can't choose another form. */
void check_compressed(void) {
    uint64_t result, memory[4] = {11, 22, 33, 44};
    asm volatile("c.li a0, 21\nc.addi a0, -1\nc.slli a0, 3\nc.mv a1, a0\nc.add a1, a0\nc.srli a1, 1\nc.mv %0, a1"
                 : "=r"(result) :: "a0", "a1");
    check("compressed arithmetic", result, 160);
    asm volatile("li a0, -64\nc.srai a0, 2\nc.andi a0, 31\nli a1, 5\nc.sub a0, a1\nc.xor a0, a1\nc.or a0, a1\n"
                 "c.mv %0, a0" : "=r"(result) :: "a0", "a1");
    check("compressed logic", result, 15);
    asm volatile("li a0, 0x7fffffff\nc.addiw a0, 1\nli a1, 1\nc.subw a0, a1\nc.addw a0, a1\nc.mv %0, a0"
                 : "=r"(result) :: "a0", "a1");
    check("compressed words", result, 0xffffffff80000000);
    asm volatile("c.lui a0, 0xfffff\nc.mv %0, a0" : "=r"(result) :: "a0");
    check("compressed lui", result, -4096ul);
    asm volatile("mv a0, %1\nc.ld a1, 8(a0)\nc.sd a1, 24(a0)\nc.lw a1, 16(a0)\nc.sw a1, 0(a0)\nc.mv %0, a1"
                 : "=r"(result) : "r"(memory) : "a0", "a1", "memory");
    check("compressed memory", memory[0] << 32 | memory[3] << 16 | result, 33ul << 32 | 22 << 16 | 33);
    asm volatile("c.addi16sp sp, -32\nli a0, 77\nc.sdsp a0, 8(sp)\nc.ldsp a1, 8(sp)\nc.addi4spn a0, sp, 8\n"
                 "c.lw a0, 0(a0)\nc.add a0, a1\nc.mv %0, a0\nc.addi16sp sp, 32" : "=r"(result) :: "a0", "a1", "memory");
    check("compressed stack", result, 154);
    asm volatile("li a0, 0\nc.beqz a0, 1f\nli a0, 9\n1: c.addi a0, 1\nc.bnez a0, 2f\nli a0, 9\n2: c.j 3f\nli a0, 9\n"
                 "3: la a1, 4f\nc.jr a1\nli a0, 9\n4: c.mv %0, a0" : "=r"(result) :: "a0", "a1");
    check("compressed jumps", result, 1);
    asm volatile("la a1, 1f\nc.jalr a1\n1: sub a1, a1, ra\n" "c.mv %0, a1" : "=r"(result) :: "a1", "ra");
    check("compressed jalr links +2", result, 0);
}
