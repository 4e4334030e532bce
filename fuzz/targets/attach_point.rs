//! Fuzzes `attach_point`: any text names places of probes, or is refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::attach_point(data));
