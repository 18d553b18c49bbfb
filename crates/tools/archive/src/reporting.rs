//! The nodes with whose events it is reported how the archive is.

use std::collections::HashSet;
use std::sync::Arc;

use event::Record;

use crate::archiver::Report;

/// Nodes that are reported on at most. Their names come over the wire.
const MAX_NODES: usize = 1024;

/// Whom it was begun to report on.
pub(crate) struct Reporting {
    report: Report,
    nodes: HashSet<Arc<str>>,
    /// The node of the last event.
    last: Arc<str>,
}

impl Reporting {
    /// Nobody yet.
    pub fn new(report: Report) -> Self {
        Self { report, nodes: HashSet::new(), last: Arc::default() }
    }

    /// Begins to report on the node of an event, if it is the first one, and the node has a name.
    #[inline]
    pub fn see(&mut self, record: &Record) {
        let node = &record.envelope().node;
        if Arc::ptr_eq(&self.last, node) || node.is_empty() {
            return;
        }
        self.last = Arc::clone(node);
        if self.nodes.len() < MAX_NODES && self.nodes.insert(Arc::clone(node)) {
            (self.report)(node);
        }
    }
}
