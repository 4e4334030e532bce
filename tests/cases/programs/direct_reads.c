// Reads a file past the page cache, piece by piece: `direct_reads FILE N` writes N pieces of 4 KiB to it, and then reads each of them from disk.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PIECE = 4096 };

static int failed(const char *what) { perror(what); return 1; }

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int count = atoi(argv[2]);
  char *piece = aligned_alloc(PIECE, PIECE);
  memset(piece, 'x', PIECE);
  int file = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY, 0600);
  if (file < 0) return failed("open to write");
  for (int i = 0; i < count; i++) if (write(file, piece, PIECE) != PIECE) return failed("write");
  if (fsync(file) || close(file)) return failed("fsync");
  file = open(argv[1], O_RDONLY | O_DIRECT);
  if (file < 0) return failed("open to read");
  // What the file system does on its own before is not counted: counting goes by name.
  prctl(PR_SET_NAME, "reads");
  for (int i = 0; i < count; i++) if (read(file, piece, PIECE) != PIECE) return failed("read");
  prctl(PR_SET_NAME, "done");
  return 0;
}
