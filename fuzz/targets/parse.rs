//! Fuzzes `parse`: any text is parsed to its end, and what is said about it lies inside it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::parse(data));
