# uint64_t user_call(function, argument), from S-mode. The function keeps s0 and comes back by the ecall, which
# supervisor_trap turns into a step into S-mode at the kernel's address of what follows.
#define USER_OFFSET 0x40000000
#define SSTATUS_SPP 0x100

    .text
    .global user_call, user_call_ecall
user_call:
    addi sp, sp, -16
    sd ra, 8(sp)
    sd s0, 0(sp)
    mv s0, sp
    li t0, SSTATUS_SPP
    csrc sstatus, t0
    li t0, USER_OFFSET
    sub a0, a0, t0
    csrw sepc, a0
    mv a0, a1
    la ra, user_call_ecall
    sub ra, ra, t0
    sub sp, sp, t0
    sret
    .balign 4
    .option push
    .option norvc
user_call_ecall:
    ecall
    .option pop
    mv sp, s0
    ld s0, 0(sp)
    ld ra, 8(sp)
    addi sp, sp, 16
    ret
