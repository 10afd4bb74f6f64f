/* Reads the flattened device tree (devicetree specification 0.3, section 5) once, at start. */
#include "runtime.h"

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9 };

#define FDT_MAGIC 0xd00dfeedu

struct board board;

static uint32_t big_endian32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t big_endian64(const uint8_t *bytes) {
    return (uint64_t)big_endian32(bytes) << 32 | big_endian32(bytes + 4);
}

static bool begins_with(const char *text, const char *start) { return memcmp(text, start, strlen(start)) == 0; }

static bool equal(const char *left, const char *right) {
    return strlen(left) == strlen(right) && begins_with(left, right);
}

static void read_property(const char *node, const char *name, const uint8_t *value, uint32_t size) {
    if (equal(node, "chosen") && equal(name, "bootargs")) {
        if (size > sizeof board.arguments)
            size = sizeof board.arguments;
        memcpy(board.arguments, value, size);
        board.arguments[sizeof board.arguments - 1] = 0;
    } else if (begins_with(node, "memory@") && equal(name, "reg") && size >= 16) {
        board.memory_base = big_endian64(value);
        board.memory_size = big_endian64(value + 8);
    }
}

void board_read(const uint8_t *device_tree) {
    if (device_tree == NULL || big_endian32(device_tree) != FDT_MAGIC) {
        board.hart_count = 1;
        return;
    }
    const uint8_t *cursor = device_tree + big_endian32(device_tree + 8);
    const char *names = (const char *)device_tree + big_endian32(device_tree + 12);
    const char *node = "";
    for (;;) {
        uint32_t token = big_endian32(cursor);
        cursor += 4;
        if (token == FDT_BEGIN_NODE) {
            node = (const char *)cursor;
            cursor += (strlen(node) + 1 + 3) & ~3ul;
            if (begins_with(node, "cpu@"))
                board.hart_count++;
        } else if (token == FDT_PROP) {
            uint32_t size = big_endian32(cursor);
            read_property(node, names + big_endian32(cursor + 4), cursor + 8, size);
            cursor += 8 + ((size + 3) & ~3u);
        } else if (token == FDT_END) {
            return;
        } else if (token != FDT_NOP && token != FDT_END_NODE) {
            panic("the device tree is damaged");
        }
    }
}

/* The text after `name=` of the boot argument, or NULL. */
static const char *find_argument(const char *name) {
    size_t length = strlen(name);
    for (const char *word = board.arguments; *word != 0;) {
        if (begins_with(word, name) && word[length] == '=')
            return word + length + 1;
        while (*word != 0 && *word != ' ')
            word++;
        while (*word == ' ')
            word++;
    }
    return NULL;
}

uint64_t argument(const char *name, uint64_t otherwise) {
    const char *text = find_argument(name);
    if (text == NULL)
        return otherwise;
    unsigned base = 10;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    uint64_t value = 0;
    for (; *text != 0 && *text != ' '; text++) {
        unsigned digit = *text >= 'a' ? (unsigned)(*text - 'a') + 10 : (unsigned)(*text - '0');
        if (digit >= base)
            panic("a boot argument isn't a number");
        value = value * base + digit;
    }
    return value;
}

bool argument_is(const char *name, const char *word) {
    const char *text = find_argument(name);
    size_t length = strlen(word);
    return text != NULL && begins_with(text, word) && (text[length] == 0 || text[length] == ' ');
}
