// What is looked at in a program that is large for other reasons.
struct point { int x, y; };

__attribute__((noinline)) int work(struct point *point, int times) { return point->x * times; }

int main(int argc, char **argv) {
  struct point point = {argc, 2};
  int total = 0;
  for (int i = 0; i < 10; i++) total += work(&point, i);
  return total == 0;
}
