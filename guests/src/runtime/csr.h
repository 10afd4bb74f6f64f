/* Control and status registers: access, and the bits that the guests use (privileged specification 1.10). */
#pragma once
#include <stdint.h>

#define csr_read(name) ({ uint64_t value_; \
    asm volatile("csrr %0, " #name : "=r"(value_) :: "memory"); value_; })
#define csr_write(name, value) \
    asm volatile("csrw " #name ", %0" :: "r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) \
    asm volatile("csrs " #name ", %0" :: "r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) \
    asm volatile("csrc " #name ", %0" :: "r"((uint64_t)(bits)) : "memory")

#define MSTATUS_SIE (1ul << 1)
#define MSTATUS_MIE (1ul << 3)
#define MSTATUS_SPIE (1ul << 5)
#define MSTATUS_MPIE (1ul << 7)
#define MSTATUS_SPP (1ul << 8)
#define MSTATUS_MPP (3ul << 11)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_FS (3ul << 13)
#define MSTATUS_MPRV (1ul << 17)
#define MSTATUS_SUM (1ul << 18)
#define MSTATUS_MXR (1ul << 19)
#define MSTATUS_TVM (1ul << 20)
#define MSTATUS_TW (1ul << 21)
#define MSTATUS_TSR (1ul << 22)

#define INTERRUPT_SSI (1ul << 1)
#define INTERRUPT_MSI (1ul << 3)
#define INTERRUPT_STI (1ul << 5)
#define INTERRUPT_MTI (1ul << 7)
#define INTERRUPT_SEI (1ul << 9)
#define INTERRUPT_MEI (1ul << 11)

#define CAUSE_INTERRUPT (1ul << 63)
#define CAUSE_FETCH_ACCESS 1
#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_LOAD_MISALIGNED 4
#define CAUSE_LOAD_ACCESS 5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS 7
#define CAUSE_ECALL_U 8
#define CAUSE_ECALL_S 9
#define CAUSE_ECALL_M 11
#define CAUSE_FETCH_PAGE 12
#define CAUSE_LOAD_PAGE 13
#define CAUSE_STORE_PAGE 15

#define MODE_U 0ul
#define MODE_S 1ul
#define MODE_M 3ul

#define PMP_R 0x01ul
#define PMP_W 0x02ul
#define PMP_X 0x04ul
#define PMP_NAPOT 0x18ul
#define PMP_LOCKED 0x80ul

#define SATP_SV39 (8ul << 60)

#define PTE_V 0x01ul
#define PTE_R 0x02ul
#define PTE_W 0x04ul
#define PTE_X 0x08ul
#define PTE_U 0x10ul
#define PTE_G 0x20ul
#define PTE_A 0x40ul
#define PTE_D 0x80ul
#define PTE_FLAGS 0x3fful
#define PTE_ADDRESS_SHIFT 10
#define PAGE_SIZE 4096ul
#define PAGE_SHIFT 12
