//! Text → tokens → AST. Knows the keywords and the grammar; knows no builtin, no type, no kernel.

pub mod ast;
