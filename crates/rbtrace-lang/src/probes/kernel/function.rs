//! Functions of the kernel by their names: where they are, how they are listed.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Facts;
use rbtrace_types::facts::{KernelFunction, VMLINUX, is_copy};

use crate::probes::parts;
use crate::row::{Listed, Target, TargetPart};

/// What is said of a module that is not there; scripts look for upstream's words.
pub(super) fn not_loaded(name: &str, module: &TargetPart, target: &Target) -> Diagnostic {
    let text = target.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(":");
    let (module, span) = (&module.text, module.span);
    let refusal = Diagnostic::error(span, format!("specified module {module} in probe {name}:{text} is not loaded."));
    refusal.because("no such module").hint("what is built into the kernel is in `vmlinux`")
}

/// The functions of a name in a module; of the kernel or any module if none is said.
pub(super) fn named(facts: &dyn Facts, module: Option<&str>, name: &str) -> Vec<KernelFunction> {
    if module.is_none_or(|module| module == VMLINUX) {
        return facts.kernel_functions_named(name);
    }
    // A function of the kernel itself may have the same name: that one is found without the list.
    let all = facts.kernel_functions();
    let start = all.partition_point(|function| *function.name < *name);
    let meant = all[start..].iter().take_while(|function| *function.name == *name);
    meant.filter(|function| Some(&*function.module) == module).cloned().collect()
}

/// The copies that the compiler has made of a function: `name.isra.0`, also with several such endings.
pub(super) fn copies(facts: &dyn Facts, module: Option<&str>, name: &str) -> Vec<String> {
    let all = facts.kernel_functions();
    let start = all.partition_point(|function| *function.name < *name);
    let near = all[start..].iter().take_while(|function| function.name.starts_with(name));
    let meant = near.filter(|function| module.is_none_or(|module| *function.module == *module) && is_copy(name, &function.name));
    let mut names: Vec<String> = meant.map(|function| function.name.to_string()).collect();
    names.dedup();
    names
}

/// What a function that scripts know may be called in newer kernels: Linux 6.10 began to count what is allocated, in inlined functions around those
/// that allocate.
pub(super) fn renamed(name: &str) -> [String; 2] {
    [format!("{name}_noprof"), format!("__{name}")]
}

/// The functions that match a listing pattern, named as the pattern names them: with a module or without. `details` gives the lines of
/// one.
pub(super) fn list(name: &str, facts: &dyn Facts, pattern: &[&str], details: impl Fn(Option<&str>, &str) -> Vec<String>) -> Vec<Listed> {
    let (module, function) = match pattern {
        [module, function, ..] => (Some(module), Some(function)),
        _ => (None, pattern.first()),
    };
    let all = facts.kernel_functions();
    let meant = all.iter().filter(|known| parts::is_listed(module, &known.module) && parts::is_listed(function, &known.name));
    let mut places: Vec<(Option<&str>, &str)> = meant.map(|known| (module.map(|_| &*known.module), &*known.name)).collect();
    places.sort_unstable();
    places.dedup();
    let text = |(module, function): &(Option<&str>, &str)| match module {
        Some(module) => format!("{name}:{module}:{function}"),
        None => format!("{name}:{function}"),
    };
    places.iter().map(|place| Listed { name: text(place), details: details(place.0, place.1) }).collect()
}
