//! A node's options, from all the places where they can be set, with Bitcoin Core's precedence.
//!
//! From high to low: command line, Bitcoin Knots' bitcoin_rw.conf, settings.json, the chain's section of bitcoin.conf, its default
//! section. There are exceptions that Core keeps for the sake of old configurations, and which decide where a node's files
//! are; they are followed here, each with its reason.

mod load;
mod parse;
mod trial;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

pub(crate) use self::load::Launch;
use self::parse::{Value, Values};
pub(crate) use self::trial::Trial;
pub use self::trial::{ConfFile, ConfPlace, Strongest};
use crate::Chain;

/// Options that in the default section of bitcoin.conf mean the main chain only.
const NETWORK_ONLY: [&str; 8] = ["addnode", "bind", "connect", "port", "rpcbind", "rpcport", "wallet", "walletdir"];

/// The options of one node.
#[derive(Debug)]
pub(crate) struct Settings {
    command_line: Values,
    /// Of Knots' bitcoin_rw.conf.
    read_write: Values,
    settings_json: Values,
    /// Of bitcoin.conf and what it includes; the default section has the empty name.
    sections: BTreeMap<String, Values>,
    /// The chain that the options choose.
    pub(crate) chain: Chain,
    /// Absolute, as the node sees it.
    pub(crate) datadir: PathBuf,
    /// bitcoin.conf, which may not exist; none if it is switched off.
    pub(crate) main_file: Option<ConfFile>,
    /// The configuration files that were read, as the node sees them.
    pub(crate) files: Vec<PathBuf>,
    /// Knots' bitcoin_rw.conf, if it was read, as the node sees it.
    pub(crate) read_write_file: Option<PathBuf>,
    /// What could not be read or understood, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// The values of one source, with what a negation among them means.
#[derive(Clone, Copy, Default)]
struct Span<'a> {
    /// The values after the last negation.
    values: &'a [Value],
    negated: bool,
}

impl<'a> Span<'a> {
    fn of(source: Option<&'a Values>, name: &str) -> Self {
        let all = source.and_then(|s| s.get(name)).map_or(&[][..], Vec::as_slice);
        let after = all.iter().rposition(|v| *v == Value::Negated).map(|i| i + 1);
        Self { values: all.get(after.unwrap_or(0)..).unwrap_or_default(), negated: after.is_some() }
    }

    /// The last occurrence is a negation.
    fn last_negated(self) -> bool {
        self.negated && self.values.is_empty()
    }
}

/// What an option is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting<'a> {
    Unset,
    Negated,
    Text(&'a str),
}

/// A place where options are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    CommandLine,
    ReadWrite,
    SettingsJson,
    /// The chain's section of bitcoin.conf.
    Section,
    /// The default section of bitcoin.conf.
    Default,
}

impl Source {
    /// From that which counts most to that which counts least.
    const ALL: [Self; 5] = [Self::CommandLine, Self::ReadWrite, Self::SettingsJson, Self::Section, Self::Default];

    /// Whether it is a configuration file, which has its own rules: the first value counts, and a list survives a negation of higher
    /// precedence that is followed by a value.
    fn is_file(self) -> bool {
        matches!(self, Self::ReadWrite | Self::Section | Self::Default)
    }
}

