//! Entries of debug.log, from Bitcoin Core v26 on and Bitcoin Knots.
//!
//! A [`Splitter`] finds the entries in the bytes of the file, a [`Decoder`] makes a [`Log`] of each. What stands
//! before the message (time, thread, place in the source, category, level) is read by `prefix`; the message belongs
//! to one of the families below, each of which lists the beginnings of the messages that it knows.
//!
//! The formats are those of Bitcoin Core's `src/logging.cpp` and of the log calls all over its source. A message
//! must match its format from beginning to end; otherwise it stays an `UnknownLogMessage`. So does a line without the
//! node's time: it may come from any program, and when it was written is not known.

mod addrman;
mod blocks;
mod disconnect;
mod foreign;
mod headers;
mod ignored;
mod mempool;
mod messages;
mod net;
mod node;
mod orphans;
mod outbound;
mod prefix;
mod scan;
mod signals;
mod split;
mod time;
mod validation;

use std::ops::ControlFlow;
use std::sync::LazyLock;

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogDebugCategory, UnknownLogMessage};

pub use prefix::Guesses;
use prefix::{Prefix, PrefixReader};
use scan::{Scan, lossy};
pub use split::{Entries, MAX_ENTRY_BYTES, Splitter, Tail};

/// Bytes of a message that an `UnknownLogMessage` carries at most; `log_line_bytes` has the true length.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The families of messages. The frequent ones come first.
const FAMILIES: [&[Rule]; 13] = [
    messages::RULES,
    signals::RULES,
    validation::RULES,
    mempool::RULES,
    orphans::RULES,
    blocks::RULES,
    headers::RULES,
    outbound::RULES,
    net::RULES,
    ignored::RULES,
    addrman::RULES,
    disconnect::RULES,
    node::RULES,
];

/// How messages that begin with `start` are read.
struct Rule {
    start: &'static str,
    parse: Parse,
    /// A message that begins so is not looked at further where it cannot be read: peers choose some of its text.
    only: bool,
}

enum Parse {
    /// From what follows the start.
    Rest(fn(Scan) -> Option<LogEvent>),
    /// From the whole message.
    Whole(fn(&[u8]) -> Option<LogEvent>),
}

impl Rule {
    const fn new(start: &'static str, parse: fn(Scan) -> Option<LogEvent>) -> Self {
        Self { start, parse: Parse::Rest(parse), only: false }
    }

    const fn whole(start: &'static str, parse: fn(&[u8]) -> Option<LogEvent>) -> Self {
        Self { start, parse: Parse::Whole(parse), only: false }
    }

    /// The same, but no other rule is tried.
    const fn only(self) -> Self {
        Self { only: true, ..self }
    }
}

/// The rules by the first byte of the message.
static RULES: LazyLock<[Vec<&'static Rule>; 256]> = LazyLock::new(|| {
    std::array::from_fn(|first| {
        let begins = |rule: &&Rule| rule.start.bytes().next().map(usize::from) == Some(first);
        FAMILIES.into_iter().flatten().filter(begins).collect()
    })
});

/// Reads the entries of one log file, in order.
///
/// Entries are independent of each other but for one thing: whether a lone `[net]` or `[http]` is a thread
/// or a category depends on -logthreadnames, which the decoder learns from the other entries.
#[derive(Debug, Default)]
pub struct Decoder {
    prefixes: PrefixReader,
}

