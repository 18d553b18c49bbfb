//! What following tracepoints takes before any thread is started: the program is loaded into the kernel and attached to those of the nodes.
//!
//! That takes privileges, which [`crate::confine`] gives up afterwards.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use extractor_ebpf::machine::Machine;
use extractor_ebpf::{Error, Options, Selection, Tracepoint, Tracer, tracepoints_of};
use node::Target;
use tracing::{error, info, warn};

use crate::cli::Extractor;
use crate::config::Config;

/// The program in the kernel, and whose events it is to give.
pub struct Following {
    pub tracer: Tracer,
    pub whose: Whose,
}

/// Nodes whose tracepoints are followed.
pub enum Whose {
    These(Vec<FollowedNode>),
    /// Every process of this program is one.
    All(PathBuf),
}

/// A node whose tracepoints are followed.
pub struct FollowedNode {
    pub name: String,
    pub target: Target,
    /// What it runs, by a path that outlives its process; none if that is not known.
    pub program: Option<PathBuf>,
    /// It runs, and what it runs can't be seen: the program is the one that the process names, or else PATH.
    pub guessed: bool,
}

impl FollowedNode {
    /// A node that can be seen.
    pub fn new(name: &str, target: Target) -> Self {
        Self { name: name.to_owned(), target, program: None, guessed: false }
    }
}

/// Whether nothing stands against following the tracepoints of a node on this machine: neither kernel, nor privileges, nor its program.
pub fn can_be_followed(target: &Target, selection: &Selection) -> bool {
    Machine::this().obstacle().is_none() && !Programs::of(target, selection).traceable.is_empty()
}

/// Loads the tracepoint program and attaches it to those of all nodes that have `ebpf` among their extractors, which is taken from there.
/// None if there is no such node.
///
/// # Errors
/// No node's tracepoints can be followed; why, and what would help. What stands against some of them is said.
pub fn begin(config: &mut Config) -> Result<Option<Following>> {
    let (mut wanted, mut elsewhere) = (Vec::new(), Vec::new());
    for node in &mut config.nodes {
        if !node.extract.contains(&Extractor::Ebpf) {
            continue;
        }
        node.extract.retain(|extractor| *extractor != Extractor::Ebpf);
        if node.target.is_remote() {
            elsewhere.push(anyhow!(
                "node {} is on another machine, and its tracepoints can be followed there only: run peer-observer extract ebpf there",
                node.name
            ));
            continue;
        }
        let programs = Programs::of(&node.target, &config.ebpf.tracepoints);
        wanted.push((node.name.clone(), node.target.clone(), programs));
    }
    if wanted.is_empty() {
        return elsewhere.into_iter().next().map_or(Ok(None), Err);
    }
    elsewhere.iter().for_each(|error| error!("{error}"));
    if wanted.iter().all(|(_, _, programs)| programs.is_hopeless())
        && let Some(error) = wanted.iter_mut().find_map(|(_, _, programs)| programs.error.take())
    {
        return Err(error.into());
    }
    let mut tracer = Tracer::load(&config.ebpf)?;
    let (mut nodes, mut errors) = (Vec::new(), Vec::new());
    for (name, target, programs) in wanted {
        match attach_node(&mut tracer, name, target, programs) {
            Ok(node) => nodes.push(node),
            Err(error) => errors.push(error),
        }
    }
    let all = if nodes.is_empty() { errors.pop() } else { None };
    errors.iter().for_each(|error| error!("{error:#}"));
    if let Some(error) = all {
        return Err(error);
    }
    Ok(Some(Following { tracer, whose: Whose::These(nodes) }))
}

/// Loads the tracepoint program and attaches it to all processes of a program, also to those that are still to come.
///
/// # Errors
/// As for [`begin`].
pub fn begin_with(program: &Path, options: &Options) -> Result<Tracer> {
    judge(program, &options.tracepoints)?;
    let mut tracer = Tracer::load(options)?;
    attach(&mut tracer, program, "", program)?;
    Ok(tracer)
}

/// The bitcoind or the like that PATH leads to.
pub fn program_on_path() -> Option<PathBuf> {
    // A node of which nothing is known, and that does not run.
    let nothing = Target { pid: Some(0), ..Target::default() };
    extractor_ebpf::programs(&nothing).into_iter().next()
}

