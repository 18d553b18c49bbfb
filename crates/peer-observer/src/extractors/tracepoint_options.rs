//! Options of the extractor `ebpf`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use extractor_ebpf::{Capture, MAX_LATENCY, OptionError, Options, Selection};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::options::OwnFlags;
use crate::values::{Bytes, Span, ValueError, args_by_flags, from_text};

/// Section `[ebpf]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Tracepoints")]
#[serde(default, deny_unknown_fields)]
pub struct EbpfOptions {
    /// Tracepoints and groups to follow, with a minus not to: net,mempool:added or all or -mempool
    #[arg(long, env = "PEER_OBSERVER_TRACEPOINTS", allow_hyphen_values = true, value_name = "LIST")]
    tracepoints: Tracepoints,
    /// By message type: how much is captured.
    #[command(flatten)]
    capture: CaptureLimits,
    /// Memory for events on their way out of the kernel: a power of two from 4MiB to 1GiB
    #[arg(long, env = "PEER_OBSERVER_RING_SIZE", value_name = "SIZE")]
    ring_size: RingSize,
    /// How long events may wait before they are passed on together, 1ms to 20ms: less time takes more CPU time
    #[arg(long, env = "PEER_OBSERVER_LATENCY", value_name = "DURATION")]
    latency: Latency,
    /// Every process of a program is a node of its own.
    #[arg(skip)]
    #[serde(skip)]
    pub all: bool,
}

/// Flags of `extract ebpf` only.
#[derive(Args)]
pub struct EbpfFlags {
    /// ebpf: every process of the program given with --binary, or of the bitcoind that PATH leads to, is a node of its own
    #[arg(long, conflicts_with_all = ["name", "datadir", "conf", "pid"])]
    all: bool,
}

impl OwnFlags for EbpfOptions {
    type Flags = EbpfFlags;

    fn take(&mut self, flags: EbpfFlags) {
        self.all = flags.all;
    }
}

impl EbpfOptions {
    /// The options of the extractor.
    ///
    /// # Errors
    /// A limit of what is captured is none.
    pub fn options(&self) -> Result<Options> {
        let mut capture = Capture::default();
        for text in self.capture.texts() {
            capture.set(&text).with_context(|| format!("ebpf.capture: {text}"))?;
        }
        let (RingSize(ring_bytes), Latency(latency)) = (self.ring_size, self.latency);
        Ok(Options { tracepoints: self.tracepoints.selection.clone(), capture, ring_bytes, latency })
    }
}

/// Names of tracepoints and groups: a list in the file, separated by commas elsewhere.
#[derive(Clone, Debug)]
struct Tracepoints {
    names: Vec<String>,
    selection: Selection,
}

impl Default for Tracepoints {
    fn default() -> Self {
        Self { names: vec!["default".to_owned()], selection: Selection::default() }
    }
}

impl FromStr for Tracepoints {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let names = text.split(',').map(|name| name.trim().to_owned()).collect();
        Ok(Self { names, selection: text.parse()? })
    }
}

impl<'de> Deserialize<'de> for Tracepoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?.join(",").parse().map_err(D::Error::custom)
    }
}

impl Serialize for Tracepoints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names.serialize(serializer)
    }
}

/// Stands for every message type.
const ALL: &str = "all";

/// By message type: how much is captured of its messages. Limits that are given later win, and one for all types wipes out those before it.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
struct CaptureLimits(BTreeMap<String, Amount>);

impl Default for CaptureLimits {
    fn default() -> Self {
        let limits = Capture::default();
        let limits = limits.limits().map(|(message_type, bytes)| (message_type.to_owned(), Amount::Bytes(bytes)));
        Self(limits.collect())
    }
}

impl<'de> Deserialize<'de> for CaptureLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Self(BTreeMap::deserialize(deserializer)?);
        let mut limits = Self::default();
        for text in given.texts() {
            limits.insert(text.parse().map_err(D::Error::custom)?);
        }
        Ok(limits)
    }
}

/// How much is captured of messages of a type: a number of bytes, "full" or "none".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
enum Amount {
    Bytes(u64),
    Word(String),
}

impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

/// Limits as they are written on the command line.
#[derive(Args)]
struct CaptureFlags {
    /// How much is captured of P2P messages: TYPE=BYTES, TYPE=full or TYPE=none; of types that are not named, everything
    #[arg(long, env = "PEER_OBSERVER_CAPTURE", value_delimiter = ',', value_name = "TYPE=BYTES")]
    capture: Vec<CaptureLimit>,
}

#[derive(Clone, Debug)]
struct CaptureLimit {
    message_type: String,
    amount: Amount,
}

impl FromStr for CaptureLimit {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let text = text.trim();
        Capture::default().set(text)?;
        let (message_type, amount) = text.split_once('=').ok_or_else(|| OptionError::Capture(text.to_owned()))?;
        let amount = amount.parse().map_or_else(|_| Amount::Word(amount.to_owned()), Amount::Bytes);
        Ok(Self { message_type: message_type.to_owned(), amount })
    }
}

impl CaptureLimits {
    /// As they are written on the command line, the one for all types first.
    fn texts(&self) -> impl Iterator<Item = String> {
        let (all, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(message_type, _)| *message_type == ALL);
        all.into_iter().chain(others).map(|(message_type, amount)| format!("{message_type}={amount}"))
    }

