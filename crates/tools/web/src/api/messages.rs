//! `api/messages`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::values::{Step, Steps, Time, nonzero_time, round};
use crate::state::messages::Messages as Source;
use crate::state::names::direction;
use crate::state::net::Net as State;
use crate::state::node::Node;
use crate::state::series::{Series as Values, Window};

pub(crate) struct Endpoint;

/// P2P messages by type and direction.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Messages {
    /// Where the data comes from. `ebpf`: tracepoints report all messages. `log`: debug.log has type and size of all messages, but no
    /// contents. `rpc`: getpeerinfo reports bytes, and the number of messages is not known. `p2p`: only the messages
    /// of our own P2P connection are known. Of several nodes, the first of these that one of them has: nodes without
    /// tracepoints are then counted by debug.log.
    source: &'static str,
    /// Time series.
    series: Series,
    /// Totals by type and direction, most bytes first.
    types: Vec<Type>,
    /// The messages of our own P2P connections alone, likewise. Empty unless the source is `rpc`: with `ebpf` and
    /// `log` they are among the others, and with `p2p` there are no others.
    own: Vec<Type>,
    /// What the nodes counted in all (getnettotals) in the time of the series. Null without RPC.
    net: Option<Net>,
}

/// Bytes that the nodes received and sent in all, by getnettotals, and the part of them that the types do not explain: with tracepoints
/// the headers and the encryption of messages, without them also the connections that came and went between two answers of getpeerinfo.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageNet")]
pub(crate) struct Net {
    /// Bytes received.
    received: u64,
    /// Bytes sent.
    sent: u64,
    /// Bytes received that belong to no type.
    unexplained_received: u64,
    /// Bytes sent that belong to no type.
    unexplained_sent: u64,
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
    /// Bytes received in all, by getnettotals.
    bytes_received: Steps,
    /// Bytes sent in all, by getnettotals.
    bytes_sent: Steps,
}

/// Time series of the messages of one type in one direction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MessageRow")]
pub(crate) struct Row {
    /// Type of the message.
    message: String,
    /// `inbound`: received by the nodes; `outbound`: sent by them.
    direction: &'static str,
    /// Number of messages. Null by getpeerinfo.
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
    /// Number of messages. Null by getpeerinfo.
    count: Option<u64>,
    /// Bytes. By tracepoints and debug.log: since the program started. By getpeerinfo: of the open connections, since each was established.
    bytes: u64,
    /// Messages per second, averaged over the last 10 s. Null by getpeerinfo.
    rate: Option<f64>,
    /// Bytes per second, averaged over the last 10 s. Null by getpeerinfo.
    byte_rate: Option<f64>,
    /// Time of the last message.
    last: Option<Time>,
    /// Average size of a message, in bytes. Null by getpeerinfo.
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
fn open_connections<'a>(nodes: &[(&str, &Node)], request: &RequestContext<'a>, window: &Window, sums: &mut Sums<'a>) {
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
        let counted: Vec<_> = nodes.iter().filter_map(|(_, node)| node.pages.counted()).collect();
        let polled: Vec<&Source> = nodes.iter().map(|(_, node)| &node.pages.polled.messages).collect();
        let own: Vec<&Source> = nodes.iter().map(|(_, node)| &node.pages.own.messages).collect();
        let any = |sources: &[&Source]| sources.iter().any(|messages| messages.coverage.any());
        let traced = counted.iter().find(|(source, _)| *source == "ebpf");
        let source = match traced.or(counted.first()) {
            Some((source, _)) => *source,
            None if any(&polled) => "rpc",
            None if any(&own) => "p2p",
            None => "ebpf",
        };
        let sums = match source {
            "rpc" => {
                let mut sums = add_up(&polled, request, &window, false);
                open_connections(&nodes, request, &window, &mut sums);
                sorted(sums)
            }
            "p2p" => sorted(add_up(&own, request, &window, true)),
            _ => {
                let sources: Vec<&Source> = counted.into_iter().map(|(_, messages)| messages).collect();
                sorted(add_up(&sources, request, &window, true))
            }
        };
        let one_by_one = source != "rpc";
        let types = sums.iter().map(|sum| total(sum, one_by_one)).collect();
        let own = if one_by_one { Vec::new() } else { sorted(add_up(&own, request, &window, true)) };
        let own = own.iter().map(|sum| total(sum, true)).collect();
        let totals = |of: fn(&State) -> &Values| {
            let mut values = window.unknown();
            nodes
                .iter()
                .for_each(|(_, node)| of(&node.pages.net).add_to(&window, node.pages.net.coverage, &mut values));
            values
        };
        let (received, sent) = (totals(|net| &net.received), totals(|net| &net.sent));
        let explained =
            |is_in: bool| sums.iter().filter(move |((_, inbound), _)| *inbound == is_in).map(|(_, sum)| sum);
        let net = net([(received.as_slice(), explained(true)), (sent.as_slice(), explained(false))]);
        let steps = |values: Vec<f64>| values.into_iter().map(Step).collect::<Steps>();
        let rows = sums.into_iter().map(|((message, inbound), sum)| Row {
            message: message.to_owned(),
            direction: direction(inbound),
            count: one_by_one.then(|| steps(sum.counts)),
            bytes: steps(sum.sizes),
        });
        let series = Series {
            start: Time(window.start_ns()),
            step_seconds: window.step_seconds(),
            rows: rows.collect(),
            bytes_received: steps(received),
            bytes_sent: steps(sent),
        };
        Ok(Messages { source, series, types, own, net })
    }
}

