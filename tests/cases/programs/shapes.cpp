// Overloads, methods and a template, each called a known number of times.
#define KEPT __attribute__((noinline))

namespace shapes {
KEPT int area(int side) { asm volatile(""); return side * side; }
KEPT int area(int width, int height) { asm volatile(""); return width * height; }
template <class T> KEPT T twice(T value) { asm volatile(""); return value + value; }
struct Square {
  int side;
  KEPT Square(int side) : side(side) { asm volatile(""); }
  KEPT int grow(int by) { asm volatile(""); return side += by; }
};
}

int main() {
  volatile long total = 0;
  for (int i = 0; i < 3; i++) total += shapes::area(i);
  for (int i = 0; i < 5; i++) total += shapes::area(i, i);
  for (int i = 0; i < 7; i++) total += shapes::twice(i);
  shapes::Square square(4);
  for (int i = 0; i < 9; i++) total += square.grow(i);
  return total == 0;
}
