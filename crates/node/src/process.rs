//! Running nodes, as /proc shows them. (Not by `procfs`: it fails on a command line that is not UTF-8, drops empty arguments, and reads
//! without bounds.)
//!
//! What is read of a process of another user is limited: its command line and user are for everybody, its working directory,
//! environment, binary and root for that user and root only.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::conf::Launch;
use crate::files::{self, MAX_BYTES, View};

/// A host to look for nodes on: its /proc, its user database, and where nodes keep their data by default.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
    home: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Self::this()
    }
}

/// Where the standard output of a node goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOutput {
    /// To the journal, by this unit of systemd.
    Unit {
        /// The unit's name: `bitcoind.service`.
        name: String,
        /// It is a unit of a user, not of the system.
        of_user: bool,
    },
    /// To the log of a container.
    Container {
        /// The program that shows it: `docker` or `podman`.
        program: &'static str,
        /// The container's id, hexadecimal.
        id: String,
    },
    /// To a file.
    File(PathBuf),
    /// To /dev/null.
    Nowhere,
    /// To a terminal or another program, or it can't be seen where.
    Elsewhere,
}

/// The user that a process runs as.
#[derive(Clone, Debug)]
struct User {
    name: String,
    home: Option<PathBuf>,
}

/// A running node.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// When it was started, in clock ticks since boot. A later process of the same pid has another value.
    pub(crate) started: Option<u64>,
    /// Its program file as it sees it, without the " (deleted)" that /proc adds to a replaced one; none if we may not see it.
    pub(crate) binary: Option<PathBuf>,
    /// Whether the program file was replaced, as by an upgrade, since the process was started.
    pub(crate) replaced: bool,
    /// Whether it is `bitcoin-qt` or `bitcoin-gui`, whose RPC server is off by default.
    pub(crate) gui: bool,
    /// Name of the user that it runs as; the number if it has none.
    pub(crate) owner: Option<String>,
    /// Whether its working directory could be read.
    pub(crate) cwd_known: bool,
    /// Whether it is in another network namespace: its loopback address is not ours.
    pub(crate) foreign_network: bool,
    /// Where its standard output goes.
    pub(crate) log_output: LogOutput,
    pub(crate) launch: Launch,
}

impl Host {
    /// The host that this program runs on.
    #[must_use]
    pub fn this() -> Self {
        let home = std::env::var_os("HOME").filter(|h| !h.is_empty()).map_or_else(|| PathBuf::from("/"), PathBuf::from);
        Self { root: PathBuf::from("/"), home }
    }

    /// A host whose file system, with its `proc`, is mounted at `root`; `home` is where the default data directory is when
    /// no node is running.
    #[must_use]
    pub fn at(root: &Path, home: &Path) -> Self {
        Self { root: root.to_owned(), home: home.to_owned() }
    }

    /// The home directory of the user who runs this program.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Where nodes keep their data by default.
    pub(crate) fn default_datadirs(&self) -> Vec<PathBuf> {
        let mut directories = vec![self.home.join(".bitcoin")];
        directories.extend(self.service_datadirs());
        directories
    }

    fn service_datadirs(&self) -> [PathBuf; 2] {
        ["var/lib/bitcoind", "var/lib/bitcoin"].map(|d| self.root.join(d))
    }

    /// The configuration file of a node that is run as a service, if `datadir` is where those keep their data and has none
    /// of its own.
    pub(crate) fn service_conf(&self, datadir: &Path) -> Option<PathBuf> {
        let conf = self.root.join("etc/bitcoin/bitcoin.conf");
        let service = self.service_datadirs().iter().any(|d| d == datadir);
        (service && !datadir.join("bitcoin.conf").exists() && conf.exists()).then_some(conf)
    }

