//! Where a node's interfaces are: what follows from its options.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::conf::{ConfFile, ConfPlace, Launch, Settings, Strongest, Trial};
use crate::files;
use crate::process::{LogOutput, Process};
use crate::{Chain, HostPort, Secret};

/// The longest cookie; Bitcoin Core writes 75 bytes.
pub(crate) const MAX_COOKIE: u64 = 4096;

/// How to log in at the RPC server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// By the file that the node writes at each start.
    Cookie(PathBuf),
    /// By name and password.
    User {
        /// `rpcuser`, or the name in an `rpcauth` line.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// Not known.
    #[default]
    Unknown,
}

/// A publisher of the node's ZMQ interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zmq {
    /// What it publishes: `hashblock`, `rawtx`, `sequence`, ...
    pub topic: String,
    /// Where, as the node is configured: `tcp://127.0.0.1:28332`, `unix:/path`.
    pub address: String,
}

/// The node's options for debug.log, by Bitcoin Core's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Categories of `-debug` in force at start, `all` for all of them.
    pub debug: Vec<String>,
    /// Categories of `-debugexclude`.
    pub debugexclude: Vec<String>,
    /// `level` or `category:level`, as given.
    pub loglevel: Vec<String>,
    /// Lines begin with a timestamp. Default: yes.
    pub logtimestamps: bool,
    /// Timestamps have microseconds.
    pub logtimemicros: bool,
    /// Lines name the thread.
    pub logthreadnames: bool,
    /// Lines about peers show their addresses.
    pub logips: bool,
    /// Lines show file, line and function.
    pub logsourcelocations: bool,
    /// Every line shows category and level.
    pub loglevelalways: bool,
    /// The node limits how much one place in its code may log (v30 and later). Default: yes.
    pub logratelimit: bool,
}

impl LogOptions {
    /// Whether the options enable a category's debug lines. The `logging` RPC may have changed that since.
    #[must_use]
    pub fn has(&self, category: &str) -> bool {
        let among = |list: &[String]| list.iter().any(|c| c == category || c == "all");
        among(&self.debug) && !among(&self.debugexclude)
    }

    fn of(settings: &Settings) -> Self {
        let flag = |name, default| settings.flag(name).unwrap_or(default);
        let categories = |name| {
            let all = |c: &str| matches!(c, "" | "1" | "all");
            settings.list(name).into_iter().map(move |c| if all(c) { "all" } else { c }.to_owned()).collect::<Vec<_>>()
        };
        let mut debug = categories("debug");
        if let Some(last) = debug.iter().rposition(|c| c == "0" || c == "none") {
            debug.drain(..=last);
        }
        Self {
            debug,
            debugexclude: categories("debugexclude"),
            loglevel: settings.list("loglevel").into_iter().map(str::to_owned).collect(),
            logtimestamps: flag("logtimestamps", true),
            logtimemicros: flag("logtimemicros", false),
            logthreadnames: flag("logthreadnames", false),
            logips: flag("logips", false),
            logsourcelocations: flag("logsourcelocations", false),
            loglevelalways: flag("loglevelalways", false),
            logratelimit: flag("logratelimit", true),
        }
    }
}

/// How a node was started, or would be: what is needed to find out what a change of its configuration would do.
#[derive(Clone, Default)]
pub struct Origin(Option<Arc<(Launch, bool)>>);

impl fmt::Debug for Origin {
    /// Not the command line, which may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Origin(known)" } else { "Origin(unknown)" })
    }
}

