//! Fuzzes `c_definitions`: texts of C that include each other are read to their end, the same way each time.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::c_definitions(data));
