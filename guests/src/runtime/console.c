#include <stdarg.h>
#include "runtime.h"

void print_character(char character) {
    while ((uart_read(UART_LSR) & UART_LSR_THRE) == 0) {
    }
    uart_write(UART_THR, (uint8_t)character);
}

static void print_number(uint64_t value, unsigned base, unsigned width, char pad, bool negative) {
    char digits[32];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative)
        print_character('-');
    for (unsigned i = count + negative; i < width; i++)
        print_character(pad);
    while (count > 0)
        print_character(digits[--count]);
}

void print(const char *format, ...) {
    va_list values;
    va_start(values, format);
    for (; *format != 0; format++) {
        if (*format != '%') {
            print_character(*format);
            continue;
        }
        char pad = format[1] == '0' ? '0' : ' ';
        unsigned width = 0;
        for (format++; *format >= '0' && *format <= '9'; format++)
            width = 10 * width + (unsigned)(*format - '0');
        bool is_long = *format == 'l';
        if (is_long)
            format++;
        switch (*format) {
        case 'c': print_character((char)va_arg(values, int)); break;
        case 's':
            for (const char *text = va_arg(values, const char *); *text != 0; text++)
                print_character(*text);
            break;
        case 'd': {
            int64_t value = is_long ? va_arg(values, int64_t) : va_arg(values, int);
            print_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, pad, value < 0);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value = is_long ? va_arg(values, uint64_t) : va_arg(values, unsigned);
            print_number(value, *format == 'x' ? 16 : 10, width, pad, false);
            break;
        }
        default: print_character(*format);
        }
    }
    va_end(values);
}

void finish(int code) {
    while ((uart_read(UART_LSR) & UART_LSR_TEMT) == 0) {
    }
    write32(FINISHER_BASE, code == 0 ? 0x5555 : (uint32_t)code << 16 | 0x3333);
    for (;;)
        wait_for_interrupt();
}

void panic(const char *why) {
    print("panic: %s\n", why);
    finish(100);
}
