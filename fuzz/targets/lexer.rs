//! Fuzzes `lexer`: any text is cut into tokens that lie behind one another inside it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rbtrace_fuzz::lexer(data));
