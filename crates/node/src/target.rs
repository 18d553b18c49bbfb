//! A node as it is configured, or as it was once discovered, and the discovery of where it is now.

use std::cell::LazyCell;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::conf::Launch;
use crate::files;
use crate::name::{self, NameError};
use crate::process::{Host, Process};
use crate::{Auth, Chain, HostPort, Located, Secret};

/// What is configured of one node. Everything may be left out: [`Target::locate`] finds out the rest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// What the node is called in events. See [`validate_name`](crate::validate_name).
    pub name: Option<String>,
    /// Its chain.
    pub chain: Option<Chain>,
    /// Its data directory, without the chain's sub-directory.
    pub datadir: Option<PathBuf>,
    /// Its configuration file.
    pub conf: Option<PathBuf>,
    /// Its RPC server. If that is not a loopback address, the node is taken to be on another host.
    pub rpc: Option<HostPort>,
    /// Name to log in with at the RPC server.
    pub rpc_user: Option<String>,
    /// Password to log in with at the RPC server.
    pub rpc_password: Option<Secret>,
    /// Its cookie file.
    pub rpc_cookie_file: Option<PathBuf>,
    /// Its debug.log.
    pub debug_log: Option<PathBuf>,
    /// Where it accepts P2P connections.
    pub p2p: Option<HostPort>,
    /// Unix socket of its IPC interface.
    pub ipc: Option<PathBuf>,
    /// Process id: this one run of the node only.
    pub pid: Option<u32>,
    /// File with its process id, which the node writes at each start.
    pub pid_file: Option<PathBuf>,
    /// Its program file.
    pub binary: Option<PathBuf>,
    /// What [`discover_all`] knows of the node besides. It can't be configured.
    #[serde(skip)]
    pub discovered: Option<DiscoveredNode>,
}

/// What distinguishes a discovered node from another one with the same data directory and chain, in another container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscoveredNode {
    /// Device and inode of the data directory.
    datadir: Option<(u64, u64)>,
    /// Whether the node sees another file system than we do.
    contained: bool,
}

/// Why a node could not be located.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// The target's name can't be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Only one of user and password was given.
    #[error("rpc_user and rpc_password go together: give both, or neither to use the node's cookie file")]
    HalfLogin,
    /// No such process.
    #[error("there is no process {0}: leave out the pid to find the node by itself")]
    NoProcess(u32),
    /// The process of the configured pid is another node than the rest of the target describes.
    #[error("process {pid} is not the node asked for ({requested}): it is {actual}; correct one of them")]
    OtherNode {
        /// The process.
        pid: u32,
        /// The node that was asked for.
        requested: String,
        /// The node that it is.
        actual: String,
    },
    /// Nothing matches.
    #[error("found no Bitcoin node{requested}; {running}; start it, or give its place with --datadir, --conf or --rpc")]
    NotFound {
        /// The node that was asked for, in parentheses after a space; empty if any node would do.
        requested: String,
        /// What runs instead.
        running: String,
    },
    /// There is no such data directory, and no node running with it.
    #[error("there is no data directory {path}: correct it, or start the node once to have it made")]
    NoDatadir {
        /// The chain's directory.
        path: PathBuf,
    },
    /// Several nodes match.
    #[error("several nodes match: {0}; choose one with --datadir, --chain or --pid")]
    Ambiguous(String),
    /// The file with its process id cannot be read.
    #[error("cannot read the PID file {path}: {reason}; let us read it (chmod +r), or choose the node with --datadir")]
    PidFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A node that is running.
struct Candidate {
    process: Process,
    /// The data directory as the node sees it.
    datadir: PathBuf,
    located: Located,
}

/// All nodes that run, looked for when somebody asks, and once: that takes a pass through /proc.
type All<F> = LazyCell<Vec<Candidate>, F>;

impl Candidate {
    fn all(host: &Host) -> Vec<Self> {
        host.processes().into_iter().map(Self::of).collect()
    }

    fn of(process: Process) -> Self {
        let settings = process.launch.settings();
        let datadir = settings.datadir.clone();
        let located = Located::of(settings, &process.launch, Some(&process));
        Self { process, datadir, located }
    }

    fn contained(&self) -> bool {
        self.process.launch.view.root.is_some()
    }

    fn inode(&self) -> Option<(u64, u64)> {
        files::identity(self.located.datadir.as_deref()?)
    }

    fn describe(&self) -> String {
        let chain = self.located.chain.map_or("?", Chain::name);
        format!("{chain} in {} (pid {})", self.datadir.display(), self.process.pid)
    }

