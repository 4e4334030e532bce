// Calls a function that begins with an instruction under lock, and one that does not.
asm(".globl locked\n.type locked, @function\nlocked: lock incl (%rdi)\nnop\nret\n.size locked, .-locked\n");
void locked(int *number);
__attribute__((noinline, noclone)) void loose(int *number) { asm volatile(""); ++*number; }

int main(void) {
  int number = 0;
  for (int i = 0; i < 10; i++) {
    locked(&number);
    loose(&number);
  }
  return number != 20;
}
