/* random: draws numbers from the machine's generator (virtio-rng over MMIO; virtio 1.2, sections 4.2 and 5.4) and prints
   a line for each 32 bytes. draws=16 lines. */
#include "runtime/runtime.h"

#define SLOT_BASE 0x10001000ul
#define SLOT_BYTES 0x1000ul
#define SLOTS 8u
#define FIRST_IRQ 1u
#define ENTROPY_DEVICE 4u
#define QUEUE_ENTRIES 4u
#define DRAW_WORDS 4u

enum {
    DEVICE_ID = 0x08, ACCEPTED = 0x20, ACCEPTED_SELECT = 0x24, QUEUE_NUM = 0x38, QUEUE_READY = 0x44, NOTIFY = 0x50,
    INTERRUPT_STATUS = 0x60, INTERRUPT_ACKNOWLEDGE = 0x64, STATUS = 0x70, DESCRIPTORS = 0x80, AVAILABLE = 0x90,
    USED = 0xa0,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { DESCRIPTOR_WRITE = 2 };

static struct { uint64_t address; uint32_t length; uint16_t flags, next; } descriptors[QUEUE_ENTRIES]
    __attribute__((aligned(16)));
static volatile struct { uint16_t flags, index, ring[QUEUE_ENTRIES]; } available;
static volatile struct { uint16_t flags, index; struct { uint32_t id, length; } ring[QUEUE_ENTRIES]; } used
    __attribute__((aligned(4)));
static uint64_t drawn[DRAW_WORDS];
static uint64_t base;
static unsigned irq;

static bool find_generator(void) {
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        base = SLOT_BASE + slot * SLOT_BYTES;
        irq = FIRST_IRQ + slot;
        if (read32(base + DEVICE_ID) == ENTROPY_DEVICE)
            return true;
    }
    return false;
}

static void write_address(uint64_t reg, volatile void *memory) {
    write32(base + reg, (uint32_t)(uint64_t)memory);
    write32(base + reg + 4, (uint32_t)((uint64_t)memory >> 32));
}

static void set_up(void) {
    write32(base + STATUS, 0);
    write32(base + STATUS, ACKNOWLEDGE | DRIVER);
    write32(base + ACCEPTED_SELECT, 1);
    write32(base + ACCEPTED, 1); /* VERSION_1 */
    write32(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if (!(read32(base + STATUS) & FEATURES_OK))
        panic("random: the generator doesn't take our features");
    write32(base + QUEUE_NUM, QUEUE_ENTRIES);
    write_address(DESCRIPTORS, descriptors);
    write_address(AVAILABLE, &available);
    write_address(USED, &used);
    write32(base + QUEUE_READY, 1);
    write32(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    write32(plic_priority(irq), 1);
    write32(plic_enable(0, irq), 1u << irq);
    csr_set(mie, INTERRUPT_MEI); /* it ends wfi; mstatus.MIE stays off, so no trap is taken */
}

/* Fill `drawn`. A generator may give less than it was asked for. */
static void draw(void) {
    for (uint32_t have = 0; have < sizeof drawn;) {
        uint16_t seen = used.index;
        descriptors[0].address = (uint64_t)drawn + have;
        descriptors[0].length = (uint32_t)sizeof drawn - have;
        descriptors[0].flags = DESCRIPTOR_WRITE;
        available.ring[available.index % QUEUE_ENTRIES] = 0;
        fence();
        available.index = (uint16_t)(available.index + 1);
        fence();
        write32(base + NOTIFY, 0);
        while (used.index == seen) {
            wait_for_interrupt();
            unsigned claimed = read32(plic_claim(0));
            write32(base + INTERRUPT_ACKNOWLEDGE, read32(base + INTERRUPT_STATUS));
            if (claimed)
                write32(plic_claim(0), claimed);
        }
        fence();
        have += used.ring[seen % QUEUE_ENTRIES].length;
    }
}

int main(void) {
    if (!find_generator()) {
        print("random: there is no generator\n");
        return 1;
    }
    set_up();
    for (uint64_t left = argument("draws", 16); left > 0; left--) {
        draw();
        print("random: %016lx %016lx %016lx %016lx\n", drawn[0], drawn[1], drawn[2], drawn[3]);
    }
    return 0;
}
