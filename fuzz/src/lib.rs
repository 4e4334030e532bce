//! What holds for every input, as one function a property. The fuzz targets call them with bytes of the fuzzer's; `cargo test`
//! here calls them with every case of the house, so that they hold for those at least.

mod bytes;
mod compiling;
mod texts;

pub use bytes::{debug_info, kernel_types, names, printf, record, unwind};
pub use compiling::{attach_point, compile, interpret};
pub use texts::{c_definitions, c_type, diagnose, fixture, format, lexer, parse, tracepoint_format, tree};

/// Texts of the machine that properties compile for.
const MACHINE: &str = include_str!("../../tests/facts/small.txt");

/// A property.
pub type Property = fn(&[u8]);

/// All of them, by the names of their targets.
pub const PROPERTIES: [(&str, Property); 18] = [
    ("lexer", lexer),
    ("parse", parse),
    ("tree", tree),
    ("format", format),
    ("diagnose", diagnose),
    ("attach_point", attach_point),
    ("compile", compile),
    ("interpret", interpret),
    ("tracepoint_format", tracepoint_format),
    ("c_definitions", c_definitions),
    ("c_type", c_type),
    ("fixture", fixture),
    ("kernel_types", kernel_types),
    ("debug_info", debug_info),
    ("unwind", unwind),
    ("names", names),
    ("record", record),
    ("printf", printf),
];
