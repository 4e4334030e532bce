//! Fuzzes `debug_info`: any bytes are a program with debug information or are refused; whatever is asked of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::debug_info(data));
