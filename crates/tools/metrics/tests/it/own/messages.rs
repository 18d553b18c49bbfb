//! Messages: sizes, requests, addresses, transactions.

use super::*;

#[test]
fn sizes_and_intervals() {
    let mut play = Play::new();
    let ping = r#""ping":{"value":1}"#;
    play.at(0.0, got(1, "ping", ping)).at(1.0, got(2, "ping", ping)).at(3.0, got(1, "ping", ping));
    play.at(4.0, sent(1, "ping", ping)).at(5.0, got(1, "odd", ""));
    play.is(ids::MESSAGE_SIZE, &["ping", "inbound"], 3.0).sums_to(ids::MESSAGE_SIZE, &["ping", "inbound"], 300.0);
    play.is(ids::MESSAGE_SIZE, &["odd", "inbound"], 1.0);
    play.is(ids::MESSAGE_INTERVAL, &["ping", "inbound"], 1.0);
    play.sums_to(ids::MESSAGE_INTERVAL, &["ping", "inbound"], 3.0).has(ids::MESSAGE_INTERVAL, 1);
    play.run = 2;
    play.at(9.0, got(1, "ping", ping)).is(ids::MESSAGE_INTERVAL, &["ping", "inbound"], 1.0);
}

#[test]
fn peers_in_sets() {
    let spy = |id: u64| format!(r#"{{"peer_id":{id},"addr":"31.58.215.9:8333","conn_type":"Inbound""#);
    let mut play = Play::new();
    play.tick(0.0).at(0.0, event("inbound_connection", &format!(r#""conn":{},"network":1}}"#, spy(1))));
    let meta = format!(r#""meta":{},"command":"inv","inbound":false,"size":37}}"#, spy(1));
    play.at(1.0, event("message", &meta)).at(2.0, event("message", &meta)).at(2.0, got(2, "inv", ""));
    play.is(ids::SET_CONNECTIONS, &["linkinglion", "inbound"], 1.0).has(ids::SET_CONNECTIONS, 1);
    play.is(ids::SET_MESSAGES, &["linkinglion", "inv", "outbound"], 2.0).has(ids::SET_MESSAGES, 1);
    play.is(ids::SET_MESSAGE_BYTES, &["linkinglion", "inv", "outbound"], 74.0);
    play.at(3.0, peer_infos(&[r#""address":"31.58.215.9:8333","inbound":true"#, r#""address":"1.2.3.4:5""#]));
    play.is(ids::PEERS_SET, &["linkinglion", "inbound"], 1.0).has(ids::PEERS_SET, 1).tick(4.0);
    for id in [ids::SET_CONNECTIONS, ids::PEERS_SET] {
        assert!(play.node.store().get(id, &["bitprojects", "outbound"]).is_some(), "others are 0");
    }
}

/// Messages, one each 0.5 s.
type Exchange<'a> = &'a [(&'static str, String)];

#[test]
fn requests_and_their_answers() {
    let block = format!(r#""block":{{{}}}"#, header("@aa", 10));
    let cmpctblock = format!(r#""compactblock":{{{},"nonce":1}}"#, header("@aa", 10));
    let (getblocktxn, blocktxn) =
        (r#""getblocktxn":{"block_hash":"@aa","tx_indexes":[1,2]}"#, r#""blocktxn":{"block_hash":"@aa"}"#);
    let tx = r#""tx":{"tx":{"txid":"@01","wtxid":"@02"}}"#;
    let getdata = |items: &str| format!(r#""getdata":{{"items":[{items}]}}"#);
    let (wtx, txid) = (getdata(r#"{"wtx":"@02"}"#), getdata(r#"{"witness_transaction":"@01"}"#));
    let (full, compact) = (getdata(r#"{"witness_block":"@aa"}"#), getdata(r#"{"compact_block":"@aa"}"#));
    let notfound = r#""notfound":{"items":[{"wtx":"@02"},{"wtx":"@09"}]}"#;
    let pong = |nonce: u32| format!(r#""pong":{{"value":{nonce}}}"#);
    let ping = |nonce: u32| format!(r#""ping":{{"value":{nonce}}}"#);
    let headers = r#""headers":{"headers":[]}"#;
    let getheaders = r#""getheaders":{"version":1}"#;
    let connection =
        r#""conn":{"peer_id":1,"addr":"198.51.100.1:8333","conn_type":"Inbound","network":1},"time_established":1"#;
    // What happens each 0.5 s; label of the request, direction, how many answers, how many without one and why.
    let table: &[(Exchange, [&str; 2], f64, f64, &str)] = &[
        (&[sent(1, "ping", &ping(7)), got(1, "pong", &pong(7))], ["ping", "outbound"], 1.0, 0.0, ""),
        (&[sent(1, "ping", &ping(7)), got(1, "pong", &pong(8))], ["ping", "outbound"], 0.0, 0.0, ""),
        (&[sent(1, "ping", &ping(7)), got(2, "pong", &pong(7))], ["ping", "outbound"], 0.0, 0.0, ""),
        (&[sent(1, "ping", &ping(7)), sent(1, "pong", &pong(7))], ["ping", "outbound"], 0.0, 0.0, ""),
        (&[got(1, "ping", &ping(7)), sent(1, "pong", &pong(7))], ["ping", "inbound"], 1.0, 0.0, ""),
        (&[sent(1, "getdata", &wtx), got(1, "tx", tx)], ["getdata_tx", "outbound"], 1.0, 0.0, ""),
        (&[sent(1, "getdata", &txid), got(1, "tx", tx), got(1, "tx", tx)], ["getdata_tx", "outbound"], 1.0, 0.0, ""),
        (&[sent(1, "getdata", &wtx), sent(1, "getdata", &wtx)], ["getdata_tx", "outbound"], 0.0, 1.0, "replaced"),
        (&[sent(1, "getdata", &wtx), got(1, "notfound", notfound)], ["getdata_tx", "outbound"], 0.0, 1.0, "notfound"),
        (&[sent(1, "getdata", &full), got(1, "block", &block)], ["getdata_block", "outbound"], 1.0, 0.0, ""),
        (&[sent(1, "getdata", &full), got(1, "cmpctblock", &cmpctblock)], ["getdata_block", "outbound"], 0.0, 0.0, ""),
        (
            &[sent(1, "getdata", &compact), got(1, "cmpctblock", &cmpctblock)],
            ["getdata_block", "outbound"],
            1.0,
            0.0,
            "",
        ),
        (&[got(1, "getdata", &compact), sent(1, "block", &block)], ["getdata_block", "inbound"], 1.0, 0.0, ""),
        (
            &[sent(1, "getblocktxn", getblocktxn), got(1, "blocktxn", blocktxn)],
            ["getblocktxn", "outbound"],
            1.0,
            0.0,
            "",
        ),
        (&[got(1, "getblocktxn", getblocktxn), sent(1, "block", &block)], ["getblocktxn", "inbound"], 1.0, 0.0, ""),
        (&[sent(1, "getheaders", getheaders), got(1, "headers", headers)], ["getheaders", "outbound"], 1.0, 0.0, ""),
        (
            &[got(1, "getheaders", getheaders), got(1, "getheaders", getheaders)],
            ["getheaders", "inbound"],
            0.0,
            1.0,
            "replaced",
        ),
        (
            &[sent(1, "getdata", &wtx), event("closed_connection", connection)],
            ["getdata_tx", "outbound"],
            0.0,
            1.0,
            "closed",
        ),
        (&[sent(1, "getdata", &wtx)], ["getdata_tx", "outbound"], 0.0, 1.0, "timeout"),
    ];
    for (steps, [request, direction], answered, unanswered, reason) in table {
        let mut play = Play::new();
        for (number, (kind, body)) in steps.iter().enumerate() {
            play.at(number as f64 / 2.0, (kind, body.clone()));
        }
        play.tick(2.0);
        if *reason == "timeout" {
            play.tick(1_000.0).has(ids::REQUESTS_UNANSWERED, 0).tick(1_300.0);
        }
        play.is(ids::REQUEST_DURATION, &[request, direction], *answered);
        play.has(ids::REQUEST_DURATION, *answered as usize).has(ids::REQUESTS_UNANSWERED, *unanswered as usize);
        play.is(ids::REQUESTS_UNANSWERED, &[request, direction, reason], *unanswered);
        if *answered > 0.0 {
            play.sums_to(ids::REQUEST_DURATION, &[request, direction], 0.5);
        }
    }
}

#[test]
fn addresses_that_peers_tell_of() {
    let noon = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let entry = |after: i64, addr: &str| format!(r#"{{"timestamp":{},{addr}}}"#, noon as i64 + after);
    let addr = |entries: &[String]| format!(r#""addrv2":{{"addresses":[{}]}}"#, entries.join(","));
    let onion = r#""torv3":"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion""#;
    let mixed = addr(&[
        entry(0, r#""ipv4":"8.8.8.8""#),
        entry(11, r#""ipv4":"8.8.8.8""#),
        entry(9, r#""ipv4":"10.1.1.71""#),
        entry(-90, onion),
    ]);
    let mut play = Play::new();
    play.at(0.0, got(1, "addrv2", &mixed)).at(0.1, sent(1, "getaddr", r#""getaddr":true"#));
    play.at(200.0, got(1, "addrv2", &mixed)).at(201.0, sent(1, "addrv2", &mixed)).at(400.0, got(1, "addrv2", &mixed));
    for (network, solicited, count) in [("ipv4", "true", 3.0), ("ipv4", "false", 6.0), ("onion", "true", 1.0)] {
        play.is(ids::ADDR_ENTRIES, &[network, "inbound", solicited], count);
    }
    play.is(ids::ADDR_ENTRIES, &["ipv4", "outbound", "false"], 3.0).is(ids::GETADDR_SENT, &[], 1.0);
    play.is(ids::ADDR_FUTURE, &["inbound"], 1.0).is(ids::ADDR_SPECIAL, &["private", "inbound"], 3.0);
    play.tick(401.0).is(ids::ADDR_UNIQUE, &["ipv4", "day"], 2.0).is(ids::ADDR_UNIQUE, &["all", "day"], 3.0);
    play.has(ids::ADDR_UNIQUE, 3); // nothing of the hour before
    let many: Vec<String> = (0..200).map(|low| entry(0, &format!(r#""ipv4":"9.9.9.{low}""#))).collect();
    play.at(3_700.0, got(1, "addrv2", &addr(&many))).tick(7_100.0);
    play.is(ids::ADDR_UNIQUE, &["ipv4", "hour"], 2.0).has(ids::ADDR_UNIQUE, 6);
    play.tick(7_201.0);
    let hour = play.node.store().get(ids::ADDR_UNIQUE, &["ipv4", "hour"]).unwrap();
    assert!((hour - 200.0).abs() <= 4.0, "{hour}");
    play.tick(43_201.0).has(ids::ADDR_UNIQUE, 0); // an hour without any, in a day that was not watched from its beginning
    play.at(50_000.0, got(1, "addrv2", &mixed)).tick(129_601.0).is(ids::ADDR_UNIQUE, &["all", "last_day"], 3.0);
    play.at(0.0, line("addrman_change", r#""action":"MOVED_TO_TRIED""#)).is(
        ids::ADDRMAN_CHANGES,
        &["moved_to_tried"],
        1.0,
    );
}

#[test]
fn addresses_that_the_node_processed() {
    let peer = |id: u32, since: u32, processed: u32, limited: u32| {
        format!(r#""id":{id},"connection_time":{since},"addr_processed":{processed},"addr_rate_limited":{limited}"#)
    };
    let mut play = Play::new();
    play.at(0.0, peer_infos(&[&peer(1, 5, 100, 10), &peer(2, 5, 7, 0)])).is(ids::ADDR_PROCESSED, &[], 0.0);
    play.at(10.0, peer_infos(&[&peer(1, 5, 150, 10), &peer(3, 9, 20, 2)]));
    play.is(ids::ADDR_PROCESSED, &[], 70.0).is(ids::ADDR_RATE_LIMITED, &[], 2.0);
    play.at(20.0, peer_infos(&[&peer(1, 19, 30, 1)])); // after a restart of the node
    play.is(ids::ADDR_PROCESSED, &[], 100.0).is(ids::ADDR_RATE_LIMITED, &[], 3.0);
}

/// One message of which the node takes nothing counts for nothing, and a large one for no more than what Bitcoin Core sends at once.
#[test]
fn one_message_does_not_outweigh_all_others() {
    let inv = |from: u32, many: u32| {
        let items: Vec<String> = (from..from + many).map(|n| format!(r#"{{"wtx":"{n:064x}"}}"#)).collect();
        format!(r#""inv":{{"items":[{}]}}"#, items.join(","))
    };
    let mut play = Play::new();
    play.at(0.0, got(1, "inv", &inv(0, 50_001))).tick(0.5).has(ids::TX_FIRST_ANNOUNCER_SHARE, 0);
    play.at(1.0, got(2, "inv", &inv(100_000, 9_000))).at(2.0, got(3, "inv", &inv(200_000, 1_000))).tick(3.0);
    play.is(ids::TX_FIRST_ANNOUNCER_SHARE, &["1"], 0.5).is(ids::TX_ANNOUNCEMENTS, &["first", "inbound"], 10_000.0);
}

#[test]
fn transactions_from_announcement_to_mempool() {
    let inv = |items: &str| format!(r#""inv":{{"items":[{items}]}}"#);
    let tx = r#""tx":{"tx":{"txid":"@01","wtxid":"@02"}}"#;
    let added = |txid: &str| event("mempool_added", &format!(r#""txid":"{txid}""#));
    let rejected = |reason: &str| event("mempool_rejected", &format!(r#""txid":"@03","reason":"{reason}""#));
    let mut play = Play::new();
    play.at(0.0, got(1, "inv", &inv(r#"{"wtx":"@02"},{"wtx":"@05"},{"block":"@aa"}"#)));
    play.at(0.1, got(2, "inv", &inv(r#"{"wtx":"@02"}"#))).at(0.1, sent(2, "inv", &inv(r#"{"wtx":"@06"}"#)));
    play.is(ids::TX_ANNOUNCEMENTS, &["first", "inbound"], 2.0).is(ids::TX_ANNOUNCEMENTS, &["later", "inbound"], 1.0);
    play.at(0.2, sent(1, "getdata", r#""getdata":{"items":[{"wtx":"@02"}]}"#)).at(0.5, got(1, "tx", tx));
    play.at(2.0, added("@01")).at(2.5, line("mempool_accepted_log", r#""txid":"@01""#));
    play.sums_to(ids::TX_TO_MEMPOOL, &[], 2.0).is(ids::TX_TO_MEMPOOL, &[], 1.0);
    play.at(3.0, got(3, "inv", &inv(r#"{"transaction":"@01"}"#))).is(ids::TX_ANNOUNCEMENTS, &["later", "inbound"], 2.0);
    play.at(4.0, got(3, "tx", tx)).at(4.0, got(3, "tx", r#""tx":{"tx":{"txid":"@03","wtxid":"@03"}}"#));
    for kind in ["new", "duplicate", "unsolicited"] {
        play.is(ids::TX_RECEIVED, &[kind], 1.0);
    }
    play.at(4.1, rejected("bad-txns-inputs-missingorspent")).at(4.2, rejected("bad-txns-inputs-missingorspent"));
    play.at(4.2, line("mempool_rejected_log", r#""txid":"@03","reason":"bad-txns-inputs-missingorspent, x""#));
    play.at(4.2, line("mempool_rejected_log", r#""txid":"@05","reason":"dust""#)).is(ids::TX_MISSING_INPUTS, &[], 1.0);
    play.at(9.0, added("@03")).sums_to(ids::TX_TO_MEMPOOL, &[], 7.0).at(9.0, added("@07")).is(
        ids::TX_TO_MEMPOOL,
        &[],
        2.0,
    );

    play.at(10.0, got(4, "inv", &inv(r#"{"wtx":"@11"},{"wtx":"@12"}"#))).tick(11.0);
    play.is(ids::TX_FIRST_ANNOUNCER_SHARE, &["1"], 0.5).is(ids::TX_FIRST_ANNOUNCER_SHARE, &["3"], 1.0);
    play.tick(700.0).has(ids::TX_FIRST_ANNOUNCER_SHARE, 0);
}
