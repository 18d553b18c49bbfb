//! New blocks, whole and compact.

use super::*;

fn headers(age: i64) -> (&'static str, String) {
    let header = header(A, age);
    got(1, "headers", &format!(r#""headers":{{"headers":[{}]}}"#, &header[9..]))
}

fn cmpctblock(peer: u64) -> (&'static str, String) {
    got(
        peer,
        "cmpctblock",
        &format!(r#""compactblock":{{{},"short_ids":["aabbccddeeff"],"transactions":[{{}}]}}"#, header(A, 20)),
    )
}

fn connected() -> (&'static str, String) {
    event("block_connected", &format!(r#""hash":"{A}","height":7,"connection_time":"20000000""#))
}

/// Stages and the time between them.
type Delays = &'static [(&'static str, &'static str, f64)];

#[test]
fn the_stages_of_a_new_block() {
    let log_connected = || line("block_connected_log", &format!(r#""block_hash":"{A}","block_height":7"#));
    let seen = |compact: bool| line("header_seen", &format!(r#""block_hash":"{A}","compact_block":{compact}"#));
    let ibd = || event("blockchain_info", r#""initialblockdownload":true"#);
    let block = |age| got(2, "block", &format!(r#""block":{{{}}}"#, header(A, age)));
    let ipc = || event("block_tip", &format!(r#""height":7,"hash":"{A}""#));
    // What happens; pairs of stages and the time between them; blocks connected; how it was announced first.
    let table: Vec<(Steps, Delays, f64, &str)> = vec![
        (
            vec![
                (0.0, headers(20)),
                (1.0, cmpctblock(2)),
                (1.5, cmpctblock(3)),
                (2.0, connected()),
                (2.5, tip(7, A)),
                (2.6, log_connected()),
            ],
            &[
                ("header", "compact_block", 1.0),
                ("compact_block", "connected", 1.0),
                ("header", "connected", 2.0),
                ("header", "tip", 2.5),
                ("connected", "tip", 0.5),
            ],
            1.0,
            "headers",
        ),
        (
            vec![(0.0, seen(true)), (3.0, tip(7, A)), (3.0, log_connected())],
            &[
                ("header", "compact_block", 0.0),
                ("compact_block", "connected", 3.0),
                ("header", "connected", 3.0),
                ("header", "tip", 3.0),
                ("connected", "tip", 0.0),
            ],
            1.0,
            "",
        ),
        (
            vec![
                (0.0, got(1, "inv", &format!(r#""inv":{{"items":[{{"block":"{A}"}}]}}"#))),
                (1.0, block(20)),
                (3.0, connected()),
            ],
            &[("header", "block", 1.0), ("block", "connected", 2.0), ("header", "connected", 3.0)],
            1.0,
            "inv",
        ),
        (vec![(0.0, headers(20)), (1.0, ibd()), (1.0, connected())], &[], 1.0, ""),
        (vec![(0.0, headers(20_000)), (1.0, connected())], &[], 1.0, ""),
        (vec![(0.0, block(20_000)), (0.5, headers(20)), (1.0, connected())], &[], 1.0, ""),
        (vec![(0.0, headers(20))], &[], 0.0, ""),
        (vec![(0.0, connected()), (0.1, cmpctblock(2)), (0.2, ipc())], &[], 1.0, ""),
        (vec![(0.0, ipc())], &[], 0.0, ""),
        (vec![(0.0, event("block_tip", r#""height":6,"hash":"@bb""#)), (1.0, ipc())], &[], 1.0, ""),
        (vec![(0.0, tip(6, "@bb")), (1.0, tip(7, A)), (2.0, tip(6, "@bb")), (3.0, tip(5, "@cc"))], &[], 2.0, ""),
    ];
    for (steps, pairs, blocks, via) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.tick(10.0).is(ids::BLOCKS_CONNECTED, &[], blocks).has(ids::BLOCK_DELAY, pairs.len());
        for (from, to, seconds) in pairs {
            play.is(ids::BLOCK_DELAY, &[from, to], 1.0).sums_to(ids::BLOCK_DELAY, &[from, to], *seconds);
        }
        play.is(ids::BLOCK_TIME_OFFSET, &[], f64::from(u8::from(!pairs.is_empty())));
        play.has(ids::BLOCK_FIRST_ANNOUNCEMENTS, usize::from(!via.is_empty()));
        play.is(ids::BLOCK_FIRST_ANNOUNCEMENTS, &[via, "inbound"], f64::from(u8::from(!via.is_empty())));
    }
}

#[test]
fn blocks_that_somebody_changed_and_other_warnings() {
    let mutated = |state: &str| line("mutated_block", &format!(r#""state":"{state}""#));
    let mut play = Play::new();
    play.at(0.0, mutated("bad-txnmrklroot")).at(0.1, mutated("")).at(10.0, mutated(""));
    play.at(20.0, line("block_checked_log", &format!(r#""block_hash":"{A}","state":"unexpected-witness, x""#)));
    play.at(20.0, line("block_checked_log", &format!(r#""block_hash":"{A}","state":"Valid""#)));
    play.is(ids::MUTATED_BLOCKS, &["bad-txnmrklroot"], 1.0).is(ids::MUTATED_BLOCKS, &["unknown"], 1.0);
    play.is(ids::MUTATED_BLOCKS, &["unexpected-witness"], 1.0).has(ids::MUTATED_BLOCKS, 3);
    play.at(30.0, line("invalid_chain_found", "")).at(30.0, line("invalid_chain_found", r#""current_best":true"#));
    play.at(30.0, line("stale_tip", "")).at(30.0, line("block_disconnected_log", r#""block_height":1"#));
    play.is(ids::INVALID_CHAINS, &[], 1.0).is(ids::STALE_TIPS, &[], 1.0).is(ids::BLOCKS_DISCONNECTED, &[], 1.0);
    play.at(31.0, connected()).sums_to(ids::BLOCK_CONNECTION, &[], 0.02);
}

#[test]
fn compact_blocks_and_what_followed() {
    let asks = || sent(2, "getblocktxn", &format!(r#""getblocktxn":{{"block_hash":"{A}","tx_indexes":[1,2,3]}}"#));
    let asks_all = || sent(3, "getdata", &format!(r#""getdata":{{"items":[{{"witness_block":"{A}"}}]}}"#));
    let table: Vec<(Steps, &str)> = vec![
        (vec![(0.0, cmpctblock(2)), (0.1, cmpctblock(3)), (1.0, connected()), (1.1, cmpctblock(4))], "complete"),
        (vec![(0.0, cmpctblock(2)), (0.1, asks()), (1.0, connected())], "requested"),
        (vec![(0.0, cmpctblock(2)), (0.1, asks()), (0.2, asks_all()), (0.3, asks()), (1.0, connected())], "full"),
        (vec![(0.0, asks_all()), (0.1, cmpctblock(2)), (1.0, connected())], ""),
        (vec![(0.0, cmpctblock(2)), (2.0, asks()), (3.0, cmpctblock(2))], "requested"),
        (vec![(0.0, cmpctblock(2))], "complete"),
        (vec![(0.0, event("block_connected", r#""hash":"@bb""#)), (0.1, cmpctblock(2))], ""),
    ];
    for (steps, result) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.tick(4.0).tick(6.0).tick(900.0);
        play.is(ids::COMPACT_BLOCKS, &[result], f64::from(u8::from(!result.is_empty())));
        play.has(ids::COMPACT_BLOCKS, usize::from(!result.is_empty()));
    }
    let mut play = Play::new();
    play.at(0.0, cmpctblock(1)).sums_to(ids::COMPACT_BLOCK_PREFILLED, &[], 1.0);
    play.at(0.0, asks()).sums_to(ids::COMPACT_BLOCK_REQUESTED, &[], 3.0);
    let reconstructed = |fields: &str| line("compact_block_reconstructed", fields);
    play.at(1.0, reconstructed(r#""prefilled":1,"from_mempool":10,"from_extra_pool":2,"requested":0"#));
    play.at(
        1.0,
        reconstructed(r#""prefilled":1,"from_mempool":10,"from_extra_pool":2,"requested":3,"requested_bytes":500"#),
    );
    play.at(1.0, reconstructed(r#""from_mempool":10,"from_mempool_bytes":9,"from_extra_pool_bytes":0"#));
    for (result, blocks) in [("mempool", 1.0), ("extra_pool", 1.0), ("requested", 1.0)] {
        play.is(ids::COMPACT_BLOCK_RECONSTRUCTIONS, &[result], blocks);
    }
    for (origin, count, bytes) in
        [("prefilled", 2.0, 0.0), ("mempool", 26.0, 9.0), ("extra_pool", 4.0, 0.0), ("requested", 3.0, 500.0)]
    {
        play.is(ids::COMPACT_BLOCK_TRANSACTIONS, &[origin], count).is(ids::COMPACT_BLOCK_BYTES, &[origin], bytes);
    }
}
