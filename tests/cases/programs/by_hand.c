// A function written by hand, as libraries for cryptography have them: `by_hand` aligns its stack and keeps where its frame begins in a register
// first, and then in memory; `made` is described nowhere, as code that was made by another compiler, but keeps a frame pointer.
#define PLAIN __attribute__((noinline, noclone))

int by_hand(int number);
int made(int number);

PLAIN int leaf(int number) {
  __asm__ volatile("" : "+r"(number));
  return number + 1;
}

__asm__(
    ".globl by_hand\n.type by_hand,@function\nby_hand:\n.cfi_startproc\n"
    "mov %rsp,%rax\n.cfi_def_cfa_register %rax\n"
    "push %rbx\n.cfi_offset %rbx,-16\n"
    "sub $64,%rsp\nand $-64,%rsp\nmov %rax,40(%rsp)\n"
    // Memory at 40 bytes from the stack pointer, and 8.
    ".cfi_escape 0x0f,0x05,0x77,0x28,0x06,0x23,0x08\n"
    "call leaf\n"
    "mov 40(%rsp),%rsi\n.cfi_def_cfa %rsi,8\n"
    "mov -8(%rsi),%rbx\n.cfi_restore %rbx\n"
    "lea (%rsi),%rsp\n.cfi_def_cfa_register %rsp\n"
    "ret\n.cfi_endproc\n.size by_hand,.-by_hand\n");

__asm__(
    ".globl made\n.type made,@function\nmade:\n"
    "push %rbp\nmov %rsp,%rbp\ncall leaf\npop %rbp\nret\n"
    ".skip 200000\n.size made,.-made\n");

PLAIN int outer(int number) {
  volatile int kept = number;
  return by_hand(number) + made(number) + kept;
}

int main(int count, char **words) { return outer(count) ? 0 : 1; }
