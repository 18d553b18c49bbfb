//! The extractor `ebpf`: tracepoints. Before any thread is started, a program is loaded into the kernel and attached to the tracepoints of the
//! nodes. That takes privileges, which [`crate::confine`] gives up afterwards.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use event::Source;
use extractor_ebpf::kernel::KernelSupport;
use extractor_ebpf::{Error, Nodes, Observed, Options, Selection, Tracepoint, Tracer, tracepoints_of};
use node::Target;
use tracing::{error, info, warn};

use super::tracepoint_options::{EbpfOptions, program_of_all};
use crate::extractor::{Attached, Extractor, ExtractorEntry, FollowedNode, ForAll, Node};
use crate::options::{Check, Context, Part};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "ebpf",
    summary: "Tracepoints: P2P messages, connections, mempool, blocks",
    expected: Some(Source::Ebpf),
    options: Part::with_own_flags::<EbpfOptions>("ebpf"),
};

impl Check<Extractor> for EbpfOptions {
    fn check(&self, context: &Context) -> Result<Extractor> {
        let options = self.options()?;
        if !self.all {
            return Ok(Extractor::ForAll(Box::new(OfNodes(options))));
        }
        let binary = context.nodes.first().and_then(|target| target.binary.as_ref());
        let program = program_of_all(binary, program_on_path)?;
        Ok(Extractor::ForAll(Box::new(OfProgram { options, program })))
    }
}

/// Why nothing comes of it, for people.
const NOT_FOLLOWED: &str = "tracepoints are not followed";

/// Follows the tracepoints of nodes.
struct OfNodes(Options);

impl ForAll for OfNodes {
    /// Nothing stands against it: neither kernel, nor privileges, nor the node's program.
    fn is_usual(&self, target: &Target) -> bool {
        !target.is_remote()
            && KernelSupport::this().obstacle().is_none()
            && !Programs::of(target, &self.0.tracepoints).traceable.is_empty()
    }

    fn attach(self: Box<Self>, nodes: Vec<Node>) -> Result<Attached> {
        let (tracer, followed) = attach_all(nodes, &self.0).context(NOT_FOLLOWED)?;
        Ok(Attached {
            confine: Some(followed),
            threads: 0,
            run: Box::new(|nodes, publishers, shutdown| {
                let observed = nodes.into_iter().map(|node| {
                    let publisher = publishers.publisher(&node.name, ENTRY.name);
                    Observed { target: node.target, publisher }
                });
                let running = extractor_ebpf::run(tracer, Nodes::These(observed.collect()), shutdown);
                Box::pin(async { Ok(running.await?) })
            }),
        })
    }
}

/// Follows the tracepoints of all processes of a program, each of which is a node.
struct OfProgram {
    options: Options,
    program: PathBuf,
}

impl ForAll for OfProgram {
    fn is_usual(&self, _: &Target) -> bool {
        false
    }

    fn needs_nodes(&self) -> bool {
        false
    }

    fn attach(self: Box<Self>, _: Vec<Node>) -> Result<Attached> {
        let Self { options, program: binary } = *self;
        judge(&binary, &options.tracepoints)?;
        let mut tracer = Tracer::load(&options)?;
        attach(&mut tracer, &binary, "", &binary)?;
        Ok(Attached {
            confine: Some(Vec::new()),
            threads: 0,
            run: Box::new(|_, publishers, shutdown| {
                let publisher = Box::new(move |name: &str| publishers.publisher(name, ENTRY.name));
                let running = extractor_ebpf::run(tracer, Nodes::All { binary, publisher }, shutdown);
                Box::pin(async { Ok(running.await?) })
            }),
        })
    }
}

/// Loads the tracepoint program and attaches it to those of all nodes.
///
/// # Errors
/// No node's tracepoints can be followed; why, and what would help. What stands against some of them is logged.
fn attach_all(nodes: Vec<Node>, options: &Options) -> Result<(Tracer, Vec<FollowedNode>)> {
    let (remote, local): (Vec<_>, Vec<_>) = nodes.into_iter().partition(|node| node.target.is_remote());
    let mut elsewhere = remote.iter().map(|node| {
        anyhow!(
            "node {} is on another machine, and its tracepoints can be followed there only: run peer-observer extract ebpf there",
            node.name
        )
    });
    if local.is_empty() {
        return Err(elsewhere.next().unwrap_or_else(|| anyhow!("there is no node")));
    }
    elsewhere.for_each(|error| error!("{error}"));
    let programs = |node: Node| (Programs::of(&node.target, &options.tracepoints), node);
    let mut wanted: Vec<_> = local.into_iter().map(programs).collect();
    if wanted.iter().all(|(programs, _)| programs.is_hopeless())
        && let Some(error) = wanted.iter_mut().find_map(|(programs, _)| programs.error.take())
    {
        return Err(error.into());
    }
    let mut tracer = Tracer::load(options)?;
    let (mut followed, mut errors) = (Vec::new(), Vec::new());
    for (programs, Node { name, target }) in wanted {
        match attach_node(&mut tracer, name, target, programs) {
            Ok(node) => followed.push(node),
            Err(error) => errors.push(error),
        }
    }
    let all = if followed.is_empty() { errors.pop() } else { None };
    errors.iter().for_each(|error| error!("{error:#}"));
    match all {
        Some(error) => Err(error),
        None => Ok((tracer, followed)),
    }
}

/// The bitcoind or the like that PATH leads to.
fn program_on_path() -> Option<PathBuf> {
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
        if !KernelSupport::this().attaches_with_little() {
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
            "{whose}{} lacks {}: it is of another version, or built without; its events are not seen",
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
        let by_arguments = process.filter(|_| path.is_none()).and_then(program_by_arguments);
        for program in by_arguments.into_iter().chain(extractor_ebpf::programs(target)) {
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