/// A node and how to reach each of its interfaces. Paths are ours: a container's begin with `/proc/PID/root`, where they are
/// not also visible from here.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// Process id; none if the node is not running, or elsewhere.
    pub pid: Option<u32>,
    /// When the process was started, in clock ticks since boot. With `pid` it identifies one run of the node.
    pub started: Option<u64>,
    /// The program file. After an upgrade this may be a newer one than the one running, which is `/proc/PID/exe`.
    pub binary: Option<PathBuf>,
    /// User that the node runs as.
    pub owner: Option<String>,
    /// The chain; none if the node is elsewhere and it is not configured.
    pub chain: Option<Chain>,
    /// The data directory, without the chain's sub-directory.
    pub datadir: Option<PathBuf>,
    /// The chain's directory: cookie, debug.log, peers.dat.
    pub net_datadir: Option<PathBuf>,
    /// The configuration files that were read, in order.
    pub conf_files: Vec<PathBuf>,
    /// The node's bitcoin.conf, which may not exist; none if it is switched off, or the node is elsewhere.
    pub main_conf: Option<ConfFile>,
    /// How the node was started, or would be.
    pub origin: Origin,
    /// The RPC server; none if it is off.
    pub rpc: Option<HostPort>,
    /// How to log in there.
    pub auth: Auth,
    /// debug.log; none if the node writes none, or is elsewhere.
    pub debug_log: Option<PathBuf>,
    /// Where the log goes of a running node that writes no debug.log; none if it writes one, or logs nowhere.
    pub log_output: Option<LogOutput>,
    /// Its options; none if they are not known.
    pub log_options: Option<LogOptions>,
    /// Where the node accepts P2P connections, the best for us first. Empty if it doesn't, or if that is not known.
    pub p2p: Vec<HostPort>,
    /// Where the node accepts connections that come through Tor: `-bind=ADDRESS=onion`.
    pub p2p_onion: Vec<HostPort>,
    /// Nodes that it connects to besides those that it chooses: `-addnode`.
    pub addnodes: Vec<String>,
    /// Permissions of peers by their addresses: `-whitelist`.
    pub whitelists: Vec<String>,
    /// Publishers of the ZMQ interface.
    pub zmq: Vec<Zmq>,
    /// Unix sockets of the IPC interface.
    pub ipc: Vec<PathBuf>,
    /// The file with the node's process id.
    pub pid_file: Option<PathBuf>,
    /// The node is in another network namespace, as in a container: its loopback addresses are not ours.
    pub foreign_network: bool,
    /// What could not be found out or reached, and what would help; one sentence each.
    pub notes: Vec<String>,
}

impl Located {
    /// Where the interfaces of a node with these options are; `process` if it is running.
    pub(crate) fn of(settings: Settings, launch: &Launch, process: Option<&Process>) -> Self {
        let gui = process.is_some_and(|p| p.gui);
        let mut located = Self::configured(&settings, launch, gui);
        located.origin = Origin(Some(Arc::new((launch.clone(), gui))));
        if let Some(process) = process {
            located.add_process(process, &settings);
        }
        located
    }

    /// The node as it would be located if `lines` (in the form of bitcoin.conf) were added to its configuration and it were restarted.
    /// None if it is not known how it was started. Reads files, as the location itself does.
    #[must_use]
    pub fn with_conf_lines(&self, place: ConfPlace, lines: &[String]) -> Option<Self> {
        let (launch, gui) = self.origin.0.as_deref()?;
        let section = self.chain.unwrap_or(Chain::Main).name();
        let trial = Some(Trial { place, lines: lines.to_vec(), section });
        let launch = Launch { trial, ..launch.clone() };
        Some(Self::configured(&launch.settings(), &launch, *gui))
    }

    /// The place that counts most among those that set the option `name`; none if nothing sets it, or it is not known how the node was
    /// started. Reads files, as the location itself does.
    #[must_use]
    pub fn strongest(&self, name: &str) -> Option<Strongest> {
        let (launch, _) = self.origin.0.as_deref()?;
        Some(match launch.settings().strongest(name)? {
            Strongest::WrittenByNode(path) => Strongest::WrittenByNode(launch.view.ours(&path)),
            other => other,
        })
    }