impl Decoder {
    /// The event of an entry as [`Splitter`] finds it.
    ///
    /// A message that has a type is known by its first line; those after it come from other programs, and are left to
    /// [`lines_after`]. A message without a type keeps all of its lines.
    ///
    /// `fallback_time_us` (microseconds since the UNIX epoch) is taken where the entry lacks the node's time: with
    /// -logtimestamps=0, or for text that does not come from the node's logger. Such an entry is given no type, and is
    /// one line: others after it are left to [`lines_after`] as well.
    pub fn entry(&mut self, entry: &[u8], fallback_time_us: u64) -> Log {
        let entry = trim_line_ends(entry);
        let mut prefix = self.prefixes.read(entry);
        let mut line = first_line(prefix.message);
        let mut event = None;
        if prefix.time_us.is_some() {
            let mut decided = by_beginning(&prefix, line);
            if decided.is_continue()
                && prefix.is_bare()
                && let Some(inner) = self.prefixes.read_inner(prefix.message)
            {
                prefix = inner;
                line = first_line(prefix.message);
                decided = by_beginning(&prefix, line);
            }
            event = match decided {
                ControlFlow::Break(event) => event,
                ControlFlow::Continue(()) => disconnection(&prefix, line),
            };
        }
        if event.is_none() && prefix.time_us.is_some() {
            line = prefix.message;
        }
        let length = entry.len() - prefix.message.len() + line.len();
        let raw_message = event.as_ref().filter(|event| !others_know(event)).map(|_| lossy(line));
        let unknown = || LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message: bounded_text(line) });
        Log {
            log_event: Some(event.unwrap_or_else(unknown)),
            log_timestamp: prefix.time_us.unwrap_or(fallback_time_us),
            category: prefix.category.into(),
            threadname: lossy(prefix.thread),
            log_level: prefix.level.into(),
            log_line_bytes: length as u64,
            category_name: prefix.category_name.map(lossy),
            source_location: prefix.location.map(lossy),
            source_function: prefix.function.map(lossy),
            mocktime: prefix.mocktime,
            suppressing: prefix.suppressing.then_some(true),
            raw_message,
        }
    }

    /// What was assumed about the log so far.
    pub fn guesses(&self) -> &Guesses {
        &self.prefixes.guesses
    }
}

/// Whether other peer-observer programs know the type of an event, and so need no text.
fn others_know(event: &LogEvent) -> bool {
    matches!(event, LogEvent::BlockConnectedLog(_) | LogEvent::BlockCheckedLog(_))
}

/// The lines of an entry that its event, `log`, does not cover: each is to be decoded as an entry of its own.
pub fn lines_after<'a>(entry: &'a [u8], log: &Log) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let covered = usize::try_from(log.log_line_bytes).unwrap_or(usize::MAX);
    let rest = trim_line_ends(entry).get(covered..).unwrap_or_default();
    rest.split(|byte| *byte == b'\n').map(trim_line_ends).filter(|line| !line.is_empty())
}

/// A message up to the end of its first line.
fn first_line(message: &[u8]) -> &[u8] {
    match memchr::memchr(b'\n', message) {
        Some(end) => trim_line_ends(message.get(..end).unwrap_or(message)),
        None => message,
    }
}

/// The event of a message of one line, by its beginning: what it begins with is decided (perhaps that it has no type),
/// or not known.
fn by_beginning(prefix: &Prefix, message: &[u8]) -> ControlFlow<Option<LogEvent>> {
    // None is that long; an event's texts are bounded by this.
    if message.len() > MAX_TEXT_BYTES {
        return ControlFlow::Break(None);
    }
    if prefix.category == LogDebugCategory::Mempoolrej {
        return ControlFlow::Break(mempool::rejected(Scan(message)));
    }
    let first = message.first().copied().unwrap_or_default();
    if first.is_ascii_digit()
        && let Some(event) = blocks::numbered(message)
    {
        return ControlFlow::Break(Some(event));
    }
    for rule in RULES.get(usize::from(first)).into_iter().flatten() {
        let Some(rest) = message.strip_prefix(rule.start.as_bytes()) else {
            continue;
        };
        let event = match rule.parse {
            Parse::Rest(parse) => parse(Scan(rest)),
            Parse::Whole(parse) => parse(message),
        };
        if event.is_some() || rule.only {
            return ControlFlow::Break(event);
        }
    }
    ControlFlow::Continue(())
}

/// The event of a message of one line that ends like one about a disconnection.
fn disconnection(prefix: &Prefix, message: &[u8]) -> Option<LogEvent> {
    // Peers are disconnected by net and privatebroadcast, and by what is not categorised.
    matches!(prefix.category, LogDebugCategory::Net | LogDebugCategory::Unknown)
        .then(|| disconnect::announced(message))
        .flatten()
}

/// The entry without the ends of its first and last lines.
fn trim_line_ends(mut entry: &[u8]) -> &[u8] {
    while let [b'\n' | b'\r', rest @ ..] | [rest @ .., b'\n' | b'\r'] = entry {
        entry = rest;
    }
    entry
}

/// A message as text, shortened at [`MAX_TEXT_BYTES`] or a little before, where a character ends.
fn bounded_text(message: &[u8]) -> String {
    let Some(mut text) = message.get(..MAX_TEXT_BYTES) else {
        return lossy(message);
    };
    if message.len() > MAX_TEXT_BYTES {
        let cut = text.len() - text.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        text = text.get(..cut).unwrap_or(text);
    }
    lossy(text)
}
