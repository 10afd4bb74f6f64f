/* clocks: reads every clock and counter many times in M-, S- and U-mode, checks that none goes backwards, and prints
   the values, so that what the console shows depends on time. reads=10000 of each, in each mode. Exit 1 if wrong. */
#include "runtime/runtime.h"

#define READS 10000
#define PRINT_EVERY 5 /* values printed per clock and mode */

static bool failed;

void machine_trap(struct frame *frame) {
    if (mode_call_returns(frame))
        return;
    print("clocks: trap 0x%lx at 0x%lx\n", frame->cause, frame->pc);
    finish(1);
}

static uint64_t read_mtime(void) { return mtime_read(); }
static uint64_t read_mtime_halves(void) {
    uint32_t high, low;
    do {
        high = read32(CLINT_BASE + 0xbffc);
        low = read32(CLINT_BASE + 0xbff8);
    } while (high != read32(CLINT_BASE + 0xbffc));
    return (uint64_t)high << 32 | low;
}
static uint64_t read_rtc(void) { return rtc_read_ns(); }
static uint64_t read_time(void) { return csr_read(time); }
static uint64_t read_cycle(void) { return csr_read(cycle); }
static uint64_t read_instret(void) { return csr_read(instret); }
static uint64_t read_mcycle(void) { return csr_read(mcycle); }
static uint64_t read_minstret(void) { return csr_read(minstret); }

struct clock {
    const char *name;
    uint64_t (*read)(void);
    bool machine_only;
};

static const struct clock clocks[] = {
    {"mtime", read_mtime, false},     {"mtime-halves", read_mtime_halves, false},
    {"rtc", read_rtc, false},         {"time", read_time, false},
    {"cycle", read_cycle, false},     {"instret", read_instret, false},
    {"mcycle", read_mcycle, true},    {"minstret", read_minstret, true},
};

static uint64_t read_often(const char *mode, const struct clock *clock, uint64_t reads) {
    uint64_t first = clock->read(), previous = first, steps = 0, hash = 0, step_max = 0;
    print("%s %s:", mode, clock->name);
    for (uint64_t i = 1; i <= reads; i++) {
        uint64_t now = clock->read();
        if (now < previous) {
            print(" went backwards from %lu to %lu\n", previous, now);
            failed = true;
            return hash;
        }
        steps += now != previous;
        if (now - previous > step_max)
            step_max = now - previous;
        hash = hash_mix(hash, now);
        if (i % (reads / PRINT_EVERY + 1) == 0) {
            print(" %lu", now);
            now = clock->read(); /* so that printing isn't in the largest step */
        }
        previous = now;
    }
    print(" moved %lu of %lu times, by %lu at most, hash %016lx\n", steps, reads, step_max, hash);
    if (previous == first && reads >= 1000) {
        print("%s %s: stood still\n", mode, clock->name);
        failed = true;
    }
    return hash;
}

static uint64_t read_all(uint64_t mode) {
    uint64_t reads = argument("reads", READS), hash = 0;
    for (unsigned i = 0; i < COUNT_OF(clocks); i++) {
        if (mode == MODE_M || !clocks[i].machine_only)
            hash = hash_mix(hash, read_often(mode == MODE_M ? "M" : mode == MODE_S ? "S" : "U", &clocks[i], reads));
    }
    return hash;
}

/* A counter written in M-mode goes on from what was written. */
static void check_written(const char *name, uint64_t written, uint64_t back, uint64_t twin) {
    print("%s: wrote %lu, read %lu, its twin %lu\n", name, written, back, twin);
    if (back < written || back - written > 1000000 || twin < back || twin - back > 1000000) {
        print("%s: doesn't go on from what was written\n", name);
        failed = true;
    }
}

static void write_counters(void) {
    static const uint64_t values[] = {0, 1000, 0xfffffff0, 1ul << 40, 0x7ffffffffffff000};
    for (unsigned i = 0; i < COUNT_OF(values); i++) {
        csr_write(mcycle, values[i]);
        uint64_t back = csr_read(mcycle), twin = csr_read(cycle);
        check_written("mcycle", values[i], back, twin);
        csr_write(minstret, values[i]);
        back = csr_read(minstret);
        twin = csr_read(instret);
        check_written("minstret", values[i], back, twin);
    }
}

/* `time` is mtime: between two readings of it. */
static void compare_times(void) {
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t before = mtime_read(), time = csr_read(time), after = mtime_read();
        if (before <= time && time <= after)
            continue;
        print("time %lu isn't between mtime %lu and %lu\n", time, before, after);
        failed = true;
        return;
    }
}

int main(void) {
    pmp_open();
    csr_write(mcounteren, 7);
    csr_write(scounteren, 7);
    uint64_t hash = read_all(MODE_M);
    hash = hash_mix(hash, mode_call(MODE_S, read_all, MODE_S));
    hash = hash_mix(hash, mode_call(MODE_U, read_all, MODE_U));
    compare_times();
    write_counters();
    print("clocks: %s, hash %016lx\n", failed ? "FAILED" : "ok", hash);
    return failed;
}
