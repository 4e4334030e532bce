//! Fuzzes `names`: any bytes are a file that a process has in memory; who asks for names of its code goes on.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::names(data));
