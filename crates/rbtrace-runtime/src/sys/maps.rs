//! Entries of BPF maps, many at a time. Keys and values are bytes in the kernel's layout: a per-CPU map has one value per possible CPU,
//! each rounded up to 8 bytes.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use super::bpf::writable;
use super::{check, own};

/// Makes an array that user space can have in its memory.
pub fn create_shared_array(name: &CStr, value_bytes: u32, count: u32) -> io::Result<OwnedFd> {
    let options = sys::bpf_map_create_opts {
        sz: size_of::<sys::bpf_map_create_opts>() as sys::size_t,
        map_flags: sys::BPF_F_MMAPABLE,
        ..Default::default()
    };
    // SAFETY: name and options live until the call returns; the kernel only reads them.
    check(unsafe { sys::bpf_map_create(sys::BPF_MAP_TYPE_ARRAY, name.as_ptr(), 4, value_bytes, count, &options) }).map(own)
}

/// A position in a walk over a map. Hash maps use 4 bytes of it, others up to the size of a key.
#[derive(Debug, Clone)]
pub struct Cursor {
    at: Vec<u8>,
    started: bool,
}

impl Cursor {
    /// The start of a walk over a map with keys of `key_size` bytes.
    pub fn new(key_size: usize) -> Self {
        Self { at: vec![0; key_size.max(8)], started: false }
    }
}

/// What a batch call did.
#[derive(Debug, PartialEq, Eq)]
pub enum Batch {
    /// That many entries, and there may be more.
    More(usize),
    /// That many entries, the last ones.
    Last(usize),
    /// The next bucket of the hash map has more entries than fit.
    TooSmall,
}

/// What happens to entries that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// They stay.
    Keep,
    /// They are removed in the same step.
    Delete,
}

/// Reads the next entries, at most as many as fit in both buffers.
pub fn read(
    map: BorrowedFd<'_>,
    cursor: &mut Cursor,
    keys: &mut [u8],
    values: &mut [u64],
    capacity: usize,
    after: After,
) -> io::Result<Batch> {
    let mut count = capacity as u32;
    let previous = cursor.at.clone();
    let from = if cursor.started { previous.as_ptr().cast_mut().cast() } else { std::ptr::null_mut() };
    let call = match after {
        After::Keep => sys::bpf_map_lookup_batch,
        After::Delete => sys::bpf_map_lookup_and_delete_batch,
    };
    let (next, keys, values) = (writable(&mut cursor.at), writable(keys), writable(values));
    // SAFETY: the caller's buffers hold `capacity` keys and values of the map's sizes, and the cursor holds a key; the kernel writes no more.
    let result = check(unsafe { call(map.as_raw_fd(), from, next, keys, values, &mut count, &batch_options()) });
    cursor.started = true;
    match result {
        Ok(_) => Ok(Batch::More(count as usize)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Batch::Last(count as usize)),
        Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => Ok(Batch::TooSmall),
        Err(error) => Err(error),
    }
}

/// Writes one value per key.
pub fn write(map: BorrowedFd<'_>, keys: &[u8], values: &[u64], count: usize) -> io::Result<()> {
    let mut written = count as u32;
    let (keys, values) = (keys.as_ptr().cast(), values.as_ptr().cast());
    // SAFETY: the caller's buffers hold `count` keys and values of the map's sizes; the kernel only reads them.
    check(unsafe { sys::bpf_map_update_batch(map.as_raw_fd(), keys, values, &mut written, &batch_options()) }).map(drop)
}

/// Reads one value.
pub fn get(map: BorrowedFd<'_>, key: &[u8], value: &mut [u64]) -> io::Result<()> {
    // SAFETY: the caller's buffers have the map's sizes; the kernel writes one value.
    check(unsafe { sys::bpf_map_lookup_elem(map.as_raw_fd(), key.as_ptr().cast(), writable(value)) }).map(drop)
}

/// Writes one value.
pub fn set(map: BorrowedFd<'_>, key: &[u8], value: &[u64]) -> io::Result<()> {
    let (key, value) = (key.as_ptr().cast(), value.as_ptr().cast());
    // SAFETY: the caller's buffers have the map's sizes; the kernel only reads them.
    check(unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), key, value, u64::from(sys::BPF_ANY)) }).map(drop)
}

/// Removes one entry.
pub fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<()> {
    // SAFETY: the key has the map's size; the kernel only reads it.
    check(unsafe { sys::bpf_map_delete_elem(map.as_raw_fd(), key.as_ptr().cast()) }).map(drop)
}

/// The key after `key`, or the first; `false` after the last.
pub fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, next: &mut [u8]) -> io::Result<bool> {
    let key = key.map_or(std::ptr::null(), |key| key.as_ptr().cast());
    // SAFETY: both buffers have the map's key size; the kernel writes one key.
    match check(unsafe { sys::bpf_map_get_next_key(map.as_raw_fd(), key, writable(next)) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn batch_options() -> sys::bpf_map_batch_opts {
    sys::bpf_map_batch_opts { sz: size_of::<sys::bpf_map_batch_opts>() as sys::size_t, elem_flags: 0, flags: 0 }
}
