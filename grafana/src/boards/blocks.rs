//! Blocks: when they come, how, and what they take.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("blocks", "blocks and compact blocks", "Blocks: when they come, how, and what they take.")
        .since("now-24h")
        .row("Is something wrong?", is_something_wrong())
        .row("The chain", the_chain())
        .row("From header to tip", from_header_to_tip())
        .row("Compact blocks", compact_blocks())
        .row("Trouble", trouble())
        .row("The last block", the_last_block())
        .row("Tips and forks of all nodes", tips_and_forks())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("Age of the tip", unit::SECONDS, of(TIP_CHANGED).ago().max(&[]).named("age"))
            .about("How long ago the best block changed, at the node where it is longest.")
            .steps(Steps::Rising(3_600.0, 5_400.0)),
        stat(
            "Blocks behind headers",
            unit::COUNT,
            each(RPC_BLOCKCHAININFO_HEADERS).minus(each(RPC_BLOCKCHAININFO_BLOCKS)).max(&[]).named("blocks"),
        )
        .about("Headers whose blocks a node lacks.")
        .steps(Steps::Rising(2.0, 6.0)),
        stat(
            "Rebuilt at once",
            unit::SHARE,
            rebuilt("complete").grown("6h").sum(&[]).over(of(COMPACT_BLOCKS).grown("6h").sum(&[])).named("share"),
        )
        .about("Share of the compact blocks of the last 6 hours that needed no further transactions.")
        .hint("Below half, blocks travel slowly.")
        .steps(Steps::Falling(0.6, 0.4)),
        stat("Mutated in an hour", unit::COUNT, last_hour(MUTATED_BLOCKS).named("blocks")).steps(Steps::Bad(1.0)),
        stat(
            "Chain warnings in an hour",
            unit::COUNT,
            of(INVALID_CHAINS).grown("1h").sum(&[]).plus(of(STALE_TIPS).grown("1h").sum(&[])).named("warnings"),
        )
        .steps(Steps::Bad(1.0)),
        stat("Disconnected in an hour", unit::COUNT, last_hour(BLOCKS_DISCONNECTED).named("blocks"))
            .steps(Steps::Rising(1.0, 3.0)),
    ]
}

fn the_chain() -> Vec<Panel> {
    vec![
        lines("Height", unit::HEIGHT, each(RPC_BLOCKCHAININFO_BLOCKS)).limits(None, None),
        lines("Age of the tip", unit::SECONDS, of(TIP_CHANGED).ago().max(&NODE))
            .about("How long ago the best block changed.")
            .steps(Steps::Rising(3_600.0, 5_400.0)),
        lines(
            "Blocks connected and disconnected",
            unit::PER_HOUR,
            [
                rate(BLOCKS_CONNECTED).times(3_600.0).named("connected"),
                rate(BLOCKS_DISCONNECTED).times(3_600.0).named("disconnected"),
            ],
        )
        .every("10m"),
        timeline("Initial block download", each(RPC_BLOCKCHAININFO_INITIAL_BLOCK_DOWNLOAD))
            .states(("done", GOOD), ("under way", WARN))
            .size(12, 8),
    ]
}

fn from_header_to_tip() -> Vec<Panel> {
    let delay = |from, to| of(BLOCK_DELAY).is("from", from).is("to", to);
    vec![
        lines("Delays, 90 %", unit::SECONDS, of(BLOCK_DELAY).quantile(0.9, &["from", "to"]))
            .about("Nine of ten blocks take less than this from one stage to a later one.")
            .every("10m"),
        heatmap("Header to tip", unit::SECONDS, delay("header", "tip").buckets())
            .every("10m")
            .about("Time from the first sight of a new block's header until it is the tip."),
        heatmap("Connecting a block", unit::SECONDS, of(BLOCK_CONNECTION).buckets()).every("10m"),
        lines("Connecting a block, mean", unit::SECONDS, of(BLOCK_CONNECTION).mean(&NODE)).every("10m"),
        lines("Connecting the last block", unit::MICROSECONDS, each(VALIDATION_BLOCK_CONNECTED_LATEST_CONNECTION_TIME)),
        heatmap("Block time to header", unit::SECONDS, of(BLOCK_TIME_OFFSET).buckets()).every("10m"),
        lines(
            "First announcements",
            unit::PER_HOUR,
            of(BLOCK_FIRST_ANNOUNCEMENTS).per_hour().sum(&["via", "connection_type"]),
        )
        .every("10m"),
        lines(
            "Blocks asked for, 90 %",
            unit::SECONDS,
            of(REQUEST_DURATION)
                .like("request", "getdata_block|getblocktxn|getheaders")
                .quantile(0.9, &["request", "direction"]),
        )
        .about(
            "Nine of ten requests for blocks, their transactions or headers are answered within this \
            time.",
        )
        .every("10m"),
    ]
}

