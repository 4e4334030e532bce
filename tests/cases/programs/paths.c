// Reaches one system call by 2^depth ways: each bit of a number says by which of two functions the next call goes.
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int one(unsigned way, int depth);

static int zero(unsigned way, int depth) {
    if (depth == 0) return (int)syscall(SYS_getppid) & 0;
    return ((way & 1) ? one(way >> 1, depth - 1) : zero(way >> 1, depth - 1)) + 1;
}

static int one(unsigned way, int depth) {
    if (depth == 0) return (int)syscall(SYS_getppid) & 0;
    return ((way & 1) ? one(way >> 1, depth - 1) : zero(way >> 1, depth - 1)) + 2;
}

int main(int argc, char **argv) {
    int depth = argc > 1 ? atoi(argv[1]) : 1, times = argc > 2 ? atoi(argv[2]) : 1, sum = 0;
    for (int round = 0; round < times; round++)
        for (unsigned way = 0; way < 1u << depth; way++) sum += zero(way, depth);
    return sum == 0;
}
