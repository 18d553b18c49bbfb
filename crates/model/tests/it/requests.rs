//! Requests and their answers.

use super::*;

fn name(change: &Change) -> Option<String> {
    match change {
        Change::Answered(answer) => {
            let by = if answer.by_peer() { "peer" } else { "node" };
            Some(format!("{:?} by {by} after {:.1} s", answer.request.kind, answer.seconds))
        }
        Change::Unanswered { request, reason } => Some(format!("{:?} {}", request.kind, reason.name())),
        _ => None,
    }
}

#[test]
fn each_request_is_answered_once_or_not() {
    let ping = |nonce: u64| sent(1, "ping", &format!(r#""ping":{{"value":{nonce}}}"#));
    let pong = |nonce: u64| received(1, "pong", &format!(r#""pong":{{"value":{nonce}}}"#));
    let getdata = || sent(1, "getdata", &format!(r#""getdata":{{"items":[{{"wtx":"{A}"}}]}}"#));
    let notfound = || received(1, "notfound", &format!(r#""notfound":{{"items":[{{"wtx":"{A}"}}]}}"#));
    let block = || received(1, "block", &format!(r#""block":{{"header":{{"hash":"{A}"}}}}"#));
    let getblock = || sent(1, "getdata", &format!(r#""getdata":{{"items":[{{"compact_block":"{A}"}}]}}"#));
    let closed = || event("closed_connection", r#""conn":{"peer_id":1,"addr":"192.0.2.1:8333"},"time_established":5"#);
    type Steps = Vec<(f64, (&'static str, String))>;
    let table: Vec<(Steps, &[&str])> = vec![
        (vec![(0.0, ping(7)), (0.5, pong(7)), (0.6, pong(7))], &["Ping by peer after 0.5 s"]),
        (vec![(0.0, ping(7)), (0.5, pong(8))], &["Ping timeout"]),
        (vec![(0.0, ping(7)), (1.0, ping(7))], &["Ping replaced", "Ping timeout"]),
        (
            vec![(0.0, received(1, "getaddr", r#""getaddr":true"#)), (0.2, sent(1, "addrv2", r#""addrv2":{}"#))],
            &["Addresses by node after 0.2 s"],
        ),
        (vec![(0.0, getdata()), (1.0, notfound())], &["Tx notfound"]),
        (vec![(0.0, getblock()), (2.0, block())], &["CompactBlock by peer after 2.0 s"]),
        (vec![(0.0, getdata()), (1.0, closed())], &["Tx closed"]),
        (vec![(0.0, getdata()), (1.0, line("node_started", r#""version":"v31""#)), (2.0, notfound())], &[]),
    ];
    for (steps, changes) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.tick(10.0).tick(1_201.0).tick(1_300.0);
        assert_eq!(play.names(name), changes, "{steps:?}");
    }
}

#[test]
fn open_requests_are_those_of_one_peer() {
    let mut play = Play::new();
    play.at(0.0, sent(1, "ping", r#""ping":{"value":1}"#)).at(0.0, sent(1, "ping", r#""ping":{"value":2}"#));
    play.at(0.0, received(1, "ping", r#""ping":{"value":3}"#)).at(0.0, sent(2, "ping", r#""ping":{"value":4}"#));
    let mut open = play.model.requests.open(1);
    open.sort();
    let counts: Vec<_> = open.iter().map(|(_, by_peer, count)| (*by_peer, *count)).collect();
    assert_eq!(counts, [(false, 1), (true, 2)]);
}
