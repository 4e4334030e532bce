//! `--info`: what this machine and this build can do (SPEC §8.8).

use rbtrace_host::Host;
use rbtrace_sema::frontend::lang::probes;
use rbtrace_sema::frontend::types::{Facts, Feature};

use crate::environment::Environment;
use crate::{Ending, say};

/// The longest program that the verifier walks, in every kernel from 5.2 on; older ones run no script.
const INSTRUCTIONS: u32 = 1_000_000;

/// Prints the report.
pub fn run(environment: &Environment) -> Ending {
    let host = environment.host();
    // What scripts that read this report look for, and then all that we ask for ourselves.
    let spoken = [
        // Only programs that come with BTF may call it, and BTF names it.
        ("dpath", host.kernel_enum_constant("BPF_FUNC_d_path").is_some()),
        ("get_tai_ns", host.has(Feature::TaiTime)),
        ("get_func_ip", host.has(Feature::TrampolineFuncIp)),
        ("lookup_percpu_elem", host.has(Feature::LookupPerCpu)),
    ];
    let spoken = spoken.map(|(name, is_there)| (name.to_owned(), yes(is_there)));
    let features = Feature::ALL.map(|feature| (feature.name().to_owned(), yes(host.has(feature))));
    let modules = host.raw_tracepoints().iter().any(|raw| raw.module != rbtrace_host::btf::VMLINUX);
    let kernel = [
        ("Instruction limit", INSTRUCTIONS.to_string()),
        ("btf", yes(host.btf().exists())),
        ("module btf", yes(modules)),
        ("tracefs", yes(host.tracefs().is_some())),
    ];
    // Ways to attach many functions at once.
    let multi = [Feature::KprobeMulti, Feature::UprobeMulti, Feature::KprobeSession]
        .map(|feature| (feature.name().to_owned(), yes(host.has(feature))));
    let types = probes::ALL.iter().map(|row| (row.name.to_owned(), yes(true))).chain(multi);
    let text = [
        section("System", system(&host)),
        section("Build", build()),
        section("Kernel helpers", spoken.into_iter().chain(features)),
        section("Kernel features", kernel.map(|(name, value)| (name.to_owned(), value))),
        section("Probe types", types),
    ];
    say(&text.join("\n"))
}

fn system(host: &Host) -> [(String, String); 2] {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/version").unwrap_or_default();
    [("OS".into(), format!("Linux {} {}", host.release().text, kernel.trim())), ("Arch".into(), host.arch().name().into())]
}

fn build() -> impl Iterator<Item = (String, String)> {
    // The libraries of others are here for what they are good for: instructions, DWARF, notes to systemd, names of addresses.
    [
        ("version", format!("v{}", env!("CARGO_PKG_VERSION"))),
        ("LLVM", rbtrace_codegen::llvm_version()),
        ("bfd", yes(true)),
        ("libdw (DWARF support)", yes(true)),
        ("libsystemd (systemd notify support)", yes(true)),
        ("blazesym (advanced symbolization)", yes(true)),
        ("dwunwind", yes(true)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
}

fn section(title: &str, lines: impl IntoIterator<Item = (String, String)>) -> String {
    let lines: String = lines.into_iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
    format!("{title}\n{lines}")
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.into()
}
