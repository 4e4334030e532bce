//! Fuzzes `unwind`: any bytes are a program with an unwind table or have none; rows are sorted.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::unwind(data));
