//! A path as a line: `outer;inner 7`, as tools that draw flame graphs read it.

use super::fold::{Kind, Step};

/// Appends a path; functions of the kernel, and those that were put into others, say so as tools expect it.
pub(super) fn write(path: &[Step], weight: u64, out: &mut Vec<u8>) {
    for (index, step) in path.iter().enumerate() {
        if index > 0 {
            out.push(b';');
        }
        // These separate.
        out.extend(step.name.bytes().map(|byte| match byte {
            b';' => b':',
            b'\n' => b' ',
            other => other,
        }));
        out.extend_from_slice(match step.kind {
            Kind::Kernel => b"_[k]",
            Kind::Inlined => b"_[i]",
            Kind::Label | Kind::User | Kind::Unknown => b"",
        });
    }
    out.extend_from_slice(format!(" {weight}\n").as_bytes());
}
