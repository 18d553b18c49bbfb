//! A configuration that can be worked with. Nothing changes it any more.

use std::path::PathBuf;

use anyhow::{Result, bail};
use bus::nats;

use super::nodes::{self, NamedNode, NodeOptions};
use super::s3::S3Options;
use crate::extractor::Extractor;
use crate::observation::{Observation, ObservedNode};
use crate::tool::{KeptAt, Tool, ToolEntry};

/// A checked configuration.
pub struct Config {
    /// All tools.
    pub tools: Vec<CheckedTool>,
    /// The NATS server, if there is one.
    pub nats: Option<nats::Options>,
    /// The account at a store.
    pub s3: S3Options,
    /// What can be observed here.
    pub sources: Sources,
}

impl Config {
    /// Where the tools that are so write archives.
    pub fn archive(&self, is: impl Fn(&CheckedTool) -> bool) -> Option<PathBuf> {
        self.tools.iter().filter(|tool| is(tool)).find_map(|tool| tool.tool.archive())
    }

    /// The file that alerts are kept in, whether the tool that does so is started or not.
    pub fn alerts(&self) -> Option<PathBuf> {
        self.tools.iter().find_map(|tool| match tool.tool.keeps_alerts()? {
            KeptAt::File(path) => Some(path),
            KeptAt::Memory => None,
        })
    }
}

/// A tool whose options are checked.
pub struct CheckedTool {
    /// Its row.
    pub entry: ToolEntry,
    /// The tool.
    pub tool: Box<dyn Tool>,
    /// `run` starts it.
    pub starts: bool,
    /// The configuration has its section, or one of its options is given.
    pub is_given: bool,
}

/// All extractors, and the nodes as they are configured.
pub struct Sources {
    /// All extractors, by their names.
    pub extractors: Vec<(&'static str, Extractor)>,
    pub(super) nodes: Vec<NodeOptions>,
    pub(super) extract: Option<Vec<String>>,
}

impl Sources {
    /// The nodes that are configured, or else those that are found on this machine.
    ///
    /// # Errors
    /// A name is missing, no name, or that of two nodes.
    pub fn nodes(&self) -> Result<Vec<NamedNode>> {
        nodes::check(&self.nodes, self.extract.as_ref())
    }

    /// The nodes with the extractors that run for each.
    ///
    /// # Errors
    /// As for [`Self::nodes`], or there is none.
    pub fn observation(self) -> Result<Observation> {
        let nodes: Vec<_> = self.nodes()?.into_iter().map(|node| self.observed(node)).collect();
        if nodes.is_empty() {
            bail!(
                "found no Bitcoin node on this machine, neither running nor by its data directory: start it, \
                 or say where it is with --datadir, --conf or --rpc (peer-observer doctor shows more)"
            );
        }
        Ok(Observation { nodes, extractors: self.extractors })
    }

    fn observed(&self, node: NamedNode) -> ObservedNode {
        let NamedNode { name, target, extract } = node;
        let runs = |extractor: &str, checked: &Extractor| match &extract {
            Some(chosen) => chosen.iter().any(|name| name == extractor),
            None => checked.is_usual(&target),
        };
        let extract = self.extractors.iter().filter(|(name, checked)| runs(name, checked)).map(|(name, _)| *name);
        let extract = extract.collect();
        ObservedNode { name, target, extract }
    }
}
