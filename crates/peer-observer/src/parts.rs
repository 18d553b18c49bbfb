//! The parts of a program: its tools and extractors.

use clap::builder::PossibleValue;

use crate::extractor::ExtractorEntry;
use crate::extractors::EXTRACTORS;
use crate::tool::ToolEntry;
use crate::tools::TOOLS;

/// The tools and extractors that a program has, in the order in which it lists them.
pub struct Parts {
    /// What uses events.
    pub tools: Vec<ToolEntry>,
    /// What gives events.
    pub extractors: Vec<ExtractorEntry>,
}

impl Parts {
    /// Those of peer-observer.
    #[must_use]
    pub fn all() -> Self {
        Self { tools: TOOLS.to_vec(), extractors: EXTRACTORS.to_vec() }
    }

    /// Values of an option that names tools.
    pub(crate) fn tool_values(&self) -> Vec<PossibleValue> {
        self.tools.iter().map(|entry| PossibleValue::new(entry.name).help(entry.summary)).collect()
    }

    /// Values of an option that names extractors.
    pub(crate) fn extractor_values(&self) -> Vec<PossibleValue> {
        self.extractors.iter().map(|entry| PossibleValue::new(entry.name).help(entry.summary)).collect()
    }
}
