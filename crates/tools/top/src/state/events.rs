//! The latest events, as lines. One is written out when it is shown, which is seldom.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bus::Loss;
use event::text::{Line, Look};
use event::{Kind, Record, Source};
use model::bounded::push;

use crate::format::cut;

/// How many are kept.
const MAX_EVENTS: usize = 1_000;
/// How many characters of one are kept.
const MAX_CHARS: usize = 1_000;
/// An event that weighs more than this is written out at once, so that not all of it need be kept.
const MAX_WEIGHT: usize = 8;

/// An event.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Name of the node.
    pub node: Arc<str>,
    /// The peer that it is about.
    pub peer: Option<u64>,
    /// It says that something was lost.
    pub is_loss: bool,
    record: Option<Arc<Record>>,
    line: OnceLock<String>,
}

impl Entry {
    fn written(node: &Arc<str>, peer: Option<u64>, is_loss: bool, line: &str) -> Self {
        let line = OnceLock::from(cut(line, MAX_CHARS));
        Self { node: Arc::clone(node), peer, is_loss, record: None, line }
    }

    /// The line.
    pub fn line(&self) -> &str {
        self.line.get_or_init(|| self.record.as_deref().map(text).unwrap_or_default())
    }
}

fn text(record: &Record) -> String {
    cut(&Line { record, look: Look::default() }.to_string(), MAX_CHARS)
}

/// The latest events, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Arc<Entry>>);

impl Events {
    /// Takes an event. Statuses are left out: each extractor sends one every second.
    pub fn push(&mut self, record: &Arc<Record>) {
        let envelope = record.envelope();
        if envelope.kind == Kind::Status {
            return;
        }
        // Those from elsewhere are few, and may be large although they are not encoded.
        let is_small = envelope.kind.source() == Some(Source::Ebpf) && record.weight() <= MAX_WEIGHT;
        let entry = if is_small {
            let (node, record) = (Arc::clone(&envelope.node), Some(Arc::clone(record)));
            Entry { node, peer: envelope.peer, is_loss: false, record, line: OnceLock::new() }
        } else {
            Entry::written(&envelope.node, envelope.peer, false, &text(record))
        };
        push(&mut self.0, Arc::new(entry), MAX_EVENTS);
    }

    /// Takes a loss.
    pub fn push_loss(&mut self, loss: &Loss, now_ns: u64) {
        let line = format!("{} !!!  {loss}", event::time::rfc3339_micros(now_ns));
        push(&mut self.0, Arc::new(Entry::written(&loss.node, None, true, &line)), MAX_EVENTS);
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.0.iter()
    }
}
