//! Keys on kernels that take no long ones: the texts in them are made shorter, and the script is told.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::warnings;
use rbtrace_types::{Feature, Type};

use super::{Infer, Ty};

/// Bytes of the longest key of a hash map before Linux 5.11 (`MAX_BPF_STACK`).
const LONGEST: u32 = 512;

impl Infer<'_> {
    /// The type of a key as this kernel can have it.
    pub(super) fn possible_key(&mut self, name: &str, span: Span, mut key: Ty) -> Ty {
        let size = key.ty.size();
        if size <= LONGEST || self.shared.facts.has(Feature::LongKeys) {
            return key;
        }
        let fitting = (1..LONGEST).rev().map(|room| (room, shortened(&key.ty, room))).find(|(_, ty)| ty.size() <= LONGEST);
        match fitting {
            Some((room, ty)) => {
                if self.last {
                    let warning =
                        warnings::LENGTH.at(span, format!("texts in keys of @{name} are cut to {} bytes on this kernel", room - 1));
                    let hint =
                        "`max_strlen` in a `config` block, or `str(x, length)`, says how long they shall be; Linux 5.11 takes longer keys";
                    self.sink.push(warning.because(format!("the key has {size} bytes, {LONGEST} are possible")).hint(hint));
                }
                key.ty = ty;
            }
            None if self.last => {
                let error = Diagnostic::error(span, format!("a key of @{name} has {size} bytes, {LONGEST} are possible on this kernel"));
                self.sink.push(error.because(format!("this is `{}`", key.ty)).hint("Linux 5.11 takes longer keys"));
            }
            None => {}
        }
        key
    }
}

/// The type with no text that takes more than `room` bytes.
fn shortened(ty: &Type, room: u32) -> Type {
    match ty {
        Type::String(size) => Type::String((*size).min(room)),
        Type::Tuple(items) => Type::Tuple(items.iter().map(|item| shortened(item, room)).collect()),
        Type::Record(items) => Type::Record(items.iter().map(|(name, item)| (name.clone(), shortened(item, room))).collect()),
        Type::Void | Type::Bool | Type::Int(_) | Type::Enum(_) | Type::Buffer(_) | Type::Pointer(..) => ty.clone(),
        Type::Array(..) | Type::Struct(_) | Type::Named(_) | Type::Aggregate(_) => ty.clone(),
    }
}
