//! How long the node takes to announce what it has.

use super::*;

fn opened() -> (&'static str, String) {
    let fields = r#""way":"LISTENING","node_address":"127.0.0.1:41000","transport":"v2","our_nonce":77"#;
    event("connection_opened", fields)
}

/// The node announces transactions to us by their wtxids.
fn announces(wtxids: &[&str]) -> (&'static str, String) {
    let items: Vec<String> = wtxids.iter().map(|wtxid| format!(r#"{{"wtx":"{wtxid}"}}"#)).collect();
    event("inventory_announcement", &format!(r#""inventory":[{}]"#, items.join(",")))
}

fn announces_block(hash: &str, message_type: &str) -> (&'static str, String) {
    event("block_announcement", &format!(r#""block_hash":"{hash}","message_type":"{message_type}""#))
}

/// A peer sends a transaction.
fn tx(txid: &str, wtxid: &str) -> (&'static str, String) {
    received(5, "tx", &format!(r#""tx":{{"tx":{{"txid":"{txid}","wtxid":"{wtxid}"}}}}"#))
}

fn mempool(txid: &str) -> (&'static str, String) {
    event("mempool_added", &format!(r#""txid":"{txid}","vsize":100,"fee":500"#))
}

fn logged(txid: &str, wtxid: &str) -> (&'static str, String) {
    ("mempool_added_log", format!(r#"{{"mempool_added":{{"txid":"{txid}","wtxid":"{wtxid}"}}}}"#))
}

fn name(change: &Change) -> Option<String> {
    let Change::Relayed(relayed) = change else { return None };
    Some(format!("{:?} {:02x} since {} {:.1}", relayed.what, relayed.hash[0], relayed.since, relayed.seconds()))
}

#[test]
fn the_time_from_the_mempool_to_the_announcement() {
    let mut play = Play::new();
    // The tracepoint has the txid alone; the message before it has both names.
    play.at(0.0, opened()).at(1.0, tx("@01", "@02")).at(1.5, mempool("@01")).at(4.0, announces(&["@02"])).tick(6.9);
    assert!(play.names(name).is_empty(), "other sources may still report something better");
    play.tick(7.0);
    assert_eq!(play.names(name), ["Transaction 02 since mempool 2.5"]);
    // Each counts once, by whatever name.
    play.at(8.0, announces(&["@02"])).tick(20.0);
    assert!(play.names(name).is_empty());
}

#[test]
fn whatever_shows_that_the_node_has_it() {
    let mut play = Play::new();
    play.at(0.0, opened());
    play.at(1.0, tx("@01", "@02")).at(1.0, logged("@03", "@04")).at(1.0, mempool("@05"));
    // Without witnesses, both names are the same.
    play.at(2.0, announces(&["@02", "@04", "@05", "@06"])).tick(10.0);
    let expected =
        ["Transaction 02 since message 1.0", "Transaction 04 since log 1.0", "Transaction 05 since mempool 1.0"];
    assert_eq!(play.names(name), expected, "and nothing of what nobody else reported");
}

/// The node announces it before the scheduler's thread logs it again.
#[test]
fn the_log_by_its_first_line() {
    let queued = line("validation_signal", r#""signal":"TRANSACTION_ADDED_TO_MEMPOOL","queued":true,"txid":"@01""#);
    let mut play = Play::new();
    play.at(0.0, opened()).at(1.0, queued).at(1.25, announces(&["@02"])).at(1.5, logged("@01", "@02")).tick(10.0);
    assert_eq!(play.names(name), ["Transaction 02 since log 0.2"]);
}

#[test]
fn a_report_that_comes_later_than_the_announcement_counts_by_its_own_time() {
    let mut play = Play::new();
    play.at(0.0, opened()).at(2.0, announces(&["@01", "@02"])).at(1.9, mempool("@01")).at(2.4, mempool("@02"));
    play.tick(10.0);
    // A clock that differs shows itself, and is no delay.
    assert_eq!(play.names(name), ["Transaction 01 since mempool 0.1", "Transaction 02 since mempool -0.4"]);
}

#[test]
fn what_the_node_had_before_the_connection_is_no_delay() {
    let mut play = Play::new();
    play.at(-9.0, mempool("@01")).at(0.0, opened()).at(1.0, mempool("@02")).at(2.0, opened());
    play.at(3.0, announces(&["@01", "@02"])).at(3.0, announces_block(A, "headers")).tick(10.0);
    assert!(play.names(name).is_empty());
}

#[test]
fn blocks_from_their_first_stage_on() {
    let time = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let header = format!(r#""time":{time},"hash":"{A}","prev_blockhash":"@00","merkle_root":"@00""#);
    let compact = received(2, "cmpctblock", &format!(r#""compactblock":{{"header":{{{header}}}}}"#));
    let connected = |hash| event("block_connected", &format!(r#""hash":"{hash}","height":7,"connection_time":"20""#));
    let mut play = Play::new();
    play.at(0.0, opened()).at(1.0, compact).at(1.5, announces_block(A, "cmpctblock")).at(2.0, connected(A));
    // One that the node made itself was announced before it was connected.
    play.at(2.1, announces_block("@bb", "<script>")).at(2.3, connected("@bb")).at(2.3, announces_block(A, "inv"));
    play.tick(10.0);
    let expected = [r#"Block("cmpctblock") aa since header 0.5"#, r#"Block("unknown") bb since connected -0.2"#];
    assert_eq!(play.names(name), expected);
}

/// Nobody's announcements make it grow, and nothing is kept of a node to which there is no connection of ours.
#[test]
fn many_announcements() {
    let mut play = Play::new();
    let wtxids: Vec<String> = (0..30_000).map(|n: u32| format!("{n:064x}")).collect();
    let wtxids: Vec<&str> = wtxids.iter().map(String::as_str).collect();
    play.at(0.0, opened()).at(1.0, mempool(wtxids[7])).at(1.5, mempool(wtxids[29_999]));
    play.at(2.0, announces(&wtxids));
    // Those that do not fit are compared at once.
    assert_eq!(play.names(name).len(), 1);
    play.tick(10.0);
    assert_eq!(play.names(name).len(), 1);
}
