// Calls functions of the C library that compute with vectors, a thousand times each.
#include <string.h>

int main(void) {
  char *(*volatile find)(const char *, int) = strchr;
  void *(*volatile fill)(void *, int, size_t) = memset;
  char text[64] = "";
  int found = 0;
  for (int i = 0; i < 1000; i++) found += find(fill(text, i % 4, 40), 3) != NULL;
  return found != 250;
}
