/* Functions that scripts import: integers of all kinds, pointers, a map, variables. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct pair { int a; long b; };
enum size { SMALL, LARGE = 7 };

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, int);
    __type(value, long);
    __uint(max_entries, 16);
} seen SEC(".maps");

int different;
const volatile int begin_with = 7;

static int hidden(int a) { return a + 1; }
int add(int a, int b) { return hidden(a) - 1 + b; }
unsigned long long multiply(unsigned long long a, unsigned long long b) { return a * b; }
_Bool is_large(int value) { return value > 3; }
enum size choose(int large) { return large ? LARGE : SMALL; }
signed char shrink(unsigned char value) { return value; }
unsigned int process(void) { return bpf_get_current_pid_tgid() >> 32; }

int seen_before(int key) {
    long one = 1, *times = bpf_map_lookup_elem(&seen, &key);
    if (times)
        return ++*times;
    bpf_map_update_elem(&seen, &key, &one, 0);
    different++;
    return 1;
}
int total(void) { return different * 10 + begin_with; }
void forget(int count) { different -= count; }

int step(int *value) { return value ? ++*value : -1; }
long first(struct pair *pair) {
    int a = 0;
    bpf_probe_read_kernel(&a, sizeof(a), &pair->a);
    return a;
}

char _license[] SEC("license") = "GPL";
