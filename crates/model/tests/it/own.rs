//! Which peer is our own P2P connection.

use super::*;

const SESSION: &str = "5bc8";

/// A connection of our own is about to be made.
fn expected(way: &str, address: &str) -> (&'static str, String) {
    event("connection_expected", &format!(r#""way":"{way}","our_address":"{address}""#))
}

/// Versions were exchanged.
fn opened(way: &str, address: &str, session_id: &str) -> (&'static str, String) {
    let transport = if session_id.is_empty() { "v1" } else { "v2" };
    let session_id = if session_id.is_empty() { String::new() } else { format!(r#""session_id":"{session_id}","#) };
    event(
        "connection_opened",
        &format!(
            r#""way":"{way}","our_address":"{address}",{session_id}"node_address":"127.0.0.1:41000","transport":"{transport}","our_nonce":77"#
        ),
    )
}

fn ended() -> (&'static str, String) {
    event("connection_ended", r#""reason":"closed","duration_ns":5"#)
}

/// A tracepoint reports that the node connected to this address, or was connected to from there.
fn traced(id: u64, addr: &str, inbound: bool) -> (&'static str, String) {
    let (kind, conn_type) = if inbound {
        ("inbound_connection", "Inbound")
    } else {
        ("outbound_connection", r#"Unknown","conn_type_name":"manual"#)
    };
    let conn = format!(r#"{{"peer_id":{id},"addr":"{addr}","conn_type":"{conn_type}","network":0}}"#);
    event(kind, &format!(r#""conn":{conn},"existing_connections":3"#))
}

/// The only peer of getpeerinfo.
fn polled(id: u64, addr: &str, kind: &str, more: &str) -> (&'static str, String) {
    let inbound = kind == "inbound";
    event(
        "peer_infos",
        &format!(r#""infos":[{{"id":{id},"address":"{addr}","connection_type":"{kind}","inbound":{inbound}{more}}}]"#),
    )
}

/// A version message came from a peer that was connected to, or that connected.
fn version(id: u64, addr: &str, inbound: bool, nonce: u64) -> (&'static str, String) {
    let conn_type = if inbound { "Inbound" } else { r#"Unknown","conn_type_name":"manual"# };
    let version = format!(
        r#""version":{{"version":70016,"services":0,"nonce":{nonce},"user_agent":"/peer-observer:0.1/","start_height":0,"relay":true}}"#
    );
    (
        "message",
        format!(
            r#"{{"meta":{{"peer_id":{id},"addr":"{addr}","conn_type":"{conn_type}","command":"version","inbound":true,"size":100}},{version}}}"#
        ),
    )
}

/// Which of the peers that were ever seen are ours.
fn own(play: &Play) -> Vec<u64> {
    let peers = play.model.peers.open().chain(play.model.peers.closed());
    let mut ids: Vec<u64> = peers.filter(|peer| peer.own).map(|peer| peer.id).collect();
    ids.sort_unstable();
    ids
}

const HERE: &str = "127.0.0.2:28333";
const FROM: &str = "127.0.0.1:50000";

#[test]
fn our_own_connection_is_found_by_whatever_is_known_of_it() {
    type Steps = Vec<(&'static str, String)>;
    let name = "localhost:28333";
    let bind = r#","address_bind":"127.0.0.1:41000""#;
    let session = r#","session_id":"5bc8""#;
    let other_session = r#","session_id":"0000""#;
    let table: Vec<(&str, Steps, &[u64])> = vec![
        ("where we listen", vec![expected("LISTENING", HERE), traced(4, HERE, false)], &[4]),
        ("only by RPC", vec![expected("LISTENING", HERE), polled(4, HERE, "manual", "")], &[4]),
        ("the tracepoint was first", vec![traced(4, HERE, false), opened("LISTENING", HERE, "")], &[4]),
        ("where we connect from", vec![expected("DIALLING", FROM), traced(4, FROM, true)], &[4]),
        ("the same, later", vec![traced(4, FROM, true), opened("DIALLING", FROM, "")], &[4]),
        (
            "the session",
            vec![expected("LISTENING", HERE), polled(4, name, "manual", session), opened("LISTENING", HERE, SESSION)],
            &[4],
        ),
        ("the nonce", vec![version(4, name, false, 77), opened("LISTENING", HERE, "")], &[4]),
        ("the node's side", vec![polled(4, name, "manual", bind), opened("LISTENING", HERE, "")], &[4]),
        ("a user agent shows nothing", vec![opened("LISTENING", HERE, ""), version(4, FROM, true, 78)], &[]),
        ("who claims our nonce came in", vec![opened("LISTENING", HERE, ""), version(4, FROM, true, 77)], &[]),
        ("the other way round", vec![expected("LISTENING", HERE), traced(4, HERE, true)], &[]),
        ("another peer on our machine", vec![expected("DIALLING", FROM), traced(4, "127.0.0.1:50001", true)], &[]),
        (
            "the port is another's now",
            vec![
                expected("DIALLING", FROM),
                opened("DIALLING", FROM, SESSION),
                polled(4, FROM, "inbound", other_session),
            ],
            &[],
        ),
        (
            "the extractor knows no address",
            vec![event("connection_expected", r#""way":"LISTENING""#), traced(4, "", false)],
            &[],
        ),
    ];
    for (what, steps, expected) in table {
        let mut play = Play::new();
        for (seconds, step) in (0..).map(f64::from).zip(&steps) {
            play.at(seconds * 0.1, (step.0, step.1.clone()));
        }
        assert_eq!(own(&play), expected, "{what}");
    }
}

#[test]
fn it_stays_so_when_the_node_or_the_extractor_begins_anew() {
    let mut play = Play::new();
    play.at(0.0, expected("LISTENING", HERE))
        .at(1.0, traced(4, HERE, false))
        .at(1.1, opened("LISTENING", HERE, SESSION));
    // The node is restarted, and connects again.
    play.at(100.0, ended()).at(100.1, line("node_started", r#""version":"v31""#)).at(101.0, traced(0, HERE, false));
    assert_eq!(own(&play), [0, 4]);
    assert_eq!(play.model.peers.open().filter(|peer| peer.own).count(), 1);
    // The extractor moves to another port; what is still reported of the old one is about ours.
    play.run = 2;
    play.at(200.0, expected("LISTENING", "127.0.0.2:28334")).at(201.0, traced(1, "127.0.0.2:28334", false));
    play.at(202.0, traced(2, HERE, false));
    assert_eq!(own(&play), [0, 1, 2, 4]);
}

#[test]
fn both_ways_may_be_tried_at_once() {
    for (addr, inbound) in [(HERE, false), (FROM, true)] {
        let mut play = Play::new();
        play.at(0.0, expected("LISTENING", HERE)).at(1.0, expected("DIALLING", "127.0.0.1:49999"));
        play.at(2.0, expected("DIALLING", FROM)).at(3.0, traced(4, addr, inbound));
        assert_eq!(own(&play), [4], "{addr}");
    }
}

#[test]
fn who_takes_our_port_or_our_nonce_later_is_not_us() {
    let mut play = Play::new();
    play.at(0.0, expected("DIALLING", FROM)).at(0.1, traced(4, FROM, true)).at(0.2, opened("DIALLING", FROM, ""));
    let closed = format!(
        r#""conn":{{"peer_id":4,"addr":"{FROM}","conn_type":"Inbound","network":0}},"time_established":1769860800"#
    );
    play.at(10.0, ended()).at(10.1, event("closed_connection", &closed));
    // An inbound peer through a proxy on the node's machine has the same address by chance.
    play.at(300.0, traced(5, FROM, true));
    // Somebody has read our nonce where events are public.
    play.at(301.0, version(6, "127.0.0.1:50006", true, 77));
    assert_eq!(own(&play), [4]);
}

#[test]
fn many_short_connections_do_not_push_out_the_one_that_is_open() {
    let mut play = Play::new();
    play.at(0.0, expected("DIALLING", FROM)).at(0.1, opened("DIALLING", FROM, "")).at(0.2, traced(4, FROM, true));
    play.run = 2;
    for number in 0..100_u32 {
        let from = format!("127.0.0.1:{}", 51_000 + number);
        let at = f64::from(number);
        play.at(1.0 + at, expected("DIALLING", &from))
            .at(1.1 + at, opened("DIALLING", &from, ""))
            .at(1.2 + at, ended());
    }
    play.at(150.0, polled(4, FROM, "inbound", ""));
    assert_eq!(own(&play), [4]);
}
