//! Whether the kernel and our privileges allow tracepoints to be attached here.
//!
//! Since Linux 6.6 that takes two capabilities; before, CAP_SYS_ADMIN. The setting `perf_event_paranoid` changes neither. BTF of the kernel is not
//! needed: the program looks at nothing inside the kernel.
//!
//! The files of /proc are not read by the crate `procfs`, which has no other root than that of this machine, as tests need it.

use std::fs;
use std::path::{Path, PathBuf};

use caps::{CapSet, Capability, CapsHashSet};

/// The first kernel that has what is needed (attach cookies), as major and minor version.
const OLDEST: (u32, u32) = (5, 15);
/// The first kernel in which two small capabilities are enough (uprobe-multi links).
const CONVENIENT: (u32, u32) = (6, 6);

/// What the kernel and our privileges allow.
#[derive(Debug)]
pub struct KernelSupport {
    /// Where /proc and /sys are.
    root: PathBuf,
    /// The file of this program.
    program: PathBuf,
    /// Our capabilities that are in force.
    capabilities: CapsHashSet,
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works with a restriction.
    Limited,
    /// It prevents tracepoints.
    Missing,
}

/// What was found out about the kernel, or about our privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How good the finding is.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// What would help; none if nothing is needed or helps.
    pub remedy: Option<String>,
    /// The line to type for the remedy.
    pub line: Option<String>,
}

impl Finding {
    fn new(verdict: Verdict, what: impl Into<String>) -> Self {
        Self { verdict, what: what.into(), remedy: None, line: None }
    }

    fn remedy(self, remedy: &str) -> Self {
        Self { remedy: Some(remedy.to_owned()), ..self }
    }

    fn line(self, line: impl Into<String>) -> Self {
        Self { line: Some(line.into()), ..self }
    }
}

