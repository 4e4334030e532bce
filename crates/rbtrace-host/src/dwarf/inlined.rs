//! Functions that the compiler put where they are called: which of them an instruction is in, and where each is called from.

use anyhow::Result;
use gimli::AttributeValue;
use gimli::constants as dw;
use rbtrace_types::symbol::SourceLine;

use super::DebugInfo;
use super::lines::path;
use super::session::{At, Session};

/// The function that an instruction is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Its name, as linkers see it.
    pub name: Option<String>,
    /// Those that are part of it there, the outermost first.
    pub calls: Vec<Call>,
}

/// A function that was put where it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its name, as linkers see it.
    pub name: String,
    /// The line that calls it.
    pub from: Option<SourceLine>,
}

impl DebugInfo {
    /// The function around an instruction. `None`: nothing is said about it.
    pub fn around(&self, address: u64) -> Option<Around> {
        let session = self.session();
        let mut units = self.units_around(&session, address);
        units.find_map(|number| {
            let blocks = session.blocks(number)?.around(address);
            let at = |entry| At { file: session.home(number), unit: number, offset: entry };
            let mut blocks = blocks.into_iter().skip_while(|block| block.is_inlined);
            let function = at(blocks.next()?.entry);
            // Linkers fold functions of the same code into one: what is said of the first is as true as the rest.
            let inner = blocks.take_while(|block| block.is_inlined);
            let calls = inner.map(|block| call(&session, at(block.entry)).unwrap_or_default());
            Some(Around { name: name(&session, function).ok().flatten(), calls: calls.collect() })
        })
    }
}

fn call(session: &Session<'_>, at: At) -> Result<Call> {
    let entry = session.entry(at)?;
    let line = Session::number(&entry, dw::DW_AT_call_line).and_then(|line| u32::try_from(line).ok());
    let from = match (entry.attr_value(dw::DW_AT_call_file), line) {
        (Some(AttributeValue::FileIndex(file)), Some(line)) => source(session, at.unit, file).map(|path| SourceLine { path, line }),
        _ => None,
    };
    Ok(Call { name: name(session, at)?.unwrap_or_default(), from })
}

/// A file of a unit; also what units keep elsewhere counts files as the table of lines does, which stays in the binary.
fn source(session: &Session<'_>, number: u32, file: u64) -> Option<String> {
    let unit = session.unit(0, number).ok()?;
    let header = unit.line_program.as_ref()?.header();
    path(session, &unit, header, header.file(file)?)
}

fn name(session: &Session<'_>, at: At) -> Result<Option<String>> {
    for attribute in [dw::DW_AT_linkage_name, dw::DW_AT_MIPS_linkage_name, dw::DW_AT_name] {
        if let Some((at, value)) = session.inherited(at, attribute)? {
            return session.text(at, value).map(Some);
        }
    }
    Ok(None)
}
