//! Bytes of a record → the event it belongs to and its values. Everything is checked: what the kernel hands over is input.

use rbtrace_ir::{EventDecl, Layout, Manifest, RECORD_HEADER};
use rbtrace_lang::row::Handle;
use rbtrace_lang::run::{RunError, World};
use rbtrace_lang::{Value, handler, value};

use anyhow::{Context, Result};

/// A kind of record, ready to be decoded.
#[derive(Debug)]
pub struct Event<'m> {
    /// Its declaration.
    pub decl: &'m EventDecl,
    /// Who handles it.
    pub handle: Handle,
    /// Where its values are.
    offsets: Vec<usize>,
}

/// The events of a manifest, each with its handler from the tables.
pub fn events(manifest: &Manifest) -> Result<Vec<Event<'_>>> {
    let event = |decl: &'_ EventDecl| -> Result<_> {
        let handle = handler(&decl.handler).with_context(|| format!("`{}` has events and no handler", decl.handler))?;
        let offsets = Layout::of(&decl.args).offsets.into_iter().map(|offset| offset as usize).collect();
        Ok((handle, offsets))
    };
    let each = manifest.events.iter().map(|decl| event(decl).map(|(handle, offsets)| Event { decl, handle, offsets }));
    each.collect()
}

/// The event's number and the payload of a record.
pub fn split(record: &[u8]) -> Result<(usize, &[u8]), RunError> {
    let (header, payload) = record.split_at_checked(RECORD_HEADER as usize).ok_or(RunError::Truncated)?;
    let number = value::read_int(header, 4, false)? as usize;
    let size = value::read_int(&header[4..], 4, false)? as usize;
    Ok((number, payload.get(..size).ok_or(RunError::Truncated)?))
}

impl Event<'_> {
    /// Decodes the values of a payload into `values`, which is emptied first.
    pub fn decode(&self, payload: &[u8], world: &dyn World, values: &mut Vec<Value>) -> Result<(), RunError> {
        values.clear();
        for (ty, &offset) in self.decl.args.iter().zip(&self.offsets) {
            let bytes = payload.get(offset..).ok_or(RunError::Truncated)?;
            values.push(value::decode(ty, bytes, world)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rbtrace_ir::Type;
    use rbtrace_lang::run::Nowhere;

    fn nothing(_: &mut dyn rbtrace_lang::RunCx, _: &EventDecl, _: &[Value]) -> Result<(), RunError> {
        Ok(())
    }

    fn declaration(args: Vec<Type>) -> EventDecl {
        EventDecl { args, ..crate::output::event("") }
    }

    fn event(decl: &EventDecl) -> Event<'_> {
        let offsets = Layout::of(&decl.args).offsets.into_iter().map(|offset| offset as usize).collect();
        Event { decl, handle: nothing, offsets }
    }

    fn record(number: u32, size: u32, payload: &[u8]) -> Vec<u8> {
        [&number.to_ne_bytes()[..], &size.to_ne_bytes(), payload].concat()
    }

    #[test]
    fn values_are_at_their_offsets() {
        let decl = declaration(vec![Type::U32, Type::I64, Type::String(4)]);
        let payload = [&7u32.to_ne_bytes()[..], &[0; 4], &(-1i64).to_ne_bytes(), b"ab\0\0"].concat();
        let record = record(3, payload.len() as u32, &payload);
        let (number, payload) = split(&record).expect("whole");
        let mut values = vec![Value::None];
        event(&decl).decode(payload, &Nowhere, &mut values).expect("whole");
        assert_eq!(number, 3);
        assert_eq!(values, [Value::UInt(7), Value::Int(-1), Value::Str(b"ab".to_vec())]);
    }

    #[test]
    fn hostile_records_are_refused() {
        assert_eq!(split(&[]), Err(RunError::Truncated));
        assert_eq!(split(&[0; 7]), Err(RunError::Truncated));
        assert_eq!(split(&record(0, 1, &[])), Err(RunError::Truncated));
        assert_eq!(split(&record(0, u32::MAX, &[0; 64])), Err(RunError::Truncated));
        assert_eq!(split(&record(u32::MAX, 0, &[1])), Ok((u32::MAX as usize, &[][..])));
    }

    #[test]
    fn every_cut_of_every_type_is_survived() {
        let types = vec![
            Type::Bool,
            Type::I32,
            Type::Buffer(5),
            Type::String(3),
            Type::Tuple(vec![Type::int(1, true), Type::Array(Type::U64.into(), 2)]),
            Type::named("no such type", 12, 4),
            Type::U64.pointer(Default::default()),
        ];
        let decl = declaration(types);
        let (event, size) = (event(&decl), Layout::of(&decl.args).size as usize);
        let mut values = Vec::new();
        for length in 0..size {
            let whole: Vec<u8> = std::iter::repeat_n(0xff, length).collect();
            let decoded = event.decode(&whole, &Nowhere, &mut values);
            assert_eq!(decoded.is_ok(), length == size, "{length} of {size} bytes");
        }
        event.decode(&vec![0xff; size], &Nowhere, &mut values).expect("whole");
        assert_eq!(values.len(), decl.args.len());
    }
}
