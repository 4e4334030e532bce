// Passes a mark while it waits for the end of its input. Ends with 0 if nobody watches the mark by then.
#include <poll.h>
#include <unistd.h>

#include "marks.h"

unsigned short watched __attribute__((section(".probes"), used));

int main(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  char byte;
  do {
    MARK(work, watched, watched, "2@%0", "r"(watched));
  } while (poll(&input, 1, 1) == 0 || read(0, &byte, 1) > 0);
  return *(volatile unsigned short *)&watched == 0 ? 0 : 3;
}
