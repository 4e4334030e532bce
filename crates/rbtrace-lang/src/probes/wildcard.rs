//! Wildcards in attach points and listing patterns: `*` stands for any run of characters, nothing else is special (SPEC §7.2).

/// Whether a text has a wildcard.
pub fn is_pattern(text: &str) -> bool {
    text.contains('*')
}

/// Whether a name matches a pattern as a whole.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_match_any_run() {
        for (pattern, name) in [
            ("sys_enter_*", "sys_enter_openat"),
            ("*open*", "sys_enter_openat"),
            ("*", ""),
            ("*", "x"),
            ("**", "x"),
            ("a*b*c", "a_b_c"),
            ("a*b*c", "abc"),
            ("a*bc", "abcbc"),
            ("*a*a*", "aa"),
            ("exact", "exact"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn both_ends_are_anchored() {
        for (pattern, name) in
            [("sys*", "_sys"), ("*sys", "sys_"), ("a*b*c", "acb"), ("*a*a*", "a"), ("exact", "exactly"), ("ab*ba", "aba"), ("", "x")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
