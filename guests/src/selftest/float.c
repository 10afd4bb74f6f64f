/* F and D, within what every version of the extension agrees on (no signalling NaNs in min/max, no unboxed singles). */
#include "selftest.h"

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };

#define D(bits) ({ uint64_t bits_ = (bits); double value_; memcpy(&value_, &bits_, 8); value_; })
#define ONE 0x3ff0000000000000ul
#define TWO 0x4000000000000000ul
#define THREE 0x4008000000000000ul
#define HUGE 0x7fefffffffffffff
#define TINY 0x0010000000000000ul
#define INFINITY_D 0x7ff0000000000000ul
#define NAN_D 0x7ff8000000000000ul
#define NEGATIVE (1ul << 63)

static void check_flags(const char *name, uint64_t result, uint64_t expected, uint64_t flags) {
    uint64_t raised = csr_read(fflags);
    check(name, result, expected);
    check("  its fflags", raised, flags);
    csr_write(fflags, 0);
}

#define DOUBLE2(name, left, right, expected, flags) do { \
        double result_; uint64_t bits_; \
        asm volatile(name " %0, %1, %2" : "=f"(result_) : "f"(D(left)), "f"(D(right))); \
        memcpy(&bits_, &result_, 8); \
        check_flags("float " name, bits_, expected, flags); \
    } while (0)
#define SINGLE2(name, left, right, expected, flags) do { \
        uint64_t bits_; \
        asm volatile("fmv.w.x ft0, %1\nfmv.w.x ft1, %2\n" name " ft2, ft0, ft1\nfmv.x.w %0, ft2" \
                     : "=r"(bits_) : "r"(left), "r"(right) : "ft0", "ft1", "ft2"); \
        check_flags("float " name, bits_ & 0xffffffff, expected, flags); \
    } while (0)
#define TO_INTEGER(name, value, expected, flags) do { \
        uint64_t bits_; \
        asm volatile(name " %0, %1, rtz" : "=r"(bits_) : "f"(D(value))); \
        check_flags("float " name, bits_, (uint64_t)(expected), flags); \
    } while (0)
#define COMPARE(name, left, right, expected, flags) do { \
        uint64_t bits_; \
        asm volatile(name " %0, %1, %2" : "=r"(bits_) : "f"(D(left)), "f"(D(right))); \
        check_flags("float " name, bits_, expected, flags); \
    } while (0)

static uint64_t classify(uint64_t bits) {
    uint64_t result;
    asm volatile("fclass.d %0, %1" : "=r"(result) : "f"(D(bits)));
    return result;
}

void check_float(void) {
    csr_write(fcsr, 0);
    DOUBLE2("fadd.d", ONE, TWO, THREE, 0);
    DOUBLE2("fsub.d", ONE, THREE, NEGATIVE | TWO, 0);
    DOUBLE2("fmul.d", HUGE, TWO, INFINITY_D, OF | NX);
    DOUBLE2("fdiv.d", ONE, THREE, 0x3fd5555555555555, NX);
    DOUBLE2("fdiv.d", ONE, 0, INFINITY_D, DZ);
    DOUBLE2("fdiv.d", 0, 0, NAN_D, NV);
    DOUBLE2("fmul.d", TINY | 1, 0x3fe0000000000000, 0x0008000000000000, UF | NX);
    DOUBLE2("fsub.d", INFINITY_D, INFINITY_D, NAN_D, NV);
    DOUBLE2("fmin.d", ONE, NEGATIVE | TWO, NEGATIVE | TWO, 0);
    DOUBLE2("fmax.d", ONE, NAN_D, ONE, 0);
    DOUBLE2("fsgnj.d", ONE, NEGATIVE, NEGATIVE | ONE, 0);
    DOUBLE2("fsgnjn.d", ONE, NEGATIVE, ONE, 0);
    DOUBLE2("fsgnjx.d", NEGATIVE | ONE, NEGATIVE, ONE, 0);
    SINGLE2("fadd.s", 0x3f800000, 0x33800000, 0x3f800000, NX);
    SINGLE2("fsub.s", 0x40000000, 0x3f800000, 0x3f800000, 0);
    SINGLE2("fmul.s", 0x7f7fffff, 0x40000000, 0x7f800000, OF | NX);
    SINGLE2("fdiv.s", 0x3f800000, 0x40400000, 0x3eaaaaab, NX);
    SINGLE2("fmin.s", 0x3f800000, 0xbf800000, 0xbf800000, 0);
    COMPARE("feq.d", ONE, ONE, 1, 0);
    COMPARE("feq.d", NAN_D, NAN_D, 0, 0);
    COMPARE("flt.d", ONE, TWO, 1, 0);
    COMPARE("flt.d", ONE, NAN_D, 0, NV);
    COMPARE("fle.d", 0, NEGATIVE, 1, 0);
    TO_INTEGER("fcvt.l.d", NAN_D, 0x7fffffffffffffff, NV);
    TO_INTEGER("fcvt.w.d", 0xc3e0000000000000, 0xffffffff80000000, NV);
    TO_INTEGER("fcvt.wu.d", NEGATIVE | ONE, 0, NV);
    TO_INTEGER("fcvt.lu.d", INFINITY_D, -1ul, NV);
    TO_INTEGER("fcvt.wu.d", 0x41efffffffe00000, -1ul, 0);
    TO_INTEGER("fcvt.l.d", 0xc004000000000000, -2ul, NX);
    double result, third = 1.0 / 3;
    uint64_t bits;
    csr_write(fflags, 0);
    asm volatile("fsqrt.d %0, %1" : "=f"(result) : "f"(2.0));
    memcpy(&bits, &result, 8);
    check_flags("float fsqrt.d", bits, 0x3ff6a09e667f3bcd, NX);
    asm volatile("fsqrt.d %0, %1" : "=f"(result) : "f"(-1.0));
    memcpy(&bits, &result, 8);
    check_flags("float fsqrt.d of a negative", bits, NAN_D, NV);
    asm volatile("fmsub.d %0, %1, %2, %3" : "=f"(result) : "f"(third), "f"(3.0), "f"(1.0)); /* rounded once */
    memcpy(&bits, &result, 8);
    check_flags("float fmsub.d", bits, 0xbc90000000000000, 0);
    asm volatile("fnmadd.d %0, %1, %2, %3" : "=f"(result) : "f"(2.0), "f"(3.0), "f"(4.0));
    memcpy(&bits, &result, 8);
    check_flags("float fnmadd.d", bits, 0xc024000000000000, 0);
    asm volatile("fcvt.d.lu %0, %1" : "=f"(result) : "r"(-1ul));
    memcpy(&bits, &result, 8);
    check_flags("float fcvt.d.lu", bits, 0x43f0000000000000, NX);
    asm volatile("fcvt.s.d ft0, %1\nfmv.x.w %0, ft0" : "=r"(bits) : "f"(third) : "ft0");
    check_flags("float fcvt.s.d", bits, 0x3eaaaaab, NX);
    check("float fclass.d", classify(NEGATIVE | INFINITY_D) | classify(NEGATIVE | ONE) | classify(NEGATIVE | 1) |
          classify(NEGATIVE) | classify(0) | classify(1) | classify(ONE) | classify(INFINITY_D) | classify(NAN_D), 0x2ff);
    asm volatile("fmv.w.x ft0, %1\nfmv.x.d %0, ft0" : "=r"(bits) : "r"(0x3f800000) : "ft0");
    // F 2.0, which our floating point follows, leaves open what the upper half holds; 2.2 boxes it.
    check("float fmv.w.x", bits & 0xffffffff, 0x3f800000);
}

