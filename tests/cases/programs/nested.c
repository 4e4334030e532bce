// Functions in each other: `outer` calls `middle` and `passing`, which at its end jumps to `passed`; both ways lead to `inner`.
#define PLAIN __attribute__((noinline, noclone))

PLAIN int inner(int number) {
  __asm__ volatile("" : "+r"(number));
  return number + 1;
}

PLAIN int middle(int number) {
  volatile char room[number * 16 + 64];
  room[0] = 0;
  return inner(room[0]) + 1;
}

PLAIN int passed(int number) {
  volatile int kept = number;
  return inner(number) + kept;
}

PLAIN int passing(int number) { return passed(number + 1); }

PLAIN int outer(int number) {
  volatile int kept = number;
  return middle(number) + passing(number) + kept;
}

int main(int count, char **words) { return outer(count) ? 0 : 1; }
