/* sloppy: leaves out sfence.vma and fence.i where a good guest would not, and hashes what it sees. Its output is
   whatever the machine's caches make of that; a deterministic machine prints the same each time. rounds=124 of
   passes=70: about 10 G instructions. fence=N does a proper sfence.vma and fence.i every N passes (default 16,
   0 for never). */
#include "sloppy.h"

#define ROUNDS 124
#define PASSES 70
#define FENCE_EVERY 16

struct sloppy sloppy = {.random = 0x736c6f707079ul};

static uint8_t trap_stack[4096] __attribute__((aligned(16)));

void machine_trap(struct frame *frame) {
    if (mode_call_returns(frame))
        return;
    print("sloppy: trap 0x%lx at 0x%lx value 0x%lx reached M-mode\n", frame->cause, frame->pc, frame->value);
    finish(1);
}

/* Page faults come only from machines that leave A and D to software: set them both. */
void supervisor_trap(struct frame *frame) {
    uint64_t address = frame->value & ~(PAGE_SIZE - 1);
    uint64_t *entry;
    if (address - WINDOW < WINDOW_PAGES * PAGE_SIZE)
        entry = window_entry((unsigned)((address - WINDOW) / PAGE_SIZE));
    else if (address - CODE_WINDOW < CODE_PAGES * PAGE_SIZE)
        entry = code_entry((unsigned)((address - CODE_WINDOW) / PAGE_SIZE));
    else
        panic("sloppy: a page fault outside its windows");
    *entry |= PTE_A | PTE_D;
    asm volatile("sfence.vma %0" :: "r"(address) : "memory");
    sloppy.faults++;
}

static void round_run(uint64_t round, uint64_t passes, uint64_t fence_every) {
    for (uint64_t pass = 0; pass < passes; pass++) {
        if (fence_every != 0 && (round * passes + pass) % fence_every == fence_every - 1) {
            sfence_vma();
            fence_i();
        }
        for (unsigned repeat = 0; repeat < 8; repeat++)
            data_pass(320);
        data_pass(WINDOW_PAGES);
        code_pass();
    }
    print("sloppy: round %lu hash %016lx faults %lu\n", round, sloppy.hash, sloppy.faults);
}

static uint64_t supervisor_main(uint64_t root) {
    csr_write(stvec, supervisor_trap_entry);
    csr_write(sscratch, trap_stack + sizeof trap_stack);
    csr_write(satp, sv39_satp((uint64_t *)root));
    sfence_vma();
    uint64_t rounds = argument("rounds", ROUNDS), passes = argument("passes", PASSES);
    uint64_t fence_every = argument("fence", FENCE_EVERY);
    for (uint64_t round = 0; round < rounds; round++)
        round_run(round, passes, fence_every);
    return 0;
}

int main(void) {
    pmp_open();
    csr_write(medeleg, 1ul << CAUSE_FETCH_PAGE | 1ul << CAUSE_LOAD_PAGE | 1ul << CAUSE_STORE_PAGE);
    uint64_t *root = sv39_identity();
    data_setup(root);
    code_setup(root);
    mode_call(MODE_S, supervisor_main, (uint64_t)root);
    print("sloppy: done, hash %016lx\n", sloppy.hash);
    return 0;
}
