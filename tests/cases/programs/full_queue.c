// Lets connections wait in a listener's queue until it is full, and accepts them: `full_queue BACKLOG…`, one listener after the other.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(const char *what) { perror(what); return 1; }

static int fill(int backlog) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(at);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, backlog)) return failed("listen");
  getsockname(listener, (struct sockaddr *)&at, &size);
  // The kernel lets one more in than it was told. Those that are too many are given up before they try again.
  int clients[backlog + 5];
  for (int i = 0; i < backlog + 5; i++) {
    clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    fcntl(clients[i], F_SETFL, O_NONBLOCK);
    if (connect(clients[i], (struct sockaddr *)&at, size) && errno != EINPROGRESS) return failed("connect");
    struct pollfd connected = {.fd = clients[i], .events = POLLOUT};
    if (i <= backlog && poll(&connected, 1, 5000) != 1) return failed("the queue is shorter than it should be");
  }
  for (int i = backlog + 1; i < backlog + 5; i++) close(clients[i]);
  for (int i = 0; i <= backlog; i++) if (accept(listener, NULL, NULL) < 0) return failed("accept");
  for (int i = 0; i <= backlog; i++) close(clients[i]);
  return close(listener);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) if (fill(atoi(argv[i]))) return 1;
  return 0;
}