    /// What follows from the options.
    fn configured(settings: &Settings, launch: &Launch, gui: bool) -> Self {
        let view = &launch.view;
        let mut notes = settings.notes.clone();
        let rpc = rpc(settings, gui, &mut notes);
        let (p2p, p2p_onion) = p2p(settings, &mut notes);
        let path = |name, default| settings.net_path(name, default).map(|path| view.ours(&path));
        let list = |name| settings.list(name).into_iter().map(str::to_owned).collect();
        let auth = match settings.text("rpcpassword") {
            Some(password) => Auth::User {
                user: settings.text("rpcuser").unwrap_or_default().to_owned(),
                password: Secret::new(password),
            },
            None => path("rpccookiefile", ".cookie").map_or(Auth::Unknown, Auth::Cookie),
        };
        Self {
            chain: Some(settings.chain),
            datadir: Some(view.ours(&settings.datadir)),
            net_datadir: Some(view.ours(&settings.net_datadir())),
            conf_files: settings.files.iter().map(|f| view.ours(f)).collect(),
            main_conf: settings.main_file.clone().map(|file| ConfFile { path: view.ours(&file.path), ..file }),
            rpc,
            auth,
            debug_log: path("debuglogfile", "debug.log"),
            log_options: Some(LogOptions::of(settings)),
            p2p,
            p2p_onion,
            addnodes: list("addnode"),
            whitelists: list("whitelist"),
            zmq: zmq(settings),
            ipc: ipc(settings, gui).iter().map(|socket| view.ours(socket)).collect(),
            pid_file: path("pid", "bitcoind.pid"),
            notes,
            ..Self::default()
        }
    }

    fn add_process(&mut self, process: &Process, settings: &Settings) {
        self.pid = Some(process.pid);
        self.started = process.started;
        self.binary = process.binary.as_deref().map(|b| process.launch.view.ours(b));
        self.owner.clone_from(&process.owner);
        self.foreign_network = process.foreign_network;
        if self.debug_log.is_none() && logs_to_console(settings) {
            self.log_output = Some(process.log_output.clone());
        }
        if process.replaced {
            self.notes.push(format!(
                "the program of process {} was replaced after its start, as by an upgrade; restart the node to run the new one",
                process.pid
            ));
        }
        if process.foreign_network {
            self.notes.push(format!(
                "process {} is in another network namespace (a container?): unless its ports are published here, pass an \
                 address of it with --rpc and --p2p",
                process.pid
            ));
        }
        if !process.cwd_known && settings.text("datadir").is_some_and(|d| Path::new(d).is_relative()) {
            self.notes.push(format!(
                "the data directory is relative to the working directory of process {}, which cannot be read; run as user \
                 {} or pass --datadir",
                process.pid,
                self.owner_name()
            ));
        }
    }

    /// Adds a note on each file of a node on this machine that can't be read.
    pub(crate) fn check_access(&mut self) {
        let owner = self.owner_name().to_owned();
        let note = match &self.auth {
            Auth::User { .. } => None,
            _ if self.rpc.is_none() => None,
            Auth::Unknown => Some(
                "no cookie file, and the password of an rpcauth line cannot be read back from it; pass --rpc-user and \
                 --rpc-password"
                    .to_owned(),
            ),
            Auth::Cookie(path) => {
                let read = files::read_text(path, MAX_COOKIE);
                read.err().and_then(|e| cookie_note(path, &e, &owner, self.pid.is_some()))
            }
        };
        self.notes.extend(note);
        let unreadable = |path: &&PathBuf| {
            let denied = rustix::fs::access(path.as_path(), rustix::fs::Access::READ_OK);
            denied == Err(rustix::io::Errno::ACCESS)
        };
        if let Some(path) = self.debug_log.as_ref().filter(unreadable) {
            self.notes.push(format!(
                "cannot read {}: permission denied; run as user {owner}, or give this one read access to the file",
                path.display()
            ));
        }
        let datadir = self.net_datadir.as_ref().map(|d| (d, fs::metadata(d)));
        if let Some((path, Err(e))) = datadir {
            self.notes.push(format!("cannot look into the data directory {}: {}", path.display(), files::reason(&e)));
        }
    }

