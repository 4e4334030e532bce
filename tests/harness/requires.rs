//! What a case may ask of the machine (`REQUIRES`), and whether it is there.
//!
//! A reason that begins with `the kernel lacks` or `the machine has` explains a skip on any kernel; `cargo xtask vmtest` takes any other
//! for a fault of the set-up.

use std::io::Read;
use std::path::Path;

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Why the machine lacks something; `None` if it has it. `Err`: nobody knows what is meant.
pub fn missing(need: &str) -> Result<Option<String>, String> {
    let unless = |is_there: bool, why: &str| Ok((!is_there).then(|| why.to_owned()));
    let (word, argument) = need.split_once(':').unwrap_or((need, ""));
    match word {
        "root" => unless(rustix::process::geteuid().is_root(), "needs root"),
        "user" => unless(user_other_than_root(), "needs `setpriv` and root, to become somebody else"),
        "btf" if argument.is_empty() => unless(Path::new(BTF).exists(), "the kernel lacks BTF"),
        "btf" => unless(btf_says(argument), &format!("the kernel lacks BTF with `{argument}`")),
        "kprobe" => unless(Path::new("/sys/bus/event_source/devices/kprobe/type").exists(), "the kernel lacks kprobes"),
        "ftrace" => unless(ftrace_tells(), "the kernel lacks an ftrace that may be used"),
        "unlocked" => unless(writes_to_processes(), "the kernel lacks the leave to change the memory of processes"),
        "tracefs" => unless(Path::new("/sys/kernel/tracing/events").exists(), "needs tracefs on /sys/kernel/tracing"),
        "disk" => unless(temporary_files_are_on_a_disk(), "the machine has no disk below its temporary files"),
        "processor" => unless(std::env::consts::ARCH == argument, &format!("the machine has no processor of the kind {argument}")),
        "command" => unless(find_command(argument), &format!("needs the command `{argument}`")),
        "file" => unless(Path::new(argument).exists(), &format!("needs {argument}")),
        "kernel_function" => unless(has_kernel_function(argument), &format!("the kernel lacks the function {argument}")),
        "tracepoint" => {
            let directory = Path::new("/sys/kernel/tracing/events").join(argument.replace(':', "/"));
            unless(directory.exists(), &format!("the kernel lacks the tracepoint {argument}"))
        }
        "cpus" => {
            let wanted: usize = argument.parse().map_err(|_| format!("REQUIRES: `{need}` has no number"))?;
            unless(
                std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() >= wanted),
                &format!("the machine has fewer than {wanted} CPUs"),
            )
        }
        "native" => unless(std::env::var_os("RBTRACE_TEST_SLOW").is_none(), "the machine has emulated CPUs, and this would take minutes"),
        "kernel" => unless(kernel_is_at_least(argument), &format!("the kernel lacks what {argument} brought")),
        _ => Err(format!("REQUIRES: `{need}` means nothing")),
    }
}

/// Whether a name is one that the kernel's BTF uses.
fn btf_says(name: &str) -> bool {
    let wanted = [b"\0", name.as_bytes(), b"\0"].concat();
    std::fs::read(BTF).is_ok_and(|btf| btf.windows(wanted.len()).any(|found| found == wanted))
}

fn user_other_than_root() -> bool {
    rustix::process::geteuid().is_root() && find_command("setpriv")
}

/// Where its list of functions cannot be read, no function can be patched either.
fn ftrace_tells() -> bool {
    let list = std::fs::File::open("/sys/kernel/tracing/available_filter_functions");
    list.and_then(|mut list| list.read(&mut [0])).is_ok_and(|read| read > 0)
}

/// A locked down kernel has no helper that writes there; one that does not say so is taken for such.
fn writes_to_processes() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|modes| modes.contains("[none]"))
}

fn has_kernel_function(name: &str) -> bool {
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    symbols.lines().any(|line| line.split(' ').nth(2) == Some(name))
}

/// Whether what is written to `{tmp}` reaches a block device: file systems without one, and those stacked on others, have numbers of their own.
fn temporary_files_are_on_a_disk() -> bool {
    let Ok(found) = rustix::fs::stat(std::env::temp_dir()) else { return false };
    let (major, minor) = (rustix::fs::major(found.st_dev), rustix::fs::minor(found.st_dev));
    Path::new(&format!("/sys/dev/block/{major}:{minor}")).exists()
}

/// `name`, or `start*` where its version is in a command's name.
fn find_command(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(start) = name.strip_suffix('*') else {
        return std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    };
    let entries = std::env::split_paths(&path).filter_map(|directory| directory.read_dir().ok()).flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(start))
}

/// `6.1`: its own number or a later one.
pub fn kernel_is_at_least(version: &str) -> bool {
    numbers(&rustix::system::uname().release().to_string_lossy()) >= numbers(version)
}

/// `6.1.0-40` → 6, 1
fn numbers(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok()).take(2).collect()
}
