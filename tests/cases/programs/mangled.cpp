// A system call below functions with the names that compilers of C++ and Rust make: the latter by hand, so that no compiler of it is needed.
#include "getppid.h"

#define KEPT __attribute__((noinline, noclone))

namespace {
struct Tape {
    KEPT int call(int x) const {
        FRAME;
        GETPPID();
        return x + 1;
    }
};
}

namespace deep {
template <class T> KEPT T twice(T x) { T once = Tape().call(x); __asm__ volatile("" : : : "memory"); return once * 2; }
}

// `tape::play` before and since Rust's names have types in them.
KEPT int old_rust(int x) __asm__("_ZN4tape4play17h0123456789abcdefE");
KEPT int new_rust(int x) __asm__("_RNvC4tape4play");

int old_rust(int x) { int y = deep::twice<int>(x); __asm__ volatile("" : : : "memory"); return y + 1; }
int new_rust(int x) { int y = old_rust(x); __asm__ volatile("" : : : "memory"); return y + 2; }

int main() { int x = new_rust(1); __asm__ volatile("" : : : "memory"); return x == 0; }
