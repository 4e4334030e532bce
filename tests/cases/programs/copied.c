// A program that copies some of its own code to other memory at the same address, as large programs do to have it on huge pages.
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "getppid.h"

#define PAGE 4096

// A page for itself, between pages that stay what they are.
__attribute__((noinline, section(".text.copied"), aligned(PAGE))) static void call(void) {
    FRAME;
    GETPPID();
}

__attribute__((noinline, section(".text.copied"), aligned(PAGE))) static void behind(void) {
    call();
}

int main(void) {
    static char code[PAGE];
    memcpy(code, call, PAGE);
    void *copy = mmap(call, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (copy == MAP_FAILED)
        return 1;
    memcpy(copy, code, PAGE);
    __builtin___clear_cache((char *)copy, (char *)copy + PAGE);
    behind();
    return 0;
}
