//! Gives up what is not needed any more once tracepoints are attached: capabilities, and with Landlock the right to write, to start programs and to
//! be connected to.
//!
//! All of it holds for the calling thread and for those that it starts, so that this comes before any other thread. By the same token it can be
//! rehearsed: a thread is confined, looks for the nodes, and ends. That is needed because confinement may blind us. A process under Landlock sees no
//! `/proc/PID/exe`, `cwd` and `root` of others any more, without which a node in a container is not found; and of another user's files root sees
//! no more than anybody without capabilities. The strictest confinement in which all nodes are still found is taken.

use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus,
};
use node::{Auth, Chain, HostPort, Target};
use rustix::fs::{AtFlags, CWD};
use tracing::{debug, info};

use crate::extractor::FollowedNode;

/// Where a process may connect to by TCP.
pub enum Connect {
    Anywhere,
    Ports(Vec<u16>),
}

impl Connect {
    /// To NATS servers, and to name servers that have much to say.
    pub fn to_nats(nats: Option<&bus::nats::Options>) -> Self {
        let Some(nats) = nats else { return Self::Ports(Vec::new()) };
        let port = |url: &str| {
            let (scheme, rest) = url.trim().split_once("://").unwrap_or(("nats", url.trim()));
            let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
            let address: HostPort = address.trim_end_matches('/').parse().ok()?;
            match (address.port, scheme) {
                (0, "nats" | "tls") => Some(4222),
                (0, _) => None,
                (port, _) => Some(port),
            }
        };
        let ports: Option<Vec<u16>> = nats.url.split(',').map(port).chain([Some(53)]).collect();
        ports.map_or(Self::Anywhere, Self::Ports)
    }
}

/// What must be possible as before.
pub struct Keeps {
    /// Files that must stay readable.
    pub files: Vec<PathBuf>,
    /// Folders in which files are made, written and removed.
    pub folders: Vec<PathBuf>,
    /// Where to.
    pub connect: Connect,
}

/// What is given up. Everything else is given up always.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The capabilities to read files and processes of other users are kept.
    reading: bool,
    /// Landlock is left out.
    seeing: bool,
}

/// The strictest first.
const LEVELS: [Level; 4] = [
    Level { reading: false, seeing: false },
    Level { reading: true, seeing: false },
    Level { reading: false, seeing: true },
    Level { reading: true, seeing: true },
];

const READING: [Capability; 2] = [Capability::CAP_DAC_READ_SEARCH, Capability::CAP_SYS_PTRACE];

/// Confines this thread and those that it will start, as far as the nodes can still be observed. The targets of nodes are changed to some by
/// which a confined process finds them. `observed` are those of nodes that are observed by other means than tracepoints.
///
/// # Errors
/// Capabilities could not be given up.
pub fn confine(observed: &mut [&mut Target], followed: &mut [&mut FollowedNode], keeps: &Keeps) -> Result<()> {
    let scene = Scene::of(observed, followed, &keeps.files);
    let may_read = READING.iter().any(|cap| caps::has_cap(None, CapSet::Permitted, *cap).unwrap_or(false));
    let mut allowed = LEVELS.into_iter().filter(|level| scene.allows(*level, may_read));
    let chosen = allowed.find_map(|level| Some((level, rehearse(level, keeps, || scene.targets(level))?)));
    let everything = Level { reading: true, seeing: true };
    let (level, targets) =
        chosen.unwrap_or_else(|| (everything, scene.followed.iter().map(|(node, _)| node.target.clone()).collect()));
    drop(scene);
    let how = apply(level, keeps)?;
    if level.reading && may_read || level.seeing {
        info!("confined, as far as the nodes can be seen then; {how}");
    } else {
        debug!("confined; {how}");
    }
    for (node, target) in followed.iter_mut().zip(targets) {
        node.target = target;
        if !level.seeing || node.guessed {
            node.target.binary.clone_from(&node.program);
        }
    }
    if !level.seeing {
        // What runs is not seen any more, so that a node would not be taken for the one meant.
        observed.iter_mut().for_each(|target| target.binary = None);
    }
    Ok(())
}

