//! `api/happenings`.

use std::cmp::Reverse;

use model::{NodeState, SourceState};
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::Time;
use crate::state::happenings::{self, Kind};
use crate::state::node::Node;

pub(crate) struct Endpoint;

/// So many are in an answer.
const MAX: usize = 100;

/// Something that happened at a node, or is wrong with it now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Happening {
    /// Name of the node.
    node: String,
    /// `node_away`, `node_restarted`, `source_away`, `events_lost`, `invalid_chain`, `reorganization`, `mutated_block`, `misbehaving`,
    /// `log_limited`, `disk_low`, `network_inactive`, or by our own P2P connection: `p2p_opened`, `p2p_ended`,
    /// `version_changed`, `own_address`, `feature_offered`, `stale_tips`.
    kind: &'static str,
    /// How bad it is.
    severity: Severity,
    /// What happened, in words.
    what: String,
    /// When it began, or happened first.
    since: Time,
    /// When it happened last, or ended. Null if it lasts.
    until: Option<Time>,
    /// How often it happened. The same again within ten minutes is counted.
    count: u64,
    /// Id of the peer that did it. Null if it was none.
    peer: Option<u64>,
}

/// How bad something is: `error` (look now), `warning` (look today) or `note` (good to know).
#[derive(Clone, Copy, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Error,
    Warning,
    Note,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Happening>;
    const PATH: &'static str = "happenings";
    const TITLE: &'static str = "What happened";
    const ABOUT: &'static str = "What an operator should know of: nodes and extractors that are away, restarts, lost \
        events, reorganizations, invalid chains, peers that break the protocol, and what our own P2P connection shows of \
        the node itself. What lasts is first, then what is worst, then what is newest. It is kept for a day, up to 20 of a \
        kind for each node.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Vec<Happening>, ApiError> {
        let mut all = Vec::new();
        for (name, node) in request.nodes()? {
            all.extend(present(name, node, request.state.started_ns));
            all.extend(node.pages.happenings.all().map(|one| past(name, one)));
        }
        all.sort_by_key(|one| {
            let is_over = one.until.is_some();
            // Nothing of a node is as bad as that it is gone.
            let is_else = is_over || one.kind != "node_away";
            (is_over, is_else, one.severity, Reverse(one.until.unwrap_or(one.since)))
        });
        all.truncate(MAX);
        Ok(all)
    }
}

/// What is wrong with a node now.
fn present(name: &str, node: &Node, started_ns: u64) -> Vec<Happening> {
    let lasting = |kind, severity, since_ns: u64, what: String| Happening {
        node: name.to_owned(),
        kind,
        severity,
        what,
        since: Time(since_ns),
        until: None,
        count: 1,
        peer: None,
    };
    let mut all = Vec::new();
    let liveness = &node.model.liveness;
    let state = liveness.node();
    if !state.state.is_alive() {
        let since_ns = if state.since_ns > 0 { state.since_ns } else { started_ns };
        let what = with_reason(node_words(state.state), state.reason.as_deref());
        all.push(lasting("node_away", Severity::Error, since_ns, what));
        // Without the node, nothing else is known.
        return all;
    }
    for (source, extractor) in liveness.sources() {
        let condition = &extractor.condition;
        if condition.state != SourceState::Up {
            let what = format!("The extractor {source} {}", source_words(condition.state));
            let what = with_reason(&what, condition.reason.as_deref());
            all.push(lasting("source_away", Severity::Warning, condition.since_ns, what));
        }
    }
    let about = &node.pages.about;
    let disk = about.process.as_ref().and_then(|process| Some((process.disk_available?, process.disk_low_since_ns?)));
    if let Some((available, since_ns)) = disk {
        let what = format!("Only {:.1} GB are left on the disk of its data directory.", available as f64 / 1e9);
        all.push(lasting("disk_low", Severity::Error, since_ns, what));
    }
    if about.network_active == Some(false) {
        let since_ns = node.pages.sources.last_ns;
        all.push(lasting("network_inactive", Severity::Error, since_ns, "Its P2P network is switched off.".to_owned()));
    }
    all
}

