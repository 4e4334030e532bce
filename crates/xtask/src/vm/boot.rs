//! One run of a virtual machine: a command line for QEMU, the command's output line by line, its exit status.
//!
//! The processor is emulated: nobody has to have KVM, and it is the same everywhere. The root file system is the host's own, copy on write.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::image::{self, Image};
use crate::shell;

/// A machine and what it is to do.
#[derive(Debug)]
pub struct Boot<'a> {
    /// Kernel and initramfs.
    pub image: &'a Image,
    /// A line of shell, run as root.
    pub command: &'a str,
    /// A directory for sockets and logs, kept by the caller.
    pub directory: &'a Path,
    /// It is stopped after that.
    pub limit: Duration,
}

/// MiB; the files that cases write are in it.
const MEMORY: &str = "2048";

/// Bytes of the disk, of which the host stores only those that were written.
const DISK: u64 = 1 << 30;

/// Not `max` alone: QEMU 7.2 corrupts the flags at `cmpxchg16b`, and guests die of a double fault early.
const CPU: &str = "max,cx16=off";

/// Runs it to its end; `line` gets what the command prints. Gives the command's exit status.
pub fn run(boot: &Boot<'_>, mut line: impl FnMut(&str)) -> Result<i32> {
    let at = |name: &str| boot.directory.join(name);
    initramfs(boot, &at("initramfs"))?;
    disk(&at("disk"))?;
    // QEMU opens what is there: a pipe hands the lines on as they come.
    let _ = fs::remove_file(at("output"));
    let _ = fs::remove_file(at("status"));
    shell::call_quietly(Command::new("mkfifo").arg(at("output")))?;
    let child = qemu(boot).spawn().context("starting qemu-system-x86_64")?;
    let watch = Watch::new(child, boot.limit);
    // Both ways: a reader alone would wait for a QEMU that has died.
    let output = fs::OpenOptions::new().read(true).write(true).open(at("output")).context("opening the console")?;
    let reader = read_lines(output);
    while let Some(text) = watch.next(&reader) {
        line(&text);
    }
    let ended_in_time = watch.finish();
    let status = fs::read_to_string(at("status")).unwrap_or_default();
    match status.trim().parse() {
        Ok(status) => Ok(status),
        Err(_) => {
            let why = if ended_in_time { "the machine ended without a word" } else { "the machine took too long" };
            bail!("{why}; the last lines of its console:\n{}", tail(&at("console")))
        }
    }
}

/// The command travels in a second archive behind the first.
fn initramfs(boot: &Boot<'_>, to: &Path) -> Result<()> {
    let tree = boot.directory.join("command");
    fs::create_dir_all(&tree)?;
    fs::write(tree.join("command"), format!("{}\n", boot.command))?;
    let second = boot.directory.join("command.cpio");
    image::archive(&tree, &second)?;
    let mut all = fs::read(&boot.image.initramfs)?;
    all.extend(fs::read(second)?);
    fs::write(to, all).context("writing the initramfs")
}

/// An empty disk for temporary files: what is written there makes block requests, which the overlay does not.
fn disk(to: &Path) -> Result<()> {
    fs::File::create(to).and_then(|file| file.set_len(DISK)).context("making a disk")?;
    shell::call_quietly(Command::new("/sbin/mke2fs").args(["-q", "-F", "-t", "ext4"]).arg(to))
}

fn qemu(boot: &Boot<'_>) -> Command {
    let at = |name: &str| boot.directory.join(name).display().to_string();
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel", "tcg,thread=multi,tb-size=256"]);
    // Two emulated processors have patched each other's text to death when probes came and went by the hundred.
    qemu.args(["-cpu", CPU, "-smp", "1", "-m", MEMORY, "-M", "q35,smm=off,vmport=off,hpet=off,sata=off,smbus=off,usb=off"]);
    qemu.args(["-serial", &format!("file:{}", at("console")), "-device", "virtio-serial-pci"]);
    for port in ["output", "status"] {
        qemu.args(["-chardev", &format!("file,id={port},path={}", at(port))]);
        qemu.args(["-device", &format!("virtserialport,chardev={port},name={port}")]);
    }
    qemu.args(["-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"]);
    qemu.args(["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]);
    qemu.args(["-drive", &format!("file={},if=none,id=disk,format=raw,cache=unsafe", at("disk")), "-device", "virtio-blk-pci,drive=disk"]);
    qemu.arg("-kernel").arg(&boot.image.vmlinux).args(["-initrd", &at("initramfs")]);
    // norandmaps: QEMU keeps what it translated by address, and a program that lies elsewhere at each start is translated anew, which takes
    // most of the time.
    qemu.args(["-append", "console=ttyS0 quiet loglevel=4 panic=-1 nokaslr mitigations=off tsc=reliable no_timer_check norandmaps"]);
    qemu.stdin(Stdio::null()).stdout(Stdio::null());
    qemu
}

fn read_lines(output: fs::File) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A QEMU that is not forgotten.
struct Watch {
    child: std::cell::RefCell<Child>,
    deadline: std::time::Instant,
}

impl Watch {
    fn new(child: Child, limit: Duration) -> Self {
        Self { child: std::cell::RefCell::new(child), deadline: std::time::Instant::now() + limit }
    }

    /// The next line; `None` when the machine has ended or its time is over, and nothing is left to read.
    fn next(&self, lines: &mpsc::Receiver<String>) -> Option<String> {
        loop {
            // What was written before the end is in the pipe by the time the end is seen.
            let has_ended = !matches!(self.child.borrow_mut().try_wait(), Ok(None)) || std::time::Instant::now() > self.deadline;
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => return Some(line),
                Err(_) if has_ended => return None,
                Err(_) => {}
            }
        }
    }

    /// Whether it ended by itself.
    fn finish(&self) -> bool {
        let mut child = self.child.borrow_mut();
        if matches!(child.try_wait(), Ok(Some(_))) {
            return true;
        }
        // It may end just now.
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.finish();
    }
}

fn tail(console: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(console).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
