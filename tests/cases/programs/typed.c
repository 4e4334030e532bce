// Functions whose arguments and results are of every kind that C has. For probes that know types from debug information.
#include <stdbool.h>
#include <stdlib.h>

#define KEPT __attribute__((noinline, noclone))

enum color { RED, GREEN = 5, BLUE = -1 };
union number { int whole; float part; };
struct point { int x; int y; };
struct large { long v[4]; };
struct mixed { double d; int i; };
struct bits { unsigned low : 3; int middle : 5; unsigned long high : 40; };
typedef struct { long id; char name[8]; } item;

struct node {
  struct node *next;
  struct point at;
  enum color color;
  struct bits bits;
  const char *name;
  unsigned char raw[4];
  struct {
    int hidden;
    union { int one; char other; };
  };
  item item;
  float ratio;
  short grid[2][3];
  int rest[];
};

KEPT long many(int a, char b, long c, unsigned short d, const char *e, struct point *f, int g, signed char h, unsigned long i, struct point j) {
  asm volatile("" ::: "memory");
  return a + b + c + d + *e + f->x + g + h + i + j.y;
}
KEPT double floats(int a, double b, int c, float d) { asm volatile("" ::: "memory"); return a + b + c + d; }
KEPT int values(struct point p, struct large l, int z, struct mixed m, item i) {
  asm volatile("" ::: "memory");
  return p.x + l.v[1] + z + m.i + i.id;
}
KEPT struct large written(int first) { struct large l = {{first, 2, 3, 4}}; asm volatile("" ::: "memory"); return l; }
KEPT int walk(struct node *node, enum color color, union number *number, bool is_set, void *any, char **words) {
  asm volatile("" ::: "memory");
  return node->at.x + color + number->whole + is_set + (any == words);
}
KEPT enum color negative(signed char small) { asm volatile("" ::: "memory"); return small < 0 ? BLUE : RED; }
KEPT bool none(void) { asm volatile("" ::: "memory"); return true; }
KEPT short twice(short value) { asm volatile("" ::: "memory"); return value + value; }
KEPT const char *word(const char *text) { asm volatile("" ::: "memory"); return text + 1; }

int main(int argc, char **argv) {
  struct point p = {7, 8};
  struct large l = {{1, 2, 3, 4}};
  struct mixed m = {1.5, 9};
  union number u = {.whole = 77};
  item i = {42, "item"};
  struct node *node = calloc(1, sizeof *node + 8);
  *node = (struct node){.next = node, .at = p, .color = GREEN, .bits = {5, -3, 123456789012}, .name = "hello", .hidden = 11, .one = 12, .item = i};
  node->raw[2] = 9;
  node->grid[1][2] = -4;
  node->rest[1] = 31;
  int count = argc > 1 ? atoi(argv[1]) : 1;
  volatile long total = 0;
  for (int n = 0; n < count; n++) {
    total += many(1, 'b', -3, 4, "five", &p, -7, -8, 9, p);
    total += floats(1, 2.5, 3, 4.5);
    total += values(p, l, 5, m, i);
    total += written(6).v[0];
    total += walk(node, BLUE, &u, true, &p, argv);
    total += negative(-2) + none() + twice(-2) + *word("word");
  }
  return total == 0;
}