    fn owner_name(&self) -> &str {
        self.owner.as_deref().unwrap_or("of the node")
    }
}

/// The note on a cookie that can't be read; none if the node is stopped and has no cookie.
fn cookie_note(path: &Path, error: &io::Error, owner: &str, running: bool) -> Option<String> {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound if !running => return None,
        io::ErrorKind::NotFound => {
            "the node is starting, or its RPC server is off (server=1 switches it on)".to_owned()
        }
        _ => format!(
            "run as user {owner}, or put rpccookieperms=group at the top of bitcoin.conf (v28 and later) and join its group, or pass \
             --rpc-user"
        ),
    };
    Some(format!("cannot read the cookie at {}: {}; {remedy}", path.display(), files::reason(error)))
}

/// The port of an option; the chain's default where it is not set or no port.
fn port(settings: &Settings, name: &str, default: u16, notes: &mut Vec<String>) -> u16 {
    let Some(number) = settings.number(name) else { return default };
    match u16::try_from(number) {
        Ok(port) if port != 0 => port,
        _ => {
            notes.push(format!("{name}={number} is no port; taken to be {default}"));
            default
        }
    }
}

/// The addresses of `options`, as far as they are any.
fn addresses<'a>(options: impl Iterator<Item = &'a str>, port: u16, notes: &mut Vec<String>) -> Vec<HostPort> {
    let mut addresses = Vec::new();
    for option in options {
        match option.parse::<HostPort>() {
            Ok(address) => addresses.push(address.or_port(port)),
            Err(e) => notes.push(format!("a bind option of the node is not understood: {e}")),
        }
    }
    // Loopback first, and a wildcard includes it.
    addresses.sort_by_key(|a| !(a.is_loopback() || a.is_wildcard()));
    addresses.into_iter().map(HostPort::reachable).collect()
}

fn rpc(settings: &Settings, gui: bool, notes: &mut Vec<String>) -> Option<HostPort> {
    if !settings.flag("server").unwrap_or(!gui) {
        notes.push("the RPC server is off; put server=1 at the top of bitcoin.conf and restart the node".to_owned());
        return None;
    }
    let port = port(settings, "rpcport", settings.chain.rpc_port(), notes);
    let binds = settings.list("rpcbind");
    // Without rpcallowip the node ignores rpcbind.
    if settings.list("rpcallowip").is_empty() || binds.is_empty() {
        return Some(HostPort::new("127.0.0.1", port));
    }
    let first = addresses(binds.into_iter(), port, notes).into_iter().next();
    Some(first.unwrap_or_else(|| HostPort::new("127.0.0.1", port)))
}

/// Whether the node writes its log to standard output: by default unless it goes to the background.
fn logs_to_console(settings: &Settings) -> bool {
    let background = ["daemon", "daemonwait"].iter().any(|option| settings.flag(option) == Some(true));
    settings.flag("printtoconsole").unwrap_or(!background)
}

/// Where the node accepts connections from everywhere, and where through Tor only.
fn p2p(settings: &Settings, notes: &mut Vec<String>) -> (Vec<HostPort>, Vec<HostPort>) {
    let (binds, whitebinds) = (settings.list("bind"), settings.list("whitebind"));
    let bound = !binds.is_empty() || !whitebinds.is_empty();
    let unwanted = !settings.list("connect").is_empty()
        || settings.is_negated("connect")
        || settings.number("maxconnections").is_some_and(|n| n <= 0)
        || settings.text("proxy").is_some_and(|p| p != "0");
    if !settings.flag("listen").unwrap_or(bound || !unwanted) {
        return (Vec::new(), Vec::new());
    }
    let port = port(settings, "port", settings.chain.p2p_port(), notes);
    // An address bound for Tor gives its visitors no rights of local ones.
    let (onion, plain): (Vec<_>, Vec<_>) = binds.into_iter().partition(|b| b.ends_with("=onion"));
    let onion = onion.into_iter().map(|b| b.strip_suffix("=onion").unwrap_or(b));
    let onion = addresses(onion, port.saturating_add(1), notes);
    let permitted = whitebinds.into_iter().map(|b| b.rsplit_once('@').map_or(b, |(_, address)| address));
    let mut listening = addresses(plain.into_iter().chain(permitted), port, notes);
    if listening.is_empty() && !bound {
        listening.push(HostPort::new("127.0.0.1", port));
    }
    (listening, onion)
}

