//! The P2P connection of our own, and how soon the node announces what it has.

use super::*;

fn opened(way: &str, transport: &str) -> (&'static str, String) {
    event(
        "connection_opened",
        &format!(r#""way":"{way}","node_address":"127.0.0.1:41000","transport":"{transport}","our_nonce":77"#),
    )
}

fn seen(message_type: &str, size: u64, sent: bool) -> (&'static str, String) {
    let wire = size + 21;
    event("message_seen", &format!(r#""message_type":"{message_type}","size":{size},"wire_size":{wire},"sent":{sent}"#))
}

fn version(clock_offset: i64, changed: bool) -> (&'static str, String) {
    let says = r#""version":70016,"services":1033,"user_agent":"/Satoshi:31.0.0/","start_height":7,"relay":true"#;
    event("node_version", &format!(r#"{says},"clock_offset":{clock_offset},"changed":{changed}"#))
}

/// Addresses, each as JSON, with the seconds since it was seen.
fn addresses(entries: &[(&str, i64)], times: &str) -> (&'static str, String) {
    let noon = time::parse_rfc3339(NOON).unwrap() as i64 / SECOND as i64;
    let one = |(name, age): &(&str, i64)| format!(r#"{{"timestamp":{},"services":1,"port":8333,{name}}}"#, noon - age);
    let entries: Vec<String> = entries.iter().map(one).collect();
    event("address_announcement", &format!(r#""addresses":[{}],"times":[{times}]"#, entries.join(",")))
}

#[test]
fn whether_the_connection_is_open() {
    let mut play = Play::new();
    let expected = || event("connection_expected", r#""way":"LISTENING""#);
    play.at(0.0, expected()).is(ids::OWN_CONNECTION_UP, &[], 0.0).has(ids::OWN_CONNECTION_INFO, 0);
    play.is(ids::OWN_CONNECTION_LIFETIME, &[], 0.0);
    play.at(1.0, opened("LISTENING", "v2")).is(ids::OWN_CONNECTION_UP, &[], 1.0);
    play.is(ids::OWN_CONNECTION_INFO, &["listening", "v2"], 1.0).has(ids::OWN_CONNECTION_INFO, 1);
    let ended = event("connection_ended", r#""reason":"the node closed it","duration_ns":"61000000000""#);
    play.at(62.0, ended).is(ids::OWN_CONNECTION_UP, &[], 0.0).has(ids::OWN_CONNECTION_INFO, 0);
    play.is(ids::OWN_CONNECTION_LIFETIME, &[], 1.0).sums_to(ids::OWN_CONNECTION_LIFETIME, &[], 61.0);
    play.at(63.0, opened("DIALLING", "<script>")).is(ids::OWN_CONNECTION_INFO, &["dialling", "unknown"], 1.0);
    play.is(ids::OWN_CONNECTIONS_OPENED, &["listening", "v2"], 1.0).has(ids::OWN_CONNECTIONS_OPENED, 2);
}

/// A dead connection looks dead, whether its extractor could say so or not.
#[test]
fn a_connection_goes_with_its_extractor() {
    let status = |state: &str, ended: bool| {
        let node = format!(r#""node":{{"state":"{state}","since_ns":"1"}},"interval_ms":1000"#);
        event("status", &format!(r#""extractor":"p2p","started_ns":1,"last_sequence":1,"ended":{ended},{node}"#))
    };
    let mut play = Play::new();
    play.at(0.0, status("UP", false)).at(0.0, opened("LISTENING", "v2")).tick(1.0);
    play.is(ids::OWN_CONNECTION_UP, &[], 1.0);
    // The node does not answer, and the connection stays.
    play.at(2.0, status("HANGING", false)).tick(2.0).is(ids::OWN_CONNECTION_UP, &[], 1.0);
    // Nothing comes any more, then all is as before.
    play.tick(6.0).is(ids::OWN_CONNECTION_UP, &[], 0.0).tick(60.0);
    assert_eq!(play.node.store().get(ids::OWN_CONNECTION_UP, &[]), Some(0.0), "it does not vanish");
    play.at(61.0, status("UP", false)).tick(61.0).is(ids::OWN_CONNECTION_UP, &[], 1.0);
    play.at(62.0, status("UP", true)).tick(63.0).tick(64.0).is(ids::OWN_CONNECTION_UP, &[], 0.0);
}

/// Of another program's extractor, nothing is known of the connection.
#[test]
fn what_is_not_reported_is_absent() {
    let mut play = Play::new();
    play.at(0.0, event("ping_duration", r#""duration":1500000"#)).tick(5.0);
    for id in [ids::OWN_CONNECTION_UP, ids::OWN_CONNECTION_LIFETIME, ids::OWN_MESSAGES, ids::OWN_VERSION_CHANGES] {
        assert!(play.node.store().series(id).is_empty(), "{id:?}");
    }
    play.is(ids::OWN_PING, &[], 1.0).sums_to(ids::OWN_PING, &[], 0.0015);
}

#[test]
fn messages_by_the_direction_that_the_node_sees() {
    let mut play = Play::new();
    play.at(0.0, seen("ping", 8, true)).at(0.1, seen("pong", 8, false)).at(0.2, seen("pong", 8, false));
    play.is(ids::OWN_MESSAGES, &["ping", "inbound"], 1.0).is(ids::OWN_MESSAGES, &["pong", "outbound"], 2.0);
    play.is(ids::OWN_MESSAGE_BYTES, &["pong", "outbound"], 16.0).is(ids::OWN_WIRE_BYTES, &["outbound"], 58.0);
}

#[test]
fn what_the_node_says_of_itself() {
    let mut play = Play::new();
    play.at(0.0, version(-3, false)).is(ids::OWN_CLOCK_OFFSET, &[], -3.0).is(ids::OWN_VERSION_CHANGES, &[], 0.0);
    play.at(1.0, version(0, true)).is(ids::OWN_CLOCK_OFFSET, &[], 0.0).is(ids::OWN_VERSION_CHANGES, &[], 1.0);
    let own = r#""address":{"timestamp":1,"services":1,"port":8333,"torv3":"a.onion"}"#;
    play.at(2.0, event("own_address", own)).is(ids::OWN_ADDRESS_ANNOUNCEMENTS, &["onion"], 1.0);
    play.at(3.0, event("feature_offered", r#""feature_id":"BIP332","data":"01""#));
    play.is(ids::OWN_FEATURES, &["BIP332"], 1.0);
    let tips = format!(r#""fork_point":"{A}","block_hashes":["@bb"],"have_block":false"#);
    play.at(4.0, event("stale_tips", &tips)).is(ids::OWN_STALE_TIPS, &["false"], 1.0);
    play.at(5.0, event("data_request", r#""message_type":"getheaders""#));
    play.is(ids::OWN_DATA_REQUESTS, &["getheaders"], 1.0);
    let mut pongs = |node: &str| {
        let label = format!(r#"[{{"name":"node","value":"{node}"}}]"#);
        let count = format!(r#"{{"name":"p2p_foreign_pongs","labels":{label},"value":2}}"#);
        let status = r#""extractor":"p2p","started_ns":1,"last_sequence":1,"ended":false"#;
        play.at(6.0, event("status", &format!(r#"{status},"counts":[{count}]"#)));
    };
    pongs("another");
    pongs("");
    play.is(ids::OWN_FOREIGN_PONGS, &[], 2.0);
}

#[test]
fn addresses_by_whether_they_were_sent_before() {
    let mut play = Play::new();
    let entries = [
        (r#""ipv4":"198.51.100.1""#, 30),
        (r#""ipv4":"198.51.100.2""#, 3_000),
        (r#""torv3":"a.onion""#, -50),
        (r#""cjdns":"fc00::1""#, 100),
    ];
    play.at(0.0, addresses(&entries, "1,3,0"));
    play.is(ids::OWN_ADDRESSES, &["ipv4", "first"], 1.0).is(ids::OWN_ADDRESSES, &["ipv4", "repeated"], 1.0);
    play.is(ids::OWN_ADDRESSES, &["onion", "unknown"], 1.0).is(ids::OWN_ADDRESSES, &["cjdns", "unknown"], 1.0);
    play.has(ids::OWN_ADDRESSES, 4);
    // What is from the future has no age.
    play.is(ids::OWN_ADDRESS_AGE, &[], 4.0).sums_to(ids::OWN_ADDRESS_AGE, &[], 3_130.0);
}

/// The original's series are about addrv2 alone.
#[test]
fn addresses_of_addr_are_not_those_of_addrv2() {
    let mut play = Play::new();
    let one = || addresses(&[(r#""ipv4":"198.51.100.1""#, 30)], "");
    play.at(0.0, one()).is(ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES, &[], 1.0);
    play.at(1.0, seen("addr", 31, false)).at(1.0, one()).is(ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES, &[], 1.0);
    play.is(ids::P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES, &["IPv4"], 1.0).is(ids::OWN_ADDRESSES, &["ipv4", "unknown"], 2.0);
    // The node was upgraded.
    play.at(2.0, seen("version", 102, false)).at(2.0, seen("addrv2", 31, false)).at(2.0, one());
    play.is(ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES, &[], 2.0);
}

#[test]
fn blocks_and_how_long_the_node_checks_them() {
    let mut play = Play::new();
    let announced = |message_type: &str| {
        event("block_announcement", &format!(r#""block_hash":"{A}","message_type":"{message_type}""#))
    };
    play.at(0.0, announced("cmpctblock")).at(1.0, announced("headers")).at(2.0, announced("<b>"));
    play.is(ids::OWN_BLOCK_ANNOUNCEMENTS, &["cmpctblock"], 1.0);
    play.is(ids::OWN_BLOCK_ANNOUNCEMENTS, &["inv"], 0.0).is(ids::OWN_BLOCK_ANNOUNCEMENTS, &["unknown"], 1.0);
    play.at(3.0, event("block_served", &format!(r#""block_hash":"{A}","duration_ns":42000000"#)));
    play.is(ids::OWN_BLOCK_VALIDATION, &[], 1.0).sums_to(ids::OWN_BLOCK_VALIDATION, &[], 0.042);
}

#[test]
fn how_soon_the_node_announces() {
    let announces = |hash: &str| event("inventory_announcement", &format!(r#""inventory":[{{"wtx":"{hash}"}}]"#));
    let mempool = |hash: &str| event("mempool_added", &format!(r#""txid":"{hash}","vsize":100,"fee":500"#));
    let mut play = Play::new();
    play.at(0.0, opened("LISTENING", "v2")).at(1.0, headers_of_now()).at(1.0, mempool("@01"));
    play.at(1.25, announces("@01")).at(1.3, announces("@02")).at(2.0, mempool("@02"));
    play.at(1.5, event("block_announcement", &format!(r#""block_hash":"{A}","message_type":"headers""#)));
    play.tick(10.0);
    play.is(ids::RELAY_TX, &["mempool"], 1.0).sums_to(ids::RELAY_TX, &["mempool"], 0.25);
    play.is(ids::RELAY_BLOCK, &["header", "headers"], 1.0).sums_to(ids::RELAY_BLOCK, &["header", "headers"], 0.5);
    play.is(ids::RELAY_EARLY, &["tx", "mempool"], 1.0).has(ids::RELAY_EARLY, 1);
}

fn headers_of_now() -> (&'static str, String) {
    let header = header(A, 0);
    got(1, "headers", &format!(r#""headers":{{"headers":[{}]}}"#, &header[9..]))
}
