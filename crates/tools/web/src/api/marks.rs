//! Marks of unusual behaviour of peers, and their reasons.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::RequestContext;
use super::values::seconds;
use crate::state::peer::Peer;

/// A peer that only listens gets the mark `spy` after this time, in seconds.
const LISTEN_ONLY_SECONDS: f64 = 600.0;
/// A ping that is unanswered for this time, in seconds, gives the mark `late_pong`. Bitcoin Core sends one every two minutes.
const LATE_PONG_SECONDS: f64 = 60.0;
/// This many unrequested transactions give the mark `unrequested`.
const UNREQUESTED: u64 = 10;
/// This many rate-limited addresses give the mark `address_flood`.
const LIMITED: u64 = 1_000;

/// A mark of unusual behaviour of a peer.
#[derive(Serialize, JsonSchema, Clone)]
pub(crate) struct Mark {
    /// `spy`: receives announcements of transactions, makes none and requests none. `address_flood`: sends more addresses than the node accepts.
    /// `unrequested`: sends transactions that were not requested. `misbehaving`: the node reports misbehaviour. `late_pong`: has not answered a
    /// ping for at least a minute.
    pub mark: &'static str,
    /// The reason, as text.
    pub why: String,
}

/// The marks of a peer. Our own connection only listens, and gets none.
pub(crate) fn of(peer: &Peer, request: &RequestContext) -> Vec<Mark> {
    let mut marks = Vec::new();
    if peer.own {
        return marks;
    }
    let mut mark = |mark, why| marks.push(Mark { mark, why });
    let until_ns = peer.end.as_ref().map_or(request.now_ns, |end| end.at_ns);
    let lasted = seconds(peer.connected_ns.unwrap_or(peer.first_seen_ns), until_ns);
    if let Some(announced) = listens_only(peer, request).filter(|_| lasted >= LISTEN_ONLY_SECONDS) {
        let minutes = lasted / 60.0;
        mark(
            "spy",
            format!(
                "for {minutes:.0} min it has received announcements of transactions ({announced}), announced none and requested none"
            ),
        );
    }
    let polled = peer.polled.as_deref();
    let limited = polled.map_or(0, |polled| polled.addr_rate_limited).max(peer.details.addresses.logged_limited);
    if limited >= LIMITED {
        mark("address_flood", format!("the node dropped {limited} of its addresses because of rate limiting"));
    }
    if peer.details.txs.unrequested >= UNREQUESTED {
        mark("unrequested", format!("it sent {} transactions that were not requested", peer.details.txs.unrequested));
    }
    if peer.misbehaved > 0 {
        let last = peer.misbehaviours.back().map(|last| last.message.as_str()).filter(|text| !text.is_empty());
        mark("misbehaving", {
            let last = last.unwrap_or("no reason given");
            if peer.misbehaved == 1 { last.to_owned() } else { format!("{} times, the last: {last}", peer.misbehaved) }
        });
    }
    let waits = polled.map_or(0.0, |polled| polled.ping_wait);
    if waits >= LATE_PONG_SECONDS && peer.end.is_none() {
        mark("late_pong", format!("it has not answered a ping for {waits:.0} s"));
    }
    marks
}

/// What was announced to an inbound peer that neither announces transactions nor requests any. `None` for other peers.
fn listens_only(peer: &Peer, request: &RequestContext) -> Option<String> {
    if peer.inbound != Some(true) || peer.relay == Some(false) {
        return None;
    }
    let types = &request.state.types;
    let ((sent_inv, received_inv), (sent_tx, _)) =
        (peer.details.polled_bytes(types.of("inv")), peer.details.polled_bytes(types.of("tx")));
    if peer.polled.is_some() {
        return (sent_inv > 0 && received_inv == 0 && sent_tx == 0).then(|| format!("{sent_inv} bytes of inv"));
    }
    let txs = &peer.details.txs;
    let silent = txs.announced == 0 && txs.delivered == 0 && txs.requested_by == 0;
    (txs.announced_to > 0 && silent).then(|| format!("{} announcements", txs.announced_to))
}