    /// Every running node, by pid.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let entries = fs::read_dir(self.root.join("proc")).into_iter().flatten().flatten();
        let mut pids: Vec<u32> = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        pids.into_iter().filter_map(|pid| self.process(pid, false)).collect()
    }

    /// The process `pid` if there is one, and if it is a node (`any`: whatever its name).
    pub(crate) fn process(&self, pid: u32, any: bool) -> Option<Process> {
        let dir = self.root.join("proc").join(pid.to_string());
        let (binary, replaced) = binary(&dir)?;
        let mut args = Vec::new();
        if any || binary.as_deref().is_none_or(is_node) {
            args = arguments(&dir)?;
        }
        let program = if args.is_empty() { String::new() } else { args.remove(0) };
        let named = binary.clone().unwrap_or_else(|| PathBuf::from(&program));
        if !any && !is_node(&named) {
            return None;
        }
        let view = View { root: self.foreign_root(&dir) };
        let user = self.user(&dir, &view);
        let home =
            environment(&dir, "HOME").or_else(|| user.as_ref()?.home.clone()).unwrap_or_else(|| PathBuf::from("/"));
        let gui =
            plain_name(&named).is_some_and(|name| name.starts_with("bitcoin-qt") || name.starts_with("bitcoin-gui"));
        if gui {
            // First, so that one given on the command line wins.
            args.splice(0..0, gui_datadir(&view.ours(&home)).map(|datadir| format!("-datadir={datadir}")));
        }
        let cwd = fs::read_link(dir.join("cwd"));
        Some(Process {
            pid,
            started: start_time(&dir),
            replaced,
            gui,
            owner: user.map(|u| u.name),
            cwd_known: cwd.is_ok(),
            foreign_network: self.other_namespace(&dir, "net"),
            log_output: log_output(&dir, &view),
            launch: Launch {
                args,
                cwd: cwd.unwrap_or_else(|_| dir.join("cwd")),
                home,
                view,
                program: Some(dir.join("exe")),
                trial: None,
            },
            binary,
        })
    }

    /// Whether the process of `dir` is in another namespace than we are. False if that can't be seen.
    fn other_namespace(&self, dir: &Path, kind: &str) -> bool {
        let namespace = |dir: &Path| fs::read_link(dir.join("ns").join(kind)).ok();
        let ours = namespace(&self.root.join("proc/self"));
        namespace(dir).is_some_and(|theirs| ours.is_some_and(|ours| ours != theirs))
    }

    /// The root of the process of `dir`, if it sees another file system than we do and we may look into it.
    fn foreign_root(&self, dir: &Path) -> Option<PathBuf> {
        let root = dir.join("root");
        let chroot = fs::read_link(&root).is_ok_and(|link| link != Path::new("/"));
        let other = chroot || self.other_namespace(dir, "mnt");
        (other && fs::metadata(&root).is_ok()).then_some(root)
    }

    fn user(&self, dir: &Path, view: &View) -> Option<User> {
        let status = files::read_text(&dir.join("status"), MAX_BYTES).ok()?;
        let uid = status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_whitespace().next()?.to_owned();
        let root = view.root.as_deref().unwrap_or(&self.root);
        let passwd = files::read_text(&root.join("etc/passwd"), MAX_BYTES).unwrap_or_default();
        // name:password:uid:gid:comment:home:shell
        let entry = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|e| e.get(2) == Some(&uid.as_str()));
        let field = |n: usize| entry.as_ref().and_then(|e| e.get(n).copied()).filter(|f| !f.is_empty());
        Some(User { name: field(0).unwrap_or(&uid).to_owned(), home: field(5).map(PathBuf::from) })
    }
}

/// The program file of a process, and whether it was replaced since; no file if we may not see it. None if the process ended, or is a
/// thread of the kernel.
fn binary(dir: &Path) -> Option<(Option<PathBuf>, bool)> {
    let link = match fs::read_link(dir.join("exe")) {
        Ok(link) => link,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Some((None, false)),
        Err(_) => return None,
    };
    Some(match link.to_string_lossy().strip_suffix(" (deleted)") {
        Some(path) => (Some(PathBuf::from(path)), true),
        None => (Some(link), false),
    })
}

/// The file name of a binary without what packagers put around it.
fn plain_name(binary: &Path) -> Option<&str> {
    let name = binary.file_name().and_then(OsStr::to_str)?;
    // NixOS wraps bitcoind into .bitcoind-wrapped.
    Some(name.strip_prefix('.').and_then(|n| n.strip_suffix("-wrapped")).unwrap_or(name))
}

