//! Logs as people keep and post them: through syslog, containers and old versions. Where each form comes from is stated
//! at its test.

use decode::log::{Decoder, Entry, Splitter, Tail, lines_after};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use serde_json::Value;

/// The time of reading.
const NOW: u64 = 5;

/// The events of a whole log.
fn read(log: &[u8]) -> (Vec<Log>, Decoder) {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for entry in Splitter::default().entries(log, Tail::Ends) {
        decode(&mut decoder, entry, &mut events);
    }
    (events, decoder)
}

fn decode(decoder: &mut Decoder, entry: Entry, events: &mut Vec<Log>) {
    let log = decoder.entry(entry, NOW);
    let after: Vec<_> = lines_after(entry, &log).collect();
    events.push(log);
    events.extend(after.into_iter().map(|line| decoder.entry(line, NOW)));
}

/// The events of a log that comes line by line, with nothing more for a while after each.
fn read_slowly(log: &[u8]) -> Vec<Log> {
    let (mut splitter, mut decoder, mut events) = (Splitter::default(), Decoder::default(), Vec::new());
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        for entry in splitter.entries(line, Tail::Waits) {
            decode(&mut decoder, entry, &mut events);
        }
    }
    events
}

/// `time kind field=value …`: fields that are not there are left out, and so is what is not asked for.
fn describe(log: &Log) -> (u64, String, Value) {
    let event = serde_json::to_value(log.log_event.as_ref().unwrap()).unwrap();
    let (kind, fields) = event.as_object().unwrap().iter().next().unwrap();
    (log.log_timestamp, kind.clone(), fields.clone())
}

/// Checks kinds, times and some fields of all events that are typed.
fn check(events: &[Log], expected: &[(u64, &str, &str)]) {
    let typed = events.iter().filter(|log| !matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_))));
    let described: Vec<_> = typed.map(describe).collect();
    assert_eq!(described.len(), expected.len(), "{described:#?}");
    for ((time, kind, fields), (expected_time, expected_kind, expected_fields)) in described.iter().zip(expected) {
        assert_eq!((time, kind.as_str()), (expected_time, *expected_kind));
        let expected_fields: Value = serde_json::from_str(expected_fields).unwrap();
        for (name, value) in expected_fields.as_object().unwrap() {
            assert_eq!(&fields[name], value, "{name} of {kind}");
        }
    }
    // A line that has no time of the node is never given the time of reading and a type.
    for log in events.iter().filter(|log| log.log_timestamp == NOW) {
        assert!(matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_))), "{log:?}");
    }
}

/// 2025-09-10T10:00:00Z
const TEN: u64 = 1_757_498_400_000_000;