fn zmq(settings: &Settings) -> Vec<Zmq> {
    let mut topics: Vec<_> = settings.names().filter_map(|n| n.strip_prefix("zmqpub")).collect();
    topics.retain(|t| !t.ends_with("hwm"));
    topics.sort_unstable();
    topics.dedup();
    let publishers = topics.into_iter().flat_map(|topic| {
        let addresses = settings.list(&format!("zmqpub{topic}"));
        addresses.into_iter().map(move |address| Zmq { topic: topic.to_owned(), address: address.to_owned() })
    });
    publishers.collect()
}

/// The sockets of `-ipcbind`, as the node sees them.
fn ipc(settings: &Settings, gui: bool) -> Vec<PathBuf> {
    let default = if gui { "gui.sock" } else { "node.sock" };
    let paths = settings.list("ipcbind").into_iter().filter_map(|address| {
        let path = address.strip_prefix("unix")?;
        let path = if path.is_empty() { path } else { path.strip_prefix(':')? };
        Some(settings.net_datadir().join(if path.is_empty() { default } else { path }))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Launch;

    fn located(args: &str) -> Located {
        let args = args.split_whitespace().map(str::to_owned).collect();
        let launch = Launch { args, cwd: "/".into(), home: "/nowhere".into(), ..Launch::default() };
        Located::of(launch.settings(), &launch, None)
    }

    #[test]
    fn rpc_addresses() {
        for (args, address) in [
            ("", Some("127.0.0.1:8332")),
            ("-testnet4", Some("127.0.0.1:48332")),
            ("-rpcport=1 -rpcbind=10.0.0.1", Some("127.0.0.1:1")),
            ("-rpcallowip=0.0.0.0/0 -rpcbind=10.0.0.1", Some("10.0.0.1:8332")),
            ("-rpcallowip=0.0.0.0/0 -rpcbind=10.0.0.1 -rpcbind=0.0.0.0:5", Some("127.0.0.1:5")),
            ("-rpcallowip=::/0 -rpcbind=[::]", Some("[::1]:8332")),
            ("-server=0", None),
        ] {
            assert_eq!(located(args).rpc.map(|a| a.to_string()).as_deref(), address, "{args}");
        }
        let odd = located("-regtest -rpcport=99999");
        assert!(odd.rpc == Some(HostPort::new("127.0.0.1", 18443)) && odd.notes[0].contains("no port"), "{odd:?}");
    }

    #[test]
    fn p2p_addresses() {
        for (args, addresses) in [
            ("", &["127.0.0.1:8333"][..]),
            ("-regtest -port=7", &["127.0.0.1:7"]),
            (
                "-bind=10.0.0.1 -whitebind=noban,relay@127.0.0.1:9 -bind=127.0.0.1:8=onion",
                &["127.0.0.1:9", "10.0.0.1:8333"],
            ),
            ("-bind=127.0.0.1:8=onion", &[]),
            ("-nolisten", &[]),
            ("-connect=1.2.3.4", &[]),
            ("-noconnect", &[]),
            ("-noconnect -bind=::", &["[::1]:8333"]),
            ("-connect=1.2.3.4 -listen", &["127.0.0.1:8333"]),
            ("-proxy=127.0.0.1:9050", &[]),
        ] {
            let found: Vec<_> = located(args).p2p.iter().map(ToString::to_string).collect();
            assert_eq!(found, addresses, "{args}");
        }
        for (args, addresses) in [
            ("", &[][..]),
            ("-bind=127.0.0.1:8=onion -bind=10.0.0.1", &["127.0.0.1:8"]),
            ("-regtest -port=29501 -bind=127.0.0.1=onion", &["127.0.0.1:29502"]),
            ("-bind=127.0.0.1:8=onion -nolisten", &[]),
        ] {
            let found: Vec<_> = located(args).p2p_onion.iter().map(ToString::to_string).collect();
            assert_eq!(found, addresses, "{args}");
        }
    }

    #[test]
    fn what_goes_to_standard_output() {
        for (args, logs) in [
            ("", true),
            ("-daemon", false),
            ("-daemonwait", false),
            ("-daemon -printtoconsole", true),
            ("-printtoconsole=0", false),
        ] {
            let args = args.split_whitespace().map(str::to_owned).collect();
            let launch = Launch { args, home: "/nowhere".into(), ..Launch::default() };
            assert_eq!(logs_to_console(&launch.settings()), logs, "{:?}", launch.args);
        }
    }

    #[test]
    fn files_and_sockets() {
        let located = located(
            "-signet -datadir=/d -debuglogfile=/var/log/b.log -rpccookiefile=c -ipcbind=unix -ipcbind=unix:/run/n.sock \
             -zmqpubrawtx=tcp://127.0.0.1:1 -zmqpubhashblock=unix:/z -zmqpubrawtxhwm=5",
        );
        assert_eq!(located.net_datadir.as_deref(), Some(Path::new("/d/signet")));
        assert_eq!(located.debug_log.as_deref(), Some(Path::new("/var/log/b.log")));
        assert_eq!(located.auth, Auth::Cookie("/d/signet/c".into()));
        assert_eq!(located.ipc, [Path::new("/d/signet/node.sock"), Path::new("/run/n.sock")]);
        let zmq: Vec<_> = located.zmq.iter().map(|z| (&*z.topic, &*z.address)).collect();
        assert_eq!(zmq, [("hashblock", "unix:/z"), ("rawtx", "tcp://127.0.0.1:1")]);
    }

    #[test]
    fn what_is_logged() {
        for (args, has_net, has_tor) in [
            ("", false, false),
            ("-debug=net", true, false),
            ("-debug", true, true),
            ("-debug=1 -debugexclude=tor", true, false),
            ("-debug=tor -debug=0 -debug=net", true, false),
            ("-debug=net -debug=none", false, false),
            ("-debug=net -nodebug", false, false),
        ] {
            let options = located(args).log_options.unwrap();
            assert_eq!((options.has("net"), options.has("tor")), (has_net, has_tor), "{args}");
        }
        assert_eq!(located("-nodebuglogfile").debug_log, None);
        let options = located("-logtimemicros -nologtimestamps -logips=1 -logthreadnames=0").log_options.unwrap();
        assert!(options.logtimemicros && !options.logtimestamps && options.logips && !options.logthreadnames);
    }

    #[test]
    fn login() {
        let with_password = located("-rpcuser=u -rpcpassword=geheim");
        assert_eq!(with_password.auth, Auth::User { user: "u".to_owned(), password: Secret::new("geheim") });
        assert!(!format!("{with_password:?}").contains("geheim"));
        let mut without = located("-norpccookiefile -rpcauth=a:b$c");
        without.check_access();
        assert!(without.auth == Auth::Unknown && without.notes[0].contains("--rpc-password"), "{:?}", without.notes);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let note = cookie_note(Path::new("/d/.cookie"), &denied, "bitcoin", true).unwrap();
        assert!(
            note.starts_with("cannot read the cookie at /d/.cookie: permission denied; run as user bitcoin"),
            "{note}"
        );
    }
}
