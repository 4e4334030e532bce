//! What the kernel asks of who traces (SPEC §8.3): capabilities, and that the kernel is not locked down.

/// Numbers of capabilities, as in `linux/capability.h`.
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Why this process cannot trace; `None` if it can.
pub fn missing() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lockdown = std::fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    missing_capability(&status).or_else(|| locked_down(&lockdown))
}

/// `status` is the text of `/proc/self/status`; one that tells nothing is taken for a yes: the kernel will say no where it must.
fn missing_capability(status: &str) -> Option<String> {
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let capabilities = value("CapEff:").and_then(|text| u64::from_str_radix(text, 16).ok())?;
    let is_root = value("Uid:").and_then(|text| text.split_whitespace().nth(1)) == Some("0");
    let has = |capability: u32| capabilities >> capability & 1 == 1;
    let needs = |list: &[&str]| Some(format!("rbtrace must run as root, or with {}, to trace", list.join(" and ")));
    if !has(CAP_SYS_ADMIN) {
        let lacking: Vec<&str> = [("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)]
            .into_iter()
            .filter(|(_, capability)| !has(*capability))
            .map(|(name, _)| name)
            .collect();
        if !lacking.is_empty() {
            return needs(&lacking);
        }
    }
    // Only root may read tracefs and procfs of others without them.
    let can_read = has(CAP_DAC_READ_SEARCH) && has(CAP_DAC_OVERRIDE);
    (!is_root && !can_read).then(|| needs(&["CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"])).flatten()
}

/// `text` is `/sys/kernel/security/lockdown`: the mode in force stands in brackets.
fn locked_down(text: &str) -> Option<String> {
    text.contains("[confidentiality]").then(|| {
        "this kernel is locked down in confidentiality mode: no BPF program may read its memory; boot without lockdown=confidentiality to trace"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uid: u32, capabilities: u64) -> String {
        format!("Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities:016x}\n")
    }

    #[test]
    fn root_and_the_right_capabilities_may_trace() {
        assert_eq!(missing_capability(&status(0, 0x1ff_ffff_ffff)), None);
        let bpf = 1 << CAP_BPF | 1 << CAP_PERFMON;
        assert_eq!(missing_capability(&status(1000, bpf | 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)), None);
        assert_eq!(missing_capability(""), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |uid, capabilities| missing_capability(&status(uid, capabilities)).unwrap_or_default();
        assert_eq!(missing(1000, 0), "rbtrace must run as root, or with CAP_BPF and CAP_PERFMON, to trace");
        assert_eq!(missing(0, 1 << CAP_BPF), "rbtrace must run as root, or with CAP_PERFMON, to trace");
        assert!(missing(1000, 1 << CAP_SYS_ADMIN).contains("CAP_DAC_OVERRIDE"));
    }

    #[test]
    fn lockdown_is_explained() {
        assert!(locked_down("none integrity [confidentiality]\n").is_some());
        assert!(locked_down("none [integrity] confidentiality\n").is_none());
        assert!(locked_down("").is_none());
    }
}
