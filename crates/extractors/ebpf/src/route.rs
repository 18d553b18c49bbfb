//! Which node the events of a process belong to, and to which programs the tracer has to be attached for that.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use node::{Located, Target, WarnOnce, validate_name};
use tracing::info;

use crate::program::{identity, program_of};
use crate::{MakePublisher, Nodes, Observed};

/// Programs that run a node, for when none is configured: those that PATH leads to are traced.
const PROGRAMS: [&str; 4] = ["bitcoind", "bitcoin-node", "bitcoin-qt", "bitcoin-gui"];

/// A node that is observed.
pub(crate) struct Node {
    pub(crate) target: Target,
    pub(crate) publisher: Publisher,
    /// The process that its present run is of, as far as that is known.
    pub(crate) process: Option<u32>,
    /// The process that was last seen alive: that it can't be seen any more means that it has ended. Until the first event of the next one
    /// it is another than that of the run.
    seen: Option<u32>,
    /// There was an event in the present run.
    pub(crate) busy: bool,
    /// The program's path.
    pub(crate) program: Option<PathBuf>,
    pub(crate) warnings: WarnOnce,
    /// Its process has ended, and it was one of many: another may have its place.
    gone: bool,
}

/// Where the events of a process go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the node of this index.
    Node(usize),
    /// Nowhere: the process is not observed.
    Ignored,
}

/// Knows the processes of traced programs.
pub(crate) struct Router {
    pub(crate) nodes: Vec<Node>,
    /// The program of which every process is a node, and what makes a publisher for one.
    all: Option<(PathBuf, MakePublisher)>,
    routes: HashMap<u32, Route>,
    /// The process that was asked for last: as a rule it is the next one, too.
    last: Option<(u32, Route)>,
    /// There were processes of traced programs that are not observed.
    others: bool,
}

impl Router {
    pub(crate) fn new(nodes: Nodes) -> Self {
        let (nodes, all) = match nodes {
            Nodes::These(nodes) => (nodes, None),
            Nodes::All { binary, publisher } => (Vec::new(), Some((binary, publisher))),
        };
        let nodes = nodes.into_iter().map(Node::new).collect();
        Self { nodes, all, routes: HashMap::new(), last: None, others: false }
    }

    /// The program of which every process is a node.
    pub(crate) fn every_process_of(&self) -> Option<&Path> {
        self.all.as_ref().map(|(binary, _)| binary.as_path())
    }

    /// The nodes, but those whose process has ended and was one of many.
    pub(crate) fn present(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut().filter(|node| !node.gone)
    }

    /// Where the events of a process go, and whether the process is new.
    pub(crate) fn route(&mut self, process: u32) -> (Route, bool) {
        if let Some((last, route)) = self.last
            && last == process
        {
            return (route, false);
        }
        let known = self.routes.get(&process).copied();
        let route = known.unwrap_or_else(|| {
            let route = self.find(process);
            self.routes.insert(process, route);
            route
        });
        self.last = Some((process, route));
        (route, known.is_none())
    }

    fn find(&mut self, process: u32) -> Route {
        if let Some((_, make)) = &mut self.all {
            let target = Target { pid: Some(process), ..Target::default() };
            let name = name_of(&target, process);
            info!("node {name}: process {process}");
            let publisher = make(&name);
            let node = Node { process: Some(process), ..Node::new(Observed { target, publisher }) };
            let index = self.nodes.iter().position(|node| node.gone).unwrap_or(self.nodes.len());
            match self.nodes.get_mut(index) {
                Some(place) => *place = node,
                None => self.nodes.push(node),
            }
            return Route::Node(index);
        }
        // That it runs a traced program is known. Without privileges we may not see the program of another user's process, so it is not compared.
        let fits = |node: &Node| Target { pid: Some(process), binary: None, ..node.target.clone() }.locate().is_ok();
        // A node that has its process does not get another one as long as that lives.
        let free = |node: &Node| node.process.is_none_or(|known| known == process || !is_alive(known));
        if let Some(index) = self.nodes.iter().position(|node| free(node) && fits(node)) {
            return Route::Node(index);
        }
        if is_alive(process) {
            self.others = true;
            return Route::Ignored;
        }
        // It ended before we could look at it.
        match self.nodes.as_slice() {
            [only] if !self.others && free(only) => Route::Node(0),
            _ => Route::Ignored,
        }
    }

    /// Processes that have ended.
    pub(crate) fn ended(&self) -> Vec<u32> {
        self.routes.keys().copied().filter(|process| !is_alive(*process)).collect()
    }

    /// Whether the present run of a node is that of this process.
    pub(crate) fn is_present(&self, node: usize, process: u32) -> bool {
        self.nodes.get(node).is_some_and(|node| node.process == Some(process) && node.busy)
    }

    /// Forgets a process. Returns the publisher of its node, if that ends with it.
    pub(crate) fn forget(&mut self, process: u32) -> Option<Publisher> {
        let route = self.routes.remove(&process);
        self.last = None;
        match (route, &self.all) {
            (Some(Route::Node(index)), Some(_)) => {
                let node = self.nodes.get_mut(index)?;
                node.gone = true;
                Some(node.publisher.clone())
            }
            _ => None,
        }
    }
}

