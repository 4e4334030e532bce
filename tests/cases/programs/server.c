// Serves the files below a directory by HTTP, a request a connection: `server DIRECTORY`. Prints its port, then the path of each request.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void answer(int client, const char *directory) {
  char request[4096] = "", path[4096] = "", place[8192], buffer[65536];
  size_t length = 0;
  while (length < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
    ssize_t got = read(client, request + length, sizeof request - 1 - length);
    if (got <= 0) return;
    request[length += got] = 0;
  }
  sscanf(request, "GET %4000s", path);
  puts(path);
  fflush(stdout);
  snprintf(place, sizeof place, "%s%s", directory, path);
  FILE *file = fopen(place, "r");
  dprintf(client, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n", file ? "200 OK" : "404 Not Found");
  while (file && (length = fread(buffer, 1, sizeof buffer, file)) > 0)
    if (write(client, buffer, length) < 0) break;
  if (file) fclose(file);
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), client;
  if (argc < 2 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while ((client = accept(listener, 0, 0)) >= 0) {
    answer(client, argv[1]);
    close(client);
  }
  return 1;
}
