// A program with the section by which Go programs are known, and functions that a compiler made of others.
#define COPY(name, symbol)                                                                                                                 \
  __attribute__((noinline, noclone)) int name(int number) asm(symbol);                                                                     \
  int name(int number) { asm volatile(""); return number + 1; }

#ifdef GO
__attribute__((section(".go.buildinfo"), used)) const char built_from[32] = "\xff Go buildinf:";
#endif

COPY(scalars_replaced, "hidden.isra.0")
COPY(constants_put_in, "folded.constprop.0")
COPY(rest_cut_off, "cold.part.0")

int main(void) {
  int sum = 0;
  for (int i = 0; i < 10; i++) sum += scalars_replaced(i) + constants_put_in(i) + rest_cut_off(i);
  return sum == 0;
}
