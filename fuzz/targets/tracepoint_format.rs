//! Fuzzes `tracepoint_format`: fields of a format file lie inside its record.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::tracepoint_format(data));
