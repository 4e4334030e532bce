//! Work that cases watch: the test binary starts itself again with a hidden argument and does a counted number of things, under a fixed name.
//!
//! `--workload WORDS…` does the work; `--workload-when-told WORDS…` first waits for a line on standard input. Several tasks are separated by
//! `+`. What a task does in the kernel is exactly what it says and nothing of the kind happens before or after it.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

/// The name that workloads run under: `comm` in scripts.
const COMM: &std::ffi::CStr = c"workload";

/// Does the work if the arguments ask for it.
pub fn main(args: &[String]) -> Option<ExitCode> {
    let (first, rest) = args.split_first()?;
    match first.as_str() {
        "--workload" => {}
        "--workload-when-told" => {
            // An end without a line means that the case was given up.
            let told = std::io::stdin().lock().read_exact(&mut [0]);
            if told.is_err() {
                return Some(ExitCode::FAILURE);
            }
        }
        _ => return None,
    }
    // The name is for scripts that ask for it; one that could not be set shows in what they count.
    let _ = rustix::thread::set_name(COMM);
    for task in rest.split(|word| word == "+") {
        let task: Vec<&str> = task.iter().map(String::as_str).collect();
        if let Err(why) = work(&task) {
            eprintln!("workload: {why}");
            return Some(ExitCode::FAILURE);
        }
    }
    Some(ExitCode::SUCCESS)
}

/// One task.
fn work(task: &[&str]) -> Result<(), String> {
    match task {
        ["syscalls", name, count] => repeat(number(count)?, syscall(name)?),
        ["open", path, count] => repeat(number(count)?, || {
            drop(std::fs::File::open(path));
        }),
        ["exec", program, count] => repeat(number(count)?, || {
            let _ = std::process::Command::new(program).status();
        }),
        ["threads", count] => threads(number(count)?),
        ["sleep", milliseconds] => std::thread::sleep(Duration::from_millis(number(milliseconds)?)),
        ["spin", milliseconds] => spin(Duration::from_millis(number(milliseconds)?)),
        ["say", text] => println!("{text}"),
        ["fail", code] => std::process::exit(i32::try_from(number(code)?).unwrap_or(1)),
        other => return Err(format!("`{}` is no task", other.join(" "))),
    }
    Ok(())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn repeat(count: u64, mut act: impl FnMut()) {
    (0..count).for_each(|_| act());
}

/// System calls that nothing else in this process makes, and that the library passes on one to one.
fn syscall(name: &str) -> Result<fn(), String> {
    Ok(match name {
        "getppid" => getppid,
        "getpgid" => || {
            let _ = rustix::process::getpgid(None);
        },
        "getpriority" => || {
            let _ = rustix::process::getpriority_process(None);
        },
        "sched_yield" => rustix::thread::sched_yield,
        other => return Err(format!("`{other}` is no system call that workloads make")),
    })
}

/// Threads that each make one `getppid` and end.
fn threads(count: u64) {
    repeat(count, || {
        let _ = std::thread::spawn(getppid).join();
    });
}

fn getppid() {
    let _ = rustix::process::getppid();
}

/// Keeps a CPU busy in user space.
/// By the processor's time, not the clock's: where others keep the CPUs busy it takes longer, and a profile sees as much of it as elsewhere.
fn spin(time: Duration) {
    while processor_time() < time {
        std::hint::spin_loop();
    }
}

fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
