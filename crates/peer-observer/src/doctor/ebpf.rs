//! Whether kernel and privileges allow tracepoints to be attached here.

use extractor_ebpf::kernel::{Finding, KernelSupport, Verdict};

use super::report::{Check, EBPF, Remedy, State};

pub fn checks(machine: &KernelSupport) -> Vec<Check> {
    let [kernel, capabilities] = EBPF;
    let mut privileges = check(capabilities, machine.privileges());
    if privileges.state == State::Missing && privileges.remedies.iter().any(|remedy| !remedy.lines.is_empty()) {
        let unit = if machine.attaches_with_little() { "CAP_BPF CAP_PERFMON" } else { "CAP_SYS_ADMIN" };
        let remedy = Remedy::new("or, where systemd starts it, put into the [Service] section of its unit:");
        privileges.remedies.push(remedy.line(format!("AmbientCapabilities={unit}")));
    }
    vec![check(kernel, machine.kernel()), privileges]
}

fn check(interface: &'static str, finding: Finding) -> Check {
    let state = match finding.verdict {
        Verdict::Good => State::Ok,
        Verdict::Limited => State::Limited,
        Verdict::Missing => State::Missing,
    };
    let lines = finding.line.into_iter().collect();
    let remedies = finding.remedy.map(|advice| Remedy { advice, lines }).into_iter().collect();
    Check { remedies, ..Check::new(interface, state, finding.what) }
}