/// What a confined process must be able to do as before.
struct Scene<'a> {
    /// Nodes that are observed by RPC or log.
    nodes: Vec<(&'a Target, Option<Sight>)>,
    /// Nodes whose tracepoints are followed.
    followed: Vec<(&'a FollowedNode, Option<Sight>)>,
    /// Files that must stay as readable as they are.
    files: Vec<(PathBuf, Readable)>,
}

type Readable = Result<(), rustix::io::Errno>;

/// What is seen of a node.
#[derive(PartialEq)]
struct Sight {
    pid: Option<u32>,
    chain: Option<Chain>,
    datadir: Option<PathBuf>,
    rpc: Option<HostPort>,
    auth: Auth,
    debug_log: Option<PathBuf>,
    conf_files: Vec<PathBuf>,
    /// Of cookie, debug.log and data directory.
    readable: Vec<Readable>,
}

impl Sight {
    fn of(target: &Target) -> Option<Self> {
        let located = target.locate().ok()?;
        let cookie = match &located.auth {
            Auth::Cookie(path) => Some(path),
            Auth::User { .. } | Auth::Unknown => None,
        };
        let files = [cookie, located.debug_log.as_ref(), located.net_datadir.as_ref()];
        Some(Self {
            readable: files.into_iter().flatten().map(readable).collect(),
            pid: located.pid,
            chain: located.chain,
            datadir: located.net_datadir,
            rpc: located.rpc,
            auth: located.auth,
            debug_log: located.debug_log,
            conf_files: located.conf_files,
        })
    }
}

fn readable(path: &PathBuf) -> Readable {
    rustix::fs::accessat(CWD, path, rustix::fs::Access::READ_OK, AtFlags::EACCESS)
}

impl<'a> Scene<'a> {
    fn of(observed: &'a [&mut Target], followed: &'a [&mut FollowedNode], files: &[PathBuf]) -> Self {
        Self {
            nodes: observed.iter().map(|target| (&**target, Sight::of(target))).collect(),
            followed: followed.iter().map(|node| (&**node, Sight::of(&node.target))).collect(),
            files: files.iter().map(|path| (path.clone(), readable(path))).collect(),
        }
    }

    /// What is still to come would not be found otherwise: a node of whatever user, a program of whatever place.
    fn allows(&self, level: Level, may_read: bool) -> bool {
        let reading = level.reading || !may_read;
        let nodes = reading || self.nodes.iter().all(|(target, sight)| sight.is_some() || target.is_remote());
        let programs = (reading && level.seeing) || self.followed.iter().all(|(node, _)| node.program.is_some());
        nodes && programs
    }

    /// For a confined thread: how the nodes that are followed are found again; none if something is not seen that was seen before.
    fn targets(&self, level: Level) -> Option<Vec<Target>> {
        let without_binary = |target: &Target| Target { binary: None, ..target.clone() };
        let nodes = self.nodes.iter().all(|(target, sight)| {
            let now = if level.seeing { Sight::of(target) } else { Sight::of(&without_binary(target)) };
            now == *sight
        });
        let files = self.files.iter().all(|(path, before)| readable(path) == *before);
        if !nodes || !files {
            return None;
        }
        let followed = self.followed.iter().map(|(node, before)| {
            let target = &node.target;
            let wanted = |target: &Target| {
                let now = Sight::of(&without_binary(target));
                let (Some(before), Some(now)) = (before, now) else { return before.is_none() };
                before.pid == now.pid && (before.pid.is_some() || before.conf_files == now.conf_files)
            };
            if wanted(target) {
                return Some(target.clone());
            }
            // Its data directory shows the chain too, unless it belongs to several nodes: the file with the chain may not be visible any more.
            let datadir = target.datadir.as_ref()?;
            let shared = self.followed.iter().filter(|(node, _)| node.target.datadir.as_ref() == Some(datadir)).count();
            let simple = Target {
                name: target.name.clone(),
                datadir: Some(datadir.clone()),
                discovered: target.discovered,
                ..Target::default()
            };
            let found = || Sight::of(&simple).map(|now| now.pid) == before.as_ref().map(|before| before.pid);
            (shared == 1 && found()).then_some(simple)
        });
        followed.collect()
    }
}

/// What comes of a question to a confined thread. None if there could be none.
fn rehearse<T: Send>(level: Level, keeps: &Keeps, question: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    thread::scope(|scope| {
        let rehearsal = thread::Builder::new().spawn_scoped(scope, || {
            apply(level, keeps).ok()?;
            question()
        });
        rehearsal.ok()?.join().ok()?
    })
}

/// Confines the calling thread. Returns how.
fn apply(level: Level, keeps: &Keeps) -> Result<String> {
    let kept = drop_capabilities(if level.reading { &READING } else { &[] }).context("cannot give up capabilities")?;
    rustix::thread::set_no_new_privs(true).context("cannot give up new privileges")?;
    let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
    let kept = if kept.is_empty() { "none".to_owned() } else { kept.join(" and ") };
    let landlock =
        if level.seeing { Ok("left out".to_owned()) } else { landlock(keeps).map(|status| format!("{status:?}")) };
    let landlock = landlock.unwrap_or_else(|error| format!("not there ({error:#})"));
    Ok(format!("capabilities: {kept}; Landlock: {landlock}"))
}

/// Empties all sets, except of what is to be kept and there.
fn drop_capabilities(keep: &[Capability]) -> Result<CapsHashSet> {
    let keep: CapsHashSet =
        caps::read(None, CapSet::Permitted)?.into_iter().filter(|capability| keep.contains(capability)).collect();
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.difference(&keep) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &keep)?;
    caps::set(None, CapSet::Permitted, &keep)?;
    Ok(keep)
}

