//! Signals: their names and what they mean, as the C library says it. Shared by the functions about signals.

/// Largest number of a signal.
pub(super) const LAST: i128 = 64;

/// The first that is a real-time signal; the two before are the C library's own.
const REAL_TIME: usize = 34;

/// Short name and meaning, from 1.
const NAMES: [(&str, &str); 31] = [
    ("HUP", "Hangup"),
    ("INT", "Interrupt"),
    ("QUIT", "Quit"),
    ("ILL", "Illegal instruction"),
    ("TRAP", "Trace/breakpoint trap"),
    ("ABRT", "Aborted"),
    ("BUS", "Bus error"),
    ("FPE", "Floating point exception"),
    ("KILL", "Killed"),
    ("USR1", "User defined signal 1"),
    ("SEGV", "Segmentation fault"),
    ("USR2", "User defined signal 2"),
    ("PIPE", "Broken pipe"),
    ("ALRM", "Alarm clock"),
    ("TERM", "Terminated"),
    ("STKFLT", "Stack fault"),
    ("CHLD", "Child exited"),
    ("CONT", "Continued"),
    ("STOP", "Stopped (signal)"),
    ("TSTP", "Stopped"),
    ("TTIN", "Stopped (tty input)"),
    ("TTOU", "Stopped (tty output)"),
    ("URG", "Urgent I/O condition"),
    ("XCPU", "CPU time limit exceeded"),
    ("XFSZ", "File size limit exceeded"),
    ("VTALRM", "Virtual timer expired"),
    ("PROF", "Profiling timer expired"),
    ("WINCH", "Window changed"),
    ("IO", "I/O possible"),
    ("PWR", "Power failure"),
    ("SYS", "Bad system call"),
];

/// The number of a signal: `KILL` or `SIGKILL`.
pub(super) fn number(name: &str) -> Option<i64> {
    let short = name.strip_prefix("SIG").unwrap_or(name);
    NAMES.iter().position(|(known, _)| *known == short).map(|index| index as i64 + 1)
}

/// What each number means, from 0.
pub(super) fn meanings() -> Vec<String> {
    let meaning = |number: usize| match number.checked_sub(1).and_then(|index| NAMES.get(index)) {
        Some((_, meaning)) => (*meaning).to_owned(),
        None if number >= REAL_TIME => format!("Real-time signal {}", number - REAL_TIME),
        None => format!("Unknown signal {number}"),
    };
    (0..=LAST as usize).map(meaning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names() {
        assert_eq!((number("SIGKILL"), number("TERM"), number("SIGNAL")), (Some(9), Some(15), None));
        let meanings = meanings();
        assert_eq!((meanings[0].as_str(), meanings[2].as_str()), ("Unknown signal 0", "Interrupt"));
        assert_eq!((meanings[32].as_str(), meanings[64].as_str()), ("Unknown signal 32", "Real-time signal 30"));
    }
}
