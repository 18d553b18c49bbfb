//! `api/log`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::Time;
use crate::state::lines::{Entry, Limit};
use model::Origin;

pub(crate) struct Endpoint;

const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Number(1, 2_000, 200), about: "Maximum number of entries." };
const LEVEL: Parameter = Parameter {
    name: "level",
    kind: ParameterKind::Text,
    about: "Only entries of this level: `info`, `warning`, `error`, `debug` or `trace`.",
};
const CATEGORY: Parameter =
    Parameter { name: "category", kind: ParameterKind::Text, about: "Only entries of this category, such as `net`." };
const UNKNOWN: Parameter =
    Parameter { name: "unknown", kind: ParameterKind::Flag, about: "1: only entries whose format is not recognised." };
const TEXT: Parameter =
    Parameter { name: "text", kind: ParameterKind::Text, about: "Only entries that contain this text, ignoring case." };

/// Entries and statistics of debug.log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Log {
    /// Number of entries by category and level since the program started, most first.
    counts: Vec<Count>,
    /// Number of entries whose format is not recognised. Null if nothing reads debug.log.
    unknown: Option<u64>,
    /// When nodes started and stopped limiting the rate of their logging, newest first.
    rate_limits: Vec<RateLimit>,
    /// Whether a node limits the rate of its logging at present.
    suppressing: bool,
    /// The last entries that match the request, newest first.
    lines: Vec<Line>,
    /// Which categories the nodes log, by the RPC `logging`.
    categories: Vec<Category>,
}

/// Number of entries of one category and level.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogCount")]
pub(crate) struct Count {
    /// The category.
    category: String,
    /// The level.
    level: &'static str,
    /// Number of entries.
    count: u64,
    /// Size of the entries, in bytes.
    bytes: u64,
    /// Entries per second, averaged over the last 10 s.
    rate: f64,
}

/// The start or stop of rate limiting in a node's logging.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RateLimit {
    /// When it was logged.
    time: Time,
    /// Name of the node.
    node: String,
    /// True at the start of the limiting, false at its end.
    begins: bool,
    /// Location in the node's source code, such as `net.cpp:123`.
    location: String,
    /// Function in the node's source code.
    function: String,
    /// Bytes that were not logged.
    bytes: u64,
}

/// An entry of debug.log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogLine")]
pub(crate) struct Line {
    /// When it was logged.
    time: Time,
    /// Name of the node.
    node: String,
    /// Its level: `info`, `warning`, `error`, `debug` or `trace`.
    level: &'static str,
    /// Its category.
    category: String,
    /// The thread of the node that logged it.
    thread: String,
    /// Kind of the event made from it.
    kind: &'static str,
    /// Its text.
    text: String,
    /// Whether its format is not recognised.
    unknown: bool,
}

/// Whether a node logs a category.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogCategory")]
pub(crate) struct Category {
    /// Name of the node.
    node: String,
    /// The category.
    category: String,
    /// Whether the category is logged.
    on: bool,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Log;
    const PATH: &'static str = "log";
    const TITLE: &'static str = "Entries of debug.log";
    const ABOUT: &'static str = "The last 2,000 entries of each node are kept.";
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
        let logged = nodes.iter().any(|(_, node)| node.model.origins.has(Origin::Log));
        Ok(Log {
            counts,
            unknown: logged.then(|| nodes.iter().map(|(_, node)| node.pages.lines.unknown).sum()),
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
