//! What stands before the message of an entry: `BCLog::Logger::Format` and `GetLogPrefix` in Bitcoin Core.
//!
//! ```text
//! [*] 2026-06-23T16:19:13.123456Z (mocktime: 2026-06-23T16:19:13Z) [msghand] [net.cpp:123] [ProcessMessage] [net:info] text
//! |   |                           |                                |         |                              category, level
//! |   |                           |                                |         -logsourcelocations
//! |   |                           where a time is mocked           -logthreadnames
//! |   -logtimestamps, -logtimemicros
//! some place in the source is suppressed at the moment
//! ```
//!
//! Each part may be missing, and the text may begin with a bracket of its own (`[snapshot] …`, or a wallet's name).
//! So a bracket is a place in the source if it looks like one. The one before a place is a thread. Otherwise the first
//! of two brackets, the second of which is a category, is a thread, and so is one that has the name of a thread.
//! Two threads share their names with categories, net and http: alone in an entry these are threads if other
//! entries showed that this log has thread names, otherwise categories.

use std::num::NonZero;

use event::pb::log_extractor::{LogDebugCategory, LogLevel};

use super::foreign;
use super::time::Clock;

/// The longest thread name, place or category that is looked for.
const MAX_BRACKET: usize = 256;

/// The longest function that is looked for: v30 prints the whole signature.
const MAX_FUNCTION: usize = 4096;

/// Bytes of a foreign prefix that are kept, to show them.
const MAX_SHOWN: usize = 64;

/// The parts of an entry.
#[derive(Debug, Default)]
pub(super) struct Prefix<'a> {
    pub(super) suppressing: bool,
    /// Microseconds since the UNIX epoch.
    pub(super) time_us: Option<u64>,
    /// Seconds since the UNIX epoch.
    pub(super) mocktime: Option<i64>,
    pub(super) thread: &'a [u8],
    pub(super) location: Option<&'a [u8]>,
    pub(super) function: Option<&'a [u8]>,
    pub(super) category: LogDebugCategory,
    /// Where `category` lacks it.
    pub(super) category_name: Option<&'a [u8]>,
    pub(super) level: LogLevel,
    pub(super) message: &'a [u8],
}

impl Prefix<'_> {
    /// The entry has a time, and nothing else before its message: the time may be that of another program.
    pub(super) fn is_bare(&self) -> bool {
        self.time_us.is_some()
            && self.thread.is_empty()
            && self.location.is_none()
            && self.category == LogDebugCategory::Unknown
            && self.category_name.is_none()
            && self.level == LogLevel::Info
    }
}

/// Reads prefixes, and learns from them whether the log has thread names.
#[derive(Debug, Default)]
pub(super) struct PrefixReader {
    clock: Clock,
    mock_clock: Clock,
    threads: bool,
    pub(super) guesses: Guesses,
}

/// What a decoder assumed about a log that is not as the node writes it. Users must be warned of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guesses {
    /// The first text, shortened, that stood before the node's time and was skipped, such as `bitcoin  | `.
    pub foreign_prefix: Option<String>,
    /// Times had the form that Bitcoin Core wrote before v0.17, and were taken for UTC.
    pub old_times: bool,
    /// An entry had the node's time.
    pub timed: bool,
    /// Number of entries without the node's time. They are given no type.
    pub untimed: u64,
}

/// The node's time in a line, and what surrounds it.
#[derive(Debug)]
pub(super) struct Stamp<'a> {
    /// Microseconds since the UNIX epoch.
    pub(super) time_us: u64,
    /// What another program put before it.
    pub(super) before: &'a [u8],
    /// The mark of suppression stands before the time.
    pub(super) suppressing: bool,
    /// The time has the form from before v0.17.
    pub(super) old: bool,
    /// What follows the time.
    pub(super) rest: &'a [u8],
}

impl<'a> Stamp<'a> {
    /// The node's time in a line: at its beginning, as the node writes it, or after what another program put there.
    pub(super) fn read(clock: &mut Clock, line: &'a [u8]) -> Option<Self> {
        Self::at_start(clock, line).or_else(|| foreign::stamp(clock, line))
    }

