//! `api/peers/{node}/{id}`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, Parameter};
use super::peers;
use super::values::{Step, Steps, Time, round};
use crate::state::names::{direction, of_request};
use crate::state::node::Node;
use crate::state::peer::{Peer as State, TRAFFIC_STEP_NS};
use crate::state::series::{Holes, Window};

pub(crate) struct Endpoint;

/// A peer in detail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerInFull")]
pub(crate) struct Peer {
    #[serde(flatten)]
    peer: peers::Peer,
    /// Messages by type and direction, most bytes first. By getpeerinfo: only bytes.
    by_message: Vec<ByMessage>,
    /// Requests and their replies, by kind.
    replies: Vec<Replies>,
    /// Its misbehaviour as reported by debug.log, oldest first.
    misbehaviours: Vec<Misbehaviour>,
    /// Its last 200 messages, oldest first.
    messages: Vec<Message>,
    /// Its traffic over the last hour. Null if messages are not reported one by one.
    traffic: Option<Traffic>,
    /// Its last 200 pings, oldest first.
    pings: Vec<Ping>,
    /// The last 50 entries of debug.log about it, oldest first.
    log: Vec<Entry>,
}

/// Messages of one type in one direction.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ByMessage {
    /// Type of the message.
    message: String,
    /// `inbound`: sent by the peer; `outbound`: sent by the node.
    direction: &'static str,
    /// Number of messages. Null by getpeerinfo.
    count: Option<u64>,
    /// Size of their payloads, in bytes; by getpeerinfo, of the whole messages.
    bytes: u64,
    /// Time of the last message. Null by getpeerinfo.
    last: Option<Time>,
}

/// Requests of one kind, and their replies.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerReplies")]
pub(crate) struct Replies {
    /// Message type of the request.
    request: &'static str,
    /// Message type of the reply.
    reply: &'static str,
    /// Which side replies: `peer` or `node`.
    by: &'static str,
    /// Number of replies.
    count: u64,
    /// Seconds from the request to the reply, of the last reply.
    last_seconds: Option<f64>,
    /// Median of the last 128 replies, in seconds.
    median_seconds: Option<f64>,
    /// 99th percentile of the last 128 replies, in seconds.
    p99_seconds: Option<f64>,
    /// Number of requests that have no reply yet.
    open: u64,
}

/// Misbehaviour of a peer, as reported by debug.log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerMisbehaviour")]
pub(crate) struct Misbehaviour {
    /// When it was logged.
    time: Time,
    /// The description in debug.log.
    message: String,
    /// The node's reaction: `noticed`, `discouraged`, `spared_noban`, `spared_manual` or `disconnected_local`.
    action: &'static str,
}

/// A P2P message of a peer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerMessage")]
pub(crate) struct Message {
    /// When it was sent or received.
    time: Time,
    /// Type of the message.
    message: String,
    /// `inbound`: sent by the peer; `outbound`: sent by the node.
    direction: &'static str,
    /// Size of the payload, in bytes.
    size: u32,
    /// A short summary of the content.
    about: String,
    /// Sequence number of its event within the extractor's run.
    seq: u64,
    /// Sequence number of the request that it replies to. Null if it is no reply.
    reply_to: Option<u64>,
    /// Seconds since that request.
    after_seconds: Option<f64>,
}

/// Traffic of a peer over time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerTraffic")]
pub(crate) struct Traffic {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Bytes sent by the peer.
    bytes_in: Steps,
    /// Bytes sent to the peer.
    bytes_out: Steps,
    /// Number of messages sent by the peer.
    messages_in: Steps,
    /// Number of messages sent to the peer.
    messages_out: Steps,
}

/// A ping that was answered.
#[derive(Serialize, JsonSchema, Clone)]
pub(crate) struct Ping {
    /// When the pong was received.
    pub time: Time,
    /// Round-trip time, in seconds.
    pub seconds: f64,
}

/// An entry of debug.log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerEntry")]
pub(crate) struct Entry {
    /// When it was logged.
    time: Time,
    /// Category of the entry.
    category: String,
    /// Text of the entry.
    text: String,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Peer;
    const PATH: &'static str = "peers/{node}/{id}";
    const TITLE: &'static str = "A peer in detail";
    const ABOUT: &'static str = "Messages, replies, traffic, pings and log entries of one peer. A closed connection remains available for a while.";
    const PARAMETERS: &'static [Parameter] = &[];

    fn answer(request: &RequestContext) -> Result<Peer, ApiError> {
        let [name, id] = request.arguments.path.as_slice() else {
            return Err(ApiError::not_found("the path must name a node and a peer".to_owned()));
        };
        let (name, node) = request.node(name)?;
        let peer = id.parse().ok().and_then(|id| node.model.peers.find(id));
        let missing =
            || ApiError::not_found(format!("{name} has no peer {}, and had none recently", event::quote::Quoted(id)));
        Ok(of(name, node, peer.ok_or_else(missing)?, request))
    }
}

