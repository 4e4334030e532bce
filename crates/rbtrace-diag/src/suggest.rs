//! "Did you mean …?": the nearest of a set of names.

/// Nobody meant to write a name that is longer.
const LONGEST_NAME: usize = 200;

/// The candidate nearest to `wanted`, if it is near enough to be a slip of the fingers.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > LONGEST_NAME {
        return None;
    }
    let limit = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|name| (distance(wanted, name, limit), name))
        .filter(|&(far, _)| far <= limit)
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; anything above `limit` may be reported as `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_only_slips() {
        let names = ["sys_enter_openat", "sys_enter_open", "sys_exit_openat"];
        assert_eq!(nearest("sys_enter_opneat", names), Some("sys_enter_openat"));
        assert_eq!(nearest("sys_enter_opena", names), Some("sys_enter_open"));
        assert_eq!(nearest("vfs_read", names), None);
        let long = "x".repeat(300);
        assert_eq!(nearest(&long, [long.as_str()]), None, "what no finger slipped at is not compared");
    }
}