    fn describe_all<'a>(all: impl Iterator<Item = &'a Self>) -> String {
        all.map(Self::describe).collect::<Vec<_>>().join(", ")
    }
}

/// How well a candidate fits the configured data directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// By the path within a container only.
    Path,
    Same,
}

impl Target {
    /// Finds the node on this host, or takes what is configured of one elsewhere. Reads files and /proc, which takes
    /// milliseconds; call it again when the node does not answer any more.
    ///
    /// # Errors
    /// No node or several match what is configured, or that contradicts itself. A node that is not running is located by its
    /// files, if there are any.
    pub fn locate(&self) -> Result<Located, LocateError> {
        self.locate_on(&Host::this())
    }

    /// [`locate`](Self::locate) on another host than this, as tests have it.
    ///
    /// # Errors
    /// As for `locate`.
    pub fn locate_on(&self, host: &Host) -> Result<Located, LocateError> {
        if let Some(name) = &self.name {
            name::validate_name(name)?;
        }
        if self.rpc_user.is_some() != self.rpc_password.is_some() {
            return Err(LocateError::HalfLogin);
        }
        if self.is_remote() {
            return Ok(self.configured_only());
        }
        // A socket is all that is needed of a node whose process cannot be seen, or known among others.
        let by_socket = self.ipc.is_some() && !self.has_place();
        let all = LazyCell::new(|| Candidate::all(host));
        let located = match self.running(host, &all) {
            Ok(Some(located)) => located,
            Ok(None) if self.configured_address().is_some() => return Ok(self.configured_only()),
            Ok(None) | Err(LocateError::Ambiguous(_)) if by_socket => return Ok(self.configured_only()),
            Ok(None) => self.stopped(host, &all)?,
            Err(error) => return Err(error),
        };
        let mut located = self.with_configured(located);
        located.check_access();
        Ok(located)
    }

    /// Whether anything is configured that leads to the node itself, and not only to one of its interfaces.
    #[must_use]
    pub fn has_place(&self) -> bool {
        let paths = [&self.datadir, &self.conf, &self.binary, &self.pid_file];
        self.rpc.is_some() || self.p2p.is_some() || self.pid.is_some() || paths.into_iter().any(Option::is_some)
    }

