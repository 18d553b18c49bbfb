//! Connections that are opened and that end.

use super::*;

/// With an address that is publicly routable: debug.log has no network, so it is taken from the address.
const CONNECTION: &str = r#"{"peer_id":5,"addr":"1.2.3.5:8333","conn_type":"Inbound","network":1}"#;

/// Noon less 60 s.
fn established() -> u64 {
    time::parse_rfc3339(NOON).unwrap() / SECOND - 60
}

#[test]
fn how_connections_end() {
    let closed = || event("closed_connection", &format!(r#""conn":{CONNECTION},"time_established":{}"#, established()));
    let opened = || event("inbound_connection", &format!(r#""conn":{CONNECTION},"existing_connections":3"#));
    let evicted =
        || event("evicted_inbound_connection", &format!(r#""conn":{CONNECTION},"time_established":{}"#, established()));
    let reason =
        |reason: &str| line("peer_disconnected", &format!(r#""peer_id":5,"reason":"{}""#, reason.to_uppercase()));
    let connected = || line("peer_connected", r#""peer_id":5,"connection_type":"inbound","addr":"1.2.3.5:8333""#);
    let selected = || line("eviction_selected", r#""peer_id":5"#);
    // When what happens; how it ended; opened, ended, evicted, disconnected.
    let table: Vec<(Steps, &str, [usize; 4], f64)> = vec![
        (vec![(0.0, closed())], "closed", [0, 1, 0, 0], 60.0),
        (vec![(0.0, opened()), (9.5, closed())], "closed", [1, 1, 0, 0], 69.5),
        (vec![(0.0, opened()), (1.0, evicted()), (1.1, closed())], "evicted", [1, 1, 1, 0], 61.1),
        (vec![(1.0, closed()), (1.5, selected())], "evicted", [0, 1, 1, 0], 61.0),
        (vec![(1.0, selected()), (1.0, evicted()), (1.0, closed())], "evicted", [0, 1, 1, 0], 61.0),
        (
            vec![(0.0, reason("ping_timeout")), (0.5, reason("closed")), (1.0, closed())],
            "ping_timeout",
            [0, 1, 0, 1],
            61.0,
        ),
        (
            vec![(0.0, closed()), (0.1, reason("socket_closed")), (0.2, reason("closed"))],
            "socket_closed",
            [0, 1, 0, 1],
            60.0,
        ),
        (vec![(0.0, closed()), (3.0, reason("socket_closed"))], "closed", [0, 1, 0, 1], 60.0),
        (
            vec![(0.0, connected()), (7.0, reason("inactivity")), (7.0, reason("closed"))],
            "inactivity",
            [1, 1, 0, 1],
            7.0,
        ),
        (vec![(0.0, connected()), (7.0, selected()), (7.0, reason("closed"))], "evicted", [1, 1, 1, 1], 7.0),
        (
            vec![
                (0.0, opened()),
                (0.1, connected()),
                (5.0, reason("by_operator")),
                (5.1, closed()),
                (5.1, reason("closed")),
            ],
            "by_operator",
            [1, 1, 0, 1],
            65.1,
        ),
        (
            vec![(0.0, connected()), (0.1, opened()), (5.0, reason("closed")), (9.0, closed())],
            "closed",
            [1, 1, 0, 1],
            5.0,
        ),
        (vec![(0.0, opened()), (0.1, closed()), (0.2, connected())], "closed", [1, 1, 0, 0], 60.1),
    ];
    for (steps, end, [opens, ends, evictions, disconnects], lifetime) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.tick(60.0);
        play.is(ids::CONNECTION_LIFETIME, &["ipv4", "inbound", end], ends as f64).has(ids::CONNECTION_LIFETIME, ends);
        play.sums_to(ids::CONNECTION_LIFETIME, &["ipv4", "inbound", end], lifetime);
        play.is(ids::CONNECTIONS_OPENED, &["inbound", "inbound", "ipv4"], opens as f64)
            .has(ids::CONNECTIONS_OPENED, opens);
        play.has(ids::EVICTIONS, evictions).has(ids::DISCONNECTS, disconnects);
    }
}

#[test]
fn peer_ids_begin_anew_with_the_node() {
    let open = || {
        event("outbound_connection", r#""conn":{"peer_id":1,"addr":"a.onion:1","conn_type_name":"manual","network":3}"#)
    };
    let logged = || line("peer_connected", r#""peer_id":1,"connection_type":"manual""#);
    let labels = ["outbound", "manual", "onion"];
    let mut play = Play::new();
    play.at(0.0, open()).at(0.1, logged()).is(ids::CONNECTIONS_OPENED, &labels, 1.0).has(ids::CONNECTIONS_OPENED, 1);
    // The log may tell of the new node before a new run of tracepoints begins, or after that.
    play.at(100.0, line("node_started", r#""version":"v31""#)).at(100.5, logged());
    play.is(ids::CONNECTIONS_OPENED, &["outbound", "manual", "unknown"], 1.0);
    play.run = 2;
    play.at(101.0, open()).has(ids::CONNECTIONS_OPENED, 2);
    play.run = 3;
    play.at(300.0, open()).is(ids::CONNECTIONS_OPENED, &labels, 2.0);
    play.run = 1;
    play.at(300.1, line("node_started", r#""version":"v31""#)).at(301.0, logged()).has(ids::CONNECTIONS_OPENED, 2);
}

#[test]
fn connections_by_group_and_refusals() {
    let mut play = Play::new();
    let inbound = |id: u64, addr: &str| {
        event(
            "inbound_connection",
            &format!(r#""conn":{{"peer_id":{id},"addr":"{addr}","conn_type":"Inbound","network":1}}"#),
        )
    };
    play.at(0.0, inbound(1, "198.51.100.1:5"))
        .at(0.0, inbound(2, "198.51.7.1:5"))
        .at(0.0, inbound(3, "[2001:db8::1]:5"));
    play.at(0.0, inbound(4, "x.b32.i2p:0"));
    play.is(ids::GROUP_CONNECTIONS_OPENED, &["198.51.0.0/16"], 2.0).has(ids::GROUP_CONNECTIONS_OPENED, 2);
    play.has(ids::AS_CONNECTIONS_OPENED, 0); // there is no map
    play.at(1.0, line("connection_refused", r#""reason":"DISCOURAGED_ADDRESS""#));
    play.at(1.0, line("misbehaving", r#""peer_id":1,"action":"DISCOURAGED""#));
    play.at(1.0, line("block_download_stalled", r#""kind":"STARTED""#));
    play.at(1.0, line("peer_disconnected", r#""peer_id":1,"reason":"STALLING_BLOCKS""#));
    play.at(1.0, line("unknown_log_message", r#""raw_message":"?""#));
    play.at(1.0, line("log_rate_limit", r#""begins":true,"bytes":7"#)).at(2.0, line("log_rate_limit", r#""bytes":9"#));
    play.is(ids::CONNECTIONS_REFUSED, &["discouraged_address"], 1.0).is(ids::MISBEHAVIOUR, &["discouraged"], 1.0);
    play.is(ids::BLOCK_STALLS, &["started"], 1.0).is(ids::BLOCK_STALLS, &["stalling_blocks"], 1.0);
    play.is(ids::LOG_UNKNOWN_LINES, &[], 1.0).is(ids::LOG_SUPPRESSIONS, &[], 1.0).is(
        ids::LOG_SUPPRESSED_BYTES,
        &[],
        9.0,
    );
}