impl KernelSupport {
    /// The machine that this program runs on.
    pub fn this() -> Self {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("peer-observer"));
        let capabilities = caps::read(None, CapSet::Effective).unwrap_or_default();
        Self { root: PathBuf::from("/"), program, capabilities }
    }

    /// What prevents tracepoints here, in one sentence with the remedy; none if nothing does.
    pub fn obstacle(&self) -> Option<String> {
        let missing = [self.kernel(), self.privileges()].into_iter().find(|f| f.verdict == Verdict::Missing)?;
        let mut text = missing.what;
        for part in [missing.remedy, missing.line].into_iter().flatten() {
            text = format!("{text}; {}", part.trim_end_matches(':'));
        }
        Some(text)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    fn has(&self, path: impl AsRef<Path>) -> bool {
        self.root.join(path).exists()
    }

    /// Major and minor version of the kernel.
    fn version(&self) -> Option<(u32, u32)> {
        let release = self.read("proc/sys/kernel/osrelease");
        let mut numbers = release.trim().split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether we are in a user namespace of a container, where capabilities count for nothing outside of it.
    fn contained(&self) -> bool {
        let map = self.read("proc/self/uid_map");
        let numbers: Vec<_> = map.split_whitespace().collect();
        !numbers.is_empty() && numbers != ["0", "0", "4294967295"]
    }

    /// Whether tracepoints can be attached without CAP_SYS_ADMIN, and also after capabilities were dropped.
    pub fn attaches_with_little(&self) -> bool {
        self.version().is_none_or(|version| version >= CONVENIENT)
    }

    /// What the kernel can do.
    pub fn kernel(&self) -> Finding {
        let Some(version) = self.version() else {
            return Finding::new(Verdict::Limited, "the version of the kernel is not known");
        };
        let shown = format!("Linux {}.{}", version.0, version.1);
        if version < OLDEST {
            return Finding::new(Verdict::Missing, format!("{shown} is too old for tracepoints of programs"))
                .remedy("run Linux 5.15 or later, better 6.6 or later");
        }
        if !self.has("sys/bus/event_source/devices/uprobe") {
            let what = format!("{shown} has no uprobes, by which tracepoints of programs work");
            return Finding::new(Verdict::Missing, what)
                .remedy("run a kernel built with:")
                .line("CONFIG_UPROBE_EVENTS=y");
        }
        if self.read("sys/kernel/security/lockdown").contains("[confidentiality]") {
            let what = format!("{shown} is locked down (confidentiality), which forbids eBPF programs to read memory");
            return Finding::new(Verdict::Missing, what).remedy("start the kernel with:").line("lockdown=integrity");
        }
        if version < CONVENIENT {
            let what = format!("{shown}: no uprobe-multi, so that attaching needs CAP_SYS_ADMIN");
            return Finding::new(Verdict::Limited, what)
                .remedy("run Linux 6.6 or later, where CAP_BPF and CAP_PERFMON are enough");
        }
        Finding::new(Verdict::Good, format!("{shown} with uprobe-multi"))
    }

    /// Whether we have the capabilities.
    pub fn privileges(&self) -> Finding {
        let needed: &[Capability] = if self.attaches_with_little() {
            &[Capability::CAP_BPF, Capability::CAP_PERFMON]
        } else {
            &[Capability::CAP_SYS_ADMIN]
        };
        if self.contained() {
            let what = "we are in a user namespace, whose capabilities don't count for the kernel";
            return Finding::new(Verdict::Missing, what)
                .remedy("run peer-observer outside of the container, or in one with the user namespace of the host");
        }
        let names = |capabilities: &[Capability], between| {
            capabilities.iter().map(Capability::to_string).collect::<Vec<_>>().join(between)
        };
        // CAP_SYS_ADMIN includes the two others.
        let have = |wanted| [wanted, Capability::CAP_SYS_ADMIN].iter().any(|one| self.capabilities.contains(one));
        let lacking: Vec<_> = needed.iter().copied().filter(|wanted| !have(*wanted)).collect();
        if lacking.is_empty() {
            return Finding::new(Verdict::Good, format!("we have {}", names(needed, " and ")));
        }
        Finding::new(Verdict::Missing, format!("we lack {}", names(&lacking, " and ")))
            .remedy("give them to the program (again after each update of it):")
            .line(format!("sudo setcap {}+ep {}", names(needed, ",").to_lowercase(), self.program.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &[Capability] = &[];
    const BPF: &[Capability] = &[Capability::CAP_BPF];
    const BOTH: &[Capability] = &[Capability::CAP_BPF, Capability::CAP_PERFMON];
    const ADMIN: &[Capability] = &[Capability::CAP_SYS_ADMIN];

    /// A kernel of this release with these capabilities and files.
    fn kernel(
        release: &str,
        capabilities: &[Capability],
        uid_map: &str,
        files: &[(&str, &str)],
    ) -> (tempfile::TempDir, KernelSupport) {
        let root = tempfile::tempdir().unwrap();
        let own = [("proc/sys/kernel/osrelease", release), ("proc/self/uid_map", uid_map)];
        for (path, text) in own.iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let capabilities = capabilities.iter().copied().collect();
        let kernel = KernelSupport { root: root.path().to_owned(), program: "/opt/peer-observer".into(), capabilities };
        (root, kernel)
    }

    const UPROBE: (&str, &str) = ("sys/bus/event_source/devices/uprobe/type", "9\n");
    const LOCKED: (&str, &str) = ("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    const HOST: &str = "         0          0 4294967295\n";

    #[test]
    fn kernels() {
        type Files = &'static [(&'static str, &'static str)];
        let rows: [(&str, Files, Verdict, &str); 7] = [
            ("6.18.44-fc-v669\n", &[UPROBE], Verdict::Good, "Linux 6.18 with uprobe-multi"),
            ("6.6.0", &[UPROBE], Verdict::Good, "Linux 6.6"),
            ("6.1.0-18-amd64", &[UPROBE], Verdict::Limited, "CAP_SYS_ADMIN"),
            ("5.10.0", &[UPROBE], Verdict::Missing, "too old"),
            ("6.8.0-31-generic", &[], Verdict::Missing, "no uprobes"),
            ("6.8.0", &[UPROBE, LOCKED], Verdict::Missing, "locked down"),
            ("strange", &[], Verdict::Limited, "not known"),
        ];
        for (release, files, verdict, words) in rows {
            let (_root, kernel) = kernel(release, NONE, HOST, files);
            let found = kernel.kernel();
            assert!(found.verdict == verdict && found.what.contains(words), "{release}: {found:?}");
        }
    }

    #[test]
    fn capabilities_in_force() {
        let rows = [
            ("6.8.0", [BOTH, ADMIN].concat(), HOST, Verdict::Good, "we have CAP_BPF and CAP_PERFMON"),
            ("6.8.0", BOTH.to_vec(), HOST, Verdict::Good, "we have CAP_BPF and CAP_PERFMON"),
            ("6.8.0", BPF.to_vec(), HOST, Verdict::Missing, "we lack CAP_PERFMON"),
            ("6.8.0", NONE.to_vec(), HOST, Verdict::Missing, "we lack CAP_BPF and CAP_PERFMON"),
            ("6.8.0", ADMIN.to_vec(), HOST, Verdict::Good, "we have CAP_BPF"),
            ("6.1.0", BOTH.to_vec(), HOST, Verdict::Missing, "we lack CAP_SYS_ADMIN"),
            ("6.1.0", ADMIN.to_vec(), HOST, Verdict::Good, "we have CAP_SYS_ADMIN"),
            ("6.8.0", [BOTH, ADMIN].concat(), "0 1000 1\n", Verdict::Missing, "user namespace"),
        ];
        for (release, set, map, verdict, words) in rows {
            let (_root, kernel) = kernel(release, &set, map, &[]);
            let found = kernel.privileges();
            assert!(found.verdict == verdict && found.what.contains(words), "{release} {set:?}: {found:?}");
        }
        for (release, line) in [
            ("6.8.0", "sudo setcap cap_bpf,cap_perfmon+ep /opt/peer-observer"),
            ("6.1.0", "sudo setcap cap_sys_admin+ep /opt/peer-observer"),
        ] {
            let (_root, kernel) = kernel(release, NONE, HOST, &[]);
            assert_eq!(kernel.privileges().line.as_deref(), Some(line));
        }
    }

    #[test]
    fn the_first_obstacle_and_what_helps() {
        let rows = [
            ("6.8.0", BOTH, None),
            ("6.1.0", ADMIN, None),
            (
                "5.10.0",
                NONE,
                Some("Linux 5.10 is too old for tracepoints of programs; run Linux 5.15 or later, better 6.6 or later"),
            ),
            (
                "6.8.0",
                NONE,
                Some(
                    "we lack CAP_BPF and CAP_PERFMON; give them to the program (again after each update of it); \
                     sudo setcap cap_bpf,cap_perfmon+ep /opt/peer-observer",
                ),
            ),
        ];
        for (release, set, obstacle) in rows {
            let (_root, kernel) = kernel(release, set, HOST, &[UPROBE]);
            assert_eq!(kernel.obstacle().as_deref(), obstacle, "{release} {set:?}");
        }
    }
}
