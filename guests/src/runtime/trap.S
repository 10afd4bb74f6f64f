# Trap entries for M- and S-mode, and mode_call. The frame is `struct frame` of runtime.h.
#define FRAME_SIZE 288
#define FRAME_PC 256
#define FRAME_STATUS 264
#define FRAME_CAUSE 272
#define FRAME_VALUE 280

    .macro for_registers instruction    # all but x0 and x2 = sp
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \instruction x\n, 8 * \n(sp)
    .endr
    .endm

    .macro trap_entry name, handler, scratch, epc, status, cause, tval, return
    .balign 4
    .global \name
\name:
    csrrw sp, \scratch, sp              # scratch holds the top of the trap stack
    addi sp, sp, -FRAME_SIZE
    for_registers sd
    csrr t0, \scratch
    sd zero, 0(sp)
    sd t0, 16(sp)
    addi t0, sp, FRAME_SIZE
    csrw \scratch, t0
    csrr t0, \epc
    sd t0, FRAME_PC(sp)
    csrr t0, \status
    sd t0, FRAME_STATUS(sp)
    csrr t0, \cause
    sd t0, FRAME_CAUSE(sp)
    csrr t0, \tval
    sd t0, FRAME_VALUE(sp)
    mv a0, sp
    call \handler
    ld t0, FRAME_PC(sp)
    csrw \epc, t0
    ld t0, FRAME_STATUS(sp)
    csrw \status, t0
    for_registers ld
    ld sp, 16(sp)
    \return
    .endm

    .text
    trap_entry machine_trap_entry, machine_trap, mscratch, mepc, mstatus, mcause, mtval, mret
    trap_entry supervisor_trap_entry, supervisor_trap, sscratch, sepc, sstatus, scause, stval, sret

# uint64_t mode_call(mode, function, argument): the function keeps the callee-saved registers and the stack, so all
# that is left is to come back: its return address is an ecall, which mode_call_returns turns into a step into M-mode.
    .global mode_call, mode_call_ecall
mode_call:
    addi sp, sp, -16
    sd ra, 8(sp)
    csrr t1, mstatus
    li t0, 3 << 11 | 1 << 7             # MPP and MPIE
    csrc mstatus, t0
    andi t1, t1, 1 << 3
    slli t1, t1, 4                      # MPIE = MIE, so that MIE comes back as it is
    slli a0, a0, 11
    or a0, a0, t1
    csrs mstatus, a0
    csrw mepc, a1
    mv a0, a2
    la ra, mode_call_ecall
    mret
    .balign 4
    .option push
    .option norvc
mode_call_ecall:
    ecall
    .option pop
    ld ra, 8(sp)
    addi sp, sp, 16
    ret
