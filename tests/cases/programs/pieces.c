// Structs that the compiler keeps in registers, member by member.
struct pair { long a, b; };
struct mixed { int i; short s; char c; long l; };

__attribute__((noinline, noclone)) struct pair make(long x) {
  struct pair made = {x, x * 2};
  asm volatile("" : "+r"(made.a), "+r"(made.b));
  return made;
}

__attribute__((noinline, noclone)) long work(struct mixed given, long count) {
  struct pair made = make(count);
  struct mixed copy = given;
  for (long i = 0; i < count; i++) {
    asm volatile("" : "+r"(made.a), "+r"(made.b), "+r"(copy.i), "+r"(copy.l), "+r"(copy.s), "+r"(copy.c));  // line 15
    made.b += i;
    copy.i++;
    copy.c--;
  }
  return made.a + made.b + copy.i + copy.l + copy.c + copy.s;
}

int main(int argc, char **argv) {
  struct mixed given = {argc, -2, 'c', 1l << 40};
  return work(given, 3) == 0;
}
