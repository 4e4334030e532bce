//! What a virtual machine starts from: the uncompressed kernel and an initramfs with the few modules that reach our own files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::kernels::Unpacked;
use crate::shell;

/// Files to boot.
#[derive(Debug)]
pub struct Image {
    /// An ELF file, entered through its PVH note: emulated processors are slow at decompressing.
    pub vmlinux: PathBuf,
    /// busybox, modules and [`INIT`].
    pub initramfs: PathBuf,
}

/// The first program of the machine.
const INIT: &str = include_str!("init.sh");

/// To reach the console ports, the shared root file system, to write above it, and to have a disk: ext4 asks for its sums by name only.
const MODULES: [&str; 8] = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "virtio_blk", "crc32c_generic", "ext4"];

/// Makes what the cache does not have.
pub fn image(kernel: &Unpacked) -> Result<Image> {
    let vmlinux = kernel.cache.join("vmlinux");
    if !vmlinux.exists() {
        let fresh = kernel.cache.join("vmlinux.new");
        decompress(&compressed(kernel)?, &fresh).with_context(|| format!("unpacking Linux {}", kernel.release))?;
        fs::rename(fresh, &vmlinux)?;
    }
    // Cheap, and made from a script that is still being written: always anew.
    let initramfs = kernel.cache.join("initramfs.cpio");
    pack(kernel, &initramfs).context("packing the initramfs")?;
    Ok(Image { vmlinux, initramfs })
}

fn compressed(kernel: &Unpacked) -> Result<PathBuf> {
    let places = [kernel.root.join("boot").join(format!("vmlinuz-{}", kernel.release)), kernel.modules.join("vmlinuz")];
    places.into_iter().find(|path| path.exists()).with_context(|| format!("the packages of {} have no vmlinuz", kernel.release))
}

/// Cuts the payload out of a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length) and unpacks it.
fn decompress(bzimage: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(bzimage)?;
    let word = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(|four| u32::from_le_bytes(four) as usize);
    let sectors = bytes.get(0x1f1).map(|&sectors| if sectors == 0 { 4 } else { usize::from(sectors) }).context("it is cut short")?;
    let start = (sectors + 1) * 512 + word(0x248).context("it is cut short")?;
    // The last four bytes say how long the result is; decompressors take them for garbage.
    let length = word(0x24c).and_then(|length| length.checked_sub(4)).context("it has no payload")?;
    let payload = bytes.get(start..start + length).context("it is cut short")?;
    let program = match payload {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, 0x37, 0x7a, 0x58, ..] => "xz",
        [0x02, 0x21, 0x4c, 0x18, ..] => "lz4",
        [0x1f, 0x8b, ..] => "gzip",
        _ => bail!("its compression is unknown"),
    };
    let mut child = Command::new(program).arg("-dc").stdin(Stdio::piped()).stdout(File::create(to)?).spawn().context(program)?;
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(payload).with_context(|| format!("feeding {program}"))?;
    drop(input);
    if !child.wait()?.success() {
        bail!("{program} failed");
    }
    Ok(())
}

fn pack(kernel: &Unpacked, to: &Path) -> Result<()> {
    let tree = kernel.cache.join("initramfs");
    let _ = fs::remove_dir_all(&tree);
    for directory in ["bin", "modules", "dev", "proc", "sys", "host", "above", "root"] {
        fs::create_dir_all(tree.join(directory))?;
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists()).context("no busybox")?;
    fs::copy(busybox, tree.join("bin/busybox"))?;
    std::os::unix::fs::symlink("busybox", tree.join("bin/sh"))?;
    let mut order = Vec::new();
    let modules = Modules::find(&kernel.modules)?;
    for name in MODULES {
        modules.add(name, &tree.join("modules"), &mut order)?;
    }
    fs::write(tree.join("modules/order"), order.join("\n") + "\n")?;
    fs::write(tree.join("init"), INIT)?;
    fs::set_permissions(tree.join("init"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    archive(&tree, to)
}

/// Packs a directory in the only format that the kernel unpacks itself.
pub fn archive(tree: &Path, to: &Path) -> Result<()> {
    let mut cpio = Command::new("cpio");
    cpio.current_dir(tree).args(["--create", "--format=newc", "--quiet", "--null"]);
    let mut child = cpio.stdin(Stdio::piped()).stdout(File::create(to)?).spawn().context("starting cpio")?;
    let names = shell::output(Command::new("find").current_dir(tree).args([".", "-print0"]))?;
    child.stdin.take().expect("it is piped").write_all(names.as_bytes())?;
    if !child.wait()?.success() {
        bail!("cpio failed");
    }
    Ok(())
}

/// The module files of a kernel. The host needs no kmod: each file says itself what it depends on.
struct Modules {
    files: BTreeMap<String, PathBuf>,
}

impl Modules {
    fn find(directory: &Path) -> Result<Self> {
        let names = shell::output(Command::new("find").arg(directory.join("kernel")).args(["-name", "*.ko*"]))?;
        let named = names.lines().filter_map(|path| {
            let (name, _) = Path::new(path).file_name()?.to_str()?.split_once(".ko")?;
            Some((name.replace('-', "_"), PathBuf::from(path)))
        });
        Ok(Self { files: named.collect() })
    }

    /// A module behind those it depends on. One that has no file is built in.
    fn add(&self, name: &str, to: &Path, order: &mut Vec<String>) -> Result<()> {
        let name = name.replace('-', "_");
        let Some(path) = self.files.get(&name).filter(|_| !order.contains(&name)) else { return Ok(()) };
        let bytes = match path.extension().and_then(|extension| extension.to_str()) {
            Some("xz") => unpacked("xz", path)?,
            Some("zst") => unpacked("zstd", path)?,
            _ => fs::read(path)?,
        };
        for needed in depends(&bytes) {
            self.add(&needed, to, order)?;
        }
        fs::write(to.join(format!("{name}.ko")), bytes)?;
        order.push(name);
        Ok(())
    }
}

fn unpacked(program: &str, path: &Path) -> Result<Vec<u8>> {
    let done = Command::new(program).args(["-qdc"]).arg(path).output().with_context(|| format!("starting {program}"))?;
    if !done.status.success() {
        bail!("{program} cannot unpack {}", path.display());
    }
    Ok(done.stdout)
}

/// The `depends=a,b` of a module's `.modinfo`.
fn depends(module: &[u8]) -> Vec<String> {
    let line = module.split(|&byte| byte == 0).find_map(|text| text.strip_prefix(b"depends="));
    let text = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    text.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::depends;

    #[test]
    fn a_module_says_what_it_depends_on() {
        assert_eq!(depends(b"\0license=GPL\0depends=9pnet,netfs\0name=9p\0"), ["9pnet", "netfs"]);
        assert!(depends(b"\0depends=\0").is_empty());
        assert!(depends(b"\x7fELF").is_empty());
    }
}
