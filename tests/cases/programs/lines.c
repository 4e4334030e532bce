// Lines that are reached a known number of times; one is in three functions, since the compiler puts it into its callers.
#include <stdlib.h>

#define KEPT __attribute__((noinline, noclone))

static inline __attribute__((always_inline)) long mixed(long value) {
  long local = value * 3;
  asm volatile("" : "+r"(local));
  return local + 1;  // line 9: once in each caller
}

KEPT long first(long value) { asm volatile("" ::: "memory"); return mixed(value); }
KEPT long second(long value) { asm volatile("" ::: "memory"); return mixed(value) + 2; }

KEPT long loop(int count) {
  long total = 0;
  for (int i = 0; i < count; i++) {
    total += first(i);  // line 18
    if (i % 2)
      total -= second(i);  // line 20
  }
  return total;
}

int main(int argc, char **argv) {
  return loop(argc > 1 ? atoi(argv[1]) : 10) == 0;
}
