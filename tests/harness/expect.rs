//! Holds what a process did against what was expected of it.

use regex_lite::Regex;

use super::requires;

/// Lines that are not blank: scripts print empty lines around their maps, which only few cases are about.
pub fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

/// Each pattern must be found in a line below the one of the pattern before.
pub fn in_order(patterns: &[String], text: &str) -> Result<(), String> {
    let mut lines = text.lines();
    for pattern in patterns {
        let regex = Regex::new(pattern).map_err(|error| format!("`{pattern}`: {error}"))?;
        if !lines.any(|line| regex.is_match(line)) {
            return Err(format!("no line, or none below the last one found, matches `{pattern}`"));
        }
    }
    Ok(())
}

/// Each text must be somewhere on standard error. Where nothing is expected, nothing may be wrong.
pub fn on_stderr(wanted: Option<&[String]>, stderr: &str) -> Result<(), String> {
    match wanted {
        Some(texts) => match texts.iter().find(|text| !stderr.contains(text.as_str())) {
            Some(text) => Err(format!("`{text}` is not on stderr")),
            None => Ok(()),
        },
        None if stderr.lines().any(is_complaint) => Err("there are complaints on stderr, and the case expects none".into()),
        None => Ok(()),
    }
}

/// Since Linux 7.0 a task that runs a system call's tracepoint can be preempted there, and the kernel leaves out runs for others on that CPU.
/// Who waits for a count still misses what was left out of it.
fn is_complaint(line: &str) -> bool {
    let is_preempted = line.ends_with("left out by the kernel: a program was already running on that CPU");
    // Where keys are short by nature, the cut is no loss to the case; where they are not, it shows in what is printed.
    let is_cut = line.contains("WARNING: texts in keys of ") && !requires::kernel_is_at_least("5.11");
    (line.contains("ERROR") || line.contains("WARNING")) && !is_cut && !(is_preempted && requires::kernel_is_at_least("7.0"))
}

/// The exit code.
pub fn code(expected: i64, actual: i32) -> Result<(), String> {
    if i64::from(actual) == expected { Ok(()) } else { Err(format!("the exit code is {actual}, not {expected}")) }
}