/// As much of it as the kernel has: nothing but the terminal and files of some folders is written, nothing is started, nobody connects to us.
fn landlock(keeps: &Keeps) -> Result<RulesetStatus> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let (net, ports): (BitFlags<AccessNet>, &[u16]) = match &keeps.connect {
        Connect::Anywhere => (AccessNet::BindTcp.into(), &[]),
        Connect::Ports(ports) => (AccessNet::BindTcp | AccessNet::ConnectTcp, ports),
    };
    let root = PathBeneath::new(PathFd::new("/")?, read);
    // Drawing on the terminal opens it anew. As standard input and output it can be written anyway.
    let draw = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let terminal = PathFd::new("/dev/tty").ok().map(|file| Ok::<_, RulesetError>(PathBeneath::new(file, draw)));
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let opened = keeps.folders.iter().filter_map(|folder| PathFd::new(folder).ok());
    let folders = opened.map(|folder| Ok::<_, RulesetError>(PathBeneath::new(folder, write)));
    let ports = ports.iter().map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
    // Of this version: what newer ones could deny besides is in use.
    let rules = Ruleset::default().handle_access(AccessFs::from_all(ABI::V5))?.handle_access(net)?.create()?;
    Ok(rules.add_rule(root)?.add_rules(terminal)?.add_rules(folders)?.add_rules(ports)?.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_nats_servers() {
        for (url, ports) in [
            ("nats://127.0.0.1:4333", Some(&[4333, 53][..])),
            ("nats.example.org", Some(&[4222, 53])),
            ("tls://name:pass@word@[::1]:1, nats://b", Some(&[1, 4222, 53])),
            ("wss://h:443/", Some(&[443, 53])),
            ("wss://h", None),
            ("nats://a:b:c", None),
        ] {
            let connect = Connect::to_nats(Some(&bus::nats::Options::new(url)));
            let found = match &connect {
                Connect::Ports(ports) => Some(&ports[..]),
                Connect::Anywhere => None,
            };
            assert_eq!(found, ports, "{url}");
        }
        assert!(matches!(Connect::to_nats(None), Connect::Ports(none) if none.is_empty()));
    }
}