impl Settings {
    fn sources<'a>(&'a self, section: &str, name: &str) -> [(Source, Span<'a>); 5] {
        Source::ALL.map(|source| {
            let values = match source {
                Source::CommandLine => Some(&self.command_line),
                Source::ReadWrite => Some(&self.read_write),
                Source::SettingsJson => Some(&self.settings_json),
                Source::Section if section.is_empty() => None,
                Source::Section => self.sections.get(section),
                Source::Default => self.sections.get(""),
            };
            (source, Span::of(values, name))
        })
    }

    /// Whether the default section of bitcoin.conf does not count for `name`.
    fn ignores_default_section(&self, name: &str) -> bool {
        self.chain != Chain::Main && NETWORK_ONLY.contains(&name)
    }

    fn get(&self, name: &str) -> Setting<'_> {
        let sources = self.sources(self.chain.name(), name);
        for (source, span) in sources {
            // A negation in the default section holds for the other chains too.
            if source == Source::Default && self.ignores_default_section(name) && !span.last_negated() {
                continue;
            }
            // In a file the first value wins, elsewhere the last.
            let value = if source.is_file() { span.values.first() } else { span.values.last() };
            match value {
                Some(Value::Text(text)) => return Setting::Text(text),
                _ if span.last_negated() => return Setting::Negated,
                _ => {}
            }
        }
        Setting::Unset
    }

    /// The value of an option; none if it is not set, negated or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Setting::Text(text) => Some(text).filter(|t| !t.is_empty()),
            Setting::Negated | Setting::Unset => None,
        }
    }

    /// Whether the option is switched off by `nofoo=1`.
    pub(crate) fn is_negated(&self, name: &str) -> bool {
        self.get(name) == Setting::Negated
    }

    /// An option that is on or off; none if it is not set.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Setting::Text(text) => Some(parse::truth(text)),
            Setting::Negated => Some(false),
            Setting::Unset => None,
        }
    }

    /// An option that is a number; none if it is not set.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Setting::Text(text) => Some(parse::atoi(text)),
            Setting::Negated => Some(0),
            Setting::Unset => None,
        }
    }

    /// All values of an option that may be given several times, in the order of the sources.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let mut result = Vec::new();
        let (mut done, mut negated_empty) = (false, false);
        for (source, span) in self.sources(self.chain.name(), name) {
            if source == Source::Default && self.ignores_default_section(name) {
                continue;
            }
            // A negation hides what has lower precedence; but values after it on the command line bring the files' back.
            if !done || (source.is_file() && !negated_empty) {
                result.extend(span.values.iter().filter_map(|v| match v {
                    Value::Text(text) => Some(text.as_str()),
                    Value::Negated => None,
                }));
            }
            done |= span.negated;
            negated_empty |= span.last_negated() && result.is_empty();
        }
        result
    }

    /// The names that any source gives, without those that the chain ignores.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let sections = ["", self.chain.name()].into_iter().filter_map(|s| self.sections.get(s));
        let sources = [&self.command_line, &self.read_write, &self.settings_json].into_iter().chain(sections);
        sources.flat_map(Values::keys).map(String::as_str)
    }

    /// A path relative to the chain's directory, as the node sees it; `default` if the option is not set. None if negated.
    pub(crate) fn net_path(&self, name: &str, default: &str) -> Option<PathBuf> {
        if self.is_negated(name) {
            return None;
        }
        Some(normal(&self.net_datadir().join(self.text(name).unwrap_or(default))))
    }

    /// The chain's directory, as the node sees it.
    pub(crate) fn net_datadir(&self) -> PathBuf {
        self.chain.net_datadir(&self.datadir)
    }

    /// The chain that the options choose, or why they choose none.
    fn chosen_chain(&self) -> Result<Chain, String> {
        let mut chosen = Vec::new();
        for chain in [Chain::Regtest, Chain::Signet, Chain::Test, Chain::Testnet4] {
            let option = if chain == Chain::Test { "testnet" } else { chain.name() };
            if self.chain_option(option).is_some_and(parse::truth) {
                chosen.push(chain);
            }
        }
        let named = self.chain_option("chain").map(|name| {
            let exact = Chain::ALL.into_iter().find(|c| c.name() == name);
            exact.ok_or_else(|| format!("chain={name:?} is none of main, test, testnet4, signet and regtest"))
        });
        if let Some(named) = named {
            chosen.push(named?);
        }
        match chosen.as_slice() {
            [] => Ok(Chain::Main),
            [one] => Ok(*one),
            several => {
                let names: Vec<_> = several.iter().map(|c| c.name()).collect();
                Err(format!("the options choose several chains ({}): keep one of them", names.join(", ")))
            }
        }
    }

    /// An option that chooses the chain: no section counts, negation on the command line is ignored, and the last value wins
    /// even in a file.
    fn chain_option(&self, name: &str) -> Option<&str> {
        // The chain is chosen before its own bitcoin_rw.conf can be found.
        let sources = self.sources("", name).into_iter().filter(|(source, _)| *source != Source::ReadWrite);
        sources.map(|(_, span)| span).find_map(|span| match span.values.last() {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// `path` without `.` and `..`, by its text alone (links are not followed).
fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                result.pop();
            }
            Component::CurDir => {}
            _ => result.push(part),
        }
    }
    result
}

#[cfg(test)]
mod tests;
