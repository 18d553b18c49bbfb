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
mod parsed;
mod prefix;
mod scan;
mod signals;
mod split;
mod time;
mod validation;

use std::sync::LazyLock;

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogDebugCategory, UnknownLogMessage};

pub use parsed::Parsed;
pub use prefix::Guesses;
use prefix::{Prefix, PrefixReader};
use scan::{Scan, lossy};
pub use split::{Entries, Entry, MAX_ENTRY_BYTES, Splitter, Tail};

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
    pub fn entry<'a>(&mut self, entry: impl Into<Entry<'a>>, fallback_time_us: u64) -> Log {
        self.parse(entry.into(), fallback_time_us).into_log()
    }

    /// The same, without copies of what the event has of the entry as it is.
    pub fn parse<'a>(&mut self, entry: Entry<'a>, fallback_time_us: u64) -> Parsed<'a> {
        let Entry { bytes, time_us } = entry;
        let entry = trim_line_ends(bytes);
        let mut prefix = self.prefixes.read(entry, time_us);
        let mut line = first_line(prefix.message);
        // An event is some hundred bytes: it is written where it stays.
        let mut parsed = Parsed { log: Log::default(), threadname: b"", raw_message: None };
        let event = &mut parsed.log.log_event;
        if prefix.time_us.is_some() {
            let mut decided = by_beginning(&prefix, line, event);
            if !decided
                && prefix.is_bare()
                && let Some(inner) = self.prefixes.read_inner(prefix.message)
            {
                prefix = inner;
                line = first_line(prefix.message);
                decided = by_beginning(&prefix, line, event);
            }
            if !decided {
                *event = disconnection(&prefix, line);
            }
            if event.is_none() {
                line = prefix.message;
            }
        }
        parsed.raw_message = event.as_ref().filter(|event| !others_know(event)).map(|_| line);
        if event.is_none() {
            *event = Some(LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message: bounded_text(line) }));
        }
        parsed.threadname = prefix.thread;
        let log = &mut parsed.log;
        log.log_timestamp = prefix.time_us.unwrap_or(fallback_time_us);
        log.category = prefix.category.into();
        log.log_level = prefix.level.into();
        log.log_line_bytes = (entry.len() - prefix.message.len() + line.len()) as u64;
        log.category_name = prefix.category_name.map(lossy);
        log.source_location = prefix.location.map(lossy);
        log.source_function = prefix.function.map(lossy);
        log.mocktime = prefix.mocktime;
        log.suppressing = prefix.suppressing.then_some(true);
        parsed
    }

    /// A decoder for entries in the middle of a log. `has_thread_names`: what [`Self::has_thread_names`] says after the entries before.
    pub fn resume(has_thread_names: bool) -> Self {
        Self { prefixes: PrefixReader::resume(has_thread_names) }
    }

    /// Whether the log has thread names, by the entries so far. Nothing else of them matters for those that follow.
    pub fn has_thread_names(&self) -> bool {
        self.prefixes.has_threads()
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
pub fn lines_after<'a, E: Into<Entry<'a>>>(entry: E, log: &Log) -> impl Iterator<Item = &'a [u8]> + use<'a, E> {
    let covered = usize::try_from(log.log_line_bytes).unwrap_or(usize::MAX);
    let rest = trim_line_ends(entry.into().bytes).get(covered..).unwrap_or_default();
    rest.split(|byte| *byte == b'\n').map(trim_line_ends).filter(|line| !line.is_empty())
}

/// A message up to the end of its first line.
fn first_line(message: &[u8]) -> &[u8] {
    match memchr::memchr(b'\n', message) {
        Some(end) => trim_line_ends(message.get(..end).unwrap_or(message)),
        None => message,
    }
}

/// Writes the event of a message of one line, by its beginning. Returns whether that decides it, perhaps so that the
/// message has no type.
fn by_beginning(prefix: &Prefix, message: &[u8], event: &mut Option<LogEvent>) -> bool {
    // None is that long; an event's texts are bounded by this.
    if message.len() > MAX_TEXT_BYTES {
        return true;
    }
    if prefix.category == LogDebugCategory::Mempoolrej {
        *event = mempool::rejected(Scan(message));
        return true;
    }
    let first = message.first().copied().unwrap_or_default();
    if first.is_ascii_digit() {
        *event = blocks::numbered(message);
        if event.is_some() {
            return true;
        }
    }
    for rule in RULES.get(usize::from(first)).into_iter().flatten() {
        let Some(rest) = message.strip_prefix(rule.start.as_bytes()) else {
            continue;
        };
        *event = match rule.parse {
            Parse::Rest(parse) => parse(Scan(rest)),
            Parse::Whole(parse) => parse(message),
        };
        if event.is_some() || rule.only {
            return true;
        }
    }
    false
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
