//! The code that the kernel puts into every process, as a file: its tables name it. Read from our own memory, where it is the same.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::sources::in_memory;

/// What it is called where files have their paths.
pub const NAME: &str = "[vdso]";

/// See the module.
#[derive(Debug)]
pub struct Image(File);

impl Image {
    /// `None`: the kernel has none for us.
    pub fn read() -> Option<Image> {
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        let (range, _) = maps.lines().find(|line| line.ends_with(NAME))?.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16));
        let (start, end) = (start.ok()?, end.ok()?);
        let mut bytes = vec![0; usize::try_from(end.checked_sub(start)?).ok()?];
        File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
        in_memory(&bytes).map(Image)
    }

    /// Where it can be read.
    pub fn place(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
