//! The bytes of a binary: a file, or a member of an archive.

use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

use super::archive;
use super::file::map;

/// See the module.
#[derive(Debug)]
pub struct Image {
    file: Mmap,
    range: Range<usize>,
}

impl Image {
    /// Opens a file, or a member of an archive.
    pub fn open(path: &Path, member: Option<&str>) -> Result<Image, String> {
        let file = map(path)?;
        let range = match member {
            Some(member) => archive::find(&file, member).map_err(|why| format!("{}: {why}", path.display()))?,
            None => 0..file.len(),
        };
        Ok(Image { file, range })
    }
}

impl Deref for Image {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }
}
