// Makes code while it runs and writes down how it is called, as compilers for scripting languages do; then, once a line was read: more code, a
// child that has the same, and nothing of it left. `jit late` calls its code before it writes down anything, and says where; `jit mark` only calls.
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
// push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret
static const unsigned char outer[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
// push %rbp; mov %rsp,%rbp; mov $110,%eax; syscall; pop %rbp; ret
static const unsigned char inner[] = {0x55, 0x48, 0x89, 0xe5, 0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0x5d, 0xc3};
#else
// stp x29,x30,[sp,#-16]!; mov x29,sp; blr x0; ldp x29,x30,[sp],#16; ret
static const unsigned int outer[] = {0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0};
// stp x29,x30,[sp,#-16]!; mov x29,sp; mov x8,#173; svc #0; ldp x29,x30,[sp],#16; ret
static const unsigned int inner[] = {0xa9bf7bfd, 0x910003fd, 0xd28015a8, 0xd4000001, 0xa8c17bfd, 0xd65f03c0};
#endif

static unsigned char *place;
static char path[64];

static void *put(int at, const void *code, size_t size) {
    memcpy(place + at, code, size);
    __builtin___clear_cache((char *)place + at, (char *)place + at + size);
    return place + at;
}

static void *name(void *code, size_t size, const char *name) {
    FILE *map = fopen(path, "a");
    fprintf(map, "%lx %zx %s\n", (unsigned long)code, size, name);
    fclose(map);
    return code;
}

static void *make(int at, const void *code, size_t size, const char *called) {
    return name(put(at, code, size), size, called);
}

int main(int argc, char **argv) {
    place = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    unlink(path);
    if (argc > 1) {
        void (*inside)(void) = put(256, inner, sizeof inner);
        inside();
        if (argv[1][0] == 'l') {
            name(inside, sizeof inner, "named late");
            puts(path);
        }
        return 0;
    }
    void (*call)(void *) = make(0, outer, sizeof outer, "Outer::call (made)");
    call(make(256, inner, sizeof inner, "first"));
    if (getchar() == EOF) {
        return 1;
    }
    call(make(512, inner, sizeof inner, "second"));
    if (fork() == 0) {
        call(place + 256);
        _exit(0);
    }
    wait(NULL);
    return unlink(path) != 0;
}
