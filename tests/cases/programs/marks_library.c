// A library with a mark; with MAIN the program that uses it.
#ifdef MAIN
void pass(int);
int main(void) {
  for (int i = 0; i < 10; i++) pass(i);
  return 0;
}
#else
#include "marks.h"
void pass(int number) { MARK(lib, pass, 0, "-4@%0", "r"(number)); }
#endif
