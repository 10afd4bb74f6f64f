/* echo: an interrupt-driven console. Each line received comes back reversed; `quit` ends with exit 0. CR, LF or CR LF
   ends a line. A line longer than LINE_BYTES comes back in pieces. */
#include "runtime/runtime.h"

#define RING_BYTES 65536u /* a power of two */
#define LINE_BYTES 65536u

static char ring[RING_BYTES] PAGES;
static char line[LINE_BYTES] PAGES;
static volatile unsigned received, taken; /* counts of bytes; the difference is what the ring holds */

static void receive(void) {
    while (received - taken < RING_BYTES && (uart_read(UART_LSR) & UART_LSR_DR) != 0) {
        ring[received % RING_BYTES] = (char)uart_read(UART_RBR);
        received++;
    }
    if (received - taken == RING_BYTES)
        uart_write(UART_IER, 0); /* full: leave the rest in the FIFO until next_character has made room */
}

void machine_trap(struct frame *frame) {
    if (frame->cause != (CAUSE_INTERRUPT | 11))
        panic("echo: a trap that isn't an external interrupt");
    uint32_t irq;
    while ((irq = read32(plic_claim(0))) != 0) {
        if (irq == UART_IRQ)
            receive();
        write32(plic_claim(0), irq);
    }
}

static char next_character(void) {
    csr_clear(mstatus, MSTATUS_MIE);
    while (received == taken) {
        wait_for_interrupt(); /* wakes although interrupts are off, so none is missed between the test and wfi */
        csr_set(mstatus, MSTATUS_MIE);
        csr_clear(mstatus, MSTATUS_MIE);
    }
    char character = ring[taken % RING_BYTES];
    bool was_full = received - taken == RING_BYTES;
    taken++;
    if (was_full)
        uart_write(UART_IER, UART_IER_RX);
    csr_set(mstatus, MSTATUS_MIE);
    return character;
}

static void print_reversed(unsigned length) {
    while (length > 0)
        print_character(line[--length]);
    print_character('\n');
}

/* Switching the FIFOs on empties the receiver: a byte that came before is fetched first, with nothing in between. */
static void open_uart(void) {
    uart_write(UART_LCR, 0x03); /* 8N1, divisor latch closed */
    bool has_early_byte = (uart_read(UART_LSR) & UART_LSR_DR) != 0;
    char early_byte = (char)uart_read(UART_RBR);
    uart_write(UART_FCR, 0x01); /* FIFOs on, interrupt from 1 byte on */
    if (has_early_byte)
        ring[received++] = early_byte;
}

int main(void) {
    open_uart();
    print("echo: type lines, quit ends\n");
    uart_write(UART_IER, UART_IER_RX);
    write32(plic_priority(UART_IRQ), 1);
    write32(plic_enable(0, UART_IRQ), 1u << UART_IRQ);
    write32(plic_threshold(0), 0);
    csr_set(mie, INTERRUPT_MEI);

    unsigned length = 0;
    bool after_return = false;
    for (;;) {
        char character = next_character();
        bool ends = character == '\r' || (character == '\n' && !after_return);
        bool ignored = character == '\n' && after_return;
        after_return = character == '\r';
        if (ignored)
            continue;
        if (!ends)
            line[length++] = character;
        else if (length == 4 && memcmp(line, "quit", 4) == 0)
            return 0;
        if (ends || length == LINE_BYTES) {
            print_reversed(length);
            length = 0;
        }
    }
}