/// Whether a program of this name is a node: one of those below, perhaps followed by a version.
fn is_node(binary: &Path) -> bool {
    const NAMES: [&str; 6] =
        ["bitcoind-knots", "bitcoin-knots", "bitcoind", "bitcoin-node", "bitcoin-qt", "bitcoin-gui"];
    let Some(name) = plain_name(binary) else { return false };
    NAMES.iter().filter_map(|n| name.strip_prefix(n)).any(|rest| {
        let version = rest.trim_start_matches(['-', '_', '.']);
        let digits = version.strip_prefix('v').unwrap_or(version);
        rest.is_empty() || (version.len() < rest.len() && digits.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The words of the command line; none if the process ended or is hidden from us.
fn arguments(dir: &Path) -> Option<Vec<String>> {
    let text = files::read_text(&dir.join("cmdline"), MAX_BYTES).ok()?;
    let text = text.strip_suffix('\0').unwrap_or(&text);
    Some(text.split('\0').map(str::to_owned).collect())
}

/// A variable of the environment that the process was started with.
fn environment(dir: &Path, name: &str) -> Option<PathBuf> {
    let text = files::read_text(&dir.join("environ"), MAX_BYTES).ok()?;
    let value = text.split('\0').find_map(|v| v.strip_prefix(name)?.strip_prefix('='))?;
    Some(PathBuf::from(value)).filter(|v| v.is_absolute())
}

/// Where the standard output of the process of `dir` goes.
fn log_output(dir: &Path, view: &View) -> LogOutput {
    let target = fs::read_link(dir.join("fd/1")).ok();
    match target.as_deref() {
        Some(path) if path == Path::new("/dev/null") => return LogOutput::Nowhere,
        Some(path) if path.is_absolute() && !path.starts_with("/dev") => {
            let ours = view.ours(path);
            if fs::metadata(&ours).is_ok_and(|m| m.is_file()) {
                return LogOutput::File(ours);
            }
        }
        _ => {}
    }
    let cgroup = files::read_text(&dir.join("cgroup"), MAX_BYTES).unwrap_or_default();
    cgroup.lines().find_map(keeper).unwrap_or(LogOutput::Elsewhere)
}

/// Who keeps the log of the processes in a control group, by a line of /proc/PID/cgroup: `0::/system.slice/bitcoind.service`.
fn keeper(line: &str) -> Option<LogOutput> {
    let path = line.splitn(3, ':').nth(2)?;
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let last = parts.clone().next()?;
    let containers = [("docker", "docker-"), ("podman", "libpod-")];
    for (program, prefix) in containers {
        let id = last.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".scope"));
        let id = id.or_else(|| (path.contains("/docker/") && program == "docker").then_some(last));
        if let Some(id) = id.filter(|id| (12..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Some(LogOutput::Container { program, id: id.to_owned() });
        }
    }
    // What runs in a terminal is in a scope below a service.
    if last.ends_with(".scope") {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "@:._-\\".contains(c);
    let name = parts.find(|part| part.ends_with(".service"))?;
    let is_name = name.len() <= 256 && name.chars().all(plain) && !name.starts_with("user@");
    is_name.then(|| LogOutput::Unit { name: name.to_owned(), of_user: path.contains("/user@") })
}

/// Field 22 of /proc/PID/stat.
fn start_time(dir: &Path) -> Option<u64> {
    let stat = files::read_text(&dir.join("stat"), MAX_BYTES).ok()?;
    // The second field is the name in parentheses, which may contain anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The data directory that was chosen in the GUI's first dialog, where it is kept apart from the node's configuration.
fn gui_datadir(home: &Path) -> Option<String> {
    let text = files::read_text(&home.join(".config/Bitcoin/Bitcoin-Qt.conf"), MAX_BYTES).ok()?;
    let value = text.lines().find_map(|l| l.strip_prefix("strDataDir="))?.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_the_log() {
        let unit = |name: &str, of_user| Some(LogOutput::Unit { name: name.to_owned(), of_user });
        let id = "0123456789abcdef".repeat(4);
        let container = |program| Some(LogOutput::Container { program, id: id.clone() });
        for (line, expected) in [
            ("0::/system.slice/bitcoind.service".to_owned(), unit("bitcoind.service", false)),
            ("1:name=systemd:/system.slice/system-b.slice/b@main.service".to_owned(), unit("b@main.service", false)),
            (
                "0::/user.slice/user-1.slice/user@1.service/app.slice/node.service".to_owned(),
                unit("node.service", true),
            ),
            ("0::/user.slice/user-1.slice/user@1.service/app.slice/vte-spawn-1.scope".to_owned(), None),
            ("0::/user.slice/user-1.slice/user@1.service".to_owned(), None),
            (format!("0::/system.slice/docker-{id}.scope"), container("docker")),
            (format!("4:memory:/docker/{id}"), container("docker")),
            (format!("0::/machine.slice/libpod-{id}.scope"), container("podman")),
            ("0::/system.slice/$(reboot).service".to_owned(), None),
            ("0::/".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(keeper(&line), expected, "{line}");
        }
    }

    #[test]
    fn names_of_nodes() {
        for name in [
            "bitcoind",
            "/usr/bin/bitcoin-qt",
            ".bitcoind-wrapped",
            "bitcoind-v28.1",
            "bitcoin-node_30",
            "bitcoind-knots",
        ] {
            assert!(is_node(Path::new(name)), "{name}");
        }
        for name in [
            "bitcoin-cli",
            "bitcoind_exporter",
            "bitcoind-",
            "bitcoin-node-manager",
            "bitcoindx",
            "",
            "/",
            "mybitcoind",
        ] {
            assert!(!is_node(Path::new(name)), "{name}");
        }
    }
}