    /// Whether the node is on another host, so that nothing but what is configured can be known of it.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.configured_address().is_some_and(|address| !address.is_loopback())
    }

    /// The configured address, if no file or process is configured.
    fn configured_address(&self) -> Option<&HostPort> {
        let paths = [&self.pid_file, &self.datadir, &self.conf, &self.binary];
        let local = self.pid.is_some() || paths.into_iter().any(Option::is_some);
        self.rpc.as_ref().or(self.p2p.as_ref()).filter(|_| !local)
    }

    /// The running node that fits; none if there is none. `all`: those that run.
    fn running(&self, host: &Host, all: &All<impl FnOnce() -> Vec<Candidate>>) -> Result<Option<Located>, LocateError> {
        if let Some(pid) = self.pid {
            let candidate = host.process(pid, true).map(Candidate::of).ok_or(LocateError::NoProcess(pid))?;
            let is_in_file = |file| files::process_id(file).is_ok_and(|named| named == Some(pid));
            if self.fit(&candidate) == Fit::No || !self.pid_file.as_deref().is_none_or(is_in_file) {
                return Err(LocateError::OtherNode { pid, requested: self.describe(), actual: candidate.describe() });
            }
            return Ok(Some(candidate.located));
        }
        if let Some(file) = &self.pid_file {
            // What it has after a crash may be the id of another process by now.
            let pid = files::process_id(file)
                .map_err(|e| LocateError::PidFile { path: file.clone(), reason: files::reason(&e) })?;
            let candidate = pid.and_then(|pid| host.process(pid, false)).map(Candidate::of);
            return Ok(candidate.filter(|candidate| self.fit(candidate) != Fit::No).map(|candidate| candidate.located));
        }
        let fitting: Vec<_> = all.iter().map(|c| (self.fit(c), c)).filter(|(fit, _)| *fit != Fit::No).collect();
        let best = fitting.iter().map(|(fit, _)| *fit).max();
        let fitting: Vec<_> = fitting.into_iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, c)| c).collect();
        if fitting.len() > 1 {
            return Err(LocateError::Ambiguous(Candidate::describe_all(fitting.into_iter())));
        }
        Ok(fitting.first().map(|candidate| candidate.located.clone()))
    }

    fn fit(&self, candidate: &Candidate) -> Fit {
        let located = &candidate.located;
        let same = |configured: &Option<PathBuf>, actual: Option<&PathBuf>| match configured {
            Some(path) => actual.is_some_and(|actual| files::same(&absolute(path), actual)),
            None => true,
        };
        // An address chooses a node only where nothing better is configured; else it is only the way to reach the node.
        let address = self.configured_address().is_none()
            || match (&self.rpc, &self.p2p) {
                (Some(rpc), _) => located.rpc.as_ref().is_some_and(|r| r.port == self.rpc_address(rpc).port),
                (None, Some(p2p)) => located.p2p.iter().any(|p| p.port == self.p2p_address(p2p).port),
                (None, None) => true,
            };
        let others = address
            && self.chain.is_none_or(|chain| located.chain == Some(chain))
            && same(&self.conf, located.conf_files.first())
            && same(&self.binary, located.binary.as_ref());
        if others { self.fit_datadir(candidate) } else { Fit::No }
    }

    fn fit_datadir(&self, candidate: &Candidate) -> Fit {
        let Some(datadir) = self.datadir.as_deref().map(absolute) else { return Fit::Same };
        let contained = candidate.contained();
        let known = match self.discovered {
            Some(discovered) => discovered.datadir,
            None => files::identity(&datadir),
        };
        if known.is_some() && candidate.inode() == known {
            return Fit::Same;
        }
        let same_path = datadir == candidate.datadir && self.discovered.is_none_or(|node| node.contained == contained);
        match (same_path, contained) {
            (false, _) => Fit::No,
            (true, true) => Fit::Path,
            (true, false) => Fit::Same,
        }
    }

    /// The node as it would start, by the files that it has.
    fn stopped(&self, host: &Host, all: &All<impl FnOnce() -> Vec<Candidate>>) -> Result<Located, LocateError> {
        let launch = self.launch(host).ok_or_else(|| self.not_found(all))?;
        let settings = launch.settings();
        let net_datadir = settings.net_datadir();
        let note = format!("no {} node is running in {}", settings.chain, settings.datadir.display());
        if let Err(e) = fs::metadata(&net_datadir)
            && e.kind() == std::io::ErrorKind::NotFound
        {
            let configured = self.datadir.is_some() || self.conf.is_some();
            return Err(if configured { LocateError::NoDatadir { path: net_datadir } } else { self.not_found(all) });
        }
        let mut located = Located::of(settings, &launch, None);
        located.notes.push(note);
        Ok(located)
    }

    /// How a node with these files would be started; none if there are none.
    fn launch(&self, host: &Host) -> Option<Launch> {
        let option = |name: &str, path: &Path| format!("-{name}={}", absolute(path).display());
        let datadir = match (&self.datadir, &self.conf) {
            (None, None) => Some(host.default_datadirs().into_iter().find(|d| fs::metadata(d).is_ok())?),
            (datadir, _) => datadir.clone(),
        };
        let conf = self.conf.clone().or_else(|| host.service_conf(datadir.as_deref()?));
        let mut args = Vec::new();
        args.extend(datadir.map(|datadir| option("datadir", &datadir)));
        args.extend(conf.map(|conf| option("conf", &conf)));
        if let Some(chain) = self.chain {
            // What the files choose besides would be a contradiction.
            args.extend(["regtest", "signet", "testnet", "testnet4"].map(|other| format!("-{other}=0")));
            args.push(format!("-chain={chain}"));
        }
        let home = host.home().to_owned();
        Some(Launch { args, cwd: PathBuf::from("/"), home, ..Launch::default() })
    }

    fn not_found(&self, all: &[Candidate]) -> LocateError {
        let requested = self.describe();
        let running = Candidate::describe_all(all.iter());
        LocateError::NotFound {
            requested: if requested.is_empty() { requested } else { format!(" ({requested})") },
            running: if running.is_empty() { "none is running here".to_owned() } else { format!("running: {running}") },
        }
    }

    /// What is configured to distinguish nodes.
    fn describe(&self) -> String {
        let path = |name: &str, path: &Option<PathBuf>| path.as_ref().map(|p| format!("{name} {}", p.display()));
        let parts = [
            self.chain.map(|c| format!("chain {c}")),
            path("datadir", &self.datadir),
            path("conf", &self.conf),
            path("binary", &self.binary),
            path("PID file", &self.pid_file),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn rpc_address(&self, configured: &HostPort) -> HostPort {
        configured.clone().or_port(self.chain.unwrap_or(Chain::Main).rpc_port())
    }

    fn p2p_address(&self, configured: &HostPort) -> HostPort {
        configured.clone().or_port(self.chain.unwrap_or(Chain::Main).p2p_port())
    }

    /// A node of which nothing is known but this target.
    fn configured_only(&self) -> Located {
        let mut located = self.with_configured(Located::default());
        let (rpc, p2p) = (located.rpc.as_ref(), located.p2p.first());
        let by_port =
            |c: &Chain| rpc.is_some_and(|r| r.port == c.rpc_port()) || p2p.is_some_and(|p| p.port == c.p2p_port());
        located.chain = self.chain.or_else(|| Chain::ALL.into_iter().find(by_port));
        located.check_access();
        located
    }

    /// `located` with what is configured in place of what was discovered.
    fn with_configured(&self, mut located: Located) -> Located {
        let with_chain = Self { chain: self.chain.or(located.chain), ..Self::default() };
        located.chain = with_chain.chain;
        if let Some(rpc) = &self.rpc {
            located.rpc = Some(with_chain.rpc_address(rpc));
        }
        if let (Some(user), Some(password)) = (&self.rpc_user, &self.rpc_password) {
            located.auth = Auth::User { user: user.clone(), password: password.clone() };
        } else if let Some(cookie) = &self.rpc_cookie_file {
            located.auth = Auth::Cookie(absolute(cookie));
        }
        if let Some(path) = &self.debug_log {
            // A dash is standard input.
            let is_stdin = path.as_path() == Path::new("-");
            located.debug_log = Some(if is_stdin { path.clone() } else { absolute(path) });
            located.log_output = None;
        }
        if let Some(p2p) = &self.p2p {
            located.p2p = vec![with_chain.p2p_address(p2p)];
            located.p2p_onion.clear();
        }
        if let Some(path) = &self.ipc {
            located.ipc = vec![absolute(path)];
        }
        if let Some(path) = &self.binary {
            located.binary = Some(absolute(path));
        }
        located
    }
}

/// `path` from the current directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Every node running on this host, or else those that have files in a default data directory. Each has a name of its own
/// (the host's; with the chain or the directory added if there are several), and its target finds it again when it runs
/// under another pid.
#[must_use]
pub fn discover_all() -> Vec<(String, Target)> {
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Host::this().discover_all(&hostname)
}

impl Host {
    /// [`discover_all`] on another host than this, as tests have it; `hostname` is its name.
    #[must_use]
    pub fn discover_all(&self, hostname: &str) -> Vec<(String, Target)> {
        let mut targets: Vec<Target> = Candidate::all(self).iter().map(pinned).collect();
        if targets.is_empty() {
            targets =
                self.default_datadirs().iter().filter(|d| is_datadir(d)).map(|d| self.stopped_target(d)).collect();
        }
        // By what stays the same from one start to the next, so that the names do.
        targets.sort_by(|a, b| (&a.datadir, a.chain).cmp(&(&b.datadir, b.chain)));
        let parts = |target: &Target| {
            let last = target.datadir.as_deref().and_then(Path::file_name).unwrap_or_default();
            (target.chain.map_or("", Chain::name).to_owned(), last.to_string_lossy().into_owned())
        };
        let names = name::default_names(hostname, &targets.iter().map(parts).collect::<Vec<_>>());
        for (target, name) in targets.iter_mut().zip(&names) {
            target.name = Some(name.clone());
        }
        names.into_iter().zip(targets).collect()
    }

    /// The target of a node that is not running.
    fn stopped_target(&self, datadir: &Path) -> Target {
        let target = Target { datadir: Some(datadir.to_owned()), ..Target::default() };
        let chain = target.launch(self).map(|launch| launch.settings().chain);
        Target { chain, ..target }
    }
}

/// Whether a node has ever used this directory.
fn is_datadir(path: &Path) -> bool {
    let used = |name: &str| path.join(name).exists();
    // What can't be looked into may be one.
    fs::metadata(path).is_ok()
        && (fs::read_dir(path).is_err() || ["bitcoin.conf", "debug.log", "blocks"].into_iter().any(used))
}

/// The target that finds a running node again.
fn pinned(candidate: &Candidate) -> Target {
    Target {
        chain: candidate.located.chain,
        datadir: Some(candidate.datadir.clone()),
        discovered: Some(DiscoveredNode { datadir: candidate.inode(), contained: candidate.contained() }),
        ..Target::default()
    }
}
