//! Fuzzes `diagnose`: whatever is said can be shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::diagnose(data));
