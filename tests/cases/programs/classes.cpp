// Classes with bases, references, templates, and those that are handed over by their address. For probes that know types from debug information.
#include <string>

#define KEPT __attribute__((noinline, noclone))

namespace zoo {
struct Animal { int legs; virtual ~Animal() {} };
struct Named : Animal { std::string name; static int counter; int legs_seen; };
enum class Diet : unsigned char { Plants = 1, Meat = 2 };
class Cat : public Named {
public:
  Diet diet;
  Animal &prey;
  int legs_seen;
  Cat(Animal &prey) : diet(Diet::Meat), prey(prey), legs_seen(5) { legs = 4; name = "tom"; Named::legs_seen = 6; }
  KEPT int hunt(int hours, const std::string &where) { asm volatile("" ::: "memory"); return hours + where.size() + legs; }
};
int Named::counter = 3;
struct Empty {};
struct Counted { int value; Counted(int value) : value(value) {} Counted(const Counted &other) : value(other.value + 1) {} };
template <class T> struct Box { T value; T *next; };

KEPT int feed(Cat *cat, int &&amount, Diet diet, bool Cat::*) { asm volatile("" ::: "memory"); return cat->legs + amount + (int)diet; }
KEPT int odd(Empty, int first, Counted counted, int second) { asm volatile("" ::: "memory"); return first + counted.value + second; }
KEPT Counted make(int value) { asm volatile("" ::: "memory"); return Counted(value); }
KEPT int open(const Box<int> *box) { asm volatile("" ::: "memory"); return box->value; }
}

int main() {
  zoo::Named mouse;
  mouse.legs = 2;
  zoo::Cat cat(mouse);
  zoo::Box<int> box{5, nullptr};
  zoo::Counted counted(10);
  int total = cat.hunt(3, "attic") + zoo::feed(&cat, 6, zoo::Diet::Plants, nullptr) + zoo::odd({}, 8, counted, 9);
  return total + zoo::make(2).value + zoo::open(&box) == 0;
}
