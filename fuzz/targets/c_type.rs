//! Fuzzes `c_type`: any text is a C type or none.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::c_type(data));
