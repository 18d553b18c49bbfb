//! Attempts of the connectivity check.

use event::Body;
use event::pb::connectivity::connectivity::ConnectivityEvent;

use super::{address_of, lower};
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, duration, flag, float, int, nanoseconds, seconds, time, unsigned, word};

pub(super) const TABLE: Table = Table {
    name: "connectivity",
    meaning: "A row for each gossiped address that the connectivity check tried, or heard of again.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word("network", "network of the address: `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, ..."),
    word("address", "without port"),
    int("port", "its port"),
    unsigned("claimed_services", "service flags that were gossiped"),
    time("claimed", "when a node was last seen there, as was gossiped"),
    word("message_type", "`addr` or `addrv2`: how it was gossiped"),
    word(
        "outcome",
        "`v1`, `v2` (a node, and its transport), `refused`, `timeout`, `reset`, `unreachable`, `not_bitcoin` or \
         `wrong_network`",
    ),
    flag("cached", "the outcome is that of an earlier attempt"),
    time("heard", "when it was heard of"),
    time("tried", "when it was tried"),
    float("duration", "seconds from the first packet to the outcome"),
    int(
        "source_peer_id",
        "the node's id of the peer that gossiped it; NULL if it was the node itself, to our own connection",
    ),
    word("source_addr", "address and port of that peer"),
    flag("source_tor_exit", "that peer is a Tor exit"),
    int("protocol_version", "of the node there, as the following"),
    unsigned("services", "service flags"),
    word("user_agent", "as it names itself"),
    int("start_height", "its height"),
    flag("relay", "it wants transactions"),
    int("clock_offset", "seconds that its clock is ahead of ours"),
    int("asn", "number of the autonomous system of the address, if it is known"),
    word("reason", "what went wrong"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(Body::Connectivity(connectivity)) = seen.body() else { return };
    let Some(ConnectivityEvent::Attempt(attempt)) = &connectivity.connectivity_event else { return };
    let (network, text) = address_of(&attempt.address);
    let outcome = lower(attempt.outcome().as_str_name());
    let version = attempt.version.as_ref();
    rows.push(
        seen,
        [
            network.into(),
            text.into(),
            attempt.address.port.into(),
            Value::Unsigned(attempt.address.services),
            seconds(attempt.address.timestamp.into()),
            if attempt.addrv2 { "addrv2" } else { "addr" }.into(),
            (&outcome).into(),
            attempt.cached.into(),
            nanoseconds(attempt.heard_ns),
            nanoseconds(attempt.tried_ns),
            duration(attempt.duration_ns),
            attempt.source_peer_id.into(),
            attempt.source_addr.as_ref().into(),
            attempt.source_tor_exit.into(),
            version.map(|version| version.version).into(),
            version.map_or(Value::Null, |version| Value::Unsigned(version.services)),
            version.map(|version| &version.user_agent).into(),
            version.map(|version| version.start_height).into(),
            version.map(|version| version.relay).into(),
            version.map(|version| version.clock_offset).into(),
            attempt.asn.into(),
            attempt.reason.as_ref().into(),
        ],
    );
}
