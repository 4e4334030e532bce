//! Entries → the text of a type, as `-lv` shows it: `const char*`, `struct point*`, `int (*)(int)`.

use anyhow::{Result, ensure};
use gimli::constants as dw;

use super::session::{At, Entry, Session};

/// A type nested deeper has no text that a person reads.
const MAX_DEPTH: u32 = 16;

/// The text of a type; `None` is `void`. C says `struct` before a name, other languages do not.
pub(super) fn text(session: &Session<'_>, at: Option<At>, says_struct: bool) -> Result<String> {
    Writer { session, says_struct }.text(at, 0)
}

struct Writer<'s, 'a> {
    session: &'s Session<'a>,
    says_struct: bool,
}

impl<'a> Writer<'_, 'a> {
    fn text(&self, at: Option<At>, depth: u32) -> Result<String> {
        ensure!(depth < MAX_DEPTH, "types nested without end");
        let Some(at) = at else { return Ok("void".into()) };
        let entry = self.session.entry(at)?;
        if let Some(elsewhere) = self.session.referred(at, &entry, dw::DW_AT_signature)? {
            return self.text(Some(elsewhere), depth + 1);
        }
        let target = self.session.referred(at, &entry, dw::DW_AT_type)?;
        let named = |fallback: &str| self.session.name(at, &entry).map(|name| name.unwrap_or_else(|| fallback.into()));
        Ok(match entry.tag() {
            dw::DW_TAG_base_type | dw::DW_TAG_unspecified_type | dw::DW_TAG_typedef => named("?")?,
            dw::DW_TAG_structure_type | dw::DW_TAG_class_type => self.tagged("struct", at, &entry)?,
            dw::DW_TAG_union_type => self.tagged("union", at, &entry)?,
            dw::DW_TAG_enumeration_type => self.tagged("enum", at, &entry)?,
            // Rust's pointers have names of their own.
            dw::DW_TAG_pointer_type if entry.has_attr(dw::DW_AT_name) => named("?")?,
            dw::DW_TAG_pointer_type => self.pointer(target, depth)?,
            dw::DW_TAG_reference_type => self.text(target, depth + 1)? + "&",
            dw::DW_TAG_rvalue_reference_type => self.text(target, depth + 1)? + "&&",
            dw::DW_TAG_const_type => self.qualified("const ", target, depth)?,
            dw::DW_TAG_volatile_type => self.qualified("volatile ", target, depth)?,
            dw::DW_TAG_restrict_type | dw::DW_TAG_atomic_type => self.text(target, depth + 1)?,
            dw::DW_TAG_ptr_to_member_type => {
                let class = self.session.referred(at, &entry, dw::DW_AT_containing_type)?;
                format!("{} {}::*", self.text(target, depth + 1)?, self.text(class, depth + 1)?)
            }
            dw::DW_TAG_array_type => self.text(target, depth + 1)? + "[]",
            dw::DW_TAG_subroutine_type => format!("{} ({})", self.text(target, depth + 1)?, self.params(at, depth)?),
            _ => "?".into(),
        })
    }

    fn pointer(&self, target: Option<At>, depth: u32) -> Result<String> {
        if let Some(at) = target {
            let entry = self.session.entry(at)?;
            if entry.tag() == dw::DW_TAG_subroutine_type {
                let result = self.session.referred(at, &entry, dw::DW_AT_type)?;
                return Ok(format!("{} (*)({})", self.text(result, depth + 1)?, self.params(at, depth)?));
            }
        }
        Ok(self.text(target, depth + 1)? + "*")
    }

    /// What qualifies a pointer itself is of no interest to who reads its value.
    fn qualified(&self, word: &str, target: Option<At>, depth: u32) -> Result<String> {
        let is_pointer = match target {
            Some(at) => self.session.entry(at)?.tag() == dw::DW_TAG_pointer_type,
            None => false,
        };
        Ok(if is_pointer { self.text(target, depth + 1)? } else { format!("{word}{}", self.text(target, depth + 1)?) })
    }

    fn params(&self, at: At, depth: u32) -> Result<String> {
        let mut texts = Vec::new();
        for (at, param) in self.session.children(at)? {
            match param.tag() {
                dw::DW_TAG_formal_parameter => {
                    texts.push(self.text(self.session.referred(at, &param, dw::DW_AT_type)?, depth + 1)?);
                }
                dw::DW_TAG_unspecified_parameters => texts.push("...".into()),
                _ => {}
            }
        }
        Ok(if texts.is_empty() { "void".into() } else { texts.join(", ") })
    }

    fn tagged(&self, keyword: &str, at: At, entry: &Entry<'a>) -> Result<String> {
        let name = self.session.name(at, entry)?.map(|name| self.session.qualified(at, &name));
        Ok(match name {
            Some(name) if self.says_struct => format!("{keyword} {name}"),
            Some(name) => name,
            None => keyword.into(),
        })
    }
}
