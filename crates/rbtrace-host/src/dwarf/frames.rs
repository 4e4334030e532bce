//! Where the frame of a function is at an instruction: what the tables for exceptions and debuggers say about it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use gimli::{BaseAddresses, CfaRule, DebugFrame, EhFrame, EndianSlice, RunTimeEndian, UnwindContext, UnwindSection};
use object::{Object, ObjectSection};
use rbtrace_types::debug_info::Computed;

use crate::binaries::image::Image;

/// The canonical address of the frame, which other places are counted from. Debug files have none of the tables that run with the program.
pub(super) fn canonical_address(binary: &Path, debug_file: &Path, pc: u64) -> Result<Computed> {
    [binary, debug_file].iter().find_map(|path| of_file(path, pc).ok()).context("no table says where the function's frame is")
}

fn of_file(path: &Path, pc: u64) -> Result<Computed> {
    let image = Image::open(path, None).map_err(anyhow::Error::msg)?;
    let file = object::File::parse(&*image)?;
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let section =
        |name| file.section_by_name(name).map(|section| Ok::<_, object::Error>((section.address(), section.uncompressed_data()?)));
    let text = section(".text").transpose()?.map_or(0, |(address, _)| address);
    if let Some((address, bytes)) = section(".eh_frame").transpose()? {
        let bases = BaseAddresses::default().set_eh_frame(address).set_text(text);
        if let Ok(found) = look(&EhFrame::from(EndianSlice::new(&bytes, endian)), &bases, pc) {
            return Ok(found);
        }
    }
    let (_, bytes) = section(".debug_frame").context("no table of frames")??;
    let mut frames = DebugFrame::from(EndianSlice::new(&bytes, endian));
    frames.set_address_size(if file.is_64() { 8 } else { 4 });
    look(&frames, &BaseAddresses::default(), pc)
}

fn look<'a, S>(frames: &S, bases: &BaseAddresses, pc: u64) -> Result<Computed>
where
    S: UnwindSection<EndianSlice<'a, RunTimeEndian>>,
{
    let mut context = UnwindContext::new();
    let row = frames.unwind_info_for_address(bases, &mut context, pc, S::cie_from_offset)?;
    match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => Ok(Computed::Register(register.0).plus(*offset)),
        CfaRule::Expression(_) => bail!("the frame is computed"),
    }
}
