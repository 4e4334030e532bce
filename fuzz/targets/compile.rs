//! Fuzzes `compile`: what compiles keeps the invariants of the IR, and its manifest survives its text.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::compile(data));
