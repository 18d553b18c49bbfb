//! What is striking about a peer, and why.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::RequestContext;
use super::values::seconds;
use crate::state::peer::Peer;

/// So long a peer may be silent before it is striking.
const LISTEN_ONLY_SECONDS: f64 = 600.0;
/// A ping that is open for so long is striking: Bitcoin Core asks every two minutes.
const LATE_PONG_SECONDS: f64 = 60.0;
/// So many transactions that nobody asked for are striking.
const UNREQUESTED: u64 = 10;
/// So many refused addresses are striking.
const LIMITED: u64 = 1_000;

/// Something striking about a peer.
#[derive(Serialize, JsonSchema, Clone)]
pub(crate) struct Mark {
    /// `spy`: it gets announcements, makes none and wants nothing of what is announced. `address_flood`: it sends more addresses than the node
    /// takes. `unrequested`: it sends transactions that it was not asked for. `misbehaving`: the node says so. `late_pong`: it owes a pong.
    pub mark: &'static str,
    /// In words.
    pub why: String,
}

/// What is striking about a peer.
pub(crate) fn of(peer: &Peer, request: &RequestContext) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut mark = |mark, why| marks.push(Mark { mark, why });
    let until_ns = peer.end.as_ref().map_or(request.now_ns, |end| end.at_ns);
    let lasted = seconds(peer.connected_ns.unwrap_or(peer.first_seen_ns), until_ns);
    if let Some(heard) = listens_only(peer, request).filter(|_| lasted >= LISTEN_ONLY_SECONDS) {
        let minutes = lasted / 60.0;
        mark(
            "spy",
            format!(
                "for {minutes:.0} min it has been listening to transactions ({heard}), announced none and asked for none"
            ),
        );
    }
    let polled = peer.polled.as_deref();
    let limited = polled.map_or(0, |polled| polled.addr_rate_limited).max(peer.details.addresses.logged_limited);
    if limited >= LIMITED {
        mark("address_flood", format!("the node refused {limited} of its addresses"));
    }
    if peer.details.txs.unrequested >= UNREQUESTED {
        mark("unrequested", format!("it sent {} transactions that nobody asked it for", peer.details.txs.unrequested));
    }
    if peer.misbehaved > 0 {
        let last = peer.misbehaviours.back().map(|last| last.message.as_str()).filter(|text| !text.is_empty());
        mark("misbehaving", {
            let last = last.unwrap_or("without a reason");
            if peer.misbehaved == 1 { last.to_owned() } else { format!("{} times, the last: {last}", peer.misbehaved) }
        });
    }
    let waits = polled.map_or(0.0, |polled| polled.ping_wait);
    if waits >= LATE_PONG_SECONDS && peer.end.is_none() {
        mark("late_pong", format!("it has owed a pong for {waits:.0} s"));
    }
    marks
}

/// What an inbound peer heard that neither announces transactions nor asks for any.
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
