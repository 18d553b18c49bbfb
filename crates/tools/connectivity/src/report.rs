//! What came of an attempt, as an event.

use event::Body;
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::connectivity::{Attempt, Connectivity};
use event::time::nanoseconds;

use crate::heard::Heard;
use crate::store::Finding;

/// The result for an address, as it was heard. `asn` is its autonomous system; `cached` if it was tried for somebody
/// else, or before.
pub fn attempt(heard: &Heard, finding: &Finding, asn: Option<u32>, cached: bool) -> Attempt {
    let Finding { tried_ns, duration, outcome, version, reason } = finding;
    Attempt {
        address: heard.address(),
        addrv2: heard.by.addrv2,
        outcome: (*outcome).into(),
        cached,
        heard_ns: heard.by.heard_ns,
        tried_ns: *tried_ns,
        duration_ns: nanoseconds(*duration),
        source_peer_id: heard.by.peer,
        source_addr: heard.by.addr.as_deref().map(str::to_owned),
        source_tor_exit: heard.by.tor_exit,
        version: version.clone(),
        asn,
        reason: reason.clone(),
    }
}

/// The event of a result.
pub fn body(attempt: Attempt) -> Body {
    Body::Connectivity(Connectivity { connectivity_event: Some(ConnectivityEvent::Attempt(attempt)) })
}
