// A program that ends at once, a few functions deep: the innermost is `leaf`.
#include <unistd.h>
#define PLAIN __attribute__((noinline, noclone))
PLAIN int leaf(int n) { _exit(n); }
PLAIN int inner(int n) { volatile char room[n * 16 + 64]; room[0] = 0; return leaf(room[0]) + 1; }
PLAIN int outer(int n) { volatile int kept = n; return inner(n) + kept; }
int main(int argc, char **argv) { return outer(argc) + 1; }
