//! The verifier's log → the few lines that say why a program was rejected, and the source lines it was at. Knows the text of kernels from
//! 5.10 on: source notes are `; text`, from 6.8 on `; text @ file:line`.

/// Lines of log shown to the user.
const SHOWN: usize = 15;

/// The end of a log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Source lines the verifier was at, the last one last; without repetitions.
    pub sources: Vec<SourceNote>,
    /// The last meaningful lines.
    pub lines: Vec<String>,
    /// The helper that this kernel does not have, or not for programs of this kind: no bug of ours then.
    pub refused_helper: Option<String>,
    /// A limit of the kernel that the script went over: no bug of ours either.
    pub limit: Option<Limit>,
}

/// What the kernel allows no program more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Instructions, counted along all ways through the program.
    Instructions,
    /// Branches whose other way is still to be looked at.
    Branches,
    /// Maps.
    Maps,
    /// Functions: those of the script, and bodies of loops.
    Functions,
}

impl Limit {
    /// The limit that a line of the log is about.
    fn of(line: &str) -> Option<Self> {
        let limits = [
            ("BPF program is too large", Self::Instructions),
            ("The sequence of ", Self::Branches),
            ("The total number of maps per program", Self::Maps),
            ("too many subprograms", Self::Functions),
        ];
        limits.into_iter().find(|(start, _)| line.starts_with(start)).map(|(_, limit)| limit)
    }

    /// What it is, and what helps.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Instructions => (
                "the kernel looks at no more than 1,000,000 instructions of a program",
                "a `for` or `while` loop in the place of `unroll`, or several smaller probes",
            ),
            Self::Branches => (
                "the kernel looks at no more than 8,192 branches of a program at once",
                "fewer statements in one probe, or a loop over them",
            ),
            Self::Functions => {
                ("a program can have no more than 256 functions and loops", "macros in the place of functions, or several probes")
            }
            Self::Maps => ("a program can use no more than 64 maps", "maps with keys in the place of many maps, or several probes"),
        }
    }
}

/// A source line quoted by the verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceNote {
    /// The quoted text; may be empty.
    pub text: String,
    /// File and line, where the kernel says them.
    pub place: Option<(String, u32)>,
}

/// Cuts a log down.
pub fn excerpt(log: &str) -> Excerpt {
    let meaningful: Vec<&str> = log.trim_end_matches('\0').lines().map(str::trim_end).filter(|line| !is_statistics(line)).collect();
    let mut sources: Vec<SourceNote> = Vec::new();
    for note in meaningful.iter().filter_map(|line| source_note(line)) {
        sources.retain(|known| *known != note);
        sources.push(note);
    }
    let surplus = sources.len().saturating_sub(2);
    sources.drain(..surplus);
    let first = meaningful.len().saturating_sub(SHOWN);
    let refused_helper = refused_helper(&meaningful).map(str::to_owned);
    let limit = meaningful.iter().rev().find_map(|line| Limit::of(line));
    Excerpt { sources, lines: meaningful[first..].iter().map(|line| (*line).to_owned()).collect(), refused_helper, limit }
}

/// `program of this type cannot use helper bpf_x#36`, which was `unknown func bpf_x#36` before 6.8. A helper that only some functions of the
/// kernel may be traced with is named in the line before.
fn refused_helper<'a>(log: &[&'a str]) -> Option<&'a str> {
    let starts = ["program of this type cannot use helper ", "unknown func "];
    let is_refused = |line: &str| line == "helper call is not allowed in probe";
    let named = log.iter().find_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)));
    let called = || log.windows(2).find(|pair| is_refused(pair[1])).and_then(|pair| pair[0].split_once(" call ")).map(|(_, call)| call);
    named.or_else(called)?.split('#').next()
}

/// Closing lines that count instructions and time.
fn is_statistics(line: &str) -> bool {
    let starts = ["processed ", "verification time ", "stack depth ", "max_states_per_insn "];
    line.is_empty() || starts.iter().any(|start| line.starts_with(start))
}

