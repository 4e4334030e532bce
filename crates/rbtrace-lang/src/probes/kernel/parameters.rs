//! Parameters of the kernel's functions: as BTF declares them, and in which registers they are when a function is entered.

use std::sync::Arc;

use rbtrace_types::{Facts, Field, Struct, Type};

use crate::probes::registers;

/// The parameters that fit a slot of the trampoline's context; others have no value that a script could hold.
pub(super) fn in_slots(facts: &dyn Facts, module: Option<&str>, function: &str) -> Option<Arc<Struct>> {
    let params = facts.prototype(module, function)?.params;
    let fields = params.fields.iter().filter(|field| field.ty.is_scalar()).cloned().collect();
    Some(Arc::new(Struct { name: params.name.clone(), fields, size: params.size }))
}

/// The parameters that are in registers, each at its register's offset in the context. A struct by value that is larger than two registers
/// is on the stack; then the ones behind it have moved up.
pub(super) fn in_registers(facts: &dyn Facts, module: Option<&str>, function: &str) -> Option<Arc<Struct>> {
    let params = facts.prototype(module, function)?.params;
    let (mut fields, mut next) = (Vec::new(), 0);
    for field in &params.fields {
        let words = field.ty.size().div_ceil(8).max(1);
        if matches!(field.ty, Type::Struct(_)) && words > 2 {
            continue;
        }
        if let (true, Some(offset)) = (field.ty.is_scalar(), registers::parameter(facts.arch(), next)) {
            fields.push(Field { offset, ..field.clone() });
        }
        next += words;
    }
    Some(Arc::new(Struct { name: params.name.clone(), fields, size: params.size }))
}

/// The lines of `-lv`: the parameters, and what is returned if that is wanted.
pub(super) fn texts(facts: &dyn Facts, module: Option<&str>, function: &str, with_result: bool) -> Vec<String> {
    let mut texts = facts.parameter_texts(module, function);
    if !with_result {
        texts.retain(|text| !text.ends_with(" retval"));
    }
    texts
}
