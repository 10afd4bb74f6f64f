/* storm: one line, then the trap vector is where nothing is, so that each trap faults at its own handler for ever.
   delegate=1 does it in S-mode: all exceptions are delegated and stvec is the unmapped address. */
#include "runtime/runtime.h"

#define UNMAPPED 0x18000000ul

static uint64_t fall(uint64_t unused) {
    csr_write(stvec, UNMAPPED);
    asm volatile("unimp");
    return unused;
}

int main(void) {
    print("storm\n");
    if (argument("delegate", 0) != 0) {
        pmp_open();
        csr_write(medeleg, -1ul);
        mode_call(MODE_S, fall, 0);
    }
    csr_write(mtvec, UNMAPPED);
    asm volatile("unimp");
    return 1;
}
