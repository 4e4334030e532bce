// Types keys on a terminal of its own, one write each, the way an interactive program echoes them: `keys TEXT`.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (argc != 2 || master < 0 || grantpt(master) || unlockpt(master)) return 1;
  int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  if (terminal < 0) return 1;
  prctl(PR_SET_NAME, "keys");
  for (const char *key = argv[1]; *key; key++) if (write(terminal, key, 1) != 1) return 1;
  return 0;
}
