// As a library: two functions. As a program: hands the address of one and then of the other to the kernel, each after a line of input:
// `two_names LIBRARY`.
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#ifdef LIBRARY
int first(void) { return 1; }
int second(void) { return 2; }
#else
int main(int argc, char **argv) {
  void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) return 1;
  const char *first = dlsym(library, "first"), *second = dlsym(library, "second");
  getchar();
  int is_path = chdir(first) == 0;
  getchar();
  return is_path || chdir(second) == 0;
}
#endif
