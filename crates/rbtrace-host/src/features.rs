//! What the running kernel can do. Nothing is probed by loading programs.
//!
//! Mainline never takes a helper away, so a release that is new enough settles the question without reading anything.
//! An older release is asked through BTF: distributions backport.

use std::path::Path;

use rbtrace_types::Feature;

use crate::btf::KernelBtf;
use crate::proc::Release;

/// How a kernel of an older release shows that it has a feature nevertheless.
enum Sign {
    /// A constant of `enum bpf_func_id` or of another enum of the BPF interface.
    Constant(&'static str),
    /// A function that BPF programs may call. Calling it needs BTF whatever the release.
    Function(&'static str),
    /// A function of the kernel itself that an option of its configuration brings along: without it there is no such feature, whatever the
    /// release.
    Built(&'static str),
    /// A file that only a kernel with the feature shows.
    File(&'static str),
    /// No sign in BTF: only the release tells.
    None,
}

/// The kind of perf events that kprobes are (4.17); it is there if the kernel was built with them.
const KPROBE_EVENTS: &str = "/sys/bus/event_source/devices/kprobe";

/// First mainline release, and the sign of a backport.
fn since(feature: Feature) -> ((u32, u32), Sign) {
    match feature {
        Feature::Loop => ((5, 17), Sign::Constant("BPF_FUNC_loop")),
        Feature::ForEachMapElem => ((5, 13), Sign::Constant("BPF_FUNC_for_each_map_elem")),
        Feature::LookupPerCpu => ((5, 19), Sign::Constant("BPF_FUNC_map_lookup_percpu_elem")),
        Feature::BootTime => ((5, 8), Sign::Constant("BPF_FUNC_ktime_get_boot_ns")),
        Feature::TaiTime => ((6, 1), Sign::Constant("BPF_FUNC_ktime_get_tai_ns")),
        Feature::TypedRawTracepoint => ((5, 5), Sign::Constant("BPF_TRACE_RAW_TP")),
        Feature::AttachCookie => ((5, 15), Sign::Constant("BPF_FUNC_get_attach_cookie")),
        Feature::NamespacePid => ((5, 7), Sign::Constant("BPF_FUNC_get_ns_current_pid_tgid")),
        Feature::IsaV3 => ((5, 12), Sign::None),
        Feature::IsaV4 => ((6, 6), Sign::None),
        Feature::CurrentTaskBtf => ((5, 11), Sign::Constant("BPF_FUNC_get_current_task_btf")),
        Feature::TaskRegisters => ((5, 15), Sign::Constant("BPF_FUNC_task_pt_regs")),
        Feature::FindVma => ((5, 17), Sign::Constant("BPF_FUNC_find_vma")),
        Feature::WholeStacks => ((6, 11), Sign::None),
        Feature::LongKeys => ((5, 11), Sign::None),
        Feature::MapSumElemCount => ((6, 6), Sign::Function("bpf_map_sum_elem_count")),
        Feature::Strncmp => ((5, 17), Sign::Constant("BPF_FUNC_strncmp")),
        Feature::IterNum => ((6, 4), Sign::Function("bpf_iter_num_new")),
        Feature::UprobeMulti => ((6, 6), Sign::Constant("BPF_TRACE_UPROBE_MULTI")),
        Feature::UprobeMultiPid => ((6, 10), Sign::None),
        Feature::UprobeFuncIp => ((6, 6), Sign::None),
        Feature::Kprobes => ((4, 17), Sign::File(KPROBE_EVENTS)),
        Feature::TrampolineFuncIp => ((5, 17), Sign::None),
        Feature::TrampolineStackParameters => ((6, 6), Sign::None),
        Feature::IteratorPath => ((5, 12), Sign::None),
        Feature::SyscallStack => ((6, 12), Sign::None),
        Feature::KprobeMulti => ((5, 18), Sign::Built("register_fprobe_ips")),
        Feature::KprobeSession => ((6, 10), Sign::Built("bpf_session_is_return")),
    }
}

/// Whether a kernel of this release and BTF has a feature.
pub fn has(feature: Feature, release: Option<Release>, btf: &KernelBtf) -> bool {
    let ((major, minor), sign) = since(feature);
    let new_enough = release.is_some_and(|release| release >= Release { major, minor });
    let needs_btf = feature == Feature::TypedRawTracepoint || matches!(sign, Sign::Function(_));
    if needs_btf && !btf.exists() {
        return false;
    }
    // Both need fprobe, which kernels for aarch64 may be built without; the function that shows sessions is there all the same.
    if feature == Feature::KprobeSession && !has(Feature::KprobeMulti, release, btf) {
        return false;
    }
    match sign {
        Sign::Constant(name) => new_enough || btf.enum_constant(name).is_some(),
        Sign::Function(name) => new_enough || btf.has_function(name),
        Sign::File(path) => Path::new(path).exists(),
        Sign::Built(name) => new_enough && btf.has_function(name),
        Sign::None => new_enough,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_decides_without_btf() {
        let no_btf = KernelBtf::new("/nonexistent".into(), "/nonexistent".into());
        let on = |major, minor, feature| has(feature, Some(Release { major, minor }), &no_btf);
        assert!(on(5, 17, Feature::Loop) && !on(5, 16, Feature::Loop) && on(6, 0, Feature::Loop));
        assert!(!on(6, 18, Feature::TypedRawTracepoint) && !on(6, 18, Feature::IterNum));
        assert!(on(6, 6, Feature::IsaV4) && !on(6, 5, Feature::IsaV4) && on(6, 5, Feature::IsaV3));
        assert!(!has(Feature::Loop, None, &no_btf));
    }

    #[test]
    fn btf_shows_what_the_release_does_not() {
        let btf = KernelBtf::new("/sys/kernel/btf/vmlinux".into(), "/sys/kernel/btf".into());
        if !btf.exists() {
            crate::skip("this kernel has no BTF");
            return;
        }
        let ancient = Some(Release { major: 4, minor: 18 });
        let now = crate::proc::kernel_release().release;
        for feature in Feature::ALL {
            let by_release_only = matches!(since(feature).1, Sign::None | Sign::Built(_) | Sign::File(_));
            if has(feature, now, &btf) && !by_release_only {
                assert!(has(feature, ancient, &btf), "{feature:?} is here, but BTF does not show it");
            }
        }
    }
}
