// Passes marks for tracers a known number of times: `marks N`. Each kind of operand, one mark at several places, one that asks who watches.
#include <stdio.h>
#include <stdlib.h>

#include "marks.h"

unsigned short watched __attribute__((section(".probes"), used));
int counter = 77;
int numbers[6] = {1 << 16, -2, 3, -4, 5, -6};

static volatile long table[4] = {10, -20, 30, -40};

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  // With a second argument: waits until its input ends, so that a tracer can find it.
  if (argc > 2) while (getchar() != EOF) {}
  for (int i = 0; i < count; i++) {
    long index = i % 4;
    // What was never touched is not in memory, and cannot be read by a probe.
    static char text[] = "a text";
    *(volatile char *)text = 'a';
    MARK(work, begin, 0, "-4@%0 8@%1", "r"(i), "r"(text));
    // The same mark, its arguments elsewhere.
    MARK(work, step, 0, "8@%0", "i"(1000L));
    MARK(work, step, 0, "8@%0", "r"(2000L + i));
    MARK(work, sizes, 0, "1@%0 -1@%0 2@%1 -2@%1 4@%2 -4@%2", "i"(200), "i"(-3), "i"(-5));
    MARK(work, many, 0, "4@%0 4@%1 4@%2 4@%3 4@%0 4@%1 4@%2 4@%3 4@%0 4@%1 4@%2 4@%3 4@%0 4@%1 4@%2 4@%3 4@%0 4@%1 4@%2 4@%3", "i"(0),
         "i"(1), "i"(2), "i"(3));
#ifdef __x86_64__
    MARK(work, memory, 0, "-8@(%0,%1,8) 8@%0 -8@8(%0) -4@counter(%%rip) -4@counter+0(%%rip)", "r"(table), "r"(index));
    MARK(work, parts, 0, "1@%%al 1@%%ah 2@%%ax 4@%%eax", "a"(0x12345678));
    MARK(work, floats, 0, "-4@%0 8f@%%xmm0 -4@%0", "r"(i));
    MARK(work, symbols, 0, "-4@numbers+4(%%rip) -8@numbers+8(%%rip) 2@numbers+2(%%rip) 8@$numbers+4 -4@nowhere(%%rip)");
    // Not at the same address in every run: what is added to a name counts from where the program is.
    MARK(work, indexed, 0, "-4@numbers(,%1,4) -4@(%0,%1,4) -4@-8(%0,%1,4)", "r"(numbers), "r"(index));
#else
    MARK(work, memory, 0, "-8@[%0, %1, lsl 3] 8@%0 -8@[%0, 8]", "r"(table), "r"(index));
    MARK(work, parts, 0, "-4@%w0 4@%w0 4@wzr 8@[sp, 8] 8@sp", "r"(-5));
    MARK(work, floats, 0, "-4@%w0 8f@d0 -4@%w0", "r"(i));
    MARK(work, symbols, 0, "-4@counter -4@numbers+4 -4@[%0, #:lo12:counter]", "r"((long)&counter & ~0xfffL));
    MARK(work, indexed, 0, "-4@[%0, %w1, sxtw 2] -4@[%0, %w2, uxtw #2] -4@[%0, %w1, sxtw]", "r"(numbers + 4), "r"(-4), "r"(1));
#endif
    MARK(other, begin, 0, "");
    if (watched) MARK(work, watched, watched, "2@%0", "r"(watched));
  }
  return watched == 0 ? 0 : 3;
}