fn compact_blocks() -> Vec<Panel> {
    vec![
        stack("What followed a compact block", unit::PER_HOUR, of(COMPACT_BLOCKS).per_hour().sum(&["result"]))
            .every("10m"),
        stack("How blocks were rebuilt", unit::PER_HOUR, of(COMPACT_BLOCK_RECONSTRUCTIONS).per_hour().sum(&["result"]))
            .every("10m"),
        lines(
            "Where transactions came from",
            unit::SHARE,
            of(COMPACT_BLOCK_TRANSACTIONS).rate().sum(&["origin"]).over(rate(COMPACT_BLOCK_TRANSACTIONS)),
        )
        .limits(Some(0.0), Some(1.0))
        .every("10m"),
        lines("Where bytes came from", unit::BYTES_RATE, of(COMPACT_BLOCK_BYTES).rate().sum(&["origin"])).every("10m"),
        heatmap("Transactions asked for", unit::COUNT, of(COMPACT_BLOCK_REQUESTED).buckets()).every("10m"),
        heatmap("Transactions prefilled", unit::COUNT, of(COMPACT_BLOCK_PREFILLED).buckets())
            .every("10m")
            .hint("Usually the coinbase alone."),
        lines(
            "High-bandwidth peers",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_TO).named("chosen by the node"),
                total(RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_FROM).named("chose the node"),
            ],
        ),
        lines(
            "Downloads",
            unit::COUNT,
            [
                total(RPC_PEER_INFO_INFLIGHT_BLOCK_PEERS).named("peers"),
                total(RPC_PEER_INFO_INFLIGHT_DISTINCT_BLOCKS_HEIGHTS).named("heights"),
            ],
        ),
    ]
}

fn trouble() -> Vec<Panel> {
    vec![
        lines("Mutated blocks", unit::PER_HOUR, of(MUTATED_BLOCKS).per_hour().sum(&["state"])),
        lines("Stalled downloads", unit::PER_HOUR, of(BLOCK_STALLS).per_hour().sum(&["kind"])),
        lines(
            "Warnings",
            unit::PER_HOUR,
            [
                rate(INVALID_CHAINS).times(3_600.0).named("invalid chain"),
                rate(STALE_TIPS).times(3_600.0).named("tip may be stale"),
            ],
        ),
        lines(
            "Blocks checked and connected in the log",
            unit::PER_HOUR,
            [
                rate(LOG_BLOCK_CHECKED_EVENTS).times(3_600.0).named("checked"),
                rate(LOG_BLOCK_CONNECTED_EVENTS).times(3_600.0).named("connected"),
            ],
        )
        .every("10m"),
    ]
}

fn the_last_block() -> Vec<Panel> {
    vec![
        lines("Transactions", unit::COUNT, each(VALIDATION_BLOCK_CONNECTED_LATEST_TRANSACTIONS)),
        lines("Inputs", unit::COUNT, each(VALIDATION_BLOCK_CONNECTED_LATEST_INPUTS)),
        lines("Signature operations", unit::COUNT, each(VALIDATION_BLOCK_CONNECTED_LATEST_SIGOPS)),
        lines("Transactions a second", unit::RATE, each(RPC_CHAINTXSTATS_TX_RATE)).every("5m"),
    ]
}

fn rebuilt(result: &str) -> Selector {
    of(COMPACT_BLOCKS).is("result", result)
}

fn tips_and_forks() -> Vec<Panel> {
    let nodes = ["network", "chain_node"];
    vec![
        timeline("Asked nodes", of(CHAIN_NODE_REACHABLE).now().min(&nodes))
            .about("Whether nodes and servers that the tool chain asks for their tips answer.")
            .states(("unreachable", BAD), ("reachable", GOOD)),
        lines("Height of active tips", unit::HEIGHT, of(CHAIN_TIP_HEIGHT).now().max(&nodes)).limits(None, None),
        lines("Tips by status", unit::COUNT, of(CHAIN_TIPS).not("status", "active").now().max(&["network", "status"]))
            .about("Branches beside the active chain, at the node that knows most.")
            .hint("An invalid one is a block that a node found invalid."),
        lines("Other rules", unit::COUNT, of(CHAIN_NODE_OTHER_RULES).now().sum(&["network"]))
            .about("Nodes whose headers do not satisfy Bitcoin's proof of work."),
        stack("Changes", unit::PER_HOUR, of(CHAIN_ACTIVITY).per_hour().sum(&["kind"])),
        heatmap("Depth of reorganizations", unit::COUNT, of(CHAIN_REORG_DEPTH).buckets())
            .about("Blocks that a node left."),
    ]
}
