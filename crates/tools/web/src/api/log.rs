//! `api/log`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::Time;
use crate::state::lines::{Entry, Limit};

pub(crate) struct Endpoint;

const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Number(1, 2_000, 200), about: "How many entries at the most." };
const LEVEL: Parameter = Parameter {
    name: "level",
    kind: ParameterKind::Text,
    about: "Only entries of this level: `info`, `warning`, `error`, `debug`, `trace`.",
};
const CATEGORY: Parameter =
    Parameter { name: "category", kind: ParameterKind::Text, about: "Only entries of this category, such as `net`." };
const UNKNOWN: Parameter =
    Parameter { name: "unknown", kind: ParameterKind::Flag, about: "1: only entries of unknown form." };
const TEXT: Parameter = Parameter {
    name: "text",
    kind: ParameterKind::Text,
    about: "Only entries with this text, in small or capital letters.",
};

/// debug.log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Log {
    /// How many entries there were, by category and level, most first.
    counts: Vec<Count>,
    /// How many had no form that is known.
    unknown: u64,
    /// When nodes began and ceased to limit what they write, newest first.
    rate_limits: Vec<RateLimit>,
    /// Whether a node limits what it writes at present.
    suppressing: bool,
    /// The last entries, newest first.
    lines: Vec<Line>,
    /// What nodes write, by the RPC `logging`.
    categories: Vec<Category>,
}

/// How many entries there were.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogCount")]
pub(crate) struct Count {
    /// The category.
    category: String,
    /// The level.
    level: &'static str,
    /// How many.
    count: u64,
    /// Their bytes.
    bytes: u64,
    /// How many per second, over the last 10 s.
    rate: f64,
}

/// A node began or ceased to limit what it writes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RateLimit {
    /// When.
    time: Time,
    /// The node.
    node: String,
    /// Whether it began.
    begins: bool,
    /// Place in the node's source.
    location: String,
    /// Function there.
    function: String,
    /// Bytes that were not written.
    bytes: u64,
}

/// An entry of debug.log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogLine")]
pub(crate) struct Line {
    /// When.
    time: Time,
    /// The node.
    node: String,
    /// Its level.
    level: &'static str,
    /// Its category.
    category: String,
    /// The node's thread.
    thread: String,
    /// Its kind, as events have it.
    kind: &'static str,
    /// What it says.
    text: String,
    /// Whether its form is not known.
    unknown: bool,
}

/// Whether a node writes a category.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogCategory")]
pub(crate) struct Category {
    /// The node.
    node: String,
    /// The category.
    category: String,
    /// Whether it writes it.
    on: bool,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Log;
    const PATH: &'static str = "log";
    const TITLE: &'static str = "debug.log";
    const ABOUT: &'static str = "The last 2,000 entries of each node are known.";
    const PARAMETERS: &'static [Parameter] = &[NODE, LIMIT, LEVEL, CATEGORY, UNKNOWN, TEXT];

    fn answer(request: &RequestContext) -> Result<Log, ApiError> {
        let nodes = request.nodes()?;
        let arguments = request.arguments;
        let limit = usize::try_from(arguments.number(LIMIT)).unwrap_or(usize::MAX);
        let text = arguments.text(TEXT.name).map(str::to_lowercase);
        let wanted = |entry: &&Entry| {
            arguments.text(LEVEL.name).is_none_or(|level| entry.level == level)
                && arguments.text(CATEGORY.name).is_none_or(|category| entry.category == category)
                && (entry.unknown || !arguments.flag(UNKNOWN.name))
                && text.as_ref().is_none_or(|text| entry.text.to_lowercase().contains(text))
        };
        let mut counts: BTreeMap<(&str, &'static str), (u64, u64, f64)> = BTreeMap::new();
        let mut found: Vec<(&str, &Entry)> = Vec::new();
        let mut rate_limits = Vec::new();
        let mut categories = Vec::new();
        for (name, node) in &nodes {
            for ((category, level), of) in &node.pages.lines.counts {
                let (count, bytes, rate) = counts.entry((category, level)).or_default();
                *count += of.count;
                *bytes = bytes.saturating_add(of.bytes);
                *rate += of.rate.per_second(request.now_ns);
            }
            found.extend(node.pages.lines.entries.iter().rev().filter(wanted).take(limit).map(|entry| (*name, entry)));
            rate_limits.extend(node.pages.lines.limits.iter().map(|limit| rate_limit(name, limit)));
            let of_node = node.pages.lines.categories.iter();
            categories.extend(of_node.map(|(category, on)| Category {
                node: (*name).to_owned(),
                category: category.to_string(),
                on: *on,
            }));
        }
        found.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.at_ns));
        found.truncate(limit);
        rate_limits.sort_by_key(|limit| std::cmp::Reverse(limit.time));
        let counts = counts.into_iter();
        let mut counts: Vec<Count> = counts
            .map(|((category, level), (count, bytes, rate))| Count {
                category: category.to_owned(),
                level,
                count,
                bytes,
                rate,
            })
            .collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.count));
        Ok(Log {
            counts,
            unknown: nodes.iter().map(|(_, node)| node.pages.lines.unknown).sum(),
            rate_limits,
            suppressing: nodes.iter().any(|(_, node)| node.pages.lines.suppressing),
            lines: found.into_iter().map(|(name, entry)| line(name, entry)).collect(),
            categories,
        })
    }
}

fn line(node: &str, entry: &Entry) -> Line {
    Line {
        time: Time(entry.at_ns),
        node: node.to_owned(),
        level: entry.level,
        category: entry.category.to_string(),
        thread: entry.thread.to_string(),
        kind: entry.kind,
        text: entry.text.to_string(),
        unknown: entry.unknown,
    }
}

fn rate_limit(node: &str, limit: &Limit) -> RateLimit {
    RateLimit {
        time: Time(limit.at_ns),
        node: node.to_owned(),
        begins: limit.begins,
        location: limit.location.to_string(),
        function: limit.function.to_string(),
        bytes: limit.bytes,
    }
}