fn of(name: &str, node: &Node, peer: &State, request: &RequestContext) -> Peer {
    let types = &request.state.types;
    let past = peer.details.counted().into_iter().flat_map(|counted| &counted.past);
    Peer {
        peer: peers::of(name, node, peer, request),
        by_message: by_message(peer, request),
        replies: replies(node, peer),
        misbehaviours: peer
            .misbehaviours
            .iter()
            .map(|one| Misbehaviour { time: Time(one.at_ns), message: one.message.to_string(), action: one.action })
            .collect(),
        messages: past
            .map(|past| Message {
                time: Time(past.at_ns),
                message: types.name(past.kind).to_owned(),
                direction: direction(past.inbound),
                size: past.size,
                about: past.summary.to_string(),
                seq: past.sequence,
                reply_to: past.reply_to.map(|(sequence, _)| sequence),
                after_seconds: past.reply_to.map(|(_, seconds)| round(f64::from(seconds), 6)),
            })
            .collect(),
        traffic: traffic(peer, request.now_ns, &request.state.holes),
        pings: pings(peer, usize::MAX),
        log: peer
            .details
            .log
            .iter()
            .map(|entry| Entry {
                time: Time(entry.at_ns),
                category: entry.category.to_string(),
                text: entry.text.to_string(),
            })
            .collect(),
    }
}

/// The last pings of a peer, at most `most`, oldest first.
pub(crate) fn pings(peer: &State, most: usize) -> Vec<Ping> {
    let skip = peer.details.pings.len().saturating_sub(most);
    let ping = |(at_ns, seconds): &(u64, f32)| Ping { time: Time(*at_ns), seconds: round(f64::from(*seconds), 6) };
    peer.details.pings.iter().skip(skip).map(ping).collect()
}

fn by_message(peer: &State, request: &RequestContext) -> Vec<ByMessage> {
    let types = &request.state.types;
    let mut rows: Vec<ByMessage> = match (peer.details.counted(), &peer.details.polled_bytes) {
        (Some(counted), _) => {
            let row = |count: &crate::state::peer::Count| ByMessage {
                message: types.name(count.kind).to_owned(),
                direction: direction(count.inbound),
                count: Some(count.count),
                bytes: count.bytes,
                last: Some(Time(count.last_ns)),
            };
            counted.by_type.iter().map(row).collect()
        }
        (None, Some(polled)) => {
            let rows = polled.iter().flat_map(|(kind, sent, received)| {
                let row = |inbound, bytes| ByMessage {
                    message: types.name(*kind).to_owned(),
                    direction: direction(inbound),
                    count: None,
                    bytes,
                    last: None,
                };
                [row(false, *sent), row(true, *received)]
            });
            rows.filter(|row| row.bytes > 0).collect()
        }
        (None, None) => Vec::new(),
    };
    rows.sort_by(|a, b| {
        b.bytes.cmp(&a.bytes).then_with(|| a.message.cmp(&b.message)).then_with(|| a.direction.cmp(b.direction))
    });
    rows
}

fn replies(node: &Node, peer: &State) -> Vec<Replies> {
    let who = |by_peer| if by_peer { "peer" } else { "node" };
    let mut open = node.model.requests.open(peer.id);
    let mut rows: Vec<Replies> = Vec::new();
    for answers in peer.details.traced.iter().flat_map(|traced| &traced.replies) {
        let [median_seconds, p99_seconds] = answers.samples.quantiles([0.5, 0.99]);
        let (request, reply) = of_request(answers.request);
        let waiting =
            open.iter().position(|(kind, by_peer, _)| *kind == answers.request && *by_peer == answers.by_peer);
        rows.push(Replies {
            request,
            reply,
            by: who(answers.by_peer),
            count: answers.samples.count,
            last_seconds: answers.samples.last(),
            median_seconds,
            p99_seconds,
            open: waiting.map_or(0, |at| open.swap_remove(at).2),
        });
    }
    for (kind, by_peer, count) in open {
        let (request, reply) = of_request(kind);
        let none = (None, None, None);
        let (last_seconds, median_seconds, p99_seconds) = none;
        rows.push(Replies {
            request,
            reply,
            by: who(by_peer),
            count: 0,
            last_seconds,
            median_seconds,
            p99_seconds,
            open: count,
        });
    }
    rows.sort_by_key(|row| (row.request, row.reply, row.by));
    rows
}

fn traffic(peer: &State, now_ns: u64, holes: &Holes) -> Option<Traffic> {
    let counted = peer.details.counted()?;
    let window = Window::new(60, now_ns, holes);
    let step_ns = TRAFFIC_STEP_NS;
    let (from, until) = (peer.first_seen_ns / step_ns, peer.end.as_ref().map_or(now_ns, |end| end.at_ns) / step_ns);
    let mut columns: [Steps; 4] = Default::default();
    for step in (window.first..).take(window.steps) {
        let observed = (from..=until).contains(&step) && !window.is_hole(step);
        let values = counted.traffic.get(step).or_else(|| observed.then_some([0; 4]));
        for (column, index) in columns.iter_mut().zip(0..) {
            let value = values.and_then(|values| values.get::<usize>(index).copied());
            column.push(Step(value.map_or(f64::NAN, f64::from)));
        }
    }
    let [bytes_in, bytes_out, messages_in, messages_out] = columns;
    let (start, step_seconds) = (Time(window.start_ns()), window.step_seconds());
    Some(Traffic { start, step_seconds, bytes_in, bytes_out, messages_in, messages_out })
}
