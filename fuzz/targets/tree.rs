//! Fuzzes `tree`: the same text always reads as the same tree.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::tree(data));
