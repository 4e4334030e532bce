// Makes a system call below a function of its own for every byte that it reads.
#include <stdio.h>

#include "getppid.h"

__attribute__((noinline)) static int answer(int question) {
    FRAME;
    GETPPID();
    return question;
}

int main(void) {
    setbuf(stdin, NULL);
    for (int question; (question = getchar()) != EOF;) {
        answer(question);
    }
    return 0;
}
