/* Interrupts: pending bits, priority, delegation, vectors, wfi. */
#include "selftest.h"

#define SUPERVISOR_ALL (INTERRUPT_SSI | INTERRUPT_STI | INTERRUPT_SEI)
#define MACHINE_ALL (INTERRUPT_MSI | INTERRUPT_MTI | INTERRUPT_MEI)
#define MIP_ALL (SUPERVISOR_ALL | MACHINE_ALL)

extern char machine_vectors[], supervisor_vectors[];

void uart_interrupt_raise(unsigned context) {
    write32(plic_priority(UART_IRQ), 3);
    write32(plic_threshold(context), 0);
    write32(plic_enable(context, UART_IRQ), 1u << UART_IRQ);
    uart_write(UART_IER, UART_IER_THRE);
}

void uart_interrupt_drop(unsigned context) {
    uart_write(UART_IER, 0);
    uint32_t irq = read32(plic_claim(context));
    if (irq != 0)
        write32(plic_claim(context), irq);
    write32(plic_enable(context, UART_IRQ), 0);
}

static void raise_machine(void) {
    msip_write(0, 1);
    mtimecmp_write(0, 0);
    uart_interrupt_raise(0);
}

static void drop_machine(void) {
    msip_write(0, 0);
    mtimecmp_write(0, -1ul);
    uart_interrupt_drop(0);
}

static uint64_t supervisor_takes(uint64_t enabled) {
    csr_write(sie, enabled);
    csr_set(sstatus, MSTATUS_SIE);
    asm volatile("nop\nnop\nnop");
    csr_clear(sstatus, MSTATUS_SIE);
    return csr_read(sip);
}

static uint64_t supervisor_software(uint64_t unused) {
    csr_set(sip, INTERRUPT_SSI);
    uint64_t set = csr_read(sip);
    csr_clear(sip, MIP_ALL); /* only SSIP may go */
    return unused + (set << 16 | csr_read(sip));
}

static uint64_t nothing(uint64_t value) { return value; }

void check_interrupts(void) {
    bool specified = !argument_is("priority", "loose"); /* QEMU 7.2 takes the lowest number first */
    csr_write(mie, 0);
    csr_clear(mip, SUPERVISOR_ALL);
    check("mip is empty at first", csr_read(mip) & MIP_ALL, 0);
    msip_write(0, 1);
    check("mip shows MSIP", csr_read(mip) & MIP_ALL, INTERRUPT_MSI);
    csr_clear(mip, INTERRUPT_MSI);
    check("mip MSIP isn't writable", csr_read(mip) & MIP_ALL, INTERRUPT_MSI);
    msip_write(0, 0);
    mtimecmp_write(0, mtime_read());
    check("mip shows MTIP", csr_read(mip) & MIP_ALL, INTERRUPT_MTI);
    mtimecmp_write(0, -1ul);
    check("mip loses MTIP with mtimecmp", csr_read(mip) & MIP_ALL, 0);
    uart_interrupt_raise(0);
    check("mip shows MEIP", csr_read(mip) & MIP_ALL, INTERRUPT_MEI);
    uart_interrupt_drop(0);
    check("mip loses MEIP", csr_read(mip) & MIP_ALL, 0);
    csr_set(mip, SUPERVISOR_ALL);
    check("mip S bits are writable", csr_read(mip) & MIP_ALL, SUPERVISOR_ALL);
    check("sip hides what isn't delegated", csr_read(sip) & MIP_ALL, 0);
    csr_write(mie, MIP_ALL);
    check("mie holds all bits", csr_read(mie) & MIP_ALL, MIP_ALL);
    raise_machine();
    check("mip shows all six", csr_read(mip) & MIP_ALL, MIP_ALL);
    check("no interrupt with MIE off", interrupts_taken, 0);
    csr_set(mstatus, MSTATUS_MIE);
    asm volatile("nop\nnop\nnop");
    csr_clear(mstatus, MSTATUS_MIE);
    check("interrupt priority in M", interrupts_taken, specified ? 0xb37915 : 0x13579b);
    traps_forget();

    drop_machine();
    csr_write(mideleg, SUPERVISOR_ALL);
    check("sip shows what is delegated", csr_read(sip) & MIP_ALL, SUPERVISOR_ALL);
    csr_write(mie, MIP_ALL);
    csr_set(mstatus, MSTATUS_MIE);
    asm volatile("nop\nnop");
    csr_clear(mstatus, MSTATUS_MIE);
    csr_write(mie, 0);
    check("M takes no delegated interrupt", interrupts_taken, 0);
    mode_call(MODE_S, supervisor_takes, SUPERVISOR_ALL);
    check("interrupt priority in S", interrupts_taken, specified ? 0x915 : 0x159);
    check("delegated interrupts go to S", trap.mode, 'S');
    traps_forget();
    csr_clear(mip, SUPERVISOR_ALL);
    csr_set(mip, INTERRUPT_STI);
    check("sip: S writes SSIP only", mode_call(MODE_S, supervisor_software, 0),
          (INTERRUPT_SSI | INTERRUPT_STI) << 16 | INTERRUPT_STI);
    csr_clear(mip, SUPERVISOR_ALL);
    uart_interrupt_raise(1);
    check("sip shows SEIP of the PLIC", csr_read(sip) & MIP_ALL, INTERRUPT_SEI);
    uart_interrupt_drop(1);
    check("sip loses SEIP", csr_read(sip) & MIP_ALL, 0);
    csr_write(mideleg, 0);

    csr_write(mie, INTERRUPT_MSI);
    msip_write(0, 1);
    mode_call(MODE_S, nothing, 0);
    check("M interrupts are on in S whatever MIE", interrupts_taken, 3);
    msip_write(0, 0);
    traps_forget();
}

