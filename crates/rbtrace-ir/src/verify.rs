//! Checks a program against the invariants of the operations. A broken one is a bug of the pass that lowered the program; found here it
//! has a sentence, found later it is a rejection by the kernel.
//!
//! The invariants:
//!
//!  1. There is one function per program of the manifest, of the same name; names are C identifiers and unique.
//!  2. `losses[0]` is the ring buffer's.
//!  3. Every id (map, event, loss, constant, slot) is in range; constants are multiples of 8 bytes long.
//!  4. A value is defined once, before its uses, and used only in the region that made it or in regions nested in that.
//!  5. A value does not enter the body of a `Repeat`, `ForEach` or `Memory` loop: such a body uses only its own values.
//!  6. Operands are of the kind that the operation wants: integers or addresses. Only operations with a result name one.
//!  7. An address that may be null is used only where a test has shown that it is not.
//!  8. Scalar slots are touched by `Get`, `Set` and loop indices only, memory slots by anything else.
//!  9. `Break`, `Continue` and `Return` come last in their region; `Break` and `Continue` only within a loop.
//! 10. The region of `Emit` has no loop, no jump and no second `Emit`.
//! 11. Accesses lie within slots, constants, payloads and values of maps, as far as sizes and offsets are known here.
//! 12. Widths are 1, 2, 4 or 8 bytes (`Extend`: 1, 2 or 4); `Bounded` loops have at most 4096 rounds; helpers get as many arguments as
//!     they take; keys of a `Switch` are unique.
//! 13. `Global` is of an array map, `ForEach` of a hash map, and its slots hold key and value.
//! 14. A subprogram invokes only those before it, so none invokes itself.

mod check;
mod state;

use std::collections::HashSet;

use crate::manifest::{LossKind, Manifest};
use crate::op::{Function, Program};

/// The first broken invariant, as a sentence. A failure is a bug of the pass that lowered the program.
pub fn verify(program: &Program) -> Result<(), String> {
    manifest(&program.manifest)?;
    functions(program)?;
    if let Some(at) = program.constants.iter().position(|constant| constant.bytes.is_empty() || constant.bytes.len() % 8 != 0) {
        return Err(format!("the length of text{at} is not a multiple of 8"));
    }
    program.functions.iter().try_for_each(|function| check::function(program, function))
}

fn manifest(manifest: &Manifest) -> Result<(), String> {
    match manifest.losses.first().map(|loss| loss.kind) {
        Some(LossKind::Ring) => Ok(()),
        Some(LossKind::MapFull(_) | LossKind::Failure) | None => Err("losses[0] is not the ring buffer's".into()),
    }
}

fn functions(program: &Program) -> Result<(), String> {
    let (functions, programs) = (&program.functions, &program.manifest.programs);
    if functions.len() != programs.len() {
        return Err(format!("{} functions for {} programs", functions.len(), programs.len()));
    }
    let mut names = HashSet::new();
    for (function, declaration) in functions.iter().zip(programs) {
        if function.name != declaration.symbol {
            return Err(format!("function `{}` stands where `{}` is declared", function.name, declaration.symbol));
        }
        if !is_identifier(function) || !names.insert(&function.name) {
            return Err(format!("`{}` is no unique C identifier", function.name));
        }
    }
    Ok(())
}

fn is_identifier(function: &Function) -> bool {
    let mut chars = function.name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_') && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
pub(crate) mod tests;
