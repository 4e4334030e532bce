//! Environment variables: `RBTRACE_X` is ours and wins, `BPFTRACE_X` is honoured (SPEC §8.4-8.5). Knows no meaning of a configuration key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use rbtrace_host::Host;
use rbtrace_host::binaries::debuginfod::Settings;
use rbtrace_host::clang::KernelTree;

/// Printed on standard output once everything is attached, if it is set: how tests know when to start.
const NOTIFY_ATTACHED: &str = "__BPFTRACE_NOTIFY_PROBES_ATTACHED";

/// The variables of our two prefixes and a few that everybody honours.
#[derive(Debug, Default)]
pub struct Environment {
    /// Name without its prefix, and value; sorted, so that nothing depends on the order of the environment.
    variables: BTreeMap<String, String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// Say when everything is attached.
    pub notify_attached: bool,
    /// Where a service manager listens.
    pub notify_socket: Option<OsString>,
    /// Servers that have debug files.
    pub debuginfod: Settings,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Environment {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let environment = Self::from_variables(std::env::vars_os().map(|(name, value)| (text(name), text(value))));
        let notify_socket = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty());
        let debuginfod = Settings::from_variables(|name| std::env::var_os(name).map(text));
        Environment { notify_socket, debuginfod, ..environment }
    }

    fn from_variables(all: impl IntoIterator<Item = (String, String)>) -> Environment {
        let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
        let mut environment = Environment::default();
        for (name, value) in all {
            if let Some(key) = name.strip_prefix("RBTRACE_") {
                ours.insert(key.to_owned(), value);
            } else if let Some(key) = name.strip_prefix("BPFTRACE_") {
                theirs.insert(key.to_owned(), value);
            } else if name == "NO_COLOR" {
                environment.no_color = !value.is_empty();
            } else if name == NOTIFY_ATTACHED {
                environment.notify_attached = true;
            }
        }
        theirs.extend(ours);
        environment.variables = theirs;
        environment
    }

    /// The value of `RBTRACE_<name>` or `BPFTRACE_<name>`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Everything that may be a configuration key, lower case. The compiler takes those it knows.
    pub fn config(&self) -> Vec<(String, String)> {
        self.variables.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
    }

    /// The machine, with the BTF file and the kernel's headers that the user may have named.
    pub fn host(&self) -> Host {
        let path = |name: &str| self.get(name).map(PathBuf::from);
        let tree = KernelTree { source: path("KERNEL_SOURCE"), build: path("KERNEL_BUILD") };
        let host = path("BTF").map_or_else(Host::new, Host::with_btf).with_kernel_tree(tree);
        host.with_call_test(rbtrace_runtime::may_call).with_program_list(rbtrace_runtime::functions_of_programs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_variables(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())))
    }

    #[test]
    fn our_prefix_wins() {
        let one = environment(&[("RBTRACE_MAX_STRLEN", "5"), ("BPFTRACE_MAX_STRLEN", "9"), ("BPFTRACE_COLOR", "never"), ("PATH", "/bin")]);
        assert_eq!(one.config(), [("color".to_owned(), "never".to_owned()), ("max_strlen".to_owned(), "5".to_owned())]);
        assert_eq!(one.get("COLOR"), Some("never"));
    }

    #[test]
    fn colours_and_notification() {
        assert!(environment(&[("NO_COLOR", "1")]).no_color && !environment(&[("NO_COLOR", "")]).no_color);
        assert!(environment(&[("__BPFTRACE_NOTIFY_PROBES_ATTACHED", "1")]).notify_attached);
    }
}
