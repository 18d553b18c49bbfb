//! Observing nodes from this process: which extractors run for which of them, from the time when they need privileges to the end.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Error, Result, anyhow};
use node::Target;
use tracing::{error, info};

use crate::confine::{Keeps, confine};
use crate::doctor::{self, Advice};
use crate::extractor::{Attached, Extractor, FollowedNode, Node, PerNode};
use crate::problems::Problems;
use crate::publishers;
use crate::supervisor::Supervisor;

/// Name of the extractor that follows tracepoints.
const EBPF: &str = "ebpf";

/// Nodes and extractors. Nothing is done yet.
pub struct Observation {
    /// The nodes; each has a name of its own.
    pub nodes: Vec<ObservedNode>,
    /// The extractors, by their names.
    pub extractors: Vec<(&'static str, Extractor)>,
}

/// A node and the extractors that run for it.
pub struct ObservedNode {
    /// Its name in events.
    pub name: String,
    /// Where to look for it.
    pub target: Target,
    /// Names of extractors.
    pub extract: Vec<&'static str>,
}

/// An observation whose extractors have used their privileges.
#[derive(Default)]
pub struct Prepared {
    /// Nodes that are observed each by itself, with the extractors that do so.
    pub nodes: Vec<ObservedNode>,
    /// Extractors that run for each node by itself.
    pub per_node: Vec<(&'static str, Box<dyn PerNode>)>,
    /// Extractors that run once.
    pub for_all: Vec<PreparedForAll>,
}

/// An extractor that runs once, and the nodes that it runs for.
pub struct PreparedForAll {
    /// Its name.
    pub name: &'static str,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The extractor.
    pub attached: Attached,
}

impl Observation {
    /// Names of the nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// The extractors that run for some node, each for it by itself.
    fn running(&self) -> impl Iterator<Item = &dyn PerNode> {
        self.extractors.iter().filter_map(|(name, extractor)| match extractor {
            Extractor::PerNode(extractor) if self.nodes.iter().any(|node| node.extract.contains(name)) => {
                Some(&**extractor)
            }
            _ => None,
        })
    }

    /// Folders in which extractors make, write and remove files.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.running().flat_map(PerNode::folders).collect()
    }

    /// Where logs are kept.
    pub fn logs(&self) -> Option<PathBuf> {
        self.running().find_map(PerNode::keeps_logs)
    }

    /// Why tracepoints will report nothing of nodes, and what would change that, as far as it can be found out.
    pub fn advice(&self) -> Advice {
        let nodes = self.nodes.iter().map(|node| (&*node.name, &node.target, node.extract.contains(&EBPF)));
        doctor::advice(nodes)
    }

    /// Does what takes privileges, before any thread is started.
    ///
    /// # Errors
    /// An extractor cannot work, and no other one is there. Else that is logged.
    pub fn prepare(self) -> Result<Prepared> {
        let (prepared, mut failed) = self.attach();
        let fatal = if prepared.is_empty() { failed.pop() } else { None };
        failed.iter().for_each(|error| error!("{error:#}"));
        fatal.map_or(Ok(prepared), Err)
    }

    /// Checks that the nodes are there and that the extractors can work. Adds what each node is observed by. A node need not run.
    pub fn check(self, problems: &mut Problems, summary: &mut String) {
        for ObservedNode { name, target, extract } in &self.nodes {
            if extract.is_empty() {
                problems.add(anyhow!("node {name}: no extractor can run for it; peer-observer doctor says why"));
            }
            problems.note(target.locate().with_context(|| format!("node {name}")));
            let _ = writeln!(summary, "node {name} ({}): {}", describe(target), extract.join(", "));
        }
        let (_, failed) = self.attach();
        failed.into_iter().for_each(|error| problems.add(error));
    }

