//! Blocks and their stages.

use model::blocks::Stage;

use super::*;

fn header(hash: &str, age: i64) -> String {
    let time = time::parse_rfc3339(NOON).unwrap() as i64 / SECOND as i64 - age;
    format!(r#""time":{time},"hash":"{hash}","prev_blockhash":"@00","merkle_root":"@00""#)
}

fn headers(peer: u64, hash: &str) -> (&'static str, String) {
    received(peer, "headers", &format!(r#""headers":{{"headers":[{{{}}}]}}"#, header(hash, 20)))
}

fn compact(peer: u64) -> (&'static str, String) {
    received(peer, "cmpctblock", &format!(r#""compactblock":{{"header":{{{}}}}}"#, header(A, 20)))
}

fn connected() -> (&'static str, String) {
    event("block_connected", &format!(r#""hash":"{A}","height":7,"connection_time":"20000000""#))
}

fn tip(height: u32, hash: &str) -> (&'static str, String) {
    line("update_tip", &format!(r#""block_hash":"{hash}","height":{height},"date":"2026-01-31T11:59:40Z""#))
}

fn name(change: &Change) -> Option<String> {
    match change {
        Change::BlockStage { stage, .. } => Some(stage.name().to_owned()),
        Change::BlockConnected { .. } => Some("+".to_owned()),
        Change::BlockDisconnected { .. } => Some("-".to_owned()),
        Change::BlockSettled { .. } => Some("settled".to_owned()),
        _ => None,
    }
}

#[test]
fn the_stages_of_a_block() {
    let mut play = Play::new();
    play.at(0.0, headers(1, A)).at(1.0, compact(2)).at(2.0, connected()).at(2.2, tip(7, A));
    // What comes later shows who has it, and is no stage.
    play.at(2.5, compact(3)).tick(10.0);
    assert_eq!(play.names(name), ["header", "compact_block", "connected", "+", "tip", "settled"]);
    let block = play.model.blocks.known()[0].clone();
    let at = |stage| block.at(stage).map(|at_ns| (at_ns - play.start_ns) as f64 / 1e9);
    assert_eq!([Stage::Header, Stage::CompactBlock, Stage::Block].map(at), [Some(0.0), Some(1.0), None]);
    assert_eq!([Stage::Connected, Stage::Tip].map(at), [Some(2.0), Some(2.2)]);
    assert_eq!((block.confirmed, block.height, block.connect_seconds), (true, Some(7), Some(0.02)));
    assert_eq!(block.first_announcement, Some(("headers", "inbound")));
    let peers: Vec<_> = block.announced_by.iter().map(|one| (one.peer, one.message_type)).collect();
    assert_eq!(peers, [(1, "headers"), (2, "cmpctblock"), (3, "cmpctblock")]);
}

#[test]
fn a_tracepoint_knows_better_than_the_log() {
    let seen = line("header_seen", &format!(r#""block_hash":"{A}","compact_block":false"#));
    let mut play = Play::new();
    play.at(0.0, seen).at(0.7, headers(1, A));
    let block = &play.model.blocks.known()[0];
    assert_eq!(block.at(Stage::Header), Some(play.ns(0.7)));
}

#[test]
fn a_reorganisation() {
    let disconnected = line("block_disconnected_log", &format!(r#""block_hash":"{A}","block_height":7"#));
    let mut play = Play::new();
    play.at(0.0, tip(6, "@bb")).at(1.0, tip(7, A)).at(2.0, disconnected).at(2.0, tip(6, "@bb")).at(3.0, tip(7, "@cc"));
    assert_eq!(play.names(name), ["tip", "+", "tip", "+", "-", "tip", "+"]);
    let blocks = &play.model.blocks;
    assert_eq!((blocks.tips().len(), blocks.disconnected().len()), (4, 1));
}

#[test]
fn blocks_that_the_node_catches_up_with_are_no_news() {
    let old = received(1, "block", &format!(r#""block":{{"header":{{{}}}}}"#, header("@dd", 20_000)));
    let old_connected = event("block_connected", r#""hash":"@dd","height":6,"connection_time":"1""#);
    let mut play = Play::new();
    play.at(0.0, old).at(0.1, old_connected).at(0.5, headers(1, A)).at(1.0, connected()).tick(10.0);
    assert!(!play.names(name).contains(&"settled".to_owned()));
    play.at(100.0, headers(1, "@ee")).at(101.0, tip(8, "@ee")).tick(110.0);
    assert!(play.names(name).contains(&"settled".to_owned()));
}

#[test]
fn a_peer_cannot_push_out_what_others_announce() {
    let mut play = Play::new();
    play.at(0.0, headers(1, A)).at(0.0, connected());
    play.at(0.1, headers(2, "@bb"));
    for number in 0..100_u8 {
        play.at(1.0, headers(3, &format!("@{:02x}", number | 0x80)));
    }
    let known = play.model.blocks.known();
    assert_eq!(known.len(), 2 + model::bounds::MAX_BLOCKS_OF_PEER);
    assert!(known.iter().any(|block| block.hash == [0xbb; 32]));
}

#[test]
fn whether_the_node_has_caught_up_is_known_from_either_source() {
    let info = |initial: bool| event("blockchain_info", &format!(r#""chain":"main","initialblockdownload":{initial}"#));
    let mut play = Play::new();
    let caught_up = |play: &Play, seconds: f64| play.model.blocks.has_caught_up(play.ns(seconds));
    assert_eq!(caught_up(play.at(0.0, headers(1, A)), 0.0), None, "a peer says nothing of it");
    assert_eq!(caught_up(play.at(1.0, info(true)), 1.0), Some(false));
    assert_eq!(caught_up(play.at(2.0, info(false)), 2.0), Some(true));
    // By debug.log alone: an old block, and then a new one.
    let mut play = Play::new();
    play.at(0.0, line("update_tip", &format!(r#""block_hash":"{}","height":6,"date":"2025-01-31T11:59:40Z""#, "@bb")));
    assert_eq!(caught_up(&play, 0.0), Some(false));
    assert_eq!(caught_up(&play, 120.0), None);
    assert_eq!(caught_up(play.at(120.0, tip(7, A)), 120.0), Some(true));
}
