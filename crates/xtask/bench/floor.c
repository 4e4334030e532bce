// Loads the floor's programs: floor OBJECT PROGRAM [once]
// Attaches one program and waits for ^C; with `once` it leaves at once, as a script whose BEGIN exits. PROGRAM `none` only starts.
// The program `line` has a reader: its records are printed as lines.
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

struct line {
	unsigned pid;
	char comm[16];
};

static int print_line(void *context, void *data, size_t size)
{
	const struct line *line = data;

	(void)context;
	if (size >= sizeof(*line))
		printf("%u %s\n", line->pid, line->comm);
	return 0;
}

int main(int count, char **words)
{
	struct bpf_object *object;
	struct bpf_program *program, *chosen = NULL;
	struct ring_buffer *ring = NULL;
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	if (count < 3)
		return 2;
	if (!strcmp(words[2], "none"))
		return 0;
	object = bpf_object__open_file(words[1], NULL);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object) {
		int is_chosen = !strcmp(bpf_program__name(program), words[2]);

		bpf_program__set_autoload(program, is_chosen);
		if (is_chosen)
			chosen = program;
	}
	if (!chosen || bpf_object__load(object) || !bpf_program__attach(chosen))
		return 1;
	if (count > 3)
		return 0;
	if (!strcmp(words[2], "line"))
		ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "lines"), print_line, NULL, NULL);
	signal(SIGINT, stop);
	puts("__BPFTRACE_NOTIFY_PROBES_ATTACHED");
	fflush(stdout);
	while (!stopped) {
		nanosleep(&pause, NULL);
		if (ring)
			ring_buffer__consume(ring);
	}
	return 0;
}
