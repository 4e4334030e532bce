// Makes a system call below a function of its own for every byte that it reads.
#include <stdio.h>

__attribute__((noinline)) static int answer(int question) {
#ifdef __x86_64__
    long number = 110; // getppid
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
#else
    register long number __asm__("x8") = 173; // getppid
    __asm__ volatile("svc 0" : : "r"(number) : "x0", "memory");
#endif
    return question;
}

int main(void) {
    setbuf(stdin, NULL);
    for (int question; (question = getchar()) != EOF;) {
        answer(question);
    }
    return 0;
}
