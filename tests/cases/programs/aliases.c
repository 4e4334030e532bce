// Functions of several names, and one whose unlikely part is elsewhere; all of them make a system call.
#include <stdlib.h>

#include "getppid.h"

__attribute__((noinline)) static void call(void) {
    FRAME;
    GETPPID();
}

__attribute__((cold, noinline)) void complain(int x) {
    FRAME;
    call();
    __asm__ volatile("" : : "r"(x));
}

__attribute__((noinline)) int work(int x) {
    FRAME;
    if (x > 5) {
        complain(x);
        exit(0);
    }
    call();
    return x + 1;
}

int sum_of(int a) {
    FRAME;
    call();
    return a + 1;
}
static int hidden(int) __attribute__((alias("sum_of"), used));
int a_weak_one(int) __attribute__((alias("sum_of"), weak));
int __sum_of(int) __attribute__((alias("sum_of")));

int main(int count, char **arguments) {
    return __sum_of(work(count)) + work(count + 5);
}