fn attach_node(tracer: &mut Tracer, name: String, target: Target, programs: Programs) -> Result<FollowedNode> {
    let Programs { traceable, error: _, lasting, hidden } = programs;
    let mut attached = None;
    let mut failed = None;
    for path in traceable {
        // The path of a process says little to people.
        let shown = lasting.as_ref().filter(|_| path.starts_with("/proc")).unwrap_or(&path);
        match attach(tracer, &path, &format!("node {name}: "), shown) {
            Ok(()) => attached = Some(path),
            Err(error) => failed = Some(error),
        }
    }
    if attached.is_none() {
        if let Some(error) = failed {
            return Err(anyhow!(error).context(format!("node {name}")));
        }
        if !Machine::this().attaches_with_little() {
            bail!(
                "node {name}: what it runs is not known, and before Linux 6.6 tracepoints can be attached only before peer-observer gives up \
                 its privileges; start the node first, or say what it runs with --binary"
            );
        }
    }
    let guess = attached.filter(|path| lasting.is_none() && !path.starts_with("/proc"));
    if let Some(program) = &guess {
        info!("node {name}: what it runs is not known; taken to be {} (--binary names another)", program.display());
    }
    let guessed = hidden && guess.is_some();
    let program = lasting.or(guess);
    Ok(FollowedNode { name, target, program, guessed })
}

/// Attaches to a program, which is `shown` to people.
fn attach(tracer: &mut Tracer, program: &Path, whose: &str, shown: &Path) -> Result<(), Error> {
    let attachment = tracer.attach(program)?;
    if attachment.already {
        return Ok(());
    }
    info!("{whose}following {} tracepoints of {}", attachment.tracepoints.len(), shown.display());
    if !attachment.missing.is_empty() {
        let missing: Vec<_> = attachment.missing.iter().map(|tracepoint| tracepoint.name()).collect();
        warn!(
            "{whose}{} lacks {}: it is of another version, or built without; what they tell is not seen",
            shown.display(),
            missing.join(", ")
        );
    }
    Ok(())
}

/// What a node runs, or may come to run.
struct Programs {
    /// Those with tracepoints that are wanted.
    traceable: Vec<PathBuf>,
    /// What is wrong with the one that it is known to run.
    error: Option<Error>,
    /// The path of that one, if it outlives the process.
    lasting: Option<PathBuf>,
    /// The node runs, and yet its program can't be seen.
    hidden: bool,
}

impl Programs {
    fn of(target: &Target, selection: &Selection) -> Self {
        let located = target.locate().ok();
        let process = located.as_ref().and_then(|located| located.pid);
        let path = target.binary.clone().or(located.and_then(|located| located.binary));
        let mut programs = Self {
            traceable: Vec::new(),
            error: None,
            lasting: path.clone().filter(|path| !path.starts_with("/proc")),
            hidden: process.is_some() && path.is_none(),
        };
        let said = process.filter(|_| path.is_none()).and_then(program_by_arguments);
        for program in said.into_iter().chain(extractor_ebpf::programs(target)) {
            match judge(&program, selection) {
                Ok(()) => {
                    programs.traceable.push(program);
                    if programs.hidden {
                        break;
                    }
                }
                // Any other program of PATH says nothing about the node.
                Err(error) if path.is_some() => programs.error = Some(error),
                Err(_) => {}
            }
        }
        programs
    }

    /// It is known what the node runs, and that has no tracepoints.
    fn is_hopeless(&self) -> bool {
        self.traceable.is_empty() && self.error.is_some()
    }
}

/// The path that a process was started by, which everybody may see; none if it says too little.
fn program_by_arguments(process: u32) -> Option<PathBuf> {
    let arguments = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let first = arguments.split(|byte| *byte == 0).next()?;
    Some(PathBuf::from(OsStr::from_bytes(first))).filter(|path| path.is_absolute() && path.is_file())
}

/// Whether a program has any of the tracepoints.
fn judge(program: &Path, selection: &Selection) -> Result<(), Error> {
    let path = || program.to_owned();
    let found = tracepoints_of(program).map_err(|error| Error::Program { path: path(), reason: error.to_string() })?;
    if selection.iter().any(|tracepoint| found.contains(tracepoint.name())) {
        return Ok(());
    }
    let other = Tracepoint::ALL.iter().any(|tracepoint| found.contains(tracepoint.name()));
    Err(Error::NoTracepoints { path: path(), other })
}
