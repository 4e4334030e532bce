//! The only build script: `grammar/rbtrace.lalrpop` → the parser inside rbtrace-syntax.

fn main() {}