fn source_note(line: &str) -> Option<SourceNote> {
    let note = line.strip_prefix(';')?.trim();
    let Some((text, place)) = note.rsplit_once('@') else {
        return Some(SourceNote { text: note.to_owned(), place: None });
    };
    // A map's name also begins with `@`: only a file and a number make a place.
    match place.trim().rsplit_once(':').and_then(|(file, number)| Some((file.to_owned(), number.parse().ok()?))) {
        Some(place) => Some(SourceNote { text: text.trim().to_owned(), place: Some(place) }),
        None => Some(SourceNote { text: note.to_owned(), place: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "\
0: R1=ctx() R10=fp0
; @x[pid] = *$p; @ tool.bt:3
0: (79) r6 = *(u64 *)(r1 +8)          ; R1=ctx() R6_w=scalar()
; @ tool.bt:4
1: (71) r1 = *(u8 *)(r6 +0)
R6 invalid mem access 'scalar'
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    const OLD: &str = "\
func#0 @0
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; @x = count();
0: (85) call pc+3
R1 type=scalar expected=fp
verification time 61 usec
stack depth 0+0
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
\0\0";

    #[test]
    fn new_logs_name_file_and_line() {
        let excerpt = excerpt(NEW);
        let place = |line| Some(("tool.bt".to_owned(), line));
        let note = |text: &str, line| SourceNote { text: text.into(), place: place(line) };
        assert_eq!(excerpt.sources, [note("@x[pid] = *$p;", 3), note("", 4)]);
        assert_eq!(excerpt.lines.last().map(String::as_str), Some("R6 invalid mem access 'scalar'"));
    }

    #[test]
    fn old_logs_quote_the_line_only() {
        let excerpt = excerpt(OLD);
        assert_eq!(excerpt.sources, [SourceNote { text: "@x = count();".into(), place: None }]);
        assert_eq!(excerpt.lines.last().map(String::as_str), Some("R1 type=scalar expected=fp"));
        assert_eq!(excerpt.lines.len(), 5);
    }

    #[test]
    fn a_helper_that_is_not_allowed_is_named() {
        for said in ["program of this type cannot use helper bpf_d_path#147", "unknown func bpf_d_path#147"] {
            let log = format!("14: (85) call bpf_d_path#147\n{said}\nprocessed 14 insns\n");
            assert_eq!(excerpt(&log).refused_helper.as_deref(), Some("bpf_d_path"));
        }
        let log = "39: (85) call bpf_d_path#147\nhelper call is not allowed in probe\nprocessed 39 insns\n";
        assert_eq!(excerpt(log).refused_helper.as_deref(), Some("bpf_d_path"));
        assert_eq!(excerpt(NEW).refused_helper, None);
    }

    #[test]
    fn long_logs_are_cut_to_their_end() {
        let log: String = (0..1000).map(|n| format!("{n}: (b7) r0 = 0\n")).collect();
        let excerpt = excerpt(&log);
        assert_eq!((excerpt.lines.len(), excerpt.lines[0].as_str()), (15, "985: (b7) r0 = 0"));
        assert_eq!(super::excerpt(""), Excerpt::default());
        assert_eq!(
            super::excerpt("; @x @ :y"),
            Excerpt {
                sources: vec![SourceNote { text: "@x @ :y".into(), place: None }],
                lines: vec!["; @x @ :y".into()],
                refused_helper: None,
                limit: None,
            }
        );
    }

    #[test]
    fn limits_of_the_kernel_are_no_bugs() {
        let limit = |log: &str| excerpt(log).limit;
        assert_eq!(limit("22: (15) if r0 == 0x0 goto pc-9\nBPF program is too large. Processed 1000001 insn\n"), Some(Limit::Instructions));
        assert_eq!(limit("The sequence of 8193 jumps is too complex.\n"), Some(Limit::Branches));
        assert_eq!(limit("The total number of maps per program has reached the limit of 64\n"), Some(Limit::Maps));
        assert_eq!(limit("R1 invalid mem access 'scalar'\n"), None);
    }
}
