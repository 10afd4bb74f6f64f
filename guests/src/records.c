/* records: keeps a disk busy. It writes numbered records with checksums to blocks in a pseudo-random order, several
   requests at a time, reads others back and compares them, zeroes some, and flushes now and then; what a flush has
   acknowledged is printed. At its start it says what is on the disk already, and goes on from there.

   records=1000   how many to write            every=32    records between flushes
   check=1        only look at what is there   depth=8     requests at a time, 1 to 16

   A block holds: "RECORD", its number, the block's own index, a checksum of all else, and filler made of the number.
   Record n goes to block place(n); every 16th is zeroes instead. So what a disk has to hold after record n is known. */
#include "runtime/runtime.h"

#define SLOT_BASE 0x10001000ul
#define DISK_IRQ 1u
#define QUEUE_ENTRIES 64u
#define BLOCK_BYTES 4096u
#define BLOCK_WORDS (BLOCK_BYTES / 8)
#define SECTORS_PER_BLOCK (BLOCK_BYTES / 512)
#define BLOCKS_MAX 65536u
#define DEPTH_MAX 16u
#define ZERO_EVERY 16u
#define MAGIC 0x4452434f434552ul

enum { TYPE_READ = 0, TYPE_WRITE = 1, TYPE_FLUSH = 4, TYPE_ZEROES = 13 };
enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 };
enum { FEATURE_FLUSH = 1u << 9, FEATURE_ZEROES = 1u << 14 };

struct descriptor { uint64_t address; uint32_t length; uint16_t flags, next; };
static struct descriptor descriptors[QUEUE_ENTRIES] __attribute__((aligned(4096)));
static struct { uint16_t flags, index, ring[QUEUE_ENTRIES]; } available __attribute__((aligned(4096)));
static struct { uint16_t flags, index; struct { uint32_t id, length; } ring[QUEUE_ENTRIES]; } used
    __attribute__((aligned(4096)));

static struct request {
    uint32_t type, reserved;
    uint64_t sector;
    struct { uint64_t sector; uint32_t sectors, flags; } range;
    uint64_t number;   /* of the record that is written, or that must be found; 0: zeroes */
    uint64_t block;
    volatile uint8_t status;
    bool is_busy;
} requests[DEPTH_MAX];
static uint64_t buffers[DEPTH_MAX][BLOCK_WORDS] PAGES;
static uint32_t last_number[BLOCKS_MAX] PAGES; /* what each block holds; 0: zeroes, or nothing of ours */

static uint64_t blocks, reads, failures;
static uint16_t used_seen;

static uint64_t place(uint64_t number) { return hash_mix(0x7265636f7264ul, number) % blocks; }

static uint64_t checksum(const uint64_t *block) {
    uint64_t hash = 1;
    for (unsigned word = 0; word < BLOCK_WORDS; word++)
        if (word != 3)
            hash = hash_mix(hash, block[word]);
    return hash;
}

static void fill(uint64_t *block, uint64_t number, uint64_t index) {
    uint64_t random = number * 2 + 1;
    block[0] = MAGIC, block[1] = number, block[2] = index;
    for (unsigned word = 4; word < BLOCK_WORDS; word++)
        block[word] = random_next(&random);
    block[3] = checksum(block);
}

/* The number of the record in a block: 0 for zeroes; panics at anything else. */
static uint64_t number_in(const uint64_t *block, uint64_t index) {
    if (block[0] == 0) {
        for (unsigned word = 0; word < BLOCK_WORDS; word++)
            if (block[word] != 0)
                panic("records: a block holds something else");
        return 0;
    }
    if (block[0] != MAGIC || block[2] != index || block[3] != checksum(block))
        panic("records: a block is damaged");
    return block[1];
}

static uint32_t reg(unsigned offset) { return read32(SLOT_BASE + offset); }
static void set_reg(unsigned offset, uint32_t value) { write32(SLOT_BASE + offset, value); }
static void set_address(unsigned offset, const void *address) {
    set_reg(offset, (uint32_t)(uint64_t)address);
    set_reg(offset + 4, (uint32_t)((uint64_t)address >> 32));
}

static void open_disk(void) {
    if (reg(0x00) != 0x74726976 || reg(0x04) != 2 || reg(0x08) != 2)
        panic("records: no disk: give one by --disk");
    set_reg(0x70, 0);
    set_reg(0x70, 1 | 2);
    set_reg(0x14, 0);
    uint32_t offered = reg(0x10);
    set_reg(0x24, 0);
    set_reg(0x20, offered & (FEATURE_FLUSH | FEATURE_ZEROES));
    set_reg(0x24, 1);
    set_reg(0x20, 1); /* VERSION_1 */
    set_reg(0x70, 1 | 2 | 8);
    if ((reg(0x70) & 8) == 0)
        panic("records: the device refuses what it offered");
    set_reg(0x30, 0);
    set_reg(0x38, QUEUE_ENTRIES);
    set_address(0x80, descriptors);
    set_address(0x90, &available);
    set_address(0xa0, &used);
    set_reg(0x44, 1);
    set_reg(0x70, 1 | 2 | 4 | 8);
    blocks = read64(SLOT_BASE + 0x100) / SECTORS_PER_BLOCK;
    if (blocks > BLOCKS_MAX)
        blocks = BLOCKS_MAX;
    write32(plic_priority(DISK_IRQ), 1);
    write32(plic_enable(0, DISK_IRQ), 1u << DISK_IRQ);
    write32(plic_threshold(0), 0);
    csr_set(mie, INTERRUPT_MEI);
}

