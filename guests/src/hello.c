/* hello: one line, exit 0. */
#include "runtime/runtime.h"

int main(void) {
    print("Hello from lockstep\n");
    return 0;
}