    fn insert(&mut self, CaptureLimit { message_type, amount }: CaptureLimit) {
        if message_type == ALL {
            self.0.clear();
        }
        self.0.insert(message_type, amount);
    }

    fn lay_over(&mut self, flags: CaptureFlags) {
        flags.capture.into_iter().for_each(|limit| self.insert(limit));
    }
}

args_by_flags!(CaptureLimits, CaptureFlags);

/// Sizes of the ring that make sense: it holds at least a few large messages, and its memory stays with the kernel.
const RING: std::ops::RangeInclusive<usize> = 4 << 20..=1 << 30;

/// Bytes of the ring buffer between the kernel and the extractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RingSize(u32);

impl Default for RingSize {
    fn default() -> Self {
        Self(Options::default().ring_bytes)
    }
}

impl FromStr for RingSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let Bytes(bytes) = text.parse()?;
        let nearest = bytes.clamp(*RING.start(), *RING.end()).next_power_of_two() >> 20;
        let usable = RING.contains(&bytes) && bytes.is_power_of_two();
        u32::try_from(bytes).ok().filter(|_| usable).map(Self).ok_or_else(|| {
            ValueError::new(format!(
                "the ring's size must be a power of two from 4MiB to 1GiB, such as {nearest}MiB (at least 8MiB for whole \
                 blocks of 4 MB, as with block=full)"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for RingSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for RingSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Bytes(self.0 as usize))
    }
}

/// How long events may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Latency(Duration);

impl Default for Latency {
    fn default() -> Self {
        Self(MAX_LATENCY)
    }
}

impl FromStr for Latency {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let Span(span) = text.parse()?;
        let sensible = (Duration::from_millis(1)..=MAX_LATENCY).contains(&span);
        sensible.then_some(Self(span)).ok_or_else(|| ValueError::new("events may wait for 1ms to 20ms"))
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Span(self.0))
    }
}

/// Where the program of `--all` is.
pub fn program_of_all(binary: Option<&PathBuf>, on_path: impl FnOnce() -> Option<PathBuf>) -> Result<PathBuf> {
    let none = "--all: of which program? There is no bitcoind on PATH; name one with --binary";
    binary.cloned().or_else(on_path).context(none)
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    #[test]
    fn sizes_of_the_ring() {
        for (text, bytes) in [("4MiB", 4 << 20), ("64MB", 64 << 20), ("1GiB", 1 << 30), ("8388608", 8 << 20)] {
            assert_eq!(text.parse(), Ok(RingSize(bytes)), "{text}");
        }
        for (text, nearest) in [("2MiB", "4MiB"), ("33MiB", "64MiB"), ("2GiB", "1024MiB"), ("0", "4MiB")] {
            let error = text.parse::<RingSize>().unwrap_err().to_string();
            assert!(error.contains(&format!("such as {nearest} ")) && error.contains("8MiB"), "{text}: {error}");
        }
    }

    #[test]
    fn the_section_and_options_over_it() {
        let text = "tracepoints = [\"net\", \"mempool:added\"]\nring_size = \"64MB\"\nlatency = \"4ms\"\ncapture = {block = \"full\", inv = 1000}";
        let mut section: EbpfOptions = toml::from_str(text).unwrap();
        let options = section.options().unwrap();
        assert_eq!(options.tracepoints, "net,mempool:added".parse().unwrap());
        let captured = |options: &Options, types: [&str; 3]| types.map(|message_type| options.capture.of(message_type));
        assert_eq!(captured(&options, ["block", "inv", "blocktxn"]), [4 << 20, 1000, 96]);
        assert_eq!((options.ring_bytes, options.latency), (64 << 20, Duration::from_millis(4)));
        let again: EbpfOptions = toml::from_str(&toml::to_string(&section).unwrap()).unwrap();
        assert_eq!(again.options().unwrap(), options);

        let mut lay_over = |arguments: &[&str]| {
            let command = EbpfOptions::augment_args_for_update(Command::new("x").no_binary_name(true));
            section.update_from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap();
            section.options().unwrap()
        };
        assert_eq!(captured(&lay_over(&["--capture", "inv=7"]), ["block", "inv", "tx"]), [4 << 20, 7, 4 << 20]);
        let options = lay_over(&["--capture", "all=none,tx=full", "--ring-size", "8MiB"]);
        assert_eq!(captured(&options, ["block", "inv", "tx"]), [0, 0, 4 << 20]);
        assert_eq!(options.ring_bytes, 8 << 20);
        assert_eq!(options.tracepoints, "net,mempool:added".parse().unwrap(), "what is not given stays");

        for (text, words) in [
            ("tracepoints = [\"nett\"]", ["line 1", "\"nett\""]),
            ("capture = {block = \"most\"}", ["line 1", "block=most"]),
            ("ring_size = \"1KiB\"", ["line 1", "power of two"]),
            ("latency = \"1s\"", ["line 1", "1ms to 20ms"]),
        ] {
            let error = toml::from_str::<EbpfOptions>(text).map_err(anyhow::Error::from).and_then(|s| s.options());
            let error = format!("{:#}", error.unwrap_err());
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }
}
