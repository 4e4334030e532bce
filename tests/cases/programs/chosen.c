// A function that is chosen when the program is loaded, called 1,000 times.
#define KEPT __attribute__((noinline, noclone))

KEPT static int one(void) { asm volatile(""); return 1; }
KEPT static int two(void) { asm volatile(""); return 2; }
static int (*pick(void))(void) { return sizeof(long) == 8 ? two : one; }
int chosen(void) __attribute__((ifunc("pick")));

int main(void) {
  volatile int total = 0;
  for (int i = 0; i < 1000; i++) total += chosen();
  return total == 0;
}
