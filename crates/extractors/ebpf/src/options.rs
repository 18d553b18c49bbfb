//! What is traced, and how much of it is captured.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use decode::tracepoint::Tracepoint;
use event::similar::instead;
use thiserror::Error;

use crate::shared::layout::{LIMITS, MAX_PAYLOAD};

/// The longest message type, in bytes, as the P2P protocol has it.
const MESSAGE_TYPE: usize = 12;
/// Bytes that are captured by default of a block (its header of 80 bytes and the number of its transactions) and of a blocktxn (the block hash and
/// that number).
const SUMMARY: u64 = 96;

/// What the extractor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which tracepoints are attached.
    pub tracepoints: Selection,
    /// How much of the payloads is captured.
    pub capture: Capture,
    /// Bytes of the ring buffer in the kernel; a power of two.
    pub ring_bytes: u32,
    /// How long events may wait before they are read, while there are many; the first one after a pause is read at once.
    pub latency: Duration,
}

/// How long events may wait at most, and do by default. Each round of reading and sending costs two wake-ups, so fewer rounds are cheaper.
pub const MAX_LATENCY: Duration = Duration::from_millis(20);

impl Default for Options {
    fn default() -> Self {
        Self {
            tracepoints: Selection::default(),
            capture: Capture::default(),
            ring_bytes: 32 << 20,
            latency: MAX_LATENCY,
        }
    }
}

/// A set of tracepoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(BTreeSet<Tracepoint>);

/// Tracepoints that are off by default, since they are hot: a block touches thousands of coins.
const HOT: [Tracepoint; 3] = [Tracepoint::UtxocacheAdd, Tracepoint::UtxocacheSpent, Tracepoint::UtxocacheUncache];

impl Default for Selection {
    fn default() -> Self {
        Self(Tracepoint::ALL.iter().copied().filter(|tracepoint| !HOT.contains(tracepoint)).collect())
    }
}

impl Selection {
    /// Those selected.
    pub fn iter(&self) -> impl Iterator<Item = Tracepoint> + '_ {
        self.0.iter().copied()
    }

    /// Whether it is one of them.
    pub fn has(&self, tracepoint: Tracepoint) -> bool {
        self.0.contains(&tracepoint)
    }
}

/// An option of the extractor that has no meaning.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OptionError {
    /// No such tracepoint.
    #[error("there is no tracepoint or group {0:?}; {instead}", instead = instead(.0, names()))]
    Tracepoint(String),
    /// All tracepoints were switched off.
    #[error("no tracepoint is left; name some, like net or mempool:added")]
    None,
    /// The text is not of the form type=bytes.
    #[error(
        "{0:?} does not say how much to capture; write TYPE=BYTES, TYPE=full or TYPE=none, as in block=full (TYPE may be all)"
    )]
    Capture(String),
    /// A message type has up to 12 characters.
    #[error("{0:?} is no message type: it has 1 to 12 characters without spaces")]
    MessageType(String),
    /// There are more limits than the program in the kernel has room for.
    #[error("limits for more than {LIMITS} message types; use all=BYTES for the others")]
    TooMany,
}

impl FromStr for Selection {
    type Err = OptionError;

    /// A list with commas of tracepoints (`mempool:added`) and groups (`net`, `default`, `all`). One with a minus is taken out; a list that begins
    /// with such a one begins with the default.
    fn from_str(text: &str) -> Result<Self, OptionError> {
        let words: Vec<_> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let mut set = match words.first() {
            Some(first) if first.starts_with('-') => Self::default().0,
            _ => BTreeSet::new(),
        };
        for word in words {
            match word.strip_prefix('-') {
                Some(name) => {
                    let group = group(name)?;
                    set.retain(|tracepoint| !group.contains(tracepoint));
                }
                None => set.extend(group(word)?),
            }
        }
        if set.is_empty() { Err(OptionError::None) } else { Ok(Self(set)) }
    }
}

/// All that a selection may name.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    const GROUPS: [&str; 6] = ["default", "all", "net", "mempool", "validation", "utxocache"];
    GROUPS.into_iter().chain(Tracepoint::ALL.iter().map(|tracepoint| tracepoint.name()))
}

