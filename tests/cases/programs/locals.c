// Variables of every kind at one line: in registers, on the stack, constants, of an inlined function, of blocks, gone.
#include <stdlib.h>

#define KEPT __attribute__((noinline, noclone))

struct point { int x, y; };
enum color { RED, GREEN = 5 };

static inline __attribute__((always_inline)) long inner(long value) {
  long local = value * 3;
  asm volatile("" : "+r"(local));
  return local + 1;  // line 12
}

KEPT long work(long a, const char *text, struct point *at) {
  static int calls = 40;
  struct point here = {at->x + 1, -8};
  enum color color = GREEN;
  signed char small = -3;
  long doubled = a * 2, unused = a * 5;
  calls++;
  if (a > 0) {
    long a = doubled + 100;
    asm volatile("" :: "r"(&here), "r"(a), "r"(doubled), "r"(text), "r"(at) : "memory");  // line 24
    asm volatile("" :: "r"(&here), "r"(a), "r"(doubled), "r"(text), "r"(at) : "memory");
  }
  return inner(doubled) + small + color + here.y;
}

int main(int argc, char **argv) {
  struct point at = {argc, 2};
  // On the stack: memory that nobody has touched cannot be read by a tracer.
  char text[] = "text";
  long total = 0;
  for (long i = 1; i <= 3; i++) total += work(i, text, &at);
  return total == 0;
}
