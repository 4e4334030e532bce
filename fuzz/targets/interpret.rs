//! Fuzzes `interpret`: what compiles touches no memory that is not its own.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::interpret(data));
