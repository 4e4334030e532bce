//! A row of a map keyed by stacks → one path from the outermost function to the innermost, and its weight. What flame graphs are made of.

use crate::maps::table::Row;
use crate::output::Shown;
use rbtrace_ir::Type;
use rbtrace_lang::named::stack::{Frame, Stack, UNKNOWN_CALLER, is_stack};
use rbtrace_lang::run::{RunError, Symbol};
use rbtrace_lang::{Value, text};

/// What a step of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A part of the key that is no stack: `comm`.
    Label,
    /// A function of a process.
    User,
    /// A function that the compiler put into another.
    Inlined,
    /// A function of the kernel.
    Kernel,
    /// An address without a name.
    Unknown,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Whether a map's key has a stack in it.
pub fn has_stack(key: &Type) -> bool {
    match key {
        Type::Tuple(items) => items.iter().any(has_stack),
        Type::Record(items) => items.iter().any(|(_, ty)| has_stack(ty)),
        Type::Named(_) => is_stack(key),
        Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) => false,
        Type::Struct(_) | Type::Enum(_) | Type::Aggregate(_) => false,
    }
}

/// The paths of a map and their weights.
pub type Paths = Vec<(Vec<Step>, u64)>;

/// What is to be drawn of a map; its rows, if it has no stacks or its values are no weights: no numbers, or such as do not add up.
pub fn paths(shown: &mut Shown<'_>) -> Result<Result<Paths, Vec<Row>>, RunError> {
    let rows: Vec<Row> = shown.rows.collect::<Result<_, _>>()?;
    let paths = if shown.stacks && shown.adds_up { rows.iter().map(fold).collect() } else { None };
    Ok(paths.ok_or(rows))
}

/// The path of a row: what is no stack first, then functions of the process, then those of the kernel that it had called. `None`: the row's
/// value is no weight.
fn fold(row: &Row) -> Option<(Vec<Step>, u64)> {
    let weight = weight(&row.value)?;
    let (mut labels, mut user, mut kernel) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(key) = &row.key {
        collect(key, &mut labels, &mut |stack| if stack.user { user.extend(steps(stack)) } else { kernel.extend(steps(stack)) });
    }
    labels.append(&mut user);
    labels.append(&mut kernel);
    Some((labels, weight))
}

/// How much a row is worth: its number, or how many values a histogram has.
fn weight(value: &Value) -> Option<u64> {
    match value {
        Value::UInt(number) => Some(*number),
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Histogram(buckets) => Some(buckets.iter().map(|bucket| bucket.count).sum()),
        Value::None | Value::Bool(_) | Value::Pointer(_) | Value::Enum(..) | Value::Str(_) | Value::Bytes(_) | Value::Array(_) => None,
        Value::Tuple(_) | Value::Struct(_) | Value::Text(_) | Value::Stack(_) | Value::Series(_) => None,
    }
}

fn collect(key: &Value, labels: &mut Vec<Step>, stack: &mut dyn FnMut(&Stack)) {
    match key {
        Value::Stack(found) => stack(found),
        Value::Tuple(items) => items.iter().for_each(|item| collect(item, labels, stack)),
        Value::Struct(fields) => fields.iter().for_each(|(_, value)| collect(value, labels, stack)),
        Value::None | Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Pointer(_) | Value::Enum(..) | Value::Str(_) => {
            labels.push(label(key));
        }
        Value::Bytes(_) | Value::Array(_) | Value::Text(_) | Value::Histogram(_) | Value::Series(_) => labels.push(label(key)),
    }
}

fn label(value: &Value) -> Step {
    Step { name: String::from_utf8_lossy(&text::of(value)).into_owned(), kind: Kind::Label }
}

/// The outermost function first.
fn steps(stack: &Stack) -> Vec<Step> {
    let of_stack = if stack.user { Kind::User } else { Kind::Kernel };
    let mut steps = Vec::new();
    for frame in &stack.frames {
        match frame {
            Frame::At { symbol: Some(symbol), .. } => steps.extend(functions(symbol, of_stack)),
            Frame::At { address, symbol: None, .. } => steps.push(Step { name: format!("{address:#x}"), kind: Kind::Unknown }),
            Frame::Place(id, at) => steps.push(Step { name: format!("{id}+{at:#x}"), kind: of_stack }),
            Frame::Lost => steps.push(Step { name: "[frames lost]".into(), kind: Kind::Unknown }),
        }
    }
    if stack.cut {
        steps.push(Step { name: UNKNOWN_CALLER.into(), kind: Kind::Unknown });
    }
    steps.reverse();
    steps
}

/// The innermost first.
fn functions(symbol: &Symbol, kind: Kind) -> impl Iterator<Item = Step> {
    let inlined = symbol.inlined.iter().map(|inner| Step { name: inner.name.clone(), kind: Kind::Inlined });
    inlined.chain([Step { name: symbol.name.clone(), kind }])
}

#[cfg(test)]
pub(super) mod tests {
    use std::rc::Rc;

    use rbtrace_lang::named::stack::Mode;
    use rbtrace_lang::run::Inlined;

    use super::*;

    fn frame(name: &str, inlined: &[&str]) -> Frame {
        let inlined = inlined.iter().map(|name| Inlined { name: name.to_string(), line: None }).collect();
        let symbol = (!name.is_empty()).then(|| Rc::new(Symbol { name: name.into(), inlined, ..Symbol::default() }));
        Frame::At { address: 0x10, called: 0, symbol }
    }

    /// Rows of `@[kstack, comm, ustack]`; one is twice as heavy as the other.
    pub fn rows() -> Vec<Row> {
        let row = |comm: &str, kernel: Vec<Frame>, weight| {
            let user = vec![frame("read", &[]), frame("work<int>", &["inner", "outer"]), frame("", &[]), frame("main", &[])];
            let stack = |user, frames| Value::Stack(Stack { user, mode: Mode::Bpftrace, frames, cut: false });
            let key = Value::Tuple(vec![stack(false, kernel), Value::Str(comm.into()), stack(true, user)]);
            Row { key: Some(key), value: Value::UInt(weight) }
        };
        vec![row("a;b", vec![frame("vfs_read", &[]), frame("ksys_read", &[])], 2), row("a;b", vec![], 1)]
    }

    #[test]
    fn a_row_is_a_path_from_the_outside() {
        let (path, weight) = fold(&rows()[0]).expect("a number");
        let names: Vec<_> = path.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["a;b", "main", "0x10", "work<int>", "outer", "inner", "read", "ksys_read", "vfs_read"]);
        assert_eq!(weight, 2);
        assert_eq!(path[8].kind, Kind::Kernel);
        assert_eq!((path[0].kind, path[2].kind, path[4].kind), (Kind::Label, Kind::Unknown, Kind::Inlined));
        for value in [Value::Text("x".into()), Value::Int(-1)] {
            assert_eq!(fold(&Row { key: None, value }), None);
        }
    }
}
