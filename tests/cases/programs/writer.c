// Writes to a variable a known number of times: `writer N`.
#include <stdlib.h>

volatile long watched;

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1;
  for (long i = 0; i < count; i++) watched = i;
  return 0;
}
