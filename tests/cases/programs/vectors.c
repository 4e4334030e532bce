// Calls functions that begin with instructions on vectors, which its processor must have.

// `one` and `two` return their second argument; something jumps behind the first instruction of `entered`; that of `changed` changes an argument.
asm(".text\n"
    ".type one, @function\none: vmovd %edi, %xmm0\nmov %rsi, %rax\nret\n.size one, .-one\n"
    ".type two, @function\ntwo: vmovd %esi, %xmm0\nvpbroadcastb %xmm0, %ymm0\nmov %rsi, %rax\nret\n.size two, .-two\n"
    ".type entered, @function\nentered: vmovd %edi, %xmm0\nbehind: mov %rsi, %rax\nret\n.size entered, .-entered\n"
    ".type enter, @function\nenter: jmp behind\n.size enter, .-enter\n"
    ".type changed, @function\nchanged: andn %rdi, %rdi, %rdi\nmov %rsi, %rax\nret\n.size changed, .-changed\n");
long one(long, long), two(long, long), entered(long, long), enter(long, long), changed(long, long);

int main(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return 1;
  long sum = 0;
  for (int i = 0; i < 1000; i++) sum += one(7, 8) + two(3, 4);
  return sum != 12000 || entered == enter || changed == enter;
}
