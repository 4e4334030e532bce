// Variables that the optimizer did away with: what they would be follows from those that are left.
__attribute__((noinline, noclone)) long work(long first, long second) {
  long shared = first / 7, rest = 100 - first;
  long same = first == second, other = first != second;
  long less = first < second, not_more = first <= second;
  long more = first > second, not_less = first >= second;
  asm volatile("nop");
  asm volatile("nop" : : "r"(first), "r"(second));  // line 8
  return first + second;
}

int main(int argc, char **argv) {
  return work(argc - 101, 3) + work(50, argc + 49) == 0;
}