    /// The node's time at the beginning of a line.
    pub(super) fn at_start(clock: &mut Clock, line: &'a [u8]) -> Option<Self> {
        let text = line.strip_prefix(SUPPRESSING).unwrap_or(line);
        let (time_us, rest) = clock.read(text)?;
        // A time that another time follows is that of another program.
        let is_nodes = is_end_of_time(rest) && !matches!(rest, [b' ', b'0'..=b'9', ..]);
        is_nodes.then_some(Self { time_us, before: b"", suppressing: text.len() < line.len(), old: false, rest })
    }

    /// The same of a line of which it is known that it begins with this time.
    fn known(time_us: NonZero<u64>, line: &'a [u8]) -> Option<Self> {
        let text = line.strip_prefix(SUPPRESSING).unwrap_or(line);
        let rest = text.get(Clock::length(text)..)?;
        Some(Self { time_us: time_us.get(), before: b"", suppressing: text.len() < line.len(), old: false, rest })
    }
}

/// Stands before the time of an entry while some place in the source is suppressed.
pub(super) const SUPPRESSING: &[u8] = b"[*] ";

/// Whether a time may end before `rest`.
pub(super) fn is_end_of_time(rest: &[u8]) -> bool {
    matches!(rest, [] | [b' ' | b'\n' | b'\r', ..])
}

impl PrefixReader {
    /// A reader that knows whether the log has thread names.
    pub(super) fn resume(threads: bool) -> Self {
        Self { threads, ..Self::default() }
    }

    pub(super) fn has_threads(&self) -> bool {
        self.threads
    }

    /// The parts of an entry. `time_us` is the time that it begins with, where that is known.
    pub(super) fn read<'a>(&mut self, entry: &'a [u8], time_us: Option<NonZero<u64>>) -> Prefix<'a> {
        let known = time_us.and_then(|time_us| Stamp::known(time_us, entry));
        match known.or_else(|| Stamp::read(&mut self.clock, entry)) {
            Some(stamp) => self.stamped(&stamp),
            None => {
                self.guesses.untimed += 1;
                let text = entry.strip_prefix(SUPPRESSING);
                let mut prefix = Prefix { suppressing: text.is_some(), ..Prefix::default() };
                prefix.message = self.brackets(text.unwrap_or(entry), &mut prefix);
                prefix
            }
        }
    }

    /// The parts of an entry whose message has a prefix with a time of its own: the time before it was that of another
    /// program.
    pub(super) fn read_inner<'a>(&mut self, message: &'a [u8]) -> Option<Prefix<'a>> {
        let stamp = foreign::stamp(&mut self.clock, message)?;
        (!stamp.old).then(|| self.stamped(&stamp))
    }

    fn stamped<'a>(&mut self, stamp: &Stamp<'a>) -> Prefix<'a> {
        self.guesses.timed = true;
        if !stamp.before.is_empty() || stamp.old {
            self.note(stamp);
        }
        let mut prefix = Prefix { suppressing: stamp.suppressing, time_us: Some(stamp.time_us), ..Prefix::default() };
        let rest = self.mocktime(stamp.rest, &mut prefix);
        prefix.message = self.brackets(rest.strip_prefix(b" ").unwrap_or(rest), &mut prefix);
        prefix
    }

    #[cold]
    fn note(&mut self, stamp: &Stamp) {
        self.guesses.old_times |= stamp.old;
        if self.guesses.foreign_prefix.is_none() && !stamp.before.is_empty() {
            let shown = stamp.before.get(..MAX_SHOWN).unwrap_or(stamp.before);
            self.guesses.foreign_prefix = Some(String::from_utf8_lossy(shown).into_owned());
        }
    }

    fn mocktime<'a>(&mut self, text: &'a [u8], prefix: &mut Prefix<'a>) -> &'a [u8] {
        let time = text.strip_prefix(b" (mocktime: ").and_then(|time| self.mock_clock.read(time));
        let Some((time_us, [b')', rest @ ..])) = time else {
            return text;
        };
        prefix.mocktime = i64::try_from(time_us / 1_000_000).ok();
        rest
    }

    /// Reads the brackets; returns the message.
    fn brackets<'a>(&mut self, text: &'a [u8], prefix: &mut Prefix<'a>) -> &'a [u8] {
        let Some(first) = Bracket::read(text) else {
            self.threads = false;
            return text;
        };
        if let Some(rest) = first.place(prefix) {
            self.threads = false;
            return tag(rest, prefix);
        }
        let second = Bracket::read(first.rest);
        if let Some(rest) = second.and_then(|second| second.place(prefix)) {
            self.threads = true;
            prefix.thread = first.inside;
            return tag(rest, prefix);
        }
        if first.may_be_thread()
            && let Some(rest) = second.and_then(|second| second.tag(prefix))
        {
            self.threads = true;
            prefix.thread = first.inside;
            return rest;
        }
        let shared = matches!(first.inside, b"net" | b"http");
        if !(shared && self.threads)
            && let Some(rest) = first.tag(prefix)
        {
            // A lone net or http does not show whether there are thread names.
            self.threads &= shared;
            return rest;
        }
        if self.threads || is_thread(first.inside) {
            self.threads = true;
            prefix.thread = first.inside;
            return first.rest;
        }
        text
    }
}

