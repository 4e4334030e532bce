//! Fuzzes `printf`: any format prints any values.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::printf(data));
