//! The options of the tracepoint extractor.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use extractor_ebpf::{Capture, OptionError, Options};
use serde::{Deserialize, Serialize};

use super::units;

/// Sizes of the ring that make sense: it holds at least a few large messages, and its memory stays with the kernel.
const RING: std::ops::RangeInclusive<usize> = 4 << 20..=1 << 30;

/// `[ebpf]` as it is written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EbpfSection {
    /// Names of tracepoints and groups.
    pub tracepoints: Option<Vec<String>>,
    /// Memory for events on their way out of the kernel: "32MiB".
    pub ring_size: Option<String>,
    /// By message type: how much is captured.
    pub capture: BTreeMap<String, Amount>,
}

/// How much is captured of messages of a type: a number of bytes, "full" or "none".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Amount {
    Bytes(u64),
    Word(String),
}

/// One limit as an option says it: `block=full`.
#[derive(Clone, Debug)]
pub struct CaptureLimit {
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

impl EbpfSection {
    /// Limits that were told later win; one for all wipes out those before it.
    pub fn limit(&mut self, told: &[CaptureLimit]) {
        for CaptureLimit { message_type, amount } in told {
            if message_type == ALL {
                self.capture.clear();
            }
            self.capture.insert(message_type.clone(), amount.clone());
        }
    }

    /// What is meant.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would be right.
    pub fn options(&self) -> Result<Options> {
        let mut options = Options::default();
        if let Some(names) = &self.tracepoints {
            options.tracepoints = names.join(",").parse().with_context(|| format!("ebpf.tracepoints = {names:?}"))?;
        }
        let (all, others): (Vec<_>, Vec<_>) = self.capture.iter().partition(|(message_type, _)| *message_type == ALL);
        for (message_type, amount) in all.into_iter().chain(others) {
            let text = match amount {
                Amount::Bytes(bytes) => format!("{message_type}={bytes}"),
                Amount::Word(word) => format!("{message_type}={word}"),
            };
            options.capture.set(&text).with_context(|| format!("ebpf.capture: {text}"))?;
        }
        if let Some(text) = &self.ring_size {
            options.ring_bytes = ring_bytes(text).with_context(|| format!("ebpf.ring_size = {text:?}"))?;
        }
        Ok(options)
    }
}

/// Stands for every message type.
const ALL: &str = "all";

/// Reads the size of the ring.
///
/// # Errors
/// It is none, or not one that the kernel takes; which one it would.
pub fn ring_bytes(text: &str) -> Result<u32> {
    let bytes = units::bytes(text)?;
    if !RING.contains(&bytes) || !bytes.is_power_of_two() {
        let nearest = bytes.clamp(*RING.start(), *RING.end()).next_power_of_two() >> 20;
        bail!(
            "the ring's size must be a power of two from 4MiB to 1GiB, such as {nearest}MiB (at least 8MiB for whole blocks of \
             4 MB, as with block=full)"
        );
    }
    Ok(u32::try_from(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_the_ring() {
        for (text, bytes) in [("4MiB", 4 << 20), ("64MB", 64 << 20), ("1GiB", 1 << 30), ("8388608", 8 << 20)] {
            assert_eq!(ring_bytes(text).unwrap(), bytes, "{text}");
        }
        for (text, nearest) in [("2MiB", "4MiB"), ("33MiB", "64MiB"), ("2GiB", "1024MiB"), ("0", "4MiB")] {
            let error = ring_bytes(text).unwrap_err().to_string();
            assert!(error.contains(&format!("such as {nearest} ")) && error.contains("8MiB"), "{text}: {error}");
        }
    }

    #[test]
    fn the_section_and_options_over_it() {
        let text = "tracepoints = [\"net\", \"mempool:added\"]\nring_size = \"64MB\"\ncapture = {block = \"full\", inv = 1000}";
        let mut section: EbpfSection = toml::from_str(text).unwrap();
        let options = section.options().unwrap();
        assert_eq!(options.tracepoints, "net,mempool:added".parse().unwrap());
        let captured = |options: &Options, kinds: [&str; 3]| kinds.map(|kind| options.capture.of(kind));
        assert_eq!(captured(&options, ["block", "inv", "blocktxn"]), [4 << 20, 1000, 96]);
        assert_eq!(options.ring_bytes, 64 << 20);
        let again: EbpfSection = toml::from_str(&toml::to_string(&section).unwrap()).unwrap();
        assert_eq!(again.options().unwrap(), options);

        section.limit(&["inv=7".parse().unwrap()]);
        assert_eq!(captured(&section.options().unwrap(), ["block", "inv", "tx"]), [4 << 20, 7, 4 << 20]);
        section.limit(&["all=none".parse().unwrap(), "tx=full".parse().unwrap()]);
        assert_eq!(captured(&section.options().unwrap(), ["block", "inv", "tx"]), [0, 0, 4 << 20]);

        for (text, words) in [
            ("tracepoints = [\"nett\"]", ["ebpf.tracepoints", "\"nett\""]),
            ("capture = {block = \"most\"}", ["ebpf.capture", "block=most"]),
            ("ring_size = \"1KiB\"", ["ebpf.ring_size", "power of two"]),
        ] {
            let error = toml::from_str::<EbpfSection>(text).unwrap().options().unwrap_err();
            let error = format!("{error:#}");
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }
}