/// A bracket that may be a part of the prefix.
#[derive(Clone, Copy)]
struct Bracket<'a> {
    inside: &'a [u8],
    /// Where the last colon inside is.
    colon: Option<usize>,
    /// What follows it and the space after it.
    rest: &'a [u8],
}

impl<'a> Bracket<'a> {
    /// The bracket that `text` begins with.
    fn read(text: &'a [u8]) -> Option<Self> {
        let text = text.strip_prefix(b"[")?;
        let mut colon = None;
        for (at, byte) in text.get(..MAX_BRACKET).unwrap_or(text).iter().enumerate() {
            match byte {
                b']' => return Self::closed(text, at, colon),
                b':' => colon = Some(at),
                _ => {}
            }
        }
        None
    }

    /// As `read`, but there may be brackets inside: some versions print the whole signature of a function.
    fn read_function(text: &'a [u8]) -> Option<Self> {
        let text = text.strip_prefix(b"[")?;
        let mut open = 1;
        let end = text.iter().take(MAX_FUNCTION).position(|byte| {
            match byte {
                b'[' => open += 1,
                b']' => open -= 1,
                _ => {}
            }
            open == 0
        })?;
        Self::closed(text, end, None)
    }

    fn closed(text: &'a [u8], end: usize, colon: Option<usize>) -> Option<Self> {
        let (inside, rest) = text.split_at_checked(end)?;
        let rest = match rest {
            [b']', b' ', rest @ ..] => rest,
            [b']'] => b"",
            _ => return None,
        };
        Some(Self { inside, colon, rest })
    }

    /// What stands before and after the colon.
    fn parts(self) -> Option<(&'a [u8], &'a [u8])> {
        let (before, after) = self.inside.split_at_checked(self.colon?)?;
        Some((before, after.get(1..)?))
    }

