//! Fuzzes `format`: formatting changes no tree, and nothing the second time.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::format(data));