static void complete(unsigned slot) {
    struct request *request = &requests[slot];
    request->is_busy = false;
    if (request->status != 0) {
        failures++;
        print("records: request %u failed with status %u\n", request->type, request->status);
        if (failures > 20)
            finish(5);
    } else if (request->type == TYPE_READ) {
        reads++;
        uint64_t number = number_in(buffers[slot], request->block);
        if (number != request->number)
            print("block %lu holds record %lu, not %lu\n", request->block, number, request->number), finish(3);
    }
}

static void collect(void) {
    fence();
    while (used_seen != *(volatile uint16_t *)&used.index) {
        complete(used.ring[used_seen % QUEUE_ENTRIES].id / 4);
        used_seen++;
    }
}

/* Interrupts stay off: wfi wakes nevertheless, and this is where they are looked at. */
static void wait(void) {
    collect();
    wait_for_interrupt();
    uint32_t irq = read32(plic_claim(0));
    if (irq == DISK_IRQ)
        set_reg(0x64, reg(0x60));
    if (irq != 0)
        write32(plic_claim(0), irq);
    collect();
}

static unsigned free_slot(unsigned depth) {
    for (;;) {
        collect();
        for (unsigned slot = 0; slot < depth; slot++)
            if (!requests[slot].is_busy)
                return slot;
        wait();
    }
}

static void drain(void) {
    for (unsigned slot = 0; slot < DEPTH_MAX; slot++)
        while (requests[slot].is_busy)
            wait();
}

static void describe(unsigned index, const volatile void *address, uint32_t length, uint16_t flags) {
    descriptors[index] = (struct descriptor){(uint64_t)address, length, flags, (uint16_t)(index + 1)};
}

static void submit(unsigned slot, uint32_t type, uint64_t number, uint64_t block) {
    struct request *request = &requests[slot];
    *request = (struct request){.type = type, .number = number, .block = block, .is_busy = true, .status = 0xff};
    unsigned first = slot * 4, next = first + 1;
    describe(first, request, 16, DESCRIPTOR_NEXT);
    if (type == TYPE_READ || type == TYPE_WRITE) {
        request->sector = block * SECTORS_PER_BLOCK;
        uint16_t flags = DESCRIPTOR_NEXT | (type == TYPE_READ ? DESCRIPTOR_WRITE : 0);
        describe(next++, buffers[slot], BLOCK_BYTES, flags);
    } else if (type == TYPE_ZEROES) {
        request->range.sector = block * SECTORS_PER_BLOCK;
        request->range.sectors = SECTORS_PER_BLOCK;
        describe(next++, &request->range, 16, DESCRIPTOR_NEXT);
    }
    describe(next, &request->status, 1, DESCRIPTOR_WRITE);
    available.ring[available.index % QUEUE_ENTRIES] = (uint16_t)first;
    fence();
    (*(volatile uint16_t *)&available.index)++;
    fence();
    set_reg(0x50, 0);
}

static void flush(void) {
    drain();
    submit(0, TYPE_FLUSH, 0, 0);
    drain();
}

/* What is on the disk: the largest number, having looked at every block. */
static uint64_t look(void) {
    uint64_t largest = 0;
    for (uint64_t block = 0; block < blocks; block++) {
        submit(0, TYPE_READ, 0, block);
        while (requests[0].is_busy) {
            fence();
            if (used_seen == *(volatile uint16_t *)&used.index) {
                wait_for_interrupt();
                continue;
            }
            used_seen++;
            requests[0].is_busy = false;
        }
        uint32_t irq = read32(plic_claim(0));
        set_reg(0x64, reg(0x60));
        if (irq != 0)
            write32(plic_claim(0), irq);
        uint64_t number = number_in(buffers[0], block);
        if (number != 0 && place(number) != block)
            panic("records: a record is in the wrong place");
        last_number[block] = (uint32_t)number;
        if (number > largest)
            largest = number;
    }
    return largest;
}

int main(void) {
    uint64_t count = argument("records", 1000), every = argument("every", 32), depth = argument("depth", 8);
    if (depth < 1 || depth > DEPTH_MAX || every < 1)
        panic("records: depth is 1 to 16, every at least 1");
    open_disk();
    uint64_t largest = look();
    print("records: %lu blocks, the last record is %lu\n", blocks, largest);
    if (argument("check", 0))
        return 0;
    for (uint64_t number = largest + 1; number <= largest + count; number++) {
        uint64_t block = place(number), other = place(number + 7919);
        unsigned slot = free_slot((unsigned)depth);
        bool is_zeroed = number % ZERO_EVERY == 0;
        if (!is_zeroed)
            fill(buffers[slot], number, block);
        submit(slot, is_zeroed ? TYPE_ZEROES : TYPE_WRITE, number, block);
        last_number[block] = is_zeroed ? 0 : (uint32_t)number;
        submit(free_slot((unsigned)depth), TYPE_READ, last_number[other], other);
        if (number % every == 0) {
            flush();
            print(failures == 0 ? "flushed %lu\n" : "not flushed %lu\n", number);
        }
    }
    flush();
    print("records: %lu written, %lu read, %lu failed\n", count, reads, failures);
    return failures == 0 ? 0 : 4;
}
