//! Local time by the C library: `strftime` in the zone of this machine, with the library's own idea of every conversion.

use std::ffi::CString;
use std::mem::MaybeUninit;

/// Formats seconds since the epoch; `None` when the format or the time is beyond the library.
pub fn strftime(format: &str, seconds: i64) -> Option<String> {
    if format.is_empty() {
        return Some(String::new());
    }
    // A result of no bytes is also how failure looks (`%p` may be empty), so one byte is added and taken away again.
    let format = CString::new(format!("{format} ")).ok()?;
    let mut broken = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are to live memory of the right types; the library fills in `broken` unless it returns null.
    let filled = unsafe { libc::localtime_r(&seconds, broken.as_mut_ptr()) };
    if filled.is_null() {
        return None;
    }
    // SAFETY: filled in, as it did not return null.
    let broken = unsafe { broken.assume_init() };
    let mut text = vec![0u8; 256 + 16 * format.as_bytes().len()];
    // SAFETY: the library writes at most `text.len()` bytes and reads two initialised arguments.
    let length = unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &broken) };
    text.truncate(length.checked_sub(1)?);
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn the_library_formats() {
        assert_eq!(strftime("%Y %%", 86_400 * 366).as_deref(), Some("1971 %"));
        assert_eq!(strftime("", 0).as_deref(), Some(""));
        assert_eq!(strftime("a\0b", 0), None);
        assert!(strftime("%Y", i64::MAX).is_none());
    }
}
