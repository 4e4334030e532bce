//! Fuzzes `fixture`: any text is a machine or is refused with a reason.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::fixture(data));
