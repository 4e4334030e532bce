// Calls functions a known number of times: `calls N`. For probes on the code of processes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT __attribute__((noinline, noclone))

int answer = 42;

KEPT int add(int a, int b) { asm volatile(""); return a + b; }
KEPT int half(int a) { asm volatile(""); return a / 2 - 1; }
KEPT const char *name(const char *text, int unused) { asm volatile("" :: "r"(unused)); return text + 1; }
KEPT long many(long a, long b, long c, long d, long e, long f, long g, long h) {
  asm volatile("");
  return a + b + c + d + e + f + g + h;
}
// Two names for one function.
int sum_of(int a, int b) __attribute__((alias("add")));

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1000;
  // With a second argument: waits until its input ends, so that a tracer can find it.
  if (argc > 2) while (getchar() != EOF) {}
  volatile long total = 0;
  size_t (*volatile length)(const char *) = strlen;
  for (int i = 0; i < count; i++) {
    total += add(i, 1);
    if (i % 2) total += half(i);
    total += length("twelve chars");
  }
  total += *name("hello", 7);
  total += many(1, 2, 3, 4, 5, 6, 7, 8);
  return total == 0;
}
