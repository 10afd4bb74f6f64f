/* The board's devices: addresses and registers (those of QEMU's `virt`). */
#pragma once
#include <stdint.h>

#define FINISHER_BASE 0x00100000ul
#define RTC_BASE 0x00101000ul
#define CLINT_BASE 0x02000000ul
#define PLIC_BASE 0x0c000000ul
#define UART_BASE 0x10000000ul

#define UART_IRQ 10u
#define TICKS_PER_S 10000000ul

/* NS16550 registers (byte wide). */
#define UART_RBR 0
#define UART_THR 0
#define UART_IER 1
#define UART_IIR 2
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7
#define UART_IER_RX 0x01
#define UART_IER_THRE 0x02
#define UART_LSR_DR 0x01
#define UART_LSR_THRE 0x20
#define UART_LSR_TEMT 0x40

static inline uint8_t read8(uint64_t address) { return *(volatile uint8_t *)address; }
static inline uint32_t read32(uint64_t address) { return *(volatile uint32_t *)address; }
static inline uint64_t read64(uint64_t address) { return *(volatile uint64_t *)address; }
static inline void write8(uint64_t address, uint8_t value) { *(volatile uint8_t *)address = value; }
static inline void write32(uint64_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void write64(uint64_t address, uint64_t value) { *(volatile uint64_t *)address = value; }

static inline uint8_t uart_read(unsigned reg) { return read8(UART_BASE + reg); }
static inline void uart_write(unsigned reg, uint8_t value) { write8(UART_BASE + reg, value); }

static inline uint64_t mtime_read(void) { return read64(CLINT_BASE + 0xbff8); }
static inline void mtimecmp_write(unsigned hart, uint64_t ticks) { write64(CLINT_BASE + 0x4000 + 8 * hart, ticks); }
static inline uint32_t msip_read(unsigned hart) { return read32(CLINT_BASE + 4 * hart); }
static inline void msip_write(unsigned hart, uint32_t value) { write32(CLINT_BASE + 4 * hart, value); }

/* The goldfish RTC: reading the low half latches the high one. Returns ns since 1970. */
static inline uint64_t rtc_read_ns(void) {
    uint64_t low = read32(RTC_BASE);
    return (uint64_t)read32(RTC_BASE + 4) << 32 | low;
}

/* PLIC contexts: 2 * hart is M-mode, 2 * hart + 1 is S-mode. */
static inline uint64_t plic_priority(unsigned irq) { return PLIC_BASE + 4 * irq; }
static inline uint64_t plic_pending(unsigned irq) { return PLIC_BASE + 0x1000 + 4 * (irq / 32); }
static inline uint64_t plic_enable(unsigned context, unsigned irq) {
    return PLIC_BASE + 0x2000 + 0x80 * context + 4 * (irq / 32);
}
static inline uint64_t plic_threshold(unsigned context) { return PLIC_BASE + 0x200000 + 0x1000 * context; }
static inline uint64_t plic_claim(unsigned context) { return PLIC_BASE + 0x200004 + 0x1000 * context; }
