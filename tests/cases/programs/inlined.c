// A system call at the end of a chain of calls, two of which the compiler puts into their caller.
__attribute__((noinline)) static void call(void) {
#ifdef __x86_64__
    long number = 110; // getppid
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
#else
    register long number __asm__("x8") = 173; // getppid
    __asm__ volatile("svc 0" : : "r"(number) : "x0", "memory");
#endif
}

__attribute__((noinline)) static int leaf(int x) {
    call();
    return x + 1;
}

static inline __attribute__((always_inline)) int deeper(int x) {
    int y = leaf(x);
    return y * 3;
}

static inline __attribute__((always_inline)) int inner(int x) {
    int y = deeper(x) + 4;
    return y * 5;
}

__attribute__((noinline)) int outer(int x) {
    int z = inner(x);
    return z + 7;
}

int main(void) {
    return outer(3) == 0;
}
