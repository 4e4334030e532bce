// Hands the addresses of some variables to a function that writes there, and those of others to another: `handed VARIABLES TIMES [wait]`, each
// variable so many times. To be compiled without optimization: the first instruction of the function must not be the one that writes.
#include <stdio.h>
#include <stdlib.h>

#ifndef MOST
#define MOST 16
#endif

long variables[MOST], cleared[MOST];

void store(long number, volatile long *to) { *to = number; }

void clear(volatile long *what) { *what = 0; }

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1, times = argc > 2 ? atoi(argv[2]) : 1;
  if (argc > 3) getchar();
  for (int time = 0; time < times; time++)
    for (int at = 0; at < count; at++) {
      store(time, &variables[at]);
      clear(&cleared[at]);
    }
  return 0;
}
