//! What units keep in files of their own (`-gsplit-dwarf`): a `.dwo` for each unit, or one package (`.dwp`) for all. Such a unit is known by the
//! number of the one that stands for it in the binary.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use gimli::constants as dw;
use gimli::{DebugTypeSignature, Dwarf, DwarfPackage, DwoId, SectionId, Unit};

use super::index::UnitIndex;
use super::sections::{File, Slice};
use super::session::Session;
use crate::binaries::below;
use crate::binaries::image::Image;

/// Where such files are.
#[derive(Debug)]
pub struct Apart {
    /// Where paths begin, if not where ours do.
    pub root: Option<PathBuf>,
    /// The binary.
    pub binary: PathBuf,
    /// The file that describes it: itself, or its debug file.
    pub debug_file: PathBuf,
}

/// What one unit keeps apart.
#[derive(Debug)]
pub(super) struct Split {
    pub file: Arc<File>,
    is_package: bool,
    id: DwoId,
    pub index: OnceLock<UnitIndex>,
}

/// Where the files of all units are found.
#[derive(Debug)]
pub(super) struct SplitFiles {
    pub apart: Apart,
    package: OnceLock<Option<Arc<File>>>,
}

impl SplitFiles {
    pub fn new(apart: Apart) -> SplitFiles {
        SplitFiles { apart, package: OnceLock::new() }
    }

    /// What the unit of a number keeps apart.
    pub fn of(&self, session: &Session<'_>, number: u32) -> Option<Split> {
        let unit = session.unit(0, number).ok()?;
        let id = unit.dwo_id?;
        let is_of = |split: &Split| split.unit(&session.dwarf(0, number), &unit).is_ok();
        let of_package = self.package().map(|file| Split { file, is_package: true, id, index: OnceLock::new() });
        let of_file = || {
            let file = Arc::new(self.open(session, number, &unit)?);
            Some(Split { file, is_package: false, id, index: OnceLock::new() })
        };
        of_package.filter(&is_of).or_else(|| of_file().filter(&is_of))
    }

    fn package(&self) -> Option<Arc<File>> {
        let find = || {
            let places = [&self.apart.binary, &self.apart.debug_file].map(|file| {
                let mut name = file.clone().into_os_string();
                name.push(".dwp");
                PathBuf::from(name)
            });
            places.iter().find_map(|place| open(place)).map(Arc::new)
        };
        self.package.get_or_init(find).clone()
    }

    /// The `.dwo` of a unit: where the compiler left it, or beside the binary.
    fn open(&self, session: &Session<'_>, number: u32, unit: &Unit<Slice<'_>>) -> Option<File> {
        let name = dwo_name(session, number, unit)?;
        let directory = unit.comp_dir.map(|directory| directory.to_string_lossy().into_owned()).unwrap_or_default();
        let written = Path::new(&directory).join(&name);
        let beside = |file: &Path| Some(file.parent()?.join(&name));
        let beside_plain = |file: &Path| Some(file.parent()?.join(Path::new(&name).file_name()?));
        let binary = &self.apart.binary;
        let places = [Some(below(self.apart.root.as_ref(), &written.to_string_lossy())), beside(binary), beside_plain(binary)];
        places.iter().flatten().find_map(|place| open(place))
    }
}

/// The file that a unit says it keeps things in.
pub(super) fn dwo_name(session: &Session<'_>, number: u32, unit: &Unit<Slice<'_>>) -> Option<String> {
    let name = unit.dwo_name().ok()??;
    Some(session.dwarf(0, number).attr_string(unit, name).ok()?.to_string_lossy().into_owned())
}

fn open(place: &Path) -> Option<File> {
    // What is broken there is as good as absent.
    File::read_split(Image::open(place, None).ok()?).ok()
}

impl Split {
    /// The sections of the unit.
    pub fn dwarf<'a>(&'a self, parent: &Dwarf<Slice<'a>>) -> Result<Dwarf<Slice<'a>>> {
        if !self.is_package {
            let mut dwarf = self.file.dwarf();
            dwarf.make_dwo(parent);
            return Ok(dwarf);
        }
        self.package()?.find_cu(self.id, parent)?.context("a unit that its package does not have")
    }

    fn package(&self) -> Result<DwarfPackage<Slice<'_>>> {
        let empty = self.file.slice(SectionId::DebugNames);
        Ok(DwarfPackage::load(|id| Ok::<_, gimli::Error>(self.file.slice(id)), empty)?)
    }

    /// Units of types that are kept there, too: their numbers and signatures, by number.
    pub fn types(&self) -> Vec<(u32, u64)> {
        let mut types: Vec<(u32, u64)> = self.file.signatures.iter().map(|(signature, (number, _))| (*number, *signature)).collect();
        types.sort_unstable();
        types
    }

    /// A unit of types and its sections.
    pub fn type_unit<'a>(&'a self, parent: &Dwarf<Slice<'a>>, number: u32, signature: u64) -> Result<(Dwarf<Slice<'a>>, Unit<Slice<'a>>)> {
        let (dwarf, header) = if self.is_package {
            let dwarf = self.package()?.find_tu(DebugTypeSignature(signature), parent)?.context("a type that its package does not have")?;
            // What a package says of a type is that type alone.
            let header = dwarf.units().next()?.or(dwarf.type_units().next()?).context("a unit of types without a header")?;
            (dwarf, header)
        } else {
            (self.dwarf(parent)?, self.file.header(number)?)
        };
        let unit = dwarf.unit(header)?;
        Ok((dwarf, unit))
    }

    /// The unit and its sections.
    pub fn unit<'a>(&'a self, parent: &Dwarf<Slice<'a>>, skeleton: &Unit<Slice<'a>>) -> Result<(Dwarf<Slice<'a>>, Unit<Slice<'a>>)> {
        let dwarf = self.dwarf(parent)?;
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            let mut unit = dwarf.unit(header)?;
            if unit.dwo_id == Some(self.id) && unit.entry(unit.root_offset())?.tag() == dw::DW_TAG_compile_unit {
                unit.copy_relocated_attributes(skeleton);
                return Ok((dwarf, unit));
            }
        }
        anyhow::bail!("a file without the unit that it was made for")
    }
}
