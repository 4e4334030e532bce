//! Where functions begin that no symbol names: the tables by which exceptions find their way know all of a program's code. A function of bytes.

use gimli::{BaseAddresses, EhFrame, LittleEndian, UnwindSection};
use object::{Object, ObjectSection};
use rbtrace_types::binary::Function;

/// The function around an address, or the part of one that has an entry of its own.
pub fn around(bytes: &[u8], address: u64) -> Option<Function> {
    let file = object::File::parse(bytes).ok().filter(|file| file.is_little_endian())?;
    let section = file.section_by_name(".eh_frame")?;
    let mut bases = BaseAddresses::default().set_eh_frame(section.address());
    if let Some(text) = file.section_by_name(".text") {
        bases = bases.set_text(text.address());
    }
    let mut entries = EhFrame::new(section.data().ok()?, LittleEndian);
    entries.set_address_size(if file.is_64() { 8 } else { 4 });
    let found = entries.fde_for_address(&bases, address, EhFrame::cie_from_offset).ok()?;
    Some(Function { name: String::new(), address: found.initial_address(), size: found.len(), is_indirect: false })
}
