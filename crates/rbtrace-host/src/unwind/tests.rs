//! Tables of real binaries, against what `readelf` says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::*;

/// The rows that `readelf` interprets: by address, as text.
fn by_readelf(path: &Path) -> Option<String> {
    let mut command = Command::new("readelf");
    let output = command.arg("--debug-dump=frames-interp").arg(path).env("DEBUGINFOD_URLS", "").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // It fails for files whose debug information is elsewhere, too.
    text.contains("LOC").then_some(text)
}

/// What `readelf` calls the stack pointer and the frame pointer.
type Names = [&'static str; 2];

/// What it calls the registers of x86_64, in the order of `struct pt_regs`.
const PLACES: [&str; 15] = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi"];

/// A rule in the words of `readelf`: base, frame pointer, return address.
fn words(rule: Rule, [stack, frame]: Names) -> [String; 3] {
    let saved = |saved: Saved| match saved {
        Saved::Kept => "u".into(),
        Saved::AtBase(at) => format!("c{at:+}"),
        Saved::AtFrame(_) => "exp".into(),
    };
    match rule {
        Rule::Frame { base, return_address, frame_pointer } => {
            let base = match base {
                Base::Stack(at) => format!("{stack}{at:+}"),
                Base::Frame(at) => format!("{frame}{at:+}"),
                Base::Register(place, at) if stack == "sp" => format!("x{place}{at:+}"),
                Base::Register(place, at) => format!("{}{at:+}", PLACES[usize::from(place)]),
                Base::Stored(..) | Base::StoredAtStack(..) | Base::Linkage(_) | Base::Chain(_) => "exp".into(),
            };
            [base, saved(frame_pointer), saved(return_address)]
        }
        Rule::End => ["any".into(), "any".into(), "u".into()],
        Rule::Signal => ["exp".into(), "exp".into(), "exp".into()],
        Rule::Unknown => ["?".into(), "?".into(), "?".into()],
    }
}

/// Compares all rows of a library; says how many there were, and how many of those we do not understand.
fn compare(path: &Path, names: Names) -> Option<(usize, usize)> {
    let bytes = std::fs::read(path).ok()?;
    let text = by_readelf(path)?;
    let table = table(&bytes).expect("libraries say something");
    assert!(table.rows.is_sorted_by(|a, b| a.at < b.at), "{}", path.display());
    let file = object::File::parse(bytes.as_slice()).expect("a library");
    let codes: Vec<Code> = file.segments().filter_map(|segment| code(&segment)).collect();
    let place = |address: u64| {
        codes
            .iter()
            .find(|code| (code.address..code.address + code.size).contains(&address))
            .map(|code| address - code.address + code.offset)
    };
    // The last row of an address is the one that holds.
    let mut expected: BTreeMap<u64, [String; 3]> = BTreeMap::new();
    let (mut columns, mut ranges): (Vec<String>, usize) = (Vec::new(), 0);
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            ["LOC", "CFA", ..] => columns = fields.iter().map(|field| field.to_string()).collect(),
            [_, _, _, "FDE", ..] => ranges += 1,
            // What a common entry says stands at 0.
            [address, ..] if columns.len() == fields.len() && ranges > 0 && address.len() == 16 => {
                let Some(at) = u64::from_str_radix(address, 16).ok().filter(|at| *at > 0).and_then(place) else { continue };
                let of = |name: &str| columns.iter().position(|column| column == name).map_or("u".to_string(), |at| fields[at].to_string());
                expected.insert(at, [of("CFA"), of(names[1]), of("ra")]);
            }
            _ => {}
        }
    }
    let mut unknown = 0;
    for (at, wanted) in &expected {
        let row = table.rows.partition_point(|row| u64::from(row.at) <= *at).checked_sub(1).map(|at| table.rows[at]);
        let found = words(row.expect("described").rule, names);
        let same = |at: usize| found[at] == wanted[at] || matches!(found[at].as_str(), "any") || (found[at] == "u" && wanted[at] == "s");
        if found[0] == "?" {
            // Bases in other registers, and expressions of hand-written code.
            assert!(
                !wanted[0].starts_with(names[0]) || wanted[1].starts_with("exp"),
                "{at:#x} of {}: {wanted:?} is not understood",
                path.display()
            );
            unknown += 1;
            continue;
        }
        assert!((0..3).all(same), "{at:#x} of {}: {found:?}, readelf: {wanted:?}", path.display());
    }
    Some((expected.len(), unknown))
}

#[test]
fn returns_from_handlers_of_aarch64_are_known_by_name() {
    let code = vec![Code { address: 0x1000, offset: 0x400, size: 0x100 }];
    let framed = Rule::Frame { base: Base::Stack(16), return_address: Saved::AtBase(-8), frame_pointer: Saved::AtBase(-16) };
    let rows = vec![Row { at: 0x400, rule: framed }, Row { at: 0x420, rule: Rule::Unknown }, Row { at: 0x440, rule: framed }];
    let mut builder = Builder { code, registers: Registers::Aarch64, table: Table { rows, ..Table::default() } };
    builder.signal_return(0x1024);
    let rows: Vec<(u32, Rule)> = builder.table.rows.iter().map(|row| (row.at, row.rule)).collect();
    let expected = [(0x400, framed), (0x420, Rule::Signal), (0x42c, Rule::Unknown), (0x440, framed)];
    assert_eq!(rows, expected);
}

