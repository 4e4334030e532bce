// Opens, reads and closes files, some of which do not exist: `files N` tells the story of N threads, each under its own name.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void use(const char *path) {
  char piece[16];
  int file = open(path, O_RDONLY);
  if (file < 0) return;
  if (read(file, piece, sizeof(piece)) < 0) perror(path);
  close(file);
}

static void *story(void *number) {
  char name[16];
  snprintf(name, sizeof(name), "story%ld", (long)number);
  prctl(PR_SET_NAME, name);
  use("/proc/self/comm");
  if ((long)number % 2) use("/no/such/file");
  use("/dev/null");
  return NULL;
}

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1;
  for (long i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, story, (void *)i)) return 1;
    pthread_join(thread, NULL);
  }
  return 0;
}
