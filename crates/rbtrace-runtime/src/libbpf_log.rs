//! What libbpf prints: kept for the errors it explains, shown live only when the user asked (`-d libbpf`).

use std::cell::RefCell;

use libbpf_rs::{PrintLevel, set_print};

/// Lines of warnings kept; libbpf says the reason last.
const KEPT: usize = 8;

thread_local! {
    // libbpf takes a plain function, so what it says can only be kept beside the thread that it works on.
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Takes over libbpf's printing; `show`: every line also goes to stderr at once.
pub fn install(show: bool) {
    set_print(Some(if show { (PrintLevel::Debug, show_line) } else { (PrintLevel::Warn, |_, text| keep(&text)) }));
}

/// The last warnings since the last call, to be joined to an error.
pub fn take() -> Vec<String> {
    WARNINGS.take()
}

fn show_line(level: PrintLevel, text: String) {
    let name = match level {
        PrintLevel::Warn => "WARN",
        PrintLevel::Info => "INFO",
        PrintLevel::Debug => "DEBUG",
    };
    eprint!("[{name}] {text}");
    if level == PrintLevel::Warn {
        keep(&text);
    }
}

fn keep(text: &str) {
    WARNINGS.with_borrow_mut(|kept| {
        kept.extend(text.lines().map(|line| line.trim_start_matches("libbpf: ").to_owned()));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    });
}