type Sums<'a> = BTreeMap<(&'a str, bool), Sum>;

/// Adds up what sources counted, by type and direction. `one_by_one`: each message was reported.
fn add_up<'a>(sources: &[&Source], request: &RequestContext<'a>, window: &Window, one_by_one: bool) -> Sums<'a> {
    let mut sums = Sums::new();
    for source in sources {
        for row in source.rows() {
            let name = request.state.types.name(row.kind);
            let sum = sums.entry((name, row.inbound)).or_insert_with(|| Sum::new(window));
            sum.count += row.count;
            sum.bytes = sum.bytes.saturating_add(if one_by_one { row.bytes } else { 0 });
            sum.rate += row.rate.per_second(request.now_ns);
            sum.byte_rate += row.byte_rate.per_second(request.now_ns);
            sum.last_ns = sum.last_ns.max(row.last_ns);
            row.counts.add_to(window, source.coverage, &mut sum.counts);
            row.sizes.add_to(window, source.coverage, &mut sum.sizes);
        }
    }
    sums
}

/// The sums, most bytes first.
fn sorted(sums: Sums<'_>) -> Vec<((&str, bool), Sum)> {
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
    sums
}

fn total(((message, inbound), sum): &((&str, bool), Sum), one_by_one: bool) -> Type {
    let of = |value: f64| one_by_one.then(|| round(value, 3));
    Type {
        message: (*message).to_owned(),
        direction: direction(*inbound),
        count: one_by_one.then_some(sum.count),
        bytes: sum.bytes,
        rate: of(sum.rate),
        byte_rate: of(sum.byte_rate),
        last: nonzero_time(sum.last_ns),
        mean_size: (sum.count > 0).then(|| round(sum.bytes as f64 / sum.count as f64, 1)),
    }
}

/// What was received and sent in all, and what the types explain of it, in the steps in which all is known.
fn net<'a, I: Iterator<Item = &'a Sum> + Clone>(sides: [(&[f64], I); 2]) -> Option<Net> {
    let [(received, unexplained_received), (sent, unexplained_sent)] = sides.map(|(all, parts)| {
        let known = || all.iter().enumerate().filter(|(_, bytes)| !bytes.is_nan());
        let part = |step: usize| {
            let of_step = parts.clone().filter_map(move |sum| sum.sizes.get(step).copied());
            of_step.filter(|bytes| !bytes.is_nan()).sum::<f64>()
        };
        let total: f64 = known().map(|(_, bytes)| *bytes).sum();
        let explained: f64 = known().map(|(step, _)| part(step)).sum();
        (known().next().map(|_| total.round() as u64), (total - explained).max(0.0).round() as u64)
    });
    Some(Net { received: received?, sent: sent?, unexplained_received, unexplained_sent })
}