#define ROUNDED(mode, value) ({ uint64_t rounded_; \
    asm volatile("fcvt.l.d %0, %1, " mode : "=r"(rounded_) : "f"(value)); rounded_; })

static uint64_t rounded_dynamically(uint64_t mode, double value) {
    uint64_t result;
    csr_write(frm, mode);
    asm volatile("fcvt.l.d %0, %1, dyn" : "=r"(result) : "f"(value));
    csr_write(frm, 0);
    return result;
}

void check_rounding(void) {
    static const struct {
        const char *name;
        uint64_t plus, minus; /* of 2.5 and -2.5 */
    } modes[] = {
        {"rounding rne", 2, -2ul}, {"rounding rtz", 2, -2ul}, {"rounding rdn", 2, -3ul},
        {"rounding rup", 3, -2ul}, {"rounding rmm", 3, -3ul},
    };
    uint64_t plus[] = {ROUNDED("rne", 2.5), ROUNDED("rtz", 2.5), ROUNDED("rdn", 2.5), ROUNDED("rup", 2.5),
                       ROUNDED("rmm", 2.5)};
    uint64_t minus[] = {ROUNDED("rne", -2.5), ROUNDED("rtz", -2.5), ROUNDED("rdn", -2.5), ROUNDED("rup", -2.5),
                        ROUNDED("rmm", -2.5)};
    for (unsigned mode = 0; mode < COUNT_OF(modes); mode++) {
        check(modes[mode].name, plus[mode], modes[mode].plus);
        check("  of a negative", minus[mode], modes[mode].minus);
        check("  by frm", rounded_dynamically(mode, 2.5), modes[mode].plus);
        check("  by frm of a negative", rounded_dynamically(mode, -2.5), modes[mode].minus);
    }
    double sum;
    csr_write(frm, 3); /* up: 1 + 2^-60 is the next double */
    asm volatile("fadd.d %0, %1, %2" : "=f"(sum) : "f"(1.0), "f"(0x1p-60));
    csr_write(frm, 0);
    check("rounding fadd.d up", sum == 1 + 0x1p-52, true);

    csr_write(frm, 5);
    PROBE("fadd.d ft0, ft0, ft0", ::: "ft0");
    csr_write(frm, 0);
    check_trap("rounding mode 5 is illegal", 'M', CAUSE_ILLEGAL, 0, 0x02007053 | 7 << 12);
    csr_write(fcsr, 0xff);
    check("fcsr is frm and fflags", csr_read(frm) << 8 | csr_read(fflags), 0x71f);
    csr_write(fcsr, 0);
    csr_clear(mstatus, MSTATUS_FS);
    PROBE("fmv.d.x ft0, zero");
    check_trap("float is illegal with FS off", 'M', CAUSE_ILLEGAL, 0, 0xf2000053);
    csr_set(mstatus, MSTATUS_FS & (MSTATUS_FS >> 1)); /* Initial */
    asm volatile("fmv.d.x ft0, zero" ::: "ft0");
    check("float makes FS dirty", csr_read(mstatus) & (MSTATUS_FS | 1ul << 63), MSTATUS_FS | 1ul << 63);
}
