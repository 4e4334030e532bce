// Libraries inside of archives. `archive make OUT NAME FILE` writes a ZIP archive with one member, stored as it is; `archive call ARCHIVE FILE N`
// maps the code of that member from the archive, as Android does, and calls its `add` so often.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what) { perror(what); return 1; }

static char *bytes_of(const char *path, size_t *size) {
  struct stat found;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &found)) exit(failed(path));
  *size = found.st_size;
  char *bytes = mmap(NULL, *size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) exit(failed(path));
  return bytes;
}

static void words(FILE *out, const char *widths, const uint32_t *values) {
  for (; *widths; widths++, values++) fwrite(values, *widths - '0', 1, out);
}

static int make(const char *to, const char *name, const char *from) {
  size_t size, length = strlen(name);
  // Instructions lie where processors want them.
  size_t at = 4096 + 3 - (30 + length + 3) % 4;
  const char *bytes = bytes_of(from, &size);
  FILE *out = fopen(to, "w");
  if (!out) return failed(to);
  // What stands before an archive belongs to nobody: a program that unpacks it, or here nothing but room.
  for (size_t i = 0; i < at; i++) fputc(0, out);
  words(out, "42222244422", (uint32_t[]){0x04034b50, 20, 0, 0, 0, 0, 0, size, size, length, 0});
  fwrite(name, length, 1, out);
  fwrite(bytes, size, 1, out);
  uint32_t directory = ftell(out);
  words(out, "42222224442222244", (uint32_t[]){0x02014b50, 20, 20, 0, 0, 0, 0, 0, size, size, length, 0, 0, 0, 0, 0, at});
  fwrite(name, length, 1, out);
  uint32_t end = ftell(out);
  words(out, "42222442", (uint32_t[]){0x06054b50, 0, 0, 1, 1, end - directory, directory, 0});
  return fclose(out);
}

static int call(const char *archive, const char *library, int count) {
  size_t size;
  char *all = bytes_of(archive, &size);
  // Only its beginning is compared: elsewhere are breakpoints.
  char *member = memmem(all, size, "\177ELF", 4);
  void *loaded = dlopen(library, RTLD_NOW);
  void *function = loaded ? dlsym(loaded, "add") : NULL;
  Dl_info info;
  if (!member || !function || !dladdr(function, &info)) return failed("the library is not in the archive, or not as it was");
  // Linkers put code at the same offset in the file as in memory.
  int (*add)(int, int) = (int (*)(int, int))(member + ((char *)function - (char *)info.dli_fbase));
  for (int i = 0; i < count; i++) if (add(i, 1) != i + 1) return 1;
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 5 && !strcmp(argv[1], "make")) return make(argv[2], argv[3], argv[4]);
  if (argc < 5 || argc > 6 || strcmp(argv[1], "call")) return 2;
  int failed = call(argv[2], argv[3], atoi(argv[4]));
  // With one argument more: ends when its input does, so that a tracer can look at it.
  if (argc == 6) while (getchar() != EOF) {}
  return failed;
}
