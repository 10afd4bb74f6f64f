/* UART, PLIC, CLINT, RTC, and code that changes. */
#include "selftest.h"

void check_uart(void) {
    while ((uart_read(UART_LSR) & UART_LSR_TEMT) == 0) {
    }
    check("uart LSR is idle", uart_read(UART_LSR) & (uint8_t)~UART_LSR_DR, UART_LSR_THRE | UART_LSR_TEMT);
    uart_write(UART_SCR, 0xa5);
    uint64_t scratch = uart_read(UART_SCR);
    uart_write(UART_SCR, 0x5a);
    check("uart scratch", scratch << 8 | uart_read(UART_SCR), 0xa55a);
    uart_write(UART_LCR, 0x83); /* DLAB: the first two registers are the divisor */
    uart_write(0, 0x12);
    uart_write(1, 0x34);
    uint64_t divisor = (uint64_t)uart_read(1) << 8 | uart_read(0);
    uart_write(0, 1);
    uart_write(1, 0);
    uart_write(UART_LCR, 0x03);
    check("uart divisor latch", divisor, 0x3412);
    check("uart LCR", uart_read(UART_LCR), 0x03);
    uart_write(UART_IER, 0x05);
    check("uart IER", uart_read(UART_IER), 0x05);
    uart_write(UART_IER, 0);
    check("uart IIR without FIFOs", uart_read(UART_IIR), 0x01);
    uart_write(UART_FCR, 0x01);
    check("uart IIR with FIFOs", uart_read(UART_IIR), 0xc1);
    uart_write(UART_IER, UART_IER_THRE);
    uint64_t first = uart_read(UART_IIR), second = uart_read(UART_IIR);
    check("uart IIR shows THRE once", first << 8 | second, 0xc2c1);
    uart_write(UART_IER, 0);
    uart_write(UART_FCR, 0x00);
    check("uart FIFOs off again", uart_read(UART_IIR), 0x01);
}

/* The console is the source: printing moves its line, so all is measured first and printed afterwards. */
#define PLIC_STEPS 24
static struct {
    const char *name;
    uint64_t actual, expected;
} plic_steps[PLIC_STEPS];
static unsigned plic_step_count;

static void note(const char *name, uint64_t actual, uint64_t expected) {
    plic_steps[plic_step_count].name = name;
    plic_steps[plic_step_count].actual = actual;
    plic_steps[plic_step_count].expected = expected;
    plic_step_count++;
}

static uint64_t external_pending(void) { return csr_read(mip) & INTERRUPT_MEI; }

static void plic_registers(uint32_t bit) {
    write32(plic_priority(UART_IRQ), 5);
    note("plic priority", read32(plic_priority(UART_IRQ)), 5);
    write32(plic_threshold(0), 6);
    note("plic threshold", read32(plic_threshold(0)), 6);
    write32(plic_enable(0, UART_IRQ), bit);
    note("plic enable", read32(plic_enable(0, UART_IRQ)), bit);
    note("plic enable is per context", read32(plic_enable(1, UART_IRQ)), 0);
    note("plic nothing to claim", read32(plic_claim(0)), 0);
}

static void plic_masks(uint32_t bit) {
    note("plic pending", read32(plic_pending(UART_IRQ)) & bit, bit);
    note("plic threshold masks", external_pending(), 0);
    write32(plic_threshold(0), 5);
    note("plic priority must be above the threshold", external_pending(), 0);
    write32(plic_threshold(0), 4);
    note("plic MEIP above the threshold", external_pending(), INTERRUPT_MEI);
    write32(plic_enable(0, UART_IRQ), 0);
    write32(plic_priority(UART_IRQ), 5); /* QEMU 7.2 looks at the enable bits again only at such a write */
    note("plic disabled", external_pending(), 0);
    write32(plic_enable(0, UART_IRQ), bit);
    write32(plic_priority(UART_IRQ), 0);
    note("plic priority 0 never interrupts", external_pending(), 0);
    write32(plic_priority(UART_IRQ), 5);
}

