// A system call at the end of a chain of calls, two of which the compiler puts into their caller.
// Cases name its lines.

#include "getppid.h"

// Where stacks are taken.
__attribute__((noinline))
static void call(void) {
    GETPPID();
}

__attribute__((noinline)) static int leaf(int x) {
    call();
    return x + 1;
}

static inline __attribute__((always_inline)) int deeper(int x) {
    int y = leaf(x);
    return y * 3;
}

static inline __attribute__((always_inline)) int inner(int x) {
    int y = deeper(x) + 4;
    return y * 5;
}

__attribute__((noinline)) int outer(int x) {
    int z = inner(x);
    return z + 7;
}

int main(void) {
    return outer(3) == 0;
}
