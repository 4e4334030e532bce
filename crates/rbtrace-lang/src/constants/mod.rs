//! Constants that scripts use by the names of C headers. They are used when neither the script nor the kernel's BTF defines them: most are
//! macros, which BTF does not know. Each table says which files of Linux its numbers are from.

mod block;
mod calls;
mod devices;
mod errno;
mod files;
mod internet;
mod limits;
mod network;
mod tasks;

use rbtrace_types::Arch;

/// Tables that hold on every architecture.
static TABLES: &[&[(&str, i64)]] = &[
    errno::ALL,
    files::CALLS,
    files::ENTRIES,
    files::KERNEL,
    files::MEMORY,
    files::MODES,
    files::OPEN,
    limits::ALL,
    network::ETHERNET,
    network::FAMILIES,
    network::OPTIONS,
    network::PROTOCOLS,
    network::SOCKETS,
    network::STATES,
    tasks::CLONE,
    tasks::FLAGS,
    tasks::FUTEX,
    tasks::POLICIES,
    tasks::SIGNALS,
    tasks::STATES,
    block::OPERATIONS,
    block::FLAGS,
    internet::MESSAGES,
    internet::LEVELS,
    internet::OPTIONS,
    calls::EPOLL,
    calls::WAIT,
    calls::PTRACE,
    calls::PRCTL,
    calls::LIMITS,
    calls::MOUNT,
    calls::IPC,
    calls::CLOCKS,
    calls::ACTIONS,
    calls::FILES,
    devices::INTERFACES,
    devices::NETLINK,
    devices::TERMINALS,
    devices::CAPABILITIES,
];

/// The value of a name on an architecture. `kernel` knows the constants of the kernel's enums, from which some are made.
pub fn by_name(name: &str, arch: Arch, kernel: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    let own = match arch {
        Arch::X86_64 => files::OPEN_X86_64,
        Arch::Aarch64 => files::OPEN_AARCH64,
    };
    let listed = std::iter::once(&own).chain(TABLES).find_map(|table| find(table, name))?;
    let bit = block::bit_of(name).and_then(|bit| kernel(&bit));
    Some(bit.filter(|bit| (0..64).contains(bit)).map_or(listed, |bit| 1 << bit))
}

fn find(table: &[(&str, i64)], name: &str) -> Option<i64> {
    table.iter().find(|(listed, _)| *listed == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, x86: Option<i64>, arm: Option<i64>) {
        assert_eq!(by_name(name, Arch::X86_64, &|_| None), x86, "{name}");
        assert_eq!(by_name(name, Arch::Aarch64, &|_| None), arm, "{name}");
    }

    #[test]
    fn names_have_their_numbers() {
        for (name, value) in [
            ("ENOENT", 2),
            ("AF_INET6", 10),
            ("IPPROTO_TCP", 6),
            ("TCP_LISTEN", 10),
            ("DT_DIR", 4),
            ("S_IFMT", 0o170_000),
            ("ICMPV6_ECHO_REQUEST", 128),
            ("TIOCGWINSZ", 0x5413),
        ] {
            check(name, Some(value), Some(value));
        }
        check("O_DIRECTORY", Some(0o200_000), Some(0o40_000));
        check("SIGKILL", Some(9), Some(9));
        check("NOSUCH", None, None);
    }

    #[test]
    fn flags_of_requests_follow_the_kernel() {
        assert_eq!(by_name("REQ_SYNC", Arch::X86_64, &|name| (name == "__REQ_SYNC").then_some(3)), Some(8));
        check("REQ_SYNC", Some(1 << 11), Some(1 << 11));
    }

    #[test]
    fn every_name_has_one_value() {
        let mut seen = std::collections::HashMap::new();
        for (name, value) in TABLES.iter().copied().flatten() {
            assert_eq!(*seen.entry(name).or_insert(value), value, "{name}");
        }
    }
}
