//! Peers, merged from three sources.

use super::*;

const CONNECTION: &str = r#"{"peer_id":5,"addr":"1.2.3.5:8333","conn_type":"Inbound","network":1}"#;

fn opened() -> (&'static str, String) {
    event("inbound_connection", &format!(r#""conn":{CONNECTION},"existing_connections":3"#))
}

/// Closed, after it was opened a minute before noon.
fn closed() -> (&'static str, String) {
    let established = time::parse_rfc3339(NOON).unwrap() / SECOND - 60;
    event("closed_connection", &format!(r#""conn":{CONNECTION},"time_established":{established}"#))
}

fn connected() -> (&'static str, String) {
    line("peer_connected", r#""peer_id":5,"connection_type":"inbound","addr":"1.2.3.5:8333","transport":"v2""#)
}

fn disconnected(reason: &str) -> (&'static str, String) {
    line("peer_disconnected", &format!(r#""peer_id":5,"reason":"{reason}","text":"why""#))
}

fn selected() -> (&'static str, String) {
    line("eviction_selected", r#""peer_id":5"#)
}

fn infos(peers: &[&str]) -> (&'static str, String) {
    event("peer_infos", &format!(r#""infos":[{{{}}}]"#, peers.join("},{")))
}

fn name(change: &Change) -> Option<String> {
    match change {
        Change::PeerSeen { id } => Some(format!("{id} seen")),
        Change::PeerOpened { id } => Some(format!("{id} opened")),
        Change::PeerEvicted { id, network } => Some(format!("{id} evicted {network}")),
        Change::PeerClosed { connection, why } => {
            let lasted = connection.opened_ns.map(|opened_ns| (connection.closed_ns - opened_ns) as f64 / 1e9);
            Some(format!("{} {} after {lasted:?}", connection.id, why.name()))
        }
        _ => None,
    }
}

#[test]
fn a_connection_opens_and_closes_once_whoever_reports_it() {
    type Steps = Vec<(f64, (&'static str, String))>;
    let table: Vec<(Steps, &[&str])> = vec![
        (vec![(0.0, closed())], &["5 seen", "5 closed after Some(60.0)"]),
        (
            vec![(0.0, opened()), (0.1, connected()), (9.0, closed())],
            &["5 seen", "5 opened", "5 closed after Some(69.0)"],
        ),
        (
            vec![(0.0, connected()), (0.1, opened()), (9.0, disconnected("CLOSED")), (15.0, closed())],
            &["5 seen", "5 opened", "5 closed after Some(9.0)"],
        ),
        // debug.log is faster than the tracepoint.
        (
            vec![(0.0, connected()), (1.0, disconnected("CLOSED")), (1.1, opened()), (1.2, closed())],
            &["5 seen", "5 opened", "5 closed after Some(61.2)"],
        ),
        (
            vec![(0.0, opened()), (1.0, disconnected("PING_TIMEOUT")), (1.1, closed())],
            &["5 seen", "5 opened", "5 ping_timeout after Some(61.1)"],
        ),
        (
            vec![(0.0, opened()), (1.0, selected()), (1.1, closed())],
            &["5 seen", "5 opened", "5 evicted ipv4", "5 evicted after Some(61.1)"],
        ),
        (vec![(0.0, selected())], &["5 evicted unknown"]),
        // Its handshake is logged after its end.
        (
            vec![(0.0, opened()), (0.1, closed()), (0.2, connected())],
            &["5 seen", "5 opened", "5 closed after Some(60.1)"],
        ),
        // Two openings by tracepoints: nobody reported the restart in between.
        (
            vec![(0.0, opened()), (100.0, opened())],
            &["5 seen", "5 opened", "5 node_restarted after Some(100.0)", "5 seen", "5 opened"],
        ),
    ];
    for (steps, changes) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.tick(110.0);
        assert_eq!(play.names(name), changes, "{steps:?}");
    }
}

#[test]
fn a_peer_is_known_from_all_sources() {
    let mut play = Play::new();
    let version = r#""version":{"version":70016,"services":9,"user_agent":"/x/","start_height":5,"relay":true}"#;
    play.at(0.0, received(5, "version", version)).at(0.1, received(5, "feefilter", r#""feefilter":{"fee":1000}"#));
    play.at(0.2, line("misbehaving", r#""peer_id":5,"message":"bad","action":"DISCOURAGED""#));
    play.at(0.3, event("misbehaving_connection", r#""id":5,"message":"bad""#));
    play.at(1.0, infos(&[r#""id":5,"address":"192.0.2.5:8333","network":"onion","connection_type":"inbound""#]));
    let peer = play.model.peers.get(5).unwrap();
    assert_eq!((peer.user_agent.as_deref(), peer.version, peer.services), (Some("/x/"), Some(70_016), Some(9)));
    assert_eq!((peer.fee_filter, peer.misbehaved, peer.network), (Some(1_000), 1, "onion"));
    assert_eq!(peer.misbehaviours[0].action, "discouraged");
    assert!(peer.has_messages && peer.polled.is_some());
    // It is gone when two answers in a row do not have it.
    play.at(11.0, infos(&[])).at(21.0, infos(&[]));
    assert!(play.model.peers.get(5).is_none());
    assert_eq!(play.model.peers.find(5).unwrap().end.as_ref().unwrap().how, "disappeared");
}

#[test]
fn a_peer_through_tor_does_not_have_the_address_of_the_proxy() {
    let tor = |network: u32| {
        let conn = format!(
            r#""conn":{{"peer_id":5,"addr":"127.0.0.1:58000","conn_type":"Inbound","network":{network}}},"existing_connections":1"#
        );
        event("inbound_connection", &conn)
    };
    let info = |network: &str| {
        infos(&[&format!(
            r#""id":5,"address":"127.0.0.1:58000","network":"{network}","connection_type":"inbound","inbound":true"#
        )])
    };
    let table = [
        (vec![tor(3)], "onion", false),
        (vec![tor(0)], "not_publicly_routable", true),
        (vec![info("onion")], "onion", false),
        (vec![info("not_publicly_routable")], "not_publicly_routable", true),
        // By what the node reports later.
        (vec![tor(0), info("onion")], "onion", false),
    ];
    for (steps, network, has_ip) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in (0..).map(f64::from).zip(&steps) {
            play.at(seconds, (kind, body.clone()));
        }
        let peer = play.model.peers.get(5).unwrap();
        assert_eq!((peer.network, peer.ip.is_some()), (network, has_ip), "{steps:?}");
        assert_eq!(peer.addr, "127.0.0.1:58000");
    }
}

#[test]
fn two_connections_with_one_id_are_told_apart() {
    let mut play = Play::new();
    // The first one was evicted, and its end was not reported; nor was the restart before the second one.
    play.at(0.0, connected()).at(0.0, selected()).at(10.0, opened());
    assert_eq!(
        play.names(name),
        ["5 seen", "5 opened", "5 evicted ipv4", "5 node_restarted after Some(10.0)", "5 seen", "5 opened"]
    );
    assert_eq!((play.model.peers.open().len(), play.model.peers.closed().len()), (1, 1));
}

#[test]
fn the_reason_in_the_log_is_kept() {
    let mut play = Play::new();
    play.at(0.0, opened()).at(5.0, closed()).at(5.5, disconnected("SOCKET_CLOSED")).at(5.6, disconnected("CLOSED"));
    let end = play.model.peers.find(5).unwrap().end.clone().unwrap();
    assert_eq!((end.how, end.reason, end.text.as_deref()), ("closed", Some("SOCKET_CLOSED"), Some("why")));
    let first = play.names(|change| match change {
        Change::DisconnectLogged { reason, .. } => Some(reason.as_str_name().to_owned()),
        _ => None,
    });
    assert_eq!(first, ["SOCKET_CLOSED"]);
}

#[test]
fn who_falls_silent_is_gone_unless_only_the_log_knows_it() {
    let mut play = Play::new();
    play.at(0.0, connected()).at(0.0, received(6, "ping", ""));
    play.tick(1_000.0);
    assert_eq!(play.model.peers.open().len(), 2);
    play.tick(1_261.0);
    assert!(play.model.peers.get(5).is_some() && play.model.peers.get(6).is_none());
}

#[test]
fn ids_begin_anew_with_the_node() {
    let mut play = Play::new();
    play.at(0.0, opened()).at(100.0, line("node_started", r#""version":"v31""#));
    assert_eq!(play.model.peers.open().len(), 0);
    // A new run of tracepoints right after the start is that of the new node.
    play.at(100.5, connected());
    play.run = 2;
    play.at(101.0, received(7, "ping", ""));
    assert_eq!(play.model.peers.open().len(), 2);
    // Later, nobody knows, unless getpeerinfo shows who is there.
    play.at(500.0, infos(&[r#""id":7,"address":"192.0.2.7:8333""#]));
    play.run = 3;
    play.at(510.0, received(8, "ping", ""));
    assert_eq!(play.model.peers.open().len(), 3);
    play.run = 4;
    play.at(900.0, received(9, "ping", ""));
    assert_eq!(play.model.peers.open().len(), 1);
}

/// An outbound connection has the same address as before, and the first ones have the same ids.
#[test]
fn a_connection_of_the_node_that_was_started_again_is_no_late_report_of_one_before() {
    type Steps = Vec<(f64, (&'static str, String))>;
    let noon = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let info = |connected: u64| {
        infos(&[&format!(
            r#""id":5,"address":"1.2.3.5:8333","connection_type":"manual","connection_time":{connected}"#
        )])
    };
    let added = || line("connection_added", r#""peer_id":5,"addr":"1.2.3.5:8333""#);
    let started = || line("node_started", r#""version":"v31""#);
    let ended = || vec![(0.0, connected()), (20.0, disconnected("CLOSED"))];
    let table: Vec<(&str, Steps, bool)> = vec![
        ("debug.log has the start", vec![(25.0, started()), (30.0, info(0))], true),
        ("nobody noticed the start, and the connection is younger", vec![(30.0, info(noon + 26))], true),
        ("the same by a tracepoint", vec![(26.0, opened())], true),
        ("an answer that was made before its end", vec![(21.0, info(noon))], false),
        ("a tracepoint that comes late", vec![(20.5, opened())], false),
        ("what is reported late of the time before the start", vec![(25.0, started()), (24.0, added())], false),
    ];
    for (what, steps, is_open) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in ended().into_iter().chain(steps) {
            play.at(seconds, (kind, body));
        }
        assert_eq!(play.model.peers.get(5).is_some(), is_open, "{what}");
    }
}
