//! Fuzzes `record`: any bytes of a record are a value or are refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::record(data));
