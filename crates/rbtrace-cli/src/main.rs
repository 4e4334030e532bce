//! The program `rbtrace`: hands the command line to the library and ends with its exit code.

fn main() {
    let code = rbtrace_cli::run(std::env::args_os());
    // Not by returning: what LLVM keeps until the end need not be taken apart one by one.
    std::process::exit(code);
}
