//! Fuzzes `kernel_types`: any bytes are type information or are refused; whatever is asked of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::kernel_types(data));