    /// If this is file and line, reads them and the function in the next bracket; returns what follows.
    fn place(self, prefix: &mut Prefix<'a>) -> Option<&'a [u8]> {
        let (file, line) = self.parts()?;
        if line.is_empty() || !line.iter().all(u8::is_ascii_digit) || !file.contains(&b'.') || file.contains(&b' ') {
            return None;
        }
        let function = Self::read_function(self.rest)?;
        prefix.location = Some(self.inside.strip_prefix(b"./").unwrap_or(self.inside));
        prefix.function = Some(function.inside);
        Some(function.rest)
    }

    fn may_be_thread(self) -> bool {
        self.colon.is_none() && level(self.inside).is_none()
    }

    /// Whether this is certainly category, level or both.
    fn is_tag(self) -> bool {
        let (name, level) = match self.parts() {
            Some((name, level_name)) => (name, level(level_name)),
            None => (self.inside, level(self.inside)),
        };
        level.is_some() || !matches!(category(name), Category::Other)
    }

    /// If this is category and level, reads them; returns what follows.
    ///
    /// A category that is not known here must come with a level: without one it may be the beginning of the message.
    fn tag(self, prefix: &mut Prefix<'a>) -> Option<&'a [u8]> {
        let (name, level) = match self.parts() {
            Some((name, level_name)) => (name, Some(level(level_name)?)),
            None => match level(self.inside) {
                Some(level) => (&b"all"[..], Some(level)),
                None => (self.inside, None),
            },
        };
        (prefix.category, prefix.category_name) = match category(name) {
            Category::Known(category) => (category, None),
            Category::Lacking => (LogDebugCategory::Unknown, Some(name)),
            Category::None if level.is_some() => (LogDebugCategory::Unknown, None),
            Category::Other if level.is_some() && is_plausible(name) => (LogDebugCategory::Unknown, Some(name)),
            Category::None | Category::Other => return None,
        };
        prefix.level = level.unwrap_or(LogLevel::Debug);
        Some(self.rest)
    }
}

/// Reads category and level, if `text` begins with them; returns what follows.
fn tag<'a>(text: &'a [u8], prefix: &mut Prefix<'a>) -> &'a [u8] {
    Bracket::read(text).and_then(|bracket| bracket.tag(prefix)).unwrap_or(text)
}

/// Whether this is a category or level in brackets, as the node writes them before a message.
pub(super) fn is_tag(word: &[u8]) -> bool {
    Bracket::read(word).is_some_and(|bracket| bracket.rest.is_empty() && bracket.is_tag())
}

fn level(name: &[u8]) -> Option<LogLevel> {
    Some(match name {
        b"info" => LogLevel::Info,
        b"warning" => LogLevel::Warning,
        b"error" => LogLevel::Error,
        b"debug" => LogLevel::Debug,
        b"trace" => LogLevel::Trace,
        _ => return None,
    })
}

enum Category {
    Known(LogDebugCategory),
    /// The node has it, `LogDebugCategory` has not.
    Lacking,
    /// The name that stands for no category.
    None,
    Other,
}

fn category(name: &[u8]) -> Category {
    Category::Known(match name {
        b"net" => LogDebugCategory::Net,
        b"validation" => LogDebugCategory::Validation,
        b"mempool" => LogDebugCategory::Mempool,
        b"mempoolrej" => LogDebugCategory::Mempoolrej,
        b"cmpctblock" => LogDebugCategory::Cmpctblock,
        b"addrman" => LogDebugCategory::Addrman,
        b"bench" => LogDebugCategory::Bench,
        b"blockstorage" => LogDebugCategory::Blockstorage,
        b"coindb" => LogDebugCategory::Coindb,
        b"estimatefee" => LogDebugCategory::Estimatefee,
        b"http" => LogDebugCategory::Http,
        b"i2p" => LogDebugCategory::I2p,
        b"ipc" => LogDebugCategory::Ipc,
        b"leveldb" => LogDebugCategory::Leveldb,
        b"libevent" => LogDebugCategory::Libevent,
        b"proxy" => LogDebugCategory::Proxy,
        b"prune" => LogDebugCategory::Prune,
        b"qt" => LogDebugCategory::Qt,
        b"rand" => LogDebugCategory::Rand,
        b"reindex" => LogDebugCategory::Reindex,
        b"rpc" => LogDebugCategory::Rpc,
        b"scan" => LogDebugCategory::Scan,
        b"selectcoins" => LogDebugCategory::Selectcoins,
        b"tor" => LogDebugCategory::Tor,
        b"txpackages" => LogDebugCategory::Txpackages,
        b"txreconciliation" => LogDebugCategory::Txreconciliation,
        b"walletdb" => LogDebugCategory::Walletdb,
        b"zmq" => LogDebugCategory::Zmq,
        b"kernel" | b"lock" | b"mining" | b"privatebroadcast" => return Category::Lacking,
        b"all" => return Category::None,
        _ => return Category::Other,
    })
}

fn is_plausible(category: &[u8]) -> bool {
    (2..=24).contains(&category.len()) && category.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The names of the node's threads (`util::ThreadRename` and `ThreadSetInternalName` in Bitcoin Core).
fn is_thread(name: &[u8]) -> bool {
    const THREADS: [&[u8]; 22] = [
        b"addcon",
        b"basic block filter index",
        b"capnp-loop",
        b"coinstatsindex",
        b"dnsseed",
        b"http",
        b"i2paccept",
        b"init",
        b"initload",
        b"main",
        b"mapport",
        b"msghand",
        b"net",
        b"opencon",
        b"privbcast",
        b"scheduler",
        b"shutoff",
        b"torcontrol",
        b"txindex",
        b"txospenderindex",
        b"unknown",
        b"utxocompact",
    ];
    const NUMBERED: [&[u8]; 4] = [b"http.", b"httpworker.", b"qt-", b"scriptch."];
    THREADS.contains(&name) || NUMBERED.iter().any(|start| name.starts_with(start))
}
