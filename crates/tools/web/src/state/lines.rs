//! debug.log: its last entries, and how many there were of which category.

use std::collections::{BTreeMap, VecDeque};

use event::Kind;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogLevel};
use event::text::{LogText, log_category};
use smol_str::SmolStr;

use super::peer::push;
use super::rate::Rate;
use super::text::{cut, head};

/// Entries that are kept, and bytes of each.
const MAX_LINES: (usize, usize) = (2_000, 600);
/// Pairs of category and level that are told apart.
const MAX_COUNTS: usize = 200;
/// Limits that are remembered.
const MAX_LIMITS: usize = 50;
/// Categories that the node tells of.
const MAX_CATEGORIES: usize = 200;

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub at_ns: u64,
    pub level: &'static str,
    pub category: SmolStr,
    pub thread: SmolStr,
    pub kind: &'static str,
    pub text: SmolStr,
    pub unknown: bool,
}

/// Entries of one category and level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub count: u64,
    pub bytes: u64,
    pub rate: Rate,
}

/// The node limits what it writes, or does not any more.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub at_ns: u64,
    pub begins: bool,
    pub location: SmolStr,
    pub function: SmolStr,
    pub bytes: u64,
}

/// debug.log of one node.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub entries: VecDeque<Entry>,
    pub counts: BTreeMap<(SmolStr, &'static str), Count>,
    pub unknown: u64,
    pub limits: VecDeque<Limit>,
    pub suppressing: bool,
    /// Categories that are written, by the RPC `logging`.
    pub categories: BTreeMap<SmolStr, bool>,
}

impl Lines {
    /// Takes note of an entry.
    pub fn add(&mut self, log: &Log, kind: Kind, at_ns: u64) {
        let (category, level) = (cut(&log_category(log), 32), level(log));
        let unknown = matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_)));
        self.unknown += u64::from(unknown);
        self.suppressing = log.suppressing.unwrap_or_default();
        if let Some(LogEvent::LogRateLimit(told)) = &log.log_event {
            let (location, function) = (cut(&told.location, 128), cut(&told.function, 128));
            let limit = Limit { at_ns, begins: told.begins, location, function, bytes: told.bytes };
            push(&mut self.limits, limit, MAX_LIMITS);
        }
        let key = (category.clone(), level);
        if self.counts.len() < MAX_COUNTS || self.counts.contains_key(&key) {
            let count = self.counts.entry(key).or_default();
            count.count += 1;
            count.bytes = count.bytes.saturating_add(log.log_line_bytes);
            count.rate.add(at_ns, 1);
        }
        let text = LogText { log, kind }.to_string();
        let text = match head(&text, MAX_LINES.1) {
            whole if whole.len() == text.len() => SmolStr::new(whole),
            part => SmolStr::new(format!("{part}…")),
        };
        let thread = cut(&log.threadname, 32);
        push(
            &mut self.entries,
            Entry { at_ns, level, category, thread, kind: kind.name(), text, unknown },
            MAX_LINES.0,
        );
    }

    /// The RPC `logging`.
    pub fn categories(&mut self, categories: impl IntoIterator<Item = (impl AsRef<str>, bool)>) {
        let categories = categories.into_iter().take(MAX_CATEGORIES);
        self.categories = categories.map(|(name, on)| (cut(name.as_ref(), 32), on)).collect();
    }
}

fn level(log: &Log) -> &'static str {
    match log.log_level() {
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}