void check_vectors(void) {
    csr_write(mtvec, (uint64_t)machine_vectors | 1);
    check("mtvec holds the vectored mode", csr_read(mtvec), (uint64_t)machine_vectors | 1);
    trap.vector = 99;
    PROBE("ecall");
    check("vectored: exceptions to entry 0", trap.vector, 0);
    csr_write(mie, INTERRUPT_MTI);
    mtimecmp_write(0, 0);
    csr_set(mstatus, MSTATUS_MIE);
    asm volatile("nop\nnop");
    csr_clear(mstatus, MSTATUS_MIE);
    mtimecmp_write(0, -1ul);
    check("vectored: MTI to entry 7", trap.vector, 7);
    csr_write(mie, INTERRUPT_MSI);
    msip_write(0, 1);
    csr_set(mstatus, MSTATUS_MIE);
    asm volatile("nop\nnop");
    csr_clear(mstatus, MSTATUS_MIE);
    msip_write(0, 0);
    check("vectored: MSI to entry 3", trap.vector, 3);
    csr_write(mtvec, machine_trap_entry);

    csr_write(stvec, (uint64_t)supervisor_vectors | 1);
    csr_write(mideleg, SUPERVISOR_ALL);
    csr_set(mip, INTERRUPT_SSI);
    mode_call(MODE_S, supervisor_takes, INTERRUPT_SSI);
    check("vectored: SSI to entry 1", trap.vector, 1);
    csr_clear(mip, INTERRUPT_SSI);
    csr_set(mip, INTERRUPT_STI);
    mode_call(MODE_S, supervisor_takes, INTERRUPT_STI);
    check("vectored: STI to entry 5", trap.vector, 5);
    csr_clear(mip, INTERRUPT_STI);
    csr_write(mideleg, 0);
    csr_write(stvec, supervisor_trap_entry);
    traps_forget();
}

static uint64_t supervisor_waits(uint64_t unused) {
    csr_write(sie, INTERRUPT_SSI);
    wait_for_interrupt(); /* SSIP is pending: returns at once */
    csr_write(sie, 0);
    return unused + 1;
}

void check_wait(void) {
    csr_write(mie, INTERRUPT_MTI);
    uint64_t wake = mtime_read() + 20000; /* 2 ms */
    mtimecmp_write(0, wake);
    unsigned waits = 0;
    for (; mtime_read() < wake && waits < 1000; waits++)
        wait_for_interrupt();
    check_true("wfi wakes with MIE off", mtime_read() >= wake && (csr_read(mip) & INTERRUPT_MTI) != 0, waits);
    check("wfi with MIE off takes no trap", trap.count, 0);
    wait_for_interrupt();
    check("wfi with one pending returns", trap.count, 0);

    csr_write(mie, INTERRUPT_MTI);
    wake = mtime_read() + 20000;
    mtimecmp_write(0, wake);
    csr_set(mstatus, MSTATUS_MIE);
    while (interrupts_taken == 0)
        wait_for_interrupt();
    csr_clear(mstatus, MSTATUS_MIE);
    check("wfi wakes into the handler", interrupts_taken, 7);
    check_true("wfi doesn't wake early", mtime_read() >= wake, wake - mtime_read());
    mtimecmp_write(0, -1ul);
    csr_write(mie, 0);
    csr_write(mideleg, INTERRUPT_SSI);
    csr_set(mip, INTERRUPT_SSI);
    check("wfi in S with one pending returns", mode_call(MODE_S, supervisor_waits, 0), 1);
    csr_clear(mip, INTERRUPT_SSI);
    csr_write(mideleg, 0);
    traps_forget();
}
