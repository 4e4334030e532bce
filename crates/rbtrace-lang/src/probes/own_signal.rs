//! `self`: runs when rbtrace itself gets a signal.

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_ir::Role;

use super::{parts, untraced};
use crate::row::{Listed, ProbeType, Target};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "self",
    signature: "self:signal:SIGUSR1",
    manual: "Runs when rbtrace itself gets a signal, which is how another program asks it for something. `SIGUSR1` is the only one.

```
tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }
self:signal:SIGUSR1 { print(@); clear(@); }
```",
    class: "special",
    expand,
    list: |_, pattern, _| {
        let is_listed = parts::is_listed(pattern.first(), TRIGGER) && parts::is_listed(pattern.get(1), SIGNAL);
        let listed = Listed { name: format!("self:{TRIGGER}:{SIGNAL}"), details: vec![] };
        is_listed.then_some(listed).into_iter().collect()
    },
    plan: |_, _, _, _| untraced::plan(Role::Signal(SIGNAL_NUMBER)),
    ..untraced::BASE
};

const TRIGGER: &str = "signal";
const SIGNAL: &str = "SIGUSR1";
/// signal(7); the same on all architectures but alpha, mips, parisc and sparc.
const SIGNAL_NUMBER: i32 = 10;

fn expand(_: &dyn rbtrace_types::Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count("self", target, &[2], sink).is_err() {
        return vec![];
    }
    let (trigger, signal) = (&target.parts[0], &target.parts[1]);
    if trigger.text != TRIGGER {
        let refusal = Diagnostic::error(trigger.span, format!("{} is not a supported trigger", trigger.text));
        sink.push(refusal.because("rbtrace cannot wait for this").hint(format!("`{TRIGGER}` is the only one")));
        return vec![];
    }
    if signal.text != SIGNAL {
        let refusal = Diagnostic::error(signal.span, format!("{} is not a supported signal", signal.text));
        sink.push(refusal.because("the others keep their usual meaning").hint(format!("`{SIGNAL}` is the only one")));
        return vec![];
    }
    vec![vec![TRIGGER.into(), SIGNAL.into()]]
}
