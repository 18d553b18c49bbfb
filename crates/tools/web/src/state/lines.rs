//! debug.log: its last entries, and the number of entries by category and level.

use std::collections::{BTreeMap, VecDeque};

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogLevel};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::text::{LogText, log_category};
use event::{Body, Kind, Record};
use model::Observer;
use model::bounded::push;
use model::text::{cut, head};
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::Details;
use super::rate::Rate;
use super::types::Types;

/// The maximum number of entries kept, and of bytes of each.
const MAX_LINES: (usize, usize) = (2_000, 600);
/// The maximum number of pairs of category and level that are counted.
const MAX_COUNTS: usize = 200;
/// The maximum number of rate limits kept.
const MAX_LIMITS: usize = 50;
/// The maximum number of categories kept.
const MAX_CATEGORIES: usize = 200;

/// An entry of debug.log.
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

/// The number of entries of one category and level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub count: u64,
    pub bytes: u64,
    pub rate: Rate,
}

/// The start or stop of rate limiting in the node's logging.
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
    /// Whether each category is logged, by the RPC `logging`.
    pub categories: BTreeMap<SmolStr, bool>,
}

impl Observer<Types, Details> for Lines {
    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::LogExtractor(line)) => {
                let (kind, time_ns) = (record.envelope().kind, context.time_ns);
                let text = LogText { log: line, kind }.to_string();
                self.add(line, kind, &text, time_ns);
                let peer = line.log_event.as_ref().and_then(|event| peer_of(event, record.envelope().peer));
                if let Some(peer) = peer.and_then(|id| peers.find_mut(id)) {
                    peer.details.logged(time_ns, &log_category(line), &text);
                }
            }
            Some(Body::RpcExtractor(rpc)) => {
                if let Some(RpcEvent::Logging(logging)) = &rpc.rpc_event {
                    self.categories(logging.categories.iter().map(|(name, on)| (name, *on)));
                }
            }
            _ => {}
        }
    }
}

impl Lines {
    /// Records an entry and its text.
    fn add(&mut self, log: &Log, kind: Kind, text: &str, at_ns: u64) {
        let (category, level) = (cut(&log_category(log), 32), level(log));
        let unknown = matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_)));
        self.unknown += u64::from(unknown);
        self.suppressing = log.suppressing.unwrap_or_default();
        if let Some(LogEvent::LogRateLimit(reported)) = &log.log_event {
            let (location, function) = (cut(&reported.location, 128), cut(&reported.function, 128));
            let limit = Limit { at_ns, begins: reported.begins, location, function, bytes: reported.bytes };
            push(&mut self.limits, limit, MAX_LIMITS);
        }
        let key = (category.clone(), level);
        if self.counts.len() < MAX_COUNTS || self.counts.contains_key(&key) {
            let count = self.counts.entry(key).or_default();
            count.count += 1;
            count.bytes = count.bytes.saturating_add(log.log_line_bytes);
            count.rate.add(at_ns, 1);
        }
        let text = match head(text, MAX_LINES.1) {
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

    /// Handles a response of the RPC `logging`.
    fn categories(&mut self, categories: impl IntoIterator<Item = (impl AsRef<str>, bool)>) {
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

/// The peer that an entry of debug.log is about, if its last entries are to have this one. Of messages there are too many, and they are
/// counted elsewhere.
fn peer_of(event: &LogEvent, peer: Option<u64>) -> Option<u64> {
    match event {
        LogEvent::UnknownLogMessage(entry) => peer_in(&entry.raw_message),
        LogEvent::MessageReceived(_) | LogEvent::MessageSent(_) | LogEvent::InventoryReceived(_) => None,
        _ => peer,
    }
}

/// The number after `peer=`.
fn peer_in(text: &str) -> Option<u64> {
    let (_, after) = text.rsplit_once("peer=")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| after.get(..end).unwrap_or_default());
    digits.parse().ok()
}