/// Something that happened.
fn past(name: &str, happened: &happenings::Happening) -> Happening {
    let happenings::Happening { kind, since_ns, last_ns, count, peer, what, state } = happened;
    let (kind, severity, what) = match kind {
        Kind::NodeAway => {
            let was = match *state {
                "hanging" => "hung",
                "down" => "was down",
                _ => "sent nothing",
            };
            ("node_away", Severity::Error, format!("It {was} for {}.", lasted(*since_ns, *last_ns)))
        }
        Kind::NodeRestarted => ("node_restarted", Severity::Warning, "It was restarted.".to_owned()),
        Kind::SourceAway => {
            let was = match *state {
                "ended" => "had ended",
                "silent" => "sent nothing",
                _ => "could not read the node",
            };
            let what = format!("The extractor {what} {was} for {}.", lasted(*since_ns, *last_ns));
            ("source_away", Severity::Warning, what)
        }
        Kind::EventsLost => {
            let at = if what == "nats" { "before they reached this program" } else { "in this program" };
            ("events_lost", Severity::Warning, format!("{count} of its events were lost {at}."))
        }
        Kind::InvalidChain => ("invalid_chain", Severity::Error, "It found an invalid chain.".to_owned()),
        Kind::Reorganization => {
            let severity = if *count > 1 { Severity::Error } else { Severity::Warning };
            let blocks = if *count == 1 { "A block was" } else { &format!("{count} blocks were") };
            ("reorganization", severity, format!("{blocks} disconnected from its chain."))
        }
        Kind::MutatedBlock => {
            ("mutated_block", Severity::Error, format!("A peer sent a block that was changed on the way ({what})."))
        }
        Kind::Misbehaving => {
            let peer = peer.map(|peer| format!(" {peer}")).unwrap_or_default();
            ("misbehaving", Severity::Warning, format!("Peer{peer} broke the protocol: {what}."))
        }
        Kind::LogLimited => {
            ("log_limited", Severity::Warning, "It limits its log: one place in its code logs too much.".to_owned())
        }
        Kind::OwnOpened => ("p2p_opened", Severity::Note, format!("Our P2P connection was opened: {what}.")),
        Kind::OwnEnded => {
            let reason = Some(what.as_str()).filter(|reason| !reason.is_empty());
            ("p2p_ended", Severity::Note, with_reason("Our P2P connection ended", reason))
        }
        Kind::VersionChanged => {
            ("version_changed", Severity::Warning, format!("It introduces itself in another way than before: {what}."))
        }
        Kind::OwnAddress => ("own_address", Severity::Note, format!("It announces {what} as its own address.")),
        Kind::FeatureOffered => ("feature_offered", Severity::Note, format!("It offers the feature {what}.")),
        Kind::StaleTips => (
            "stale_tips",
            Severity::Warning,
            format!("It reported a chain that is not the active one, up to block {what}."),
        ),
    };
    let (since, until) = (Time(*since_ns), Some(Time(*last_ns)));
    Happening { node: name.to_owned(), kind, severity, what, since, until, count: *count, peer: *peer }
}

/// What a node that is away does.
pub(crate) fn node_words(state: NodeState) -> &'static str {
    match state {
        NodeState::Down => "It is down",
        NodeState::Hanging => "It hangs: it is there and does not answer",
        NodeState::Unknown => "Whether it runs is not known",
        NodeState::Starting => "It starts",
        NodeState::Up => "It is up",
    }
}

/// What an extractor that does not read its node does.
pub(crate) fn source_words(state: SourceState) -> &'static str {
    match state {
        SourceState::Up => "is up",
        SourceState::Down => "cannot read the node",
        SourceState::Ended => "has ended",
        SourceState::Silent => "sends nothing any more",
    }
}

/// A sentence, with its reason.
pub(crate) fn with_reason(what: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}."),
        None => format!("{what}."),
    }
}

/// A duration in words.
fn lasted(from_ns: u64, to_ns: u64) -> String {
    let seconds = to_ns.saturating_sub(from_ns).div_ceil(1_000_000_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
