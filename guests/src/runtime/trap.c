#include "runtime.h"

extern char mode_call_ecall[];

static void unexpected(const char *mode, const struct frame *frame) {
    print("unexpected trap in %s: cause 0x%lx pc 0x%lx value 0x%lx\n", mode, frame->cause, frame->pc, frame->value);
    finish(101);
}

__attribute__((weak)) void machine_trap(struct frame *frame) { unexpected("M-mode", frame); }

__attribute__((weak)) void supervisor_trap(struct frame *frame) { unexpected("S-mode", frame); }

bool mode_call_returns(struct frame *frame) {
    if (frame->pc != (uint64_t)mode_call_ecall)
        return false;
    frame->pc += 4;
    frame->status |= MSTATUS_MPP;
    return true;
}

void pmp_open(void) {
    csr_write(pmpaddr0, -1ul >> 10);
    csr_write(pmpcfg0, PMP_NAPOT | PMP_R | PMP_W | PMP_X);
    sfence_vma();
}