impl Node {
    fn new(observed: Observed) -> Self {
        let Observed { target, publisher } = observed;
        let warnings = WarnOnce::after(Duration::ZERO);
        Self { target, publisher, process: None, seen: None, busy: false, program: None, warnings, gone: false }
    }

    /// Says how the node is found. `trouble`: why its tracepoints are not followed.
    pub(crate) fn report(&mut self, trouble: Option<&str>) {
        let look = |process: u32| Some((process, state_of(process)?));
        let alive = [self.process, self.seen].into_iter().flatten().find_map(look);
        self.seen = alive.map(|(process, _)| process).or(self.seen);
        match (alive, trouble, self.seen) {
            (None, _, Some(process)) => {
                self.publisher.node_is(State::Gone, Some(&format!("process {process} has ended")));
            }
            (_, Some(trouble), _) => self.publisher.node_is(State::Unreadable, Some(trouble)),
            (Some((process, 'T' | 't')), None, _) => {
                self.publisher.node_is(State::Hanging, Some(&format!("process {process} is stopped (SIGSTOP)")));
            }
            (Some(_), None, _) => self.publisher.node_is_up(),
            (None, None, _) => self.publisher.node_is(State::Unreadable, Some("its process is not to be seen")),
        }
    }

    /// Whether its process runs and its program is attached, so that there is no need to look for them.
    pub(crate) fn is_settled(&self, is_attached: impl Fn((u64, u64)) -> bool) -> bool {
        let runs = self.process.is_some_and(is_alive);
        runs && self.program.as_deref().and_then(|path| identity(path).ok()).is_some_and(is_attached)
    }

    /// The program files to attach to: the one that its process runs, and the one that its next process will run.
    pub(crate) fn programs(&mut self) -> Vec<PathBuf> {
        let Some((located, process)) = self.locate() else { return self.not_running() };
        self.seen = Some(process);
        if self.process != Some(process) && !self.busy {
            self.process = Some(process);
        }
        self.program = self.target.binary.clone().or(located.binary);
        let running = program_of(process);
        // Of another user's process we may not see what it runs.
        let running = identity(&running).is_ok().then_some(running);
        running.into_iter().chain(self.program.clone()).collect()
    }

    /// Its process. What that runs is compared only if it can be seen: without privileges it can't.
    fn locate(&self) -> Option<(Located, u32)> {
        let running = |target: &Target| {
            let located = target.locate().ok()?;
            located.pid.map(|process| (located, process))
        };
        let any = || {
            // To look for the same again costs as much, and finds no more.
            self.target.binary.as_ref()?;
            running(&Target { binary: None, ..self.target.clone() })
        };
        running(&self.target).or_else(|| any().filter(|(located, _)| located.binary.is_none()))
    }

    fn not_running(&mut self) -> Vec<PathBuf> {
        if let Some(binary) = self.target.binary.clone().or_else(|| self.program.clone()) {
            self.program = Some(binary.clone());
            return vec![binary];
        }
        on_path()
    }
}

/// The programs to trace for a node, at the start of this program: the one that its process runs, the one that is configured, or those that PATH
/// leads to.
pub fn programs(target: &Target) -> Vec<PathBuf> {
    let located = target.locate().ok();
    let running =
        located.as_ref().and_then(|located| located.pid).map(program_of).filter(|path| identity(path).is_ok());
    let configured = target.binary.clone().or_else(|| located.and_then(|located| located.binary));
    let known: Vec<_> = running.into_iter().chain(configured).collect();
    if known.is_empty() { on_path() } else { known }
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    PROGRAMS.iter().filter_map(|name| found(name)).collect()
}

/// A name for one of many processes: the name of its data directory, and its id.
fn name_of(target: &Target, process: u32) -> String {
    let located = target.locate().ok();
    let datadir = located.and_then(|located| Some(located.datadir?.file_name()?.to_str()?.to_owned()));
    let name = datadir.map(|datadir| format!("{datadir}-{process}"));
    name.filter(|name| validate_name(name).is_ok()).unwrap_or_else(|| format!("pid-{process}"))
}

/// Whether a process runs, also one of another user.
pub(crate) fn is_alive(process: u32) -> bool {
    state_of(process).is_some()
}

/// The kernel's letter for the state of a process that runs: T or t if a signal or a debugger stopped it. A zombie does not run. `procfs` would parse
/// all of the line, and panics where it has another form. It is looked at every second, so it is read at once: the state is near the beginning, behind
/// a name of at most 16 bytes (64 of a kernel thread).
fn state_of(process: u32) -> Option<char> {
    let mut begin = [0; 128];
    let length = File::open(format!("/proc/{process}/stat")).and_then(|mut file| file.read(&mut begin)).ok()?;
    let stat = String::from_utf8_lossy(begin.get(..length)?);
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.filter(|state| !matches!(state, 'Z' | 'X'))
}
