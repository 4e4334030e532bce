// The floor of the bench: each script's work as one would write it by hand, a program a script. PID is the workload's process.
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define COMM 16
#define KEYS 4096
#define BUCKETS 64
#define SYSCALLS 512

// What a typed raw tracepoint on sys_enter hands in: the registers and the number of the call.
struct entry {
	__u64 registers;
	__u64 number;
};

struct by_comm {
	char comm[COMM];
};

struct by_three {
	__u32 pid;
	__u32 number;
	char comm[COMM];
};

struct line {
	__u32 pid;
	char comm[COMM];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SYSCALLS);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KEYS);
	__type(key, struct by_comm);
	__type(value, __u64);
} comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KEYS);
	__type(key, struct by_three);
	__type(value, __u64);
} threes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, KEYS);
	__type(key, __u32);
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KEYS);
	__type(key, __u32);
	__type(value, __u64);
} by_stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} lines SEC(".maps");

static __always_inline int foreign(void)
{
	return (bpf_get_current_pid_tgid() >> 32) != PID;
}

static __always_inline void bump(void *map, const void *key)
{
	__u64 *value = bpf_map_lookup_elem(map, key);
	__u64 one = 1;

	if (value)
		*value += 1;
	else
		bpf_map_update_elem(map, key, &one, BPF_NOEXIST);
}

// The bucket of a power of two: how many times it can be halved.
static __always_inline __u32 magnitude(__u64 value)
{
	__u32 power = 0;

#pragma unroll
	for (int half = 32; half > 0; half /= 2) {
		if (value >> half) {
			value >>= half;
			power += half;
		}
	}
	return power & (BUCKETS - 1);
}

SEC("tp_btf/sys_enter")
int empty(struct entry *entry)
{
	return 0;
}

SEC("tp_btf/sys_enter")
int count(struct entry *entry)
{
	__u32 key = 0;

	if (foreign())
		return 0;
	bump(&total, &key);
	return 0;
}

SEC("tp_btf/sys_enter")
int comm(struct entry *entry)
{
	struct by_comm key;

	if (foreign())
		return 0;
	bpf_get_current_comm(key.comm, COMM);
	bump(&comms, &key);
	return 0;
}

SEC("tp_btf/sys_enter")
int three(struct entry *entry)
{
	struct by_three key = { .number = entry->number };

	if (foreign())
		return 0;
	key.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(key.comm, COMM);
	bump(&threes, &key);
	return 0;
}

SEC("tp_btf/sys_enter")
int hist(struct entry *entry)
{
	__u32 key;

	if (foreign())
		return 0;
	key = magnitude(bpf_ktime_get_ns());
	bump(&buckets, &key);
	return 0;
}

// The plain kind of raw tracepoint spares the start libbpf's reading of the kernel's types.
SEC("raw_tp/sys_enter")
int start(struct entry *entry)
{
	__u32 key = 0;

	bump(&total, &key);
	return 0;
}

SEC("raw_tp/sys_enter")
int bynumber(struct entry *entry)
{
	__u32 key = entry->number & (SYSCALLS - 1);

	bump(&calls, &key);
	return 0;
}

SEC("tp_btf/sys_enter")
int line(struct entry *entry)
{
	struct line *line;

	if (foreign())
		return 0;
	line = bpf_ringbuf_reserve(&lines, sizeof(*line), 0);
	if (!line)
		return 0;
	line->pid = PID;
	bpf_get_current_comm(line->comm, COMM);
	// The reader polls; waking it for every line would cost more than the line.
	bpf_ringbuf_submit(line, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int bump_stack(void *context, __u64 flags)
{
	__u32 stack;

	if (foreign())
		return 0;
	stack = bpf_get_stackid(context, &stacks, flags);
	bump(&by_stack, &stack);
	return 0;
}

// From a tracepoint as perf has it: its registers are where the walk begins; a raw one would have to make them up.
SEC("tracepoint/raw_syscalls/sys_enter")
int kstack(void *context)
{
	return bump_stack(context, 0);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int ustack(void *context)
{
	return bump_stack(context, BPF_F_USER_STACK);
}
