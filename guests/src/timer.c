/* timer: a storm of timer interrupts at pseudo-random short intervals, which hashes where each one hit. It works in
   bursts and sleeps in wfi between them, so about a tenth of the time is busy. seconds=10 of guest time. */
#include "runtime/runtime.h"

#define WINDOW_TICKS (TICKS_PER_S / 100)
#define BUSY_TICKS (WINDOW_TICKS / 10)
#define PROGRESS_TICKS (TICKS_PER_S / 2)
#define INTERVAL_MIN_TICKS 50u
#define INTERVAL_MASK_TICKS 511u

static struct {
    uint64_t hash, count, random;
    uint64_t window_end;  /* mtime at which the next burst begins */
    volatile bool busy;   /* within a burst */
} storm = {.random = 0x74696d6572ul};

/* Each interrupt: hash mepc, mcause and all registers, then set the next one. */
void machine_trap(struct frame *frame) {
    if (frame->cause != (CAUSE_INTERRUPT | 7))
        panic("timer: a trap that isn't the timer's");
    storm.hash = hash_mix(storm.hash, frame->pc);
    storm.hash = hash_mix(storm.hash, frame->cause);
    for (unsigned i = 1; i < 32; i++)
        storm.hash = hash_mix(storm.hash, frame->x[i]);
    storm.count++;

    uint64_t now = mtime_read(), next = storm.window_end;
    if (now < storm.window_end - (WINDOW_TICKS - BUSY_TICKS))
        next = now + INTERVAL_MIN_TICKS + (random_next(&storm.random) & INTERVAL_MASK_TICKS);
    else
        storm.busy = false;
    if (next <= now) /* time has jumped: a timer that is due already would leave the burst no instruction to end in */
        next = now + INTERVAL_MIN_TICKS;
    mtimecmp_write(0, next);
}

/* Branches that depend on data, and many live registers, until an interrupt ends the burst. */
static uint64_t burst(uint64_t seed) {
    uint64_t a = seed, b = seed ^ 0x5555, c = 1, d = seed >> 7, e = 3;
    while (storm.busy) {
        a = a * 6364136223846793005ul + 1442695040888963407ul;
        if (a >> 63)
            b += a ^ c;
        else
            b ^= a >> 11;
        if ((b & 7) == 3)
            c = c * 31 + d;
        else if (b & 1)
            d -= b | 1;
        for (unsigned i = (unsigned)(a >> 40) & 3; i > 0; i--)
            e = (e << 3 | e >> 61) ^ (c + i);
        if ((e & 0xff) > (d & 0xff))
            a += e;
    }
    return a ^ b ^ c ^ d ^ e;
}

int main(void) {
    uint64_t seconds = argument("seconds", 10), work = 1;
    uint64_t start = mtime_read(), end = start + seconds * TICKS_PER_S, progress = start + PROGRESS_TICKS;
    storm.window_end = start;
    mtimecmp_write(0, start + WINDOW_TICKS);
    csr_set(mie, INTERRUPT_MTI);
    for (uint64_t now = start; now < end; now = mtime_read()) {
        if (now >= progress) {
            print("timer: %lu ms hash %016lx interrupts %lu\n", (now - start) / (TICKS_PER_S / 1000), storm.hash,
                  storm.count);
            progress += PROGRESS_TICKS;
        }
        while (storm.window_end <= now)
            storm.window_end += WINDOW_TICKS;
        storm.busy = true;
        mtimecmp_write(0, now + INTERVAL_MIN_TICKS);
        csr_set(mstatus, MSTATUS_MIE);
        work = hash_mix(work, burst(work));
        csr_clear(mstatus, MSTATUS_MIE);
        while (mtime_read() < storm.window_end)
            wait_for_interrupt(); /* mtimecmp is the next burst's begin */
    }
    print("timer: done, hash %016lx work %016lx interrupts %lu\n", storm.hash, work, storm.count);
    return 0;
}
