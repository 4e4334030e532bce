//! Kernel helpers: their numbers and what they return. The only place that says a helper's number (source: `uapi/linux/bpf.h`).
//!
//! Kernel functions that BPF may call (kfuncs) stand in the same table. They have no numbers of their own: each kernel knows them by an id of
//! its BTF. Theirs here begin at [`KFUNC`]; who loads a program puts the id in their place.

/// What a helper gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// A 64-bit integer (often 0 or a negative errno).
    Int,
    /// A 32-bit signed integer. Before Linux 6.4 the kernel's functions for maps returned `int`, and the verifier makes calls of these helpers
    /// calls of those functions: the upper half of the register is then 0 or left over.
    Int32,
    /// An address that may be null.
    AddrOrNull,
    /// A pointer the verifier trusts; an integer to us.
    Trusted,
}

/// The first number that stands for a kernel function.
const KFUNC: u32 = 0x4b46_0000;

macro_rules! helpers {
    ($($variant:ident = $number:literal, $name:literal, $ret:ident, $args:literal;)*) => {
        /// A kernel helper.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is the helper its name() gives; see bpf-helpers(7)")]
        pub enum Helper { $($variant),* }

        impl Helper {
            /// Its number in the kernel's interface.
            pub fn number(self) -> u32 {
                match self { $(Self::$variant => $number),* }
            }

            /// Its name without `bpf_`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it returns.
            pub fn ret(self) -> Ret {
                match self { $(Self::$variant => Ret::$ret),* }
            }

            /// How many arguments it takes.
            pub fn arity(self) -> usize {
                match self { $(Self::$variant => $args),* }
            }

            /// The helper or kernel function that a call instruction with this number means.
            pub fn by_number(number: u32) -> Option<Helper> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }

            /// All of them.
            pub const ALL: &'static [Helper] = &[$(Self::$variant),*];
        }
    };
}

helpers! {
    MapLookup = 1, "map_lookup_elem", AddrOrNull, 2;
    MapUpdate = 2, "map_update_elem", Int32, 4;
    MapDelete = 3, "map_delete_elem", Int32, 2;
    KtimeNs = 5, "ktime_get_ns", Int, 0;
    TracePrintk = 6, "trace_printk", Int, 5;
    PrandomU32 = 7, "get_prandom_u32", Int, 0;
    SmpProcessorId = 8, "get_smp_processor_id", Int, 0;
    CurrentPidTgid = 14, "get_current_pid_tgid", Int, 0;
    CurrentUidGid = 15, "get_current_uid_gid", Int, 0;
    CurrentComm = 16, "get_current_comm", Int, 2;
    CurrentTask = 35, "get_current_task", Int, 0;
    ProbeWriteUser = 36, "probe_write_user", Int, 3;
    NumaNodeId = 42, "get_numa_node_id", Int, 0;
    SocketCookie = 46, "get_socket_cookie", Int, 1;
    DPath = 147, "d_path", Int, 3;
    ProbeReadStr = 45, "probe_read_str", Int, 3;
    OverrideReturn = 58, "override_return", Int, 2;
    GetStack = 67, "get_stack", Int, 4;
    CurrentCgroupId = 80, "get_current_cgroup_id", Int, 0;
    SendSignal = 109, "send_signal", Int, 1;
    ProbeReadUser = 112, "probe_read_user", Int, 3;
    ProbeReadKernel = 113, "probe_read_kernel", Int, 3;
    ProbeReadUserStr = 114, "probe_read_user_str", Int, 3;
    ProbeReadKernelStr = 115, "probe_read_kernel_str", Int, 3;
    SendSignalThread = 117, "send_signal_thread", Int, 1;
    Jiffies64 = 118, "jiffies64", Int, 0;
    NsCurrentPidTgid = 120, "get_ns_current_pid_tgid", Int, 4;
    KtimeBootNs = 125, "ktime_get_boot_ns", Int, 0;
    SeqPrintf = 126, "seq_printf", Int, 5;
    SeqWrite = 127, "seq_write", Int, 3;
    RingbufOutput = 130, "ringbuf_output", Int, 4;
    RingbufReserve = 131, "ringbuf_reserve", AddrOrNull, 3;
    RingbufSubmit = 132, "ringbuf_submit", Int, 2;
    RingbufDiscard = 133, "ringbuf_discard", Int, 2;
    CurrentTaskBtf = 158, "get_current_task_btf", Trusted, 0;
    ForEachMapElem = 164, "for_each_map_elem", Int32, 4;
    FuncIp = 173, "get_func_ip", Int, 1;
    AttachCookie = 174, "get_attach_cookie", Int, 1;
    TaskPtRegs = 175, "task_pt_regs", Trusted, 1;
    FindVma = 180, "find_vma", Int, 5;
    Loop = 181, "loop", Int, 4;
    Strncmp = 182, "strncmp", Int, 3;
    MapLookupPerCpu = 195, "map_lookup_percpu_elem", AddrOrNull, 3;
    KtimeTaiNs = 208, "ktime_get_tai_ns", Int, 0;

    TaskFromPid = 0x4b46_0000, "task_from_pid", Trusted, 1;
    TaskRelease = 0x4b46_0001, "task_release", Int, 1;
    SessionIsReturn = 0x4b46_0002, "session_is_return", Int, 1;
}

impl Helper {
    /// The name of the kernel function that it is; none for helpers.
    pub fn kernel_function(self) -> Option<String> {
        (self.number() >= KFUNC).then(|| format!("bpf_{}", self.name()))
    }
}
