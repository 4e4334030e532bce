// Gives itself names by turns, long and short ones: `renames N` times each.
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv) {
  const char *names[] = {"ab", "fifteen letters", "a", "seven l", "eight le"};
  for (int i = 0; i < 5 * atoi(argv[1]); i++) prctl(PR_SET_NAME, names[i % 5]);
  return 0;
}