    /// Does what takes privileges. Returns also what did not work.
    fn attach(self) -> (Prepared, Vec<Error>) {
        let Self { mut nodes, extractors } = self;
        let mut prepared = Prepared::default();
        let mut failed = Vec::new();
        for (name, extractor) in extractors {
            let extractor = match extractor {
                Extractor::PerNode(mut extractor) => {
                    for node in nodes.iter_mut().filter(|node| node.extract.contains(&name)) {
                        if let Err(error) = extractor.prepare(&node.name, &node.target) {
                            node.extract.retain(|one| *one != name);
                            failed.push(error.context(format!("node {}", node.name)));
                        }
                    }
                    prepared.per_node.push((name, extractor));
                    continue;
                }
                Extractor::ForAll(extractor) => extractor,
            };
            let wanted: Vec<Node> = nodes.iter_mut().filter_map(|node| node.take(name)).collect();
            if wanted.is_empty() && extractor.needs_nodes() {
                continue;
            }
            match extractor.attach(wanted.clone()) {
                Ok(attached) => prepared.for_all.push(PreparedForAll { name, nodes: wanted, attached }),
                Err(error) => failed.push(error),
            }
        }
        prepared.nodes = nodes;
        (prepared, failed)
    }
}

impl ObservedNode {
    /// The node, for an extractor that runs once for all nodes, if it is among those of this node. It is no more afterwards.
    fn take(&mut self, extractor: &str) -> Option<Node> {
        let before = self.extract.len();
        self.extract.retain(|name| *name != extractor);
        let node = || Node { name: self.name.clone(), target: self.target.clone() };
        (self.extract.len() < before).then(node)
    }
}

impl Prepared {
    /// Whether nothing will run.
    fn is_empty(&self) -> bool {
        self.for_all.is_empty() && self.nodes.iter().all(|node| node.extract.is_empty())
    }

    /// Threads that it takes besides the main one if it is alone in the process.
    pub fn threads(&self) -> usize {
        self.for_all.iter().map(|extractor| extractor.attached.threads).max().unwrap_or(1)
    }

    /// Gives up privileges that no extractor needs any more, if any had some, and what is not to be kept.
    ///
    /// # Errors
    /// They could not be given up.
    pub fn confine(&mut self, keeps: &Keeps) -> Result<()> {
        if self.for_all.iter().all(|extractor| extractor.attached.confine.is_none()) {
            return Ok(());
        }
        let observed = self.nodes.iter_mut().filter(|node| !node.extract.is_empty());
        let mut observed: Vec<&mut Target> = observed.map(|node| &mut node.target).collect();
        let followed = self.for_all.iter_mut().flat_map(|extractor| extractor.attached.confine.iter_mut().flatten());
        let mut followed: Vec<&mut FollowedNode> = followed.collect();
        confine(&mut observed, &mut followed, keeps)
    }

    /// Starts all extractors.
    pub fn start(self, supervisor: &mut Supervisor) {
        for ObservedNode { name, target, extract } in self.nodes {
            info!("observing {name} ({})", describe(&target));
            for (extractor, observer) in self.per_node.iter().filter(|(extractor, _)| extract.contains(extractor)) {
                let extractor: &'static str = extractor;
                let publisher = supervisor.publishers.publisher(&name, extractor);
                let running = observer.observe(target.clone(), publisher.clone(), supervisor.shutdown.clone());
                supervisor.spawn_extractor(format!("{name}/{extractor}"), async move {
                    let outcome = running.await;
                    if let Err(error) = &outcome {
                        publishers::fail(&publisher, error).await;
                    }
                    outcome
                });
            }
        }
        for PreparedForAll { name, nodes, attached } in self.for_all {
            let node = |node: FollowedNode| Node { name: node.name, target: node.target };
            let nodes = attached.confine.map_or(nodes, |followed| followed.into_iter().map(node).collect());
            let publishers = supervisor.publishers.clone();
            let running = (attached.run)(nodes, publishers.clone(), supervisor.shutdown.clone());
            supervisor.spawn_extractor(name, async move {
                let outcome = running.await;
                if let Err(error) = &outcome {
                    publishers.fail(name, error).await;
                }
                outcome
            });
        }
    }
}

/// A node for people.
fn describe(target: &Target) -> String {
    let chain = target.chain.map(|chain| format!("{chain} "));
    let place = match (&target.datadir, &target.rpc) {
        (Some(datadir), _) => format!("in {}", datadir.display()),
        (None, Some(rpc)) => format!("at {rpc}"),
        (None, None) => "wherever it is".to_owned(),
    };
    format!("{}{place}", chain.unwrap_or_default())
}
