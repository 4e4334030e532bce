// Functions without frame pointers: deep, called by a library, in a handler of signals, in the code that the kernel gives to every process. Which,
// the first argument says; `leaf` is the innermost. With LIBRARY the library, with BARE a function whose frame is described nowhere.
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLAIN __attribute__((noinline, noclone))

#if defined(LIBRARY)
PLAIN int call_back(int (*call)(int)) { return call(1) + 1; }
#elif defined(BARE)
int leaf(int number);
PLAIN int bare(int number) { return leaf(number) + 1; }
#else
int bare(int number) __attribute__((weak));

// A call that nobody sees through: its frame stays.
PLAIN int leaf(int number) {
  __asm__ volatile("" : "+r"(number));
  return number + 1;
}

// The size of its frame is known when it runs.
PLAIN int sized(int number) {
  volatile char room[number * 16 + 16];
  room[0] = 1;
  return leaf(number) + room[0];
}

// Its frame is aligned to more than that of its caller.
PLAIN int aligned(int number) {
  volatile int room[16] __attribute__((aligned(64)));
  room[number] = number;
  return sized(number) + room[number];
}

PLAIN int deep(int number) {
  volatile int kept = number;
  return (number > 0 ? deep(number - 1) : aligned(number)) ^ kept;
}

PLAIN int compare(const void *one, const void *other) { return leaf(*(const int *)one) - *(const int *)other; }

static volatile int seen;

PLAIN void handler(int number) { seen = leaf(number); }

PLAIN int interrupted(int number) {
  volatile int kept = number;
  raise(SIGUSR1);
  return kept;
}

PLAIN int through_library(int (*call)(int (*)(int))) { return call(leaf) + 1; }

PLAIN int clocked(void) {
  struct timespec now;
  return clock_gettime(CLOCK_MONOTONIC, &now) + (int)now.tv_nsec;
}

// Until whoever started us has seen enough.
static int is_wanted(void) { return getppid() > 1; }

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  int numbers[] = {2, 1};
  if (strcmp(what, "deep") == 0) seen = deep(atoi(words[2]));
  if (strcmp(what, "sort") == 0) qsort(numbers, 2, sizeof numbers[0], compare);
  if (strcmp(what, "bare") == 0) seen = bare(1);
  if (strcmp(what, "signal") == 0) {
    signal(SIGUSR1, handler);
    seen = interrupted(1);
  }
  if (strcmp(what, "library") == 0) {
    void *library = dlopen(words[2], RTLD_NOW);
    int (*call)(int (*)(int)) = library == NULL ? NULL : (int (*)(int (*)(int)))dlsym(library, "call_back");
    while (call != NULL && is_wanted()) seen = through_library(call), usleep(1000);
  }
  if (strcmp(what, "again") == 0) {
    while (is_wanted()) seen = deep(0), usleep(1000);
  }
  if (strcmp(what, "clock") == 0) {
    while (is_wanted()) {
      for (int round = 0; round < 100000; round++) seen += clocked();
    }
  }
  return 0;
}
#endif
