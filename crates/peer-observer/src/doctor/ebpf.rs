//! Whether kernel and privileges allow tracepoints to be attached here.
//!
//! Since Linux 6.6 that takes two capabilities; before, CAP_SYS_ADMIN. The setting `perf_event_paranoid` changes neither.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, Remedy, State};

/// Bits of a set of capabilities, as in /proc/PID/status.
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

/// The first kernel that has what we need (attach cookies), as major and minor version.
const OLDEST: (u32, u32) = (5, 15);
/// The first in which two small capabilities are enough (uprobe-multi links).
const CONVENIENT: (u32, u32) = (6, 6);

/// Where the kernel tells of itself.
pub struct Machine {
    root: PathBuf,
    /// Our own program.
    program: PathBuf,
}

impl Machine {
    /// The machine that this program runs on.
    pub fn this() -> Self {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("peer-observer"));
        Self { root: PathBuf::from("/"), program }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    fn has(&self, path: impl AsRef<Path>) -> bool {
        self.root.join(path).exists()
    }

    /// Major and minor version of the kernel.
    fn kernel(&self) -> Option<(u32, u32)> {
        let release = self.read("proc/sys/kernel/osrelease");
        let mut numbers = release.trim().split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// The capabilities in force.
    fn capabilities(&self) -> u64 {
        let status = self.read("proc/self/status");
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
    }

    /// Whether we are in a user namespace of a container, where capabilities count for nothing outside of it.
    fn contained(&self) -> bool {
        let map = self.read("proc/self/uid_map");
        let numbers: Vec<_> = map.split_whitespace().collect();
        !numbers.is_empty() && numbers != ["0", "0", "4294967295"]
    }
}

pub fn checks(machine: &Machine) -> Vec<Check> {
    vec![kernel(machine), capabilities(machine)]
}

fn kernel(machine: &Machine) -> Check {
    const NAME: &str = "eBPF kernel";
    let Some(version) = machine.kernel() else {
        return Check::new(NAME, State::Limited, "the version of the kernel is not known");
    };
    let shown = format!("Linux {}.{}", version.0, version.1);
    if version < OLDEST {
        let what = format!("{shown} is too old for tracepoints of programs");
        return Check::new(NAME, State::Missing, what)
            .remedy(Remedy::new("run Linux 5.15 or later, better 6.6 or later"));
    }
    if !machine.has("sys/bus/event_source/devices/uprobe") {
        let what = format!("{shown} has no uprobes, by which tracepoints of programs work");
        return Check::new(NAME, State::Missing, what)
            .remedy(Remedy::new("run a kernel built with:").line("CONFIG_UPROBE_EVENTS=y"));
    }
    if machine.read("sys/kernel/security/lockdown").contains("[confidentiality]") {
        let what = format!("{shown} is locked down (confidentiality), which forbids eBPF programs to read memory");
        return Check::new(NAME, State::Missing, what)
            .remedy(Remedy::new("start the kernel with:").line("lockdown=integrity"));
    }
    let mut lacking = Vec::new();
    let mut remedies = Vec::new();
    if version < CONVENIENT {
        lacking.push("no uprobe-multi, so that attaching needs CAP_SYS_ADMIN");
        remedies.push(Remedy::new("run Linux 6.6 or later, where CAP_BPF and CAP_PERFMON are enough"));
    }
    if !machine.has("sys/kernel/btf/vmlinux") {
        lacking.push("no BTF");
        remedies.push(Remedy::new("run a kernel built with:").line("CONFIG_DEBUG_INFO_BTF=y"));
    }
    if lacking.is_empty() {
        return Check::new(NAME, State::Ok, format!("{shown} with uprobe-multi and BTF"));
    }
    let what = format!("{shown}: {}", lacking.join("; "));
    Check { remedies, ..Check::new(NAME, State::Limited, what) }
}

fn capabilities(machine: &Machine) -> Check {
    const NAME: &str = "eBPF capabilities";
    let (wanted, needed): (&[(u64, &str)], _) = if machine.kernel().is_some_and(|version| version < CONVENIENT) {
        (&[(CAP_SYS_ADMIN, "CAP_SYS_ADMIN")], "cap_sys_admin")
    } else {
        (&[(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")], "cap_bpf,cap_perfmon")
    };
    if machine.contained() {
        return Check::new(
            NAME,
            State::Missing,
            "we are in a user namespace, whose capabilities don't count for the kernel",
        )
        .remedy(Remedy::new(
            "run peer-observer outside of the container, or in one with the user namespace of the host",
        ));
    }
    let have = machine.capabilities();
    let lacking: Vec<_> = wanted.iter().filter(|(bit, _)| have & (bit | CAP_SYS_ADMIN) == 0).map(|c| c.1).collect();
    if lacking.is_empty() {
        let names: Vec<_> = wanted.iter().map(|(_, name)| *name).collect();
        return Check::new(NAME, State::Ok, format!("we have {}", names.join(" and ")));
    }
    Check::new(NAME, State::Missing, format!("we lack {}", lacking.join(" and "))).remedy(
        Remedy::new("give them to the program (again after each update of it):")
            .line(format!("sudo setcap {needed}=ep {}", machine.program.display())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with this kernel, these capabilities and files.
    fn machine(
        release: &str,
        capabilities: &str,
        uid_map: &str,
        files: &[(&str, &str)],
    ) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        let status = format!("Name:\tpeer-observer\nCapInh:\t0000000000000000\nCapEff:\t{capabilities}\nSeccomp:\t0\n");
        let own =
            [("proc/sys/kernel/osrelease", release), ("proc/self/status", &status), ("proc/self/uid_map", uid_map)];
        for (path, text) in own.iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let machine = Machine { root: root.path().to_owned(), program: "/opt/peer-observer".into() };
        (root, machine)
    }

    const UPROBE: (&str, &str) = ("sys/bus/event_source/devices/uprobe/type", "9\n");
    const BTF: (&str, &str) = ("sys/kernel/btf/vmlinux", "");
    const LOCKED: (&str, &str) = ("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    const HOST: &str = "         0          0 4294967295\n";

    #[test]
    fn kernels() {
        type Files = &'static [(&'static str, &'static str)];
        let rows: [(&str, Files, State, &str); 8] = [
            ("6.18.44-fc-v669\n", &[UPROBE, BTF], State::Ok, "Linux 6.18 with uprobe-multi"),
            ("6.6.0", &[UPROBE, BTF], State::Ok, "Linux 6.6"),
            ("6.6.0", &[UPROBE], State::Limited, "no BTF"),
            ("6.1.0-18-amd64", &[UPROBE, BTF], State::Limited, "CAP_SYS_ADMIN"),
            ("5.10.0", &[UPROBE, BTF], State::Missing, "too old"),
            ("6.8.0-31-generic", &[BTF], State::Missing, "no uprobes"),
            ("6.8.0", &[UPROBE, BTF, LOCKED], State::Missing, "locked down"),
            ("strange", &[], State::Limited, "not known"),
        ];
        for (release, files, state, words) in rows {
            let (_root, machine) = machine(release, "0", HOST, files);
            let check = kernel(&machine);
            assert!(check.state == state && check.what.contains(words), "{release}: {check:?}");
        }
    }

    #[test]
    fn capabilities_in_force() {
        let rows = [
            ("6.8.0", "000001ffffffffff", HOST, State::Ok, "we have CAP_BPF and CAP_PERFMON"),
            ("6.8.0", "000000c000000000", HOST, State::Ok, "we have CAP_BPF and CAP_PERFMON"),
            ("6.8.0", "0000008000000000", HOST, State::Missing, "we lack CAP_PERFMON"),
            ("6.8.0", "0000000000000000", HOST, State::Missing, "we lack CAP_BPF and CAP_PERFMON"),
            ("6.8.0", "0000000000200000", HOST, State::Ok, "we have CAP_BPF"),
            ("6.1.0", "000000c000000000", HOST, State::Missing, "we lack CAP_SYS_ADMIN"),
            ("6.1.0", "0000000000200000", HOST, State::Ok, "we have CAP_SYS_ADMIN"),
            ("6.8.0", "000001ffffffffff", "0 1000 1\n", State::Missing, "user namespace"),
            ("6.8.0", "not hexadecimal", HOST, State::Missing, "we lack"),
        ];
        for (release, set, map, state, words) in rows {
            let (_root, machine) = machine(release, set, map, &[]);
            let check = capabilities(&machine);
            assert!(check.state == state && check.what.contains(words), "{release} {set}: {check:?}");
        }
        let (_root, machine) = machine("6.8.0", "0", HOST, &[]);
        let line = &capabilities(&machine).remedies[0].lines[0];
        assert_eq!(line, "sudo setcap cap_bpf,cap_perfmon=ep /opt/peer-observer");
    }
}
