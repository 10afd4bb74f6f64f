# Entry of every hart, in M-mode: a0 = hart id, a1 = device tree.
#define HARTS_MAX 8
#define STACK_SIZE 16384
#define TRAP_STACK_SIZE 4096
#define INTERRUPT_MSI 8

    .section .text.start, "ax"
    .global _start
_start:
    csrw mie, zero
    li t0, HARTS_MAX
    bgeu a0, t0, forever
    li t0, 0x2000                   # mstatus.FS = Initial
    csrs mstatus, t0
    csrw fcsr, zero
    la t0, machine_trap_entry
    csrw mtvec, t0
    addi t1, a0, 1
    la sp, stacks
    li t0, STACK_SIZE
    mul t0, t0, t1
    add sp, sp, t0
    la t2, trap_stacks
    li t0, TRAP_STACK_SIZE
    mul t0, t0, t1
    add t2, t2, t0
    csrw mscratch, t2
    bnez a0, secondary

    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  mv a0, a1
    call board_read
    call main
    call finish

# Sleeps until hart 0 wants it: an IPI wakes wfi although interrupts are globally off.
secondary:
    li t0, INTERRUPT_MSI
    csrw mie, t0
    la s0, secondary_main
1:  wfi
    ld t0, 0(s0)
    beqz t0, 1b
    fence rw, rw
    jalr t0
forever:
    csrw mie, zero
    wfi
    j forever

    # Not in .bss: hart 0 clears that while the others already look here.
    .section .data
    .balign 8
    .global secondary_main
secondary_main:
    .dword 0

    .section .pages, "aw", @nobits
    .balign 4096
stacks:
    .skip HARTS_MAX * STACK_SIZE
trap_stacks:
    .skip HARTS_MAX * TRAP_STACK_SIZE
