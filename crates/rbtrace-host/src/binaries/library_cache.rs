//! Libraries by name, as the dynamic linker finds them: its cache (`/etc/ld.so.cache`), and the usual directories where there is none.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::find::below;

/// Begins the cache; older files have an older format before it.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes before the first entry, and of each entry.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// The flags of an entry for libraries of our architecture: its low byte says glibc 2.
const FLAGS: u32 = if cfg!(target_arch = "aarch64") { 0x0a03 } else { 0x0303 };
/// Where libraries are without a cache.
const DIRECTORIES: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];

/// The path of a library: `libc`, `libc.so.6`.
pub fn find(name: &str, root: Option<&PathBuf>) -> Option<String> {
    let cache = fs::read(below(root, "/etc/ld.so.cache")).unwrap_or_default();
    let exists = |path: &String| below(root, path).is_file();
    let cached = entries(&cache).into_iter().filter(|(file, _)| is_named(file, name)).map(|(_, path)| path).find(exists);
    cached.or_else(|| in_directories(name, root))
}

/// Whether a file's name is the one of a library: `libc.so.6` is named `libc` and `libc.so.6`.
pub fn is_named(file: &str, name: &str) -> bool {
    file == name || file.strip_prefix(name).is_some_and(|rest| !name.contains(".so") && (rest == ".so" || rest.starts_with(".so.")))
}

/// Names and paths.
fn entries(cache: &[u8]) -> Vec<(String, String)> {
    let Some(start) = memchr::memmem::find(cache, MAGIC) else { return Vec::new() };
    let cache = &cache[start..];
    let number = |at: usize| cache.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let text = |at: u32| {
        let bytes = cache.get(at as usize..)?;
        Some(String::from_utf8_lossy(&bytes[..memchr::memchr(0, bytes)?]).into_owned())
    };
    let count = number(MAGIC.len()).unwrap_or(0) as usize;
    let entry = |index: usize| {
        let at = HEADER + index * ENTRY;
        (number(at)? == FLAGS).then(|| Some((text(number(at + 4)?)?, text(number(at + 8)?)?)))?
    };
    (0..count.min(cache.len() / ENTRY)).filter_map(entry).collect()
}

fn in_directories(name: &str, root: Option<&PathBuf>) -> Option<String> {
    let own = [std::env::consts::ARCH].map(|arch| format!("/usr/lib/{arch}-linux-gnu"));
    let directories = DIRECTORIES.into_iter().chain(own.iter().map(String::as_str));
    let files = directories.flat_map(|directory| {
        let entries = fs::read_dir(below(root, directory)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|file| is_named(file, name));
        names.map(|file| format!("{directory}/{file}")).collect::<Vec<_>>()
    });
    files.filter(|path| is_elf(&below(root, path))).min()
}

/// Where programs are built, `libc.so` is a text for the linker.
fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_have_short_names_and_sonames() {
        for name in ["libc", "libc.so", "libc.so.6"] {
            assert_eq!(is_named("libc.so.6", name), name != "libc.so", "{name}");
        }
        assert!(!is_named("libcrypt.so.1", "libc") && !is_named("libc.so.60", "libc.so.6") && is_named("libx.so", "libx"));
    }

    #[test]
    fn texts_for_the_linker_are_no_libraries() {
        let root = std::env::temp_dir().join(format!("rbtrace-libraries-{}", std::process::id()));
        fs::create_dir_all(root.join("usr/lib")).expect("temporary files can be written");
        for (name, bytes) in [("libx.so", &b"GROUP ( libx.so.6 )"[..]), ("libx.so.6", b"\x7fELF..."), ("liby.so", b"\x7fE")] {
            fs::write(root.join("usr/lib").join(name), bytes).expect("temporary files can be written");
        }
        let found = |name| find(name, Some(&root));
        assert_eq!((found("libx").as_deref(), found("liby")), (Some("/usr/lib/libx.so.6"), None));
        fs::remove_dir_all(&root).expect("it was just made");
    }

    #[test]
    fn a_broken_cache_has_no_entries() {
        let mut cache = MAGIC.to_vec();
        cache.extend(1000u32.to_le_bytes());
        assert!(entries(&cache).is_empty() && entries(b"").is_empty());
        cache.resize(HEADER + ENTRY, 0xff);
        assert!(entries(&cache).is_empty());
    }
}
