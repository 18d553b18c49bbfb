//! `api/messages`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::values::{Step, Steps, Time, nonzero_time, round};
use crate::state::messages::Messages as Source;
use crate::state::names::direction;
use crate::state::node::Node;
use crate::state::series::Window;

pub(crate) struct Endpoint;

/// P2P messages by type and direction.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Messages {
    /// Where the data comes from. `ebpf`: tracepoints report all messages. `rpc`: getpeerinfo reports bytes, and the number of messages is not
    /// known.
    source: &'static str,
    /// Time series.
    series: Series,
    /// Totals by type and direction, most bytes first.
    types: Vec<Type>,
}

/// Time series of messages by type and direction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageSeries")]
pub(crate) struct Series {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// One row for each type and direction, most bytes first.
    rows: Vec<Row>,
}

/// Time series of the messages of one type in one direction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageRow")]
pub(crate) struct Row {
    /// Type of the message.
    message: String,
    /// `inbound`: received by the nodes; `outbound`: sent by them.
    direction: &'static str,
    /// Number of messages. Null without tracepoints.
    count: Option<Steps>,
    /// Bytes of the messages.
    bytes: Steps,
}

/// Messages of one type in one direction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageType")]
pub(crate) struct Type {
    /// Type of the message.
    message: String,
    /// `inbound`: received by the nodes; `outbound`: sent by them.
    direction: &'static str,
    /// Number of messages. Null without tracepoints.
    count: Option<u64>,
    /// Bytes. With tracepoints: since the program started. By getpeerinfo: of the open connections, since each was established.
    bytes: u64,
    /// Messages per second, averaged over the last 10 s. Null without tracepoints.
    rate: Option<f64>,
    /// Bytes per second, averaged over the last 10 s. Null without tracepoints.
    byte_rate: Option<f64>,
    /// Time of the last message.
    last: Option<Time>,
    /// Average size of a message, in bytes. Null without tracepoints.
    mean_size: Option<f64>,
}

#[derive(Default)]
struct Sum {
    count: u64,
    bytes: u64,
    rate: f64,
    byte_rate: f64,
    last_ns: u64,
    counts: Vec<f64>,
    sizes: Vec<f64>,
}

impl Sum {
    fn new(window: &Window) -> Self {
        Self { counts: window.unknown(), sizes: window.unknown(), ..Self::default() }
    }
}

/// Adds all bytes of the open connections to the sums, including those before the first poll.
fn open_connections<'a>(
    nodes: &[(&str, &Node)],
    request: &RequestContext<'a>,
    window: &Window,
    sums: &mut BTreeMap<(&'a str, bool), Sum>,
) {
    for (_, node) in nodes {
        let polled = node.model.peers.open().filter_map(|peer| peer.details.polled_bytes.as_ref());
        for (kind, sent, received) in polled.flatten() {
            for (inbound, bytes) in [(false, *sent), (true, *received)].into_iter().filter(|(_, bytes)| *bytes > 0) {
                let sum = sums.entry((request.state.types.name(*kind), inbound)).or_insert_with(|| Sum::new(window));
                sum.bytes = sum.bytes.saturating_add(bytes);
            }
        }
    }
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Messages;
    const PATH: &'static str = "messages";
    const TITLE: &'static str = "P2P messages";
    const ABOUT: &'static str = "Totals by type and direction since the program started, and time series.";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Messages, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let traced = nodes.iter().any(|(_, node)| node.pages.traced.messages.coverage.any())
            || nodes.iter().all(|(_, node)| !node.pages.polled.messages.coverage.any());
        let mut sums: BTreeMap<(&str, bool), Sum> = BTreeMap::new();
        for (_, node) in &nodes {
            let source: &Source = if traced { &node.pages.traced.messages } else { &node.pages.polled.messages };
            for row in source.rows() {
                let sum =
                    sums.entry((request.state.types.name(row.kind), row.inbound)).or_insert_with(|| Sum::new(&window));
                sum.count += row.count;
                sum.bytes = sum.bytes.saturating_add(if traced { row.bytes } else { 0 });
                sum.rate += row.rate.per_second(request.now_ns);
                sum.byte_rate += row.byte_rate.per_second(request.now_ns);
                sum.last_ns = sum.last_ns.max(row.last_ns);
                row.counts.add_to(&window, source.coverage, &mut sum.counts);
                row.sizes.add_to(&window, source.coverage, &mut sum.sizes);
            }
        }
        if !traced {
            open_connections(&nodes, request, &window, &mut sums);
        }
        let mut sums: Vec<((&str, bool), Sum)> = sums.into_iter().collect();
        sums.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
        let of = |value: f64| traced.then(|| round(value, 3));
        let types = sums.iter().map(|((message, inbound), sum)| Type {
            message: (*message).to_owned(),
            direction: direction(*inbound),
            count: traced.then_some(sum.count),
            bytes: sum.bytes,
            rate: of(sum.rate),
            byte_rate: of(sum.byte_rate),
            last: nonzero_time(sum.last_ns),
            mean_size: (sum.count > 0).then(|| round(sum.bytes as f64 / sum.count as f64, 1)),
        });
        let types = types.collect();
        let steps = |values: Vec<f64>| values.into_iter().map(Step).collect::<Steps>();
        let rows = sums.into_iter().map(|((message, inbound), sum)| Row {
            message: message.to_owned(),
            direction: direction(inbound),
            count: traced.then(|| steps(sum.counts)),
            bytes: steps(sum.sizes),
        });
        let series =
            Series { start: Time(window.start_ns()), step_seconds: window.step_seconds(), rows: rows.collect() };
        Ok(Messages { source: if traced { "ebpf" } else { "rpc" }, series, types })
    }
}