fn group(name: &str) -> Result<Vec<Tracepoint>, OptionError> {
    let all = Tracepoint::ALL.iter().copied();
    let group: Vec<_> = match name {
        "all" => all.collect(),
        "default" => Selection::default().iter().collect(),
        _ => all.filter(|t| t.provider() == name || t.name() == name).collect(),
    };
    if group.is_empty() { Err(OptionError::Tracepoint(name.to_owned())) } else { Ok(group) }
}

/// How many bytes of the payload of each message type are captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Bytes of types that have no limit of their own.
    others: u64,
    limits: BTreeMap<String, u64>,
}

impl Default for Capture {
    /// Everything, except the transactions of blocks: copying megabytes is what costs the node most, and the header of a block and the number of its
    /// transactions are captured.
    fn default() -> Self {
        let limits = ["block", "blocktxn"].map(|message_type| (message_type.to_owned(), SUMMARY));
        Self { others: MAX_PAYLOAD, limits: limits.into() }
    }
}

impl Capture {
    /// Bytes of a message of a type.
    pub fn of(&self, message_type: &str) -> u64 {
        self.limits.get(message_type).copied().unwrap_or(self.others)
    }

    /// Bytes of those that have no limit of their own.
    pub(crate) fn others(&self) -> u64 {
        self.others
    }

    /// Types that have a limit of their own, and their limits in bytes.
    pub fn limits(&self) -> impl Iterator<Item = (&str, u64)> {
        self.limits.iter().map(|(message_type, bytes)| (message_type.as_str(), *bytes))
    }

    /// Changes the limit of a type, or of all of them: `block=full`, `inv=1000`, `all=none`.
    ///
    /// # Errors
    /// It is not of this form, or there are too many.
    pub fn set(&mut self, text: &str) -> Result<(), OptionError> {
        let wrong = || OptionError::Capture(text.to_owned());
        let (message_type, amount) = text.split_once('=').ok_or_else(wrong)?;
        let bytes = match amount {
            "full" => MAX_PAYLOAD,
            "none" => 0,
            number => number.parse::<u64>().map_err(|_| wrong())?.min(MAX_PAYLOAD),
        };
        if message_type == "all" {
            *self = Self { others: bytes, limits: BTreeMap::new() };
            return Ok(());
        }
        let fits = (1..=MESSAGE_TYPE).contains(&message_type.len());
        if !fits || !message_type.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OptionError::MessageType(message_type.to_owned()));
        }
        self.limits.insert(message_type.to_owned(), bytes);
        if self.limits.len() > LIMITS { Err(OptionError::TooMany) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections() {
        let count = |text: &str| text.parse::<Selection>().map(|selection| selection.0.len());
        assert_eq!(Selection::default().0.len(), 15);
        assert_eq!(count("default"), Ok(15));
        assert_eq!(count("all"), Ok(18));
        assert_eq!(count("net"), Ok(9));
        assert_eq!(count("net, mempool:added"), Ok(10));
        assert_eq!(count("-utxocache"), Ok(14));
        assert_eq!(count("all,-utxocache,-net:inbound_message"), Ok(13));
        assert_eq!(count("net,-net"), Err(OptionError::None));
        assert_eq!(count(""), Err(OptionError::None));
        let error = count("mempool:add").unwrap_err().to_string();
        assert!(error.contains("\"mempool:add\"") && error.contains("mempool:added"), "{error}");
    }

    #[test]
    fn captures() {
        let mut capture = Capture::default();
        assert_eq!((capture.of("inv"), capture.of("block"), capture.of("blocktxn")), (MAX_PAYLOAD, 96, 96));
        capture.set("block=full").unwrap();
        capture.set("inv=37").unwrap();
        capture.set("tx=none").unwrap();
        assert_eq!((capture.of("inv"), capture.of("block"), capture.of("tx")), (37, MAX_PAYLOAD, 0));
        capture.set("all=99999999999").unwrap();
        assert_eq!((capture.of("inv"), capture.of("tx")), (MAX_PAYLOAD, MAX_PAYLOAD));
        for wrong in ["block", "block=", "block=-1", "=5", "getcfheaderssss=5", "a b=1", "x=full "] {
            assert!(capture.set(wrong).is_err(), "{wrong}");
        }
        for number in 0..LIMITS {
            capture.set(&format!("type{number}=1")).unwrap();
        }
        assert_eq!(capture.set("one_more=1"), Err(OptionError::TooMany));
    }
}
