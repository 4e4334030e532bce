// A program that ends at once, a few functions deep, or sleeps there for a moment before it does, if it has an argument.
#include <unistd.h>
#define PLAIN __attribute__((noinline, noclone))

PLAIN int leaf(int number) {
  if (number > 1)
    usleep(1000);
  _exit(0);
}

PLAIN int inner(int number) {
  volatile char room[number * 16 + 64];
  room[0] = (char)number;
  return leaf(room[0]) + 1;
}

PLAIN int outer(int number) {
  volatile int kept = number;
  return inner(number) + kept;
}

int main(int count, char **words) { return outer(count) + 1; }