/// syslog (Bitcoin Knots issue 423), docker compose logs (getumbrel/umbrel issues 403 and 425), Umbrel's container
/// (getumbrel/umbrel-bitcoin), and logs merged by node (Bitcoin Core's combine_logs.py).
#[test]
fn prefixed_lines() {
    let (events, decoder) = read(include_bytes!("cases/prefixed.log"));
    let expected = [
        (
            TEN,
            "peer_disconnected",
            r#"{"peer_id":1,"addr":"192.0.2.1:8333","reason":"SOCKET_CLOSED","text":"socket closed"}"#,
        ),
        (
            TEN + 1_000_000,
            "peer_disconnected",
            r#"{"peer_id":2,"reason":"BLOCK_DOWNLOAD_TIMEOUT",
                "block_hash":"00000000000000000000884c3c8df78e3914cff044a4367c23e511197259bfbf"}"#,
        ),
        (TEN + 3_000_000, "peer_disconnected", r#"{"peer_id":4,"reason":"STALLING_BLOCKS"}"#),
        (TEN + 5_149_660, "misbehaving", r#"{"peer_id":6,"action":"NOTICED"}"#),
    ];
    check(&events, &expected);
    assert_eq!(events.len(), 4);
    assert_eq!(events[0].category().as_str_name(), "NET");
    assert_eq!(decoder.guesses().foreign_prefix.as_deref(), Some("Sep 10 10:00:00 host bitcoind[3069]: "));
}

/// What other programs put before the node's time.
const PREFIXES: &[&str] = &[
    // syslog, rsyslog with long times, RFC 5424
    "Sep 10 10:00:00 host bitcoind[3069]: ",
    "Sep 10 10:00:00 host bitcoind: ",
    "2025-09-10T12:00:00.123456+02:00 host bitcoind[3069]: ",
    "2025-09-10T10:00:00Z host bitcoind[3069]: ",
    "<30>1 2025-09-10T10:00:00.123456Z host bitcoind 3069 - - ",
    // journalctl -o short-iso, short-full, short-unix, short-monotonic, verbose
    "2025-09-10T12:00:00+0200 host bitcoind[3069]: ",
    "Wed 2025-09-10 10:00:00 UTC host bitcoind[3069]: ",
    "1757498400.123456 host bitcoind[3069]: ",
    "[12345.678901] host bitcoind[3069]: ",
    "    MESSAGE=",
    // docker compose logs, also with colours and -t; docker service logs; docker logs -t
    "bitcoin  | ",
    "bitcoin_1            | ",
    "\u{1b}[36mbitcoin  |\u{1b}[0m ",
    "\u{1b}[36mbitcoin  | \u{1b}[0m",
    "bitcoin  | 2025-09-10T10:00:00.123456789Z ",
    "bitcoin.1.abcdef@host    | ",
    "2025-09-10T10:00:00.123456789Z ",
    "2025-09-10T10:00:00.123456Z ",
    "2025-09-10T10:00:00Z ",
    "2025-09-10T12:00:00.123456789+02:00 ",
    // Kubernetes: files of containers, kubectl logs --prefix, stern
    "2025-09-10T10:00:00.123456789Z stdout F ",
    "2025-09-10T10:00:00.123456Z stdout F ",
    "[pod/bitcoin-0/bitcoind] ",
    "bitcoin-0 bitcoind ",
    // Umbrel
    "[bitcoind] ",
    "bitcoind: ",
    // combine_logs.py, also in the logs of a CI
    "node1 ",
    " node0 ",
    "2024-06-30T12:00:00.1234567Z  node0 ",
    "[12:34:56.789]  node0 ",
    // ts, grep, and what people paste
    "Sep 10 10:00:00 ",
    "[2025-09-10 10:00:00] ",
    "debug.log:",
    "debug.log.1:17:",
    "    ",
    "\t",
    "> ",
    "- ",
    "* ",
];

#[test]
fn a_prefix_changes_nothing() {
    let lines = [
        "2025-09-09T10:00:00Z [net] socket closed, disconnecting peer=1 peeraddr=192.0.2.1:8333",
        "2025-09-09T10:00:00.123456Z [net] something new, disconnecting peer=1",
        "[*] 2025-09-09T10:00:00Z [msghand] [net] Misbehaving: peer=6: headers message size = 2001",
        "2025-09-09T10:00:00Z (mocktime: 2020-01-01T00:00:00Z) [msghand] [net.cpp:5] [f] [net:debug] Stall started peer=7",
        "2025-09-09T10:00:00Z Peer is stalling block download, disconnecting peer=4",
        "2025-09-09T10:00:00Z Shutdown done",
        "2025-09-09T10:00:00Z any text: with a colon",
        "2025-09-09T10:00:00Z [net] any text",
    ];
    for line in lines {
        let alone = Decoder::default().entry(line.as_bytes(), NOW);
        for prefix in PREFIXES {
            let (events, decoder) = read(format!("{prefix}{line}\r\n").as_bytes());
            let length = (prefix.len() + line.len()) as u64;
            assert_eq!(events, [Log { log_line_bytes: length, ..alone.clone() }], "{prefix}{line}");
            assert!(decoder.guesses().foreign_prefix.is_some() || prefix.trim_start().starts_with("2025"), "{prefix}");
        }
    }
}

/// Peers choose their user agents, and other programs write what they like: a time within it makes no entry.
#[test]
fn a_time_within_a_text_is_not_the_nodes() {
    let texts = [
        "receive version message: /a: 2025-09-10T10:00:00Z Shutdown done",
        "[net] receive version message: /a: 2025-09-10T10:00:00Z Shutdown done",
        "[net] receive version message: - 2025-09-10T10:00:00Z Shutdown done",
        "[msghand] [net:debug] receive version message: 1:2 2025-09-10T10:00:00Z Shutdown done",
        "Sep 10 10:00:00 host bitcoind[1]: [net] receive version message: /a: 2025-09-10T10:00:00Z Shutdown done",
        "[net] receive version message: /a: 2018-04-25 03:30:31 Shutdown done",
        "it stopped at 2025-09-10T10:00:00Z Shutdown done",
        r#"{"log":"2025-09-10T10:00:00Z Shutdown done\n","stream":"stdout"}"#,
        "time=\"2025-09-10T10:00:00Z\" Shutdown done",
        "nbxplorer: 2018-04-25 03:30:31 Shutdown done",
        "lnd | 2025-09-10 10:00:00.123 [INF] Shutdown done",
    ];
    for text in texts {
        let stamped = format!("2025-09-09T10:00:00Z {text}\n");
        for log in [format!("{text}\n"), stamped] {
            let (events, _) = read(log.as_bytes());
            check(&events, &[]);
            assert_eq!(events.len(), 1, "{text}");
        }
    }
}

/// Output of systemd (nodes without debug.log: nix-bitcoin), of a container's entry point, and of bitcoind itself, which
/// writes warnings without time to standard error.
#[test]
fn foreign_lines() {
    let log = include_bytes!("cases/foreign-lines.log");
    let (events, _) = read(log);
    let expected = [
        (TEN - 60_000_000, "update_tip", r#"{"height":505306,"cache_coins":18105}"#),
        (TEN, "peer_disconnected", r#"{"peer_id":9,"reason":"SOCKET_CLOSED","text":"socket closed"}"#),
        (TEN, "node_stopped", "{}"),
        (TEN + 60_000_000, "node_started", r#"{"version":"Bitcoin Core version v29.0.0 (release build)"}"#),
    ];
    check(&events, &expected);
    assert_eq!(events.len(), 8);
    assert_eq!(read_slowly(log), events);
    let bytes: u64 = events.iter().map(|log| log.log_line_bytes + 1).sum();
    assert_eq!(bytes, log.len() as u64);

    let log = include_bytes!("cases/foreign-disconnect.log");
    check(&read(log).0, &[]);
    check(&read_slowly(log), &[]);
}

/// Lines of other services between those of a node, each with the name of its service.
#[test]
fn foreign_lines_between_prefixed_ones() {
    let log = b"bitcoin  | 2025-09-10T10:00:00Z any text\n\
        electrs  | [2025-09-10T10:00:00.123Z INFO electrs] disconnecting peer=9\n\
        lnd      | 2025-09-10 10:00:00.123 [INF] PEER: disconnecting peer=9\n\
        bitcoin  | 2025-09-10T10:00:00Z Shutdown done\n\
        bitcoin exited with code 0\n";
    let (events, _) = read(log);
    check(&events, &[(TEN, "node_stopped", "{}")]);
    assert_eq!(events.len(), 5);
    assert_eq!(read_slowly(log), events);
}

/// Bitcoin Core issues 12291 and 9337: before v0.17.
#[test]
fn times_before_v0_17() {
    let (events, decoder) = read(include_bytes!("cases/old-times.log"));
    let expected = [
        (1_524_627_031_000_000, "peer_disconnected", r#"{"peer_id":4,"reason":"STALLING_BLOCKS"}"#),
        (1_481_470_583_372_866, "peer_disconnected", r#"{"peer_id":38,"reason":"BLOCK_DOWNLOAD_TIMEOUT"}"#),
    ];
    check(&events, &expected);
    assert!(decoder.guesses().old_times);
    let (events, _) = read(b"Apr 25 03:30:31 host bitcoind[7]: 2018-04-25 03:30:31 Shutdown: done\n");
    check(&events, &[(1_524_627_031_000_000, "node_stopped", "{}")]);
}

/// Peers with such addresses exist: Bitcoin Core issue 9056 shows one.
#[test]
fn addresses_that_end_in_colons() {
    let (events, _) = read(include_bytes!("cases/addrman-source.log"));
    let fields = r#"{"added":1,"total":1,"source":"2001:db8:7f8:9700::","tried":5,"new":7}"#;
    check(&events, &[(1_735_689_600_000_000, "addrman_added", fields)]);
    let sentences = [
        ("[net] socket closed, disconnecting peer=9, peeraddr={A}", "peer_disconnected"),
        (
            "[net] socket recv error, disconnecting peer=9, peeraddr={A}: Connection reset by peer (104)",
            "peer_disconnected",
        ),
        ("[net] Misbehaving: peer=9, peeraddr={A}: headers message size = 2001", "misbehaving"),
        ("[net] connection from {A} dropped: not accepting new connections", "connection_refused"),
        ("[net] connection from {A} dropped (banned)", "connection_refused"),
        ("[net] connection from {A} accepted", "connection_accepted"),
        ("connected to self at {A}, disconnecting", "peer_disconnected"),
        (
            "New inbound peer connected: transport: v2, version: 70016, peer=9, peeraddr={A}, mapped_as=5",
            "peer_connected",
        ),
        ("[addrman] Added {A} mapped to AS5 to new[5][7]", "addrman_change"),
        ("[addrman] Removed {A} from new[5][7]", "addrman_change"),
        ("[addrman] Replacing {A} with {A} in tried table", "addrman_change"),
        ("[addrman] Selected {A} from tried", "addrman_selected"),
        ("[net] trying v2 connection {A} lastseen=0.0hrs", "connection_attempted"),
        ("[net] connection attempt to {A} timed out", "connection_failed"),
        ("[net] connect() to {A} failed after wait: Connection refused (111)", "connection_failed"),
        ("[net] Advertising address {A} to peer=7", "self_announced"),
    ];
    let addresses =
        ["2001:db8::", "::", "[2001:db8::]:8333", "[::]:0", "192.0.2.1:8333", "fe80::1%eth0", "a.onion:8333"];
    for (sentence, kind) in sentences {
        for address in addresses {
            let line = format!("2025-09-10T10:00:00Z {}\n", sentence.replace("{A}", address));
            let (events, _) = read(line.as_bytes());
            check(&events, &[(TEN, kind, &format!(r#"{{"addr":"{address}"}}"#))]);
        }
    }
}

/// The formats are those in the program Bitcoin Knots 29.5.
#[test]
fn reasons_of_knots() {
    let (events, _) = read(include_bytes!("cases/knots-reasons.log"));
    let time = 1_767_225_600_000_000;
    let expected = [
        (time, "peer_disconnected", r#"{"peer_id":7,"addr":"192.0.2.1:8333","reason":"EXTRA_OUTBOUND"}"#),
        (time, "peer_disconnected", r#"{"peer_id":8,"addr":"192.0.2.1:8333","reason":"TRANSPORT_POLICY"}"#),
        (time, "peer_disconnected", r#"{"peer_id":9,"addr":"192.0.2.1:8333","reason":"MISSING_SERVICES"}"#),
        (time, "misbehaving", r#"{"peer_id":10,"score":100,"message":"invalid block","action":"NOTICED"}"#),
    ];
    check(&events, &expected);
}

/// What the logs are full of that people post: raspiblitz issues 4842, 4975 and 4731, Bitcoin Core #25717, #29058, #35724
/// and #32582, Bitcoin Knots issue 423, peer-observer issues 336 and 285.
#[test]
fn messages_attempts_and_headers() {
    let (events, _) = read(include_bytes!("cases/untyped-p2p.log"));
    let block = "00000000000000000000884c3c8df78e3914cff044a4367c23e511197259bfbf";
    let served = format!(r#"{{"peer_id":5,"block_hash":"{block}","transactions":3,"size":900}}"#);
    let expected = [
        (
            "connection_failed",
            r#"{"addr":"6hasakffvppilxgehrswmffqurlcjjjhd76jgvaqmsg6ul25s7t3rzyd.onion:8333","reason":"HOST_UNREACHABLE"}"#,
        ),
        (
            "connection_failed",
            r#"{"addr":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0","reason":"HOST_NOT_FOUND"}"#,
        ),
        ("connection_attempted", r#"{"addr":"192.0.2.1:8333","step":"TRYING","transport":"v2"}"#),
        ("transport_negotiation", r#"{"peer_id":5,"step":"V1_FALLBACK"}"#),
        ("connection_added", r#"{"peer_id":5,"addr":"192.0.2.1:8333"}"#),
        ("headers_sync", r#"{"step":"SYNC_STARTED","peer_id":0,"height":0,"phase":"PRESYNC"}"#),
        (
            "headers_sync",
            r#"{"step":"SYNC_ABORTED","peer_id":1,"height":176001,"phase":"REDOWNLOAD","reason":"non-continuous headers"}"#,
        ),
        ("headers_sync", r#"{"step":"SYNC_LOW_WORK","peer_id":7,"height":2000}"#),
        ("headers_sync", r#"{"step":"SYNC_PROGRESS","height":929858,"phase":"PRESYNC","progress":0.96}"#),
        ("ibd_left", "{}"),
        ("message_ignored", r#"{"peer_id":9,"message_type":"reject","reason":"BEFORE_HANDSHAKE"}"#),
        ("message_ignored", r#"{"peer_id":7,"message_type":"pong","reason":"WRONG_PONG"}"#),
        (
            "orphan_transaction",
            r#"{"action":"STORED","txid":"5d41659ef6bd6d23aa70cb2b66250bf006fa8fe048819e90b38a86a8316a19ce",
                "size":606,"orphans":1712}"#,
        ),
        ("block_transactions_sent", &served),
        ("compact_block_prefill", r#"{"redundant":0,"in_mempool":0,"in_extra_pool":0}"#),
        ("header_rejected", r#"{"reason":"prev block invalid"}"#),
    ];
    check(&events, &expected.map(|(kind, fields)| (1_767_225_600_000_000, kind, fields)));
}

/// A message of several lines that has a type is known by the first; one that has none keeps them.
#[test]
fn messages_of_several_lines() {
    let log = b"2025-09-10T10:00:00Z POTENTIAL DEADLOCK DETECTED\nPrevious lock order was:\n 'cs_main' in a.cpp\n\
        2025-09-10T10:00:00Z [net] Misbehaving: peer=6: headers message size = 2001\r\nmore of it\r\n";
    let (events, _) = read(log);
    check(&events, &[(TEN, "misbehaving", r#"{"message":"headers message size = 2001"}"#)]);
    let texts: Vec<_> = events
        .iter()
        .filter_map(|log| match &log.log_event {
            Some(LogEvent::UnknownLogMessage(message)) => Some(message.raw_message.as_str()),
            _ => None,
        })
        .collect();
    let deadlock = "POTENTIAL DEADLOCK DETECTED\nPrevious lock order was:\n 'cs_main' in a.cpp";
    assert_eq!(texts, [deadlock, "more of it"]);
}

/// With -logtimestamps=0 nothing shows when and by whom a line was written.
#[test]
fn lines_without_times_have_no_type() {
    let log =
        b"Bitcoin Core version v29.0.0 (release build)\n[net] socket closed, disconnecting peer=9\nShutdown done\n";
    let (events, decoder) = read(log);
    check(&events, &[]);
    assert_eq!((events.len(), decoder.guesses().timed, decoder.guesses().untimed), (3, false, 3));
}