static void plic_claims(uint32_t bit) {
    note("plic claim", read32(plic_claim(0)), UART_IRQ);
    note("plic claim takes pending away", read32(plic_pending(UART_IRQ)) & bit, 0);
    note("plic claim lowers MEIP", external_pending(), 0);
    note("plic claimed once", read32(plic_claim(0)), 0);
    uart_read(UART_IIR); /* the source lowers its line */
    write32(plic_claim(0), UART_IRQ);
    note("plic complete, nothing more", external_pending(), 0);
    uart_write(UART_IER, 0);
    uart_write(UART_IER, UART_IER_THRE);
    note("plic interrupts again after complete", read32(plic_claim(0)), UART_IRQ);
    uart_read(UART_IIR);
    write32(plic_claim(0), UART_IRQ);
}

void check_plic(void) {
    uint32_t bit = 1u << UART_IRQ;
    while ((uart_read(UART_LSR) & UART_LSR_TEMT) == 0) {
    }
    plic_registers(bit);
    uart_write(UART_IER, UART_IER_THRE);
    plic_masks(bit);
    plic_claims(bit);
    uart_write(UART_IER, 0);
    for (unsigned i = 0; i < plic_step_count; i++)
        check(plic_steps[i].name, plic_steps[i].actual, plic_steps[i].expected);

    csr_write(mie, INTERRUPT_MEI);
    uart_write(UART_IER, 0);
    uart_write(UART_IER, UART_IER_THRE);
    csr_set(mstatus, MSTATUS_MIE);
    asm volatile("nop\nnop");
    csr_clear(mstatus, MSTATUS_MIE);
    check("plic interrupt is taken", interrupts_taken, 11);
    traps_forget();
    uart_interrupt_drop(0);
    write32(plic_threshold(0), 0);
    csr_write(mie, 0);
}

void check_clint(void) {
    msip_write(0, 0xffffffff);
    check("clint msip holds one bit", msip_read(0), 1);
    msip_write(0, 0);
    check("clint msip clears", msip_read(0), 0);
    mtimecmp_write(0, 0x7edcba9876543210);
    check("clint mtimecmp", read64(CLINT_BASE + 0x4000), 0x7edcba9876543210);
    check("clint mtimecmp low half", read32(CLINT_BASE + 0x4000), 0x76543210);
    write32(CLINT_BASE + 0x4004, 0x12345678);
    check("clint mtimecmp high half", read64(CLINT_BASE + 0x4000), 0x1234567876543210);
    uint64_t soon = mtime_read() + 5000;
    mtimecmp_write(0, soon);
    uint64_t seen = 0;
    while ((csr_read(mip) & INTERRUPT_MTI) == 0 && seen < soon + TICKS_PER_S)
        seen = mtime_read();
    seen = mtime_read();
    check_true("clint MTIP when mtime arrives", seen >= soon && seen < soon + TICKS_PER_S, seen - soon);
    mtimecmp_write(0, -1ul);
    uint64_t whole = mtime_read(), low = read32(CLINT_BASE + 0xbff8), high = read32(CLINT_BASE + 0xbffc);
    check_true("clint mtime halves", (high << 32 | low) - whole < TICKS_PER_S, high << 32 | low);
}

void check_rtc(void) {
    uint64_t first = rtc_read_ns(), start = mtime_read();
    while (mtime_read() < start + 100) {
    }
    uint64_t second = rtc_read_ns();
    check_true("rtc is past 2000", first > 946684800000000000, first);
    check_true("rtc moves on", second > first && second - first < 60000000000, second - first);
}

/* A function rewritten and called again, each time after fence.i. */
void check_code(void) {
    static uint32_t code[2] __attribute__((aligned(8)));
    uint64_t wrong = 0;
    for (uint32_t number = 0; number < 500; number++) {
        code[0] = 0x00000513 | number << 20;
        code[1] = 0x00008067;
        fence_i();
        wrong += ((uint64_t (*)(void))(uint64_t)code)() != number;
    }
    check("fence.i shows new code", wrong, 0);
    code[0] = 0x80824505; /* c.li a0, 1; c.jr ra */
    fence_i();
    uint64_t short_form = ((uint64_t (*)(void))(uint64_t)code)();
    ((uint16_t *)code)[0] = 0x4509; /* c.li a0, 2 */
    fence_i();
    check("fence.i shows new compressed code", short_form << 8 | ((uint64_t (*)(void))(uint64_t)code)(), 0x102);
}
