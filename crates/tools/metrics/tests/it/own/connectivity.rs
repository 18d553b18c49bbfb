//! What comes of attempts to reach gossiped addresses.

use super::*;

/// An attempt: what gossip says, the outcome, and more fields.
fn attempt(address: &str, outcome: &str, more: &str) -> (&'static str, String) {
    let heard = time::parse_rfc3339(NOON).unwrap();
    let address = format!(r#"{{"timestamp":{},{address},"port":8333}}"#, heard / SECOND - 100);
    let times = format!(r#""heard_ns":"{heard}","tried_ns":"{heard}","duration_ns":250000000"#);
    event("attempt", &format!(r#""address":{address},"addrv2":true,"outcome":"{outcome}",{times},{more}"#))
}

/// What a node says of itself, with these services.
fn version(services: u64, clock_offset: i64) -> String {
    format!(
        r#""version":{{"version":70016,"services":{services},"user_agent":"/x/","start_height":7,"relay":true,"nonce":1,"timestamp":1,"clock_offset":{clock_offset}}}"#
    )
}

const V4: &str = r#""ipv4":"198.51.100.1","services":2057"#;
const ONION: &str = r#""torv3":"a.onion","services":1"#;
const FROM_PEER: &str = r#""cached":false,"source_peer_id":5,"source_addr":"203.0.113.5:41000""#;

#[test]
fn outcomes_by_network() {
    let mut play = Play::new();
    play.at(0.0, attempt(V4, "V2", FROM_PEER)).at(1.0, attempt(V4, "REFUSED", FROM_PEER));
    play.at(2.0, attempt(ONION, "UNREACHABLE", FROM_PEER));
    // One that was tried before is no attempt.
    play.at(3.0, attempt(V4, "V2", r#""cached":true,"source_peer_id":6,"source_addr":"203.0.113.6:41000""#));
    play.is(ids::CONNECTIVITY_ATTEMPTS, &["ipv4", "v2"], 1.0).is(ids::CONNECTIVITY_ATTEMPTS, &["ipv4", "refused"], 1.0);
    play.is(ids::CONNECTIVITY_ATTEMPTS, &["onion", "unreachable"], 1.0).has(ids::CONNECTIVITY_ATTEMPTS, 3);
    play.is(ids::CONNECTIVITY_DURATION, &["v2"], 1.0).sums_to(ids::CONNECTIVITY_DURATION, &["v2"], 0.25);
    play.is(ids::CONNECTIVITYCHECK_ADDR_TRIED, &["IPv4", "addrv2"], 2.0);
    play.is(ids::CONNECTIVITYCHECK_ADDR_CACHED, &["IPv4", "addrv2"], 1.0);
    // That others can be reached does not show that the node is there.
    play.tick(4.0).is(ids::NODE_UP, &[], 0.0);
}

#[test]
fn who_gossips_addresses_where_nobody_is() {
    let mut play = Play::new();
    play.at(0.0, attempt(V4, "V2", FROM_PEER)).at(1.0, attempt(V4, "TIMEOUT", FROM_PEER));
    // Inbound peers come from another port each time.
    let again = FROM_PEER.replace("41000", "42000");
    play.at(2.0, attempt(V4, "TIMEOUT", &again)).at(3.0, attempt(V4, "RESET", r#""cached":false"#));
    play.at(4.0, attempt(ONION, "RESET", r#""cached":false,"source_peer_id":7"#));
    let onion = r#""cached":false,"source_peer_id":8,"source_addr":"b.onion:8333""#;
    play.at(4.0, attempt(ONION, "V1", onion));
    play.is(ids::CONNECTIVITY_GOSSIPED, &["203.0.113.5", "true"], 1.0);
    play.is(ids::CONNECTIVITY_GOSSIPED, &["203.0.113.5", "false"], 2.0);
    play.is(ids::CONNECTIVITY_GOSSIPED, &["own_connection", "false"], 1.0);
    play.is(ids::CONNECTIVITY_GOSSIPED, &["unknown", "false"], 1.0);
    play.is(ids::CONNECTIVITY_GOSSIPED, &["b.onion", "true"], 1.0);
    let of = ["IPv4", "addrv2", "203.0.113.5"];
    play.is(ids::CONNECTIVITYCHECK_ADDR_SUCCESSFUL_CONNECTION, &of, 1.0);
    play.is(ids::CONNECTIVITYCHECK_ADDR_UNSUCCESSFUL_CONNECTION, &of, 2.0);
    // 100 s and some before it was heard of.
    let of = ["IPv4", "addrv2", "past", "false"];
    play.is(ids::CONNECTIVITYCHECK_ADDR_TIMESTAMP_OFFSET_SECONDS, &of, 3.0);
    play.sums_to(ids::CONNECTIVITYCHECK_ADDR_TIMESTAMP_OFFSET_SECONDS, &of, 300.0);
}

#[test]
fn services_that_gossip_claims() {
    let mut play = Play::new();
    let with = |services, offset| format!("{FROM_PEER},{}", version(services, offset));
    play.at(0.0, attempt(V4, "V2", &with(2_057, -70))).at(1.0, attempt(V4, "V1", &with(2_057, 0)));
    play.at(2.0, attempt(V4, "V1", &with(9, 5))).at(3.0, attempt(ONION, "V1", &with(9, 0)));
    // Nobody was there to say anything.
    play.at(4.0, attempt(V4, "REFUSED", FROM_PEER));
    play.is(ids::CONNECTIVITY_CLAIMS, &["same"], 1.0).is(ids::CONNECTIVITY_CLAIMS, &["p2p_v2_untrue"], 2.0);
    play.is(ids::CONNECTIVITY_CLAIMS, &["other"], 1.0);
    play.is(ids::CONNECTIVITY_CLOCK_OFFSET, &["behind"], 1.0).is(ids::CONNECTIVITY_CLOCK_OFFSET, &["ahead"], 3.0);
    play.sums_to(ids::CONNECTIVITY_CLOCK_OFFSET, &["behind"], 70.0);
}

#[test]
fn what_was_not_tried() {
    let count = |node: &str, reason: &str| {
        let labels = format!(r#"[{{"name":"reason","value":"{reason}"}},{{"name":"node","value":"{node}"}}]"#);
        format!(r#"{{"name":"connectivity_skipped","labels":{labels},"value":3}}"#)
    };
    let counts = [count("", "private"), count("another", "budget")].join(",");
    let status =
        format!(r#""extractor":"connectivity","started_ns":1,"last_sequence":1,"ended":false,"counts":[{counts}]"#);
    let mut play = Play::new();
    play.at(0.0, event("status", &status)).is(ids::CONNECTIVITY_SKIPPED, &["private"], 3.0);
    play.has(ids::CONNECTIVITY_SKIPPED, 1);
}

/// Addresses of sources come from peers, so their number is limited.
#[test]
fn many_sources() {
    let mut play = Play::new();
    for n in 0..3_000 {
        let from = format!(r#""cached":false,"source_peer_id":{n},"source_addr":"203.0.{}.{}:1""#, n / 250, n % 250);
        play.at(0.001 * f64::from(n), attempt(V4, "TIMEOUT", &from));
    }
    assert!(play.node.store().series(ids::CONNECTIVITY_GOSSIPED).len() <= 101);
    assert!(play.node.store().series(ids::CONNECTIVITYCHECK_ADDR_UNSUCCESSFUL_CONNECTION).len() <= 101);
}
