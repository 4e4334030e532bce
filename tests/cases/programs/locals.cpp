// Variables at a line of a member function: of the object, by reference, of a loop.
#include <vector>

struct Counter {
  int base;
  std::vector<int> steps;

  __attribute__((noinline)) long run(const int &factor) {
    long total = 0;
    for (int step : steps) {
      long product = step * factor + base;
      total += product;  // line 12
      asm volatile("" : "+r"(total) : "r"(product) : "memory");
    }
    return total;
  }
};

int main() {
  Counter counter{100, {1, 2, 3}};
  int factor = 10;
  return counter.run(factor) == 0;
}
