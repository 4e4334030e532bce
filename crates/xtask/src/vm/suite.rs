//! The suite inside virtual machines: builds it, boots kernels side by side, and collects what it says in each.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::boot::{self, Boot};
use super::image;
use super::kernels::{self, Kernel};
use super::table::{Column, Verdict};
use crate::{run, shell};

/// Emulated processors are that much slower where others use the real ones, too.
const SLOWER: &str = "30";

/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(3600);

/// A built suite.
#[derive(Debug)]
pub struct Suite {
    binary: PathBuf,
}

impl Suite {
    /// Builds it; `options` choose how, for `cargo test`.
    pub fn build(options: &[&str]) -> Result<Self> {
        let mut build = shell::cargo();
        let messages = shell::output(build.arg("test").args(options).args(["--no-run", "--message-format", "json"]))?;
        let mut executable = messages.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_suite = message["target"]["name"] == "suite";
            message["executable"].as_str().filter(|_| is_suite).map(PathBuf::from)
        });
        Ok(Self { binary: executable.next_back().context("cargo built no suite")? })
    }

    /// Runs it on each kernel, as many at a time as there are processors: a machine keeps one busy.
    pub fn run_on(&self, kernels: &[Kernel], args: &[&str]) -> Vec<Column> {
        let next = AtomicUsize::new(0);
        let columns: Vec<Mutex<Option<Column>>> = kernels.iter().map(|_| Mutex::new(None)).collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(kernels.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((kernel, column)) = take(&next, kernels, &columns) {
                        *column.lock().expect("no worker panics while it holds a lock") = Some(self.column(*kernel, args));
                    }
                });
            }
        });
        columns.into_iter().filter_map(|column| column.into_inner().expect("as above")).collect()
    }

    /// One kernel. That it could not be had or died is a failure like others: the cases that were not reached are as good as failed.
    fn column(&self, kernel: Kernel, args: &[&str]) -> Column {
        let mut column = Column::new(kernel.name);
        let start = Instant::now();
        if let Err(error) = self.run(kernel, args, &mut column) {
            eprintln!("Linux {}: {error:#}", kernel.name);
            column.cases.insert("(the machine)".to_string(), Verdict::Failed);
        }
        column.seconds = start.elapsed().as_secs();
        column
    }

    fn run(&self, kernel: Kernel, args: &[&str], column: &mut Column) -> Result<()> {
        let unpacked = kernels::get(kernel)?;
        column.release.clone_from(&unpacked.release);
        let image = image::image(&unpacked)?;
        eprintln!("Linux {} in a virtual machine", unpacked.release);
        let directory = run::target_directory()?.join("vmtest").join(kernel.name);
        std::fs::create_dir_all(&directory)?;
        let command = command(&self.binary, args);
        let boot = Boot { image: &image, command: &command, directory: &directory, limit: LIMIT };
        boot::run(&boot, |line| {
            println!("{:<5} {line}", kernel.name);
            column.line(line);
        })?;
        if column.cases.is_empty() {
            bail!("no case ran");
        }
        Ok(())
    }
}

fn take<'a, T>(next: &AtomicUsize, kernels: &'a [Kernel], columns: &'a [T]) -> Option<(&'a Kernel, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    kernels.get(index).zip(columns.get(index))
}

fn command(binary: &Path, args: &[&str]) -> String {
    let quoted: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
    format!("cd '{}' && RBTRACE_TEST_SLOW={SLOWER} '{}' {}", shell::root().display(), binary.display(), quoted.join(" "))
}
