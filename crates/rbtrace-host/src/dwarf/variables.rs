//! What the source calls by a name at an instruction: parameters and variables of the function around it, and of those that were inlined there.

use anyhow::Result;
use gimli::constants as dw;
use rbtrace_types::debug_info::{Computed, Variable, VariableHome};

use super::homes::{self, Frame};
use super::session::{At, Entry, Session};
use super::{DebugInfo, frames, functions};

/// More blocks are in no other.
const MOST_BLOCKS: usize = 64;

impl DebugInfo {
    /// The variables at an instruction; of equal names the innermost.
    pub fn variables(&self, pc: u64) -> Result<Vec<Variable>> {
        let session = self.session();
        let units: Vec<u32> = self.units_around(&session, pc).collect();
        for number in units {
            if let Some(at) = function_around(&session, session.home(number), number, pc)? {
                return self.of_function(&session, at, pc);
            }
        }
        Ok(Vec::new())
    }

    fn of_function(&self, session: &Session<'_>, function: At, pc: u64) -> Result<Vec<Variable>> {
        let apart = &self.split_files.apart;
        let canonical = || frames::canonical_address(&apart.binary, &apart.debug_file, pc);
        let base = || frame_base(session, function, pc, &canonical);
        let frame = Frame { pc, base: &base, canonical: &canonical };
        let says_struct = !session.language(function)?.is_some_and(functions::has_plain_names);
        let mut found: Vec<Variable> = Vec::new();
        for scope in scopes(session, function, pc)? {
            for (at, entry) in session.children(scope)? {
                if !matches!(entry.tag(), dw::DW_TAG_formal_parameter | dw::DW_TAG_variable) {
                    continue;
                }
                let Some((named, name)) = session.inherited(at, dw::DW_AT_name)? else { continue };
                let name = session.text(named, name)?;
                let home = homes::of_variable(session, at, &entry, &frame).map_err(|why| format!("{why:#}"));
                found.retain(|outer| outer.name != name);
                found.push(Variable { name, passed: functions::passed(session, at, says_struct)?, home });
            }
        }
        Ok(found)
    }
}

/// The function whose code an instruction is of.
fn function_around(session: &Session<'_>, file: u8, number: u32, pc: u64) -> Result<Option<At>> {
    let unit = session.unit(file, number)?;
    let (mut entries, mut entry) = (unit.entries_raw(None)?, Entry::default());
    while !entries.is_empty() {
        let offset = entries.next_offset().0;
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        if abbreviation.tag() != dw::DW_TAG_subprogram {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        entries.read_attributes(abbreviation.attributes(), &mut entry.attrs)?;
        let at = At { file, unit: number, offset };
        if holds(session, at, &entry, pc)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn holds<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, pc: u64) -> Result<bool> {
    let mut ranges = session.ranges(at.file, at.unit, entry)?;
    while let Some(range) = ranges.next()? {
        if (range.begin..range.end).contains(&pc) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The blocks around an instruction, the outermost first. Those around an inlined function count, too: optimizers mix the code of both.
fn scopes(session: &Session<'_>, function: At, pc: u64) -> Result<Vec<At>> {
    let (mut chain, mut here) = (vec![function], Some(function));
    while let (Some(outer), true) = (here, chain.len() < MOST_BLOCKS) {
        here = None;
        for (at, entry) in session.children(outer)? {
            let is_block = matches!(entry.tag(), dw::DW_TAG_inlined_subroutine | dw::DW_TAG_lexical_block);
            if is_block && holds(session, at, &entry, pc)? {
                chain.push(at);
                here = Some(at);
                break;
            }
        }
    }
    Ok(chain)
}

/// What offsets in the frame are counted from. A register that is named there is meant by what it holds.
fn frame_base(session: &Session<'_>, function: At, pc: u64, canonical: &dyn Fn() -> Result<Computed>) -> Result<Computed> {
    let none = || anyhow::bail!("a frame is counted from itself");
    let frame = Frame { pc, base: &none, canonical };
    let entry = session.entry(function)?;
    let value = entry.attr_value(dw::DW_AT_frame_base).ok_or_else(|| anyhow::anyhow!("nothing says where the function's frame is"))?;
    Ok(match homes::of_location(session, function, value, &frame)? {
        VariableHome::Value(value) | VariableHome::Memory(value) => value,
        VariableHome::Pieces(_) => anyhow::bail!("the function's frame is said to be in pieces"),
    })
}
