//! What an extractor is: something that gives the events of one interface of a node. Each is one file in `extractors/` and one row of its table.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use anyhow::Result;
use bus::Publisher;
use event::Source;
use node::Target;
use tokio_util::sync::CancellationToken;

use crate::options::Part;
use crate::publishers::Publishers;

/// A row of the table of extractors.
#[derive(Clone, Copy)]
pub struct ExtractorEntry {
    /// Its name: in `--extract`, as section of the configuration file, and of its publishers.
    pub name: &'static str,
    /// What it reads, in the list of `--extract`.
    pub summary: &'static str,
    /// The source of its events that every node of `demo` must have given; none if they may be absent.
    pub expected: Option<Source>,
    /// Its options.
    pub options: Part<Extractor>,
}

/// An extractor whose options are checked.
pub enum Extractor {
    /// One that runs for each node by itself.
    PerNode(Box<dyn PerNode>),
    /// One that runs once for all nodes.
    ForAll(Box<dyn ForAll>),
}

impl Extractor {
    /// Whether it runs for a node for which no extractors were chosen.
    #[must_use]
    pub fn is_usual(&self, target: &Target) -> bool {
        match self {
            Self::PerNode(extractor) => extractor.is_usual(target),
            Self::ForAll(extractor) => extractor.is_usual(target),
        }
    }

    /// Whether there must be nodes that it runs for.
    #[must_use]
    pub fn needs_nodes(&self) -> bool {
        match self {
            Self::PerNode(_) => true,
            Self::ForAll(extractor) => extractor.needs_nodes(),
        }
    }
}

/// The end of what was started.
pub type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// An extractor that runs for each node by itself, and needs no privileges.
pub trait PerNode: Send {
    /// Whether it runs for a node for which no extractors were chosen.
    fn is_usual(&self, target: &Target) -> bool;

    /// The nodes are started by this program for itself: it may ask more of them than of others'.
    fn for_own_nodes(&mut self) {}

    /// Does what may take privileges for a node that it will run for, before any thread is started.
    ///
    /// # Errors
    /// It cannot work for this node.
    fn prepare(&mut self, _node: &str, _target: &Target) -> Result<()> {
        Ok(())
    }

    /// Folders in which it makes, writes and removes files.
    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Where it keeps logs, if that is what it does.
    fn keeps_logs(&self) -> Option<PathBuf> {
        None
    }

    /// Publishes the events of a node until `shutdown`, also while the node comes and goes.
    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running;
}

/// An extractor that runs once for all nodes, and may do something before any thread is started.
pub trait ForAll: Send {
    /// Whether it runs for a node for which no extractors were chosen.
    fn is_usual(&self, target: &Target) -> bool;

    /// Whether there must be nodes that it runs for; else it knows by itself what to read.
    fn needs_nodes(&self) -> bool {
        true
    }

    /// Does what takes privileges, before any thread is started.
    ///
    /// # Errors
    /// It can work for none of the nodes. What stands against some of them is logged.
    fn attach(self: Box<Self>, nodes: Vec<Node>) -> Result<Attached>;
}

/// A node, for an extractor.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in events.
    pub name: String,
    /// Where to look for it.
    pub target: Target,
}

/// An extractor that has used its privileges.
pub struct Attached {
    /// The nodes that it must still be able to find when privileges are given up; none if there were none to give up.
    pub confine: Option<Vec<FollowedNode>>,
    /// Threads that it takes besides the main one, if it is alone in its process. One is enough for most, and costs less: a second is woken to look
    /// for work whenever the first has some. With none, all is done in the main one, where no thread has to wake another.
    pub threads: usize,
    /// Publishes events until the token is cancelled. The nodes are those that it was attached for, by targets that a confined process can
    /// find.
    pub run: Box<dyn FnOnce(Vec<Node>, Publishers, CancellationToken) -> Running + Send>,
}

/// A node that must still be found when privileges are given up.
pub struct FollowedNode {
    /// Its name in events.
    pub name: String,
    /// Where to look for it.
    pub target: Target,
    /// What it runs, by a path that outlives its process; none if that is not known.
    pub program: Option<PathBuf>,
    /// It runs, and what it runs cannot be seen: the program is the one that the process names, or else that of PATH.
    pub guessed: bool,
}