#[test]
fn frame_pointers_of_aarch64_are_known_by_their_records() {
    let rule = |base, at: i32| Rule::Frame { base, return_address: Saved::AtBase(at + 8), frame_pointer: Saved::AtBase(at) };
    assert!(Registers::Aarch64.sets_up_frame(rule(Base::Stack(48), -48)));
    assert!(Registers::Aarch64.sets_up_frame(rule(Base::Frame(16), -16)));
    let apart = Rule::Frame { base: Base::Stack(16), return_address: Saved::AtBase(-16), frame_pointer: Saved::Kept };
    assert!(!Registers::Aarch64.sets_up_frame(apart));
    // Here the same places say only that both were pushed.
    assert!(!Registers::X86_64.sets_up_frame(rule(Base::Stack(16), -16)));
}

#[test]
fn nobody_called_where_a_program_begins() {
    let code = vec![Code { address: 0x1000, offset: 0x400, size: 0x1000 }];
    let framed = Rule::Frame { base: Base::Stack(16), return_address: Saved::AtBase(-8), frame_pointer: Saved::AtBase(-16) };
    let table = |rows: &[(u32, Rule)], entry: u64| {
        let rows = rows.iter().map(|&(at, rule)| Row { at, rule }).collect();
        let mut builder = Builder { code: code.clone(), registers: Registers::X86_64, table: Table { rows, ..Table::default() } };
        builder.begin_at(entry);
        builder.table.rows.iter().map(|row| (row.at, row.rule)).collect::<Vec<_>>()
    };
    let (unknown, end) = (Rule::Unknown, Rule::End);
    assert_eq!(table(&[(0x440, framed), (0x480, unknown)], 0x1010), [(0x410, end), (0x440, framed), (0x480, unknown)]);
    assert_eq!(table(&[(0x400, framed), (0x410, unknown)], 0x1010), [(0x400, framed), (0x410, end), (0x510, unknown)]);
    assert_eq!(table(&[(0x400, framed), (0x408, unknown), (0x420, framed)], 0x1010)[1..3], [(0x408, unknown), (0x410, end)]);
    assert_eq!(table(&[(0x400, framed)], 0x1010), [(0x400, framed)]);
    assert_eq!(table(&[(0x400, framed)], 0), [(0x400, framed)]);
}

#[test]
fn the_code_for_every_process_is_described() {
    assert!(vdso().is_some_and(|table| table.rows.len() > 10));
}

#[test]
fn rows_are_those_of_readelf() {
    if cfg!(not(target_arch = "x86_64")) {
        return crate::skip("the words of readelf are compared on x86_64");
    }
    let mut compared = 0;
    for library in ["libc.so.6", "libm.so.6", "libstdc++.so.6", "libcrypto.so.3", "ld-linux-x86-64.so.2"] {
        let path = Path::new("/lib/x86_64-linux-gnu").join(library);
        let path = if path.exists() { path } else { Path::new("/usr/lib/x86_64-linux-gnu").join(library) };
        let Some((rows, unknown)) = compare(&path, ["rsp", "rbp"]) else { continue };
        assert!(rows > 100 && unknown * 200 < rows, "{library}: {unknown} of {rows} rows are not understood");
        compared += 1;
    }
    // Where there is a compiler for the other architecture.
    let (rows, unknown) = compare(Path::new("/usr/aarch64-linux-gnu/lib/libc.so.6"), ["sp", "x29"]).unwrap_or_default();
    assert!(unknown * 200 <= rows, "{unknown} of {rows} rows of aarch64 are not understood");
    if compared == 0 {
        crate::skip("there is no readelf here, or no library");
    }
}

/// Rows behind the end of the code came before the one that says where it ends: the search in the kernel needs them in order.
#[test]
fn functions_that_claim_more_than_the_code_are_cut() {
    // Of ELF: the first program header, how long one is, and its parts.
    let (first, length, flags, file_size) = (64, 56, 4, 32);
    let whole = std::fs::read("/proc/self/exe").expect("this program");
    let headers = whole[first..].chunks_exact(length).take(usize::from(whole[56]));
    let code = headers.clone().position(|header| header[flags] & 1 != 0).expect("it has code");
    let place = first + code * length + file_size;
    let size = u64::from_le_bytes(whole[place..place + 8].try_into().expect("eight bytes"));
    for less in (1..60).step_by(4) {
        let mut cut = whole.clone();
        cut[place..place + 8].copy_from_slice(&(size / 64 * (64 - less)).to_le_bytes());
        let table = table(&cut).expect("functions are left");
        assert!(table.rows.is_sorted_by(|one, other| one.at < other.at), "{less}");
    }
}
