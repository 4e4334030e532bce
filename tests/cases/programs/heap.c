// Takes memory from the C library a known number of times: `heap N`.
#include <stdlib.h>

// The compiler must not know what becomes of the memory, or it leaves the pairs out.
static void *volatile kept;

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < count; i++) {
    kept = malloc(100 + i);
    kept = realloc(kept, 2000);
    free(kept);
    kept = calloc(3, 7);
    free(kept);
  }
  return 0;
}
