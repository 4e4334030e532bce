//! Files of captured packets, in the format of pcap with nanoseconds: a header of the file, then a header and the bytes of each packet. All
//! numbers are the machine's own; readers tell by the magic number.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};

/// Times are in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
/// `LINKTYPE_RAW`: packets begin with the header of IPv4 or IPv6.
const RAW: u32 = 101;
/// The longest packet that a reader has to expect.
const LONGEST: u32 = 65535;
const NANOSECONDS: i64 = 1_000_000_000;

/// The files of a run, open until it ends.
#[derive(Debug, Default)]
pub struct Captures {
    files: HashMap<String, File>,
}

impl Captures {
    /// Appends a packet; the first one of a file makes it anew.
    pub fn write(&mut self, path: &str, epoch_ns: i64, bytes: &[u8], original: u32) -> io::Result<()> {
        if !self.files.contains_key(path) {
            let mut file = File::create(path)?;
            file.write_all(&header())?;
            self.files.insert(path.to_owned(), file);
        }
        let Some(file) = self.files.get_mut(path) else { return Ok(()) };
        let (seconds, rest) = (epoch_ns.div_euclid(NANOSECONDS), epoch_ns.rem_euclid(NANOSECONDS));
        let mut record = words([seconds as u32, rest as u32, bytes.len() as u32, original]);
        record.extend_from_slice(bytes);
        file.write_all(&record)
    }
}

fn header() -> Vec<u8> {
    // Version 2.4, as two halves of a word.
    let version = u32::from_ne_bytes([2u16.to_ne_bytes(), 4u16.to_ne_bytes()].concat().try_into().unwrap_or_default());
    words([MAGIC, version, 0, 0, LONGEST, RAW])
}

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_ne_bytes).collect()
}
