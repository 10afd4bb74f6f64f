/* smp: all harts of the board contend for locks, send each other IPIs and patch code for each other. One line per
   test; exit 1 if any fails. scale=100 makes it longer or shorter. */
#include "smp.h"

static const struct test tests[] = {
    {"presence", test_presence},         {"lock-amo", test_lock_amo},
    {"lock-lrsc", test_lock_lrsc},       {"lock-ticket", test_lock_ticket},
    {"counter-lrsc", test_counter_lrsc}, {"counter-amo", test_counter_amo},
    {"amo-all", test_amo_all},           {"reservation", test_reservation},
    {"messages", test_messages},         {"ipi-ring", test_ipi_ring},
    {"ipi-storm", test_ipi_storm},       {"patch-code", test_patch_code},
    {"patch-all", test_patch_all},
};

unsigned harts;
uint64_t scale;
static volatile uint64_t failed_harts;

static void run_tests(unsigned hart) {
    uint64_t failures = 0;
    for (unsigned i = 0; i < COUNT_OF(tests); i++) {
        barrier(hart);
        bool passed = tests[i].run(hart);
        if (!passed)
            amo_add(&failed_harts, 1ul << (8 * hart));
        barrier(hart);
        if (hart != 0)
            continue;
        print("%s %s\n", failed_harts == 0 ? "ok" : "FAILED", tests[i].name);
        if (failed_harts != 0)
            print("  on harts (a byte each, 0 last): %016lx\n", failed_harts);
        failures += failed_harts != 0;
        failed_harts = 0;
    }
    if (hart == 0) {
        print("smp: %u harts, %lu failed\n", harts, failures);
        finish(failures != 0);
    }
}

static void secondary(uint64_t hart) {
    if (hart < harts)
        run_tests((unsigned)hart);
}

int main(void) {
    harts = board.hart_count > HARTS_MAX ? HARTS_MAX : board.hart_count;
    scale = argument("scale", 100);
    secondary_main = secondary;
    fence();
    for (unsigned hart = 1; hart < harts; hart++)
        send_ipi(hart);
    run_tests(0);
    return 1;
}
