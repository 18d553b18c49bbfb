//! One node: everything at a glance.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("node", "node", "One node at a glance. The other dashboards tell more of each subject.")
        .of_one_node()
        .row("Is something wrong?", is_something_wrong())
        .row("Peers", peers())
        .row("Messages", messages())
        .row("Blocks and transactions", blocks_and_transactions())
        .row("Log and process", log_and_process())
        .row("How it is set up", how_it_is_set_up())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("Age of the tip", unit::SECONDS, of(TIP_CHANGED).ago().max(&[]).named("age"))
            .about("How long ago the best block changed.")
            .steps(Steps::Rising(3_600.0, 5_400.0)),
        stat(
            "Blocks behind headers",
            unit::COUNT,
            most(RPC_BLOCKCHAININFO_HEADERS).minus(most(RPC_BLOCKCHAININFO_BLOCKS)).named("blocks"),
        )
        .about("Headers whose blocks the node lacks.")
        .steps(Steps::Rising(2.0, 6.0)),
        stat("Inbound", unit::COUNT, most(RPC_NETWORKINFO_CONNECTIONS_IN).named("peers"))
            .steps(Steps::Falling(10.0, 1.0)),
        stat("Outbound", unit::COUNT, most(RPC_NETWORKINFO_CONNECTIONS_OUT).named("peers"))
            .steps(Steps::Falling(8.0, 4.0)),
        stat("P2P network", unit::NONE, most(RPC_NETWORKINFO_NETWORK_ACTIVE).named("network"))
            .states(("disabled", BAD), ("active", GOOD)),
        stat("Initial block download", unit::NONE, most(RPC_BLOCKCHAININFO_INITIAL_BLOCK_DOWNLOAD).named("download"))
            .states(("done", GOOD), ("under way", WARN)),
        stat("Busiest thread", unit::CPU, of(THREAD_CPU).rate().sum(&["thread"]).max(&[]).named("busiest"))
            .about("How much of a CPU the node's busiest thread uses.")
            .steps(Steps::Rising(0.6, 0.9)),
        gauge("Mempool", most(RPC_MEMPOOLINFO_MEMORY_USAGE).over(most(RPC_MEMPOOLINFO_MEMORY_MAX)).named("fill"))
            .about("Memory that the mempool uses of what it may use.")
            .steps(Steps::Warn(0.95)),
        gauge("Disk", most(DISK_AVAILABLE).over(most(DISK_SIZE)).named("left"))
            .about("What is left on the filesystem of the data directory.")
            .steps(Steps::Falling(0.1, 0.03)),
        stat(
            "Warnings",
            unit::COUNT,
            most(RPC_NETWORKINFO_WARNINGS).plus(most(RPC_BLOCKCHAININFO_WARNINGS)).named("warnings"),
        )
        .steps(Steps::Bad(1.0)),
        stat("Uptime", unit::SECONDS, most(RPC_UPTIME).named("uptime")).steps(Steps::Falling(3_600.0, 600.0)),
        stat("Events lost in an hour", unit::COUNT, last_hour(EVENTS_MISSING).named("lost"))
            .steps(Steps::Rising(1.0, 10_000.0)),
    ]
}

fn peers() -> Vec<Panel> {
    vec![
        stack("Peers by connection type", unit::COUNT, of(PEERS).now().sum(&["connection_type"])),
        stack("Peers by network", unit::COUNT, of(PEERS).now().sum(&["network"])),
        lines(
            "Connections opened and closed",
            unit::PER_MINUTE,
            [
                of(CONN_INBOUND).per_minute().sum(&[]).named("inbound"),
                of(CONN_OUTBOUND).per_minute().sum(&[]).named("outbound"),
                of(CONN_CLOSED).per_minute().sum(&[]).named("closed"),
                of(CONN_EVICTED_INBOUND).per_minute().sum(&[]).named("evicted"),
            ],
        ),
        lines(
            "Last and smallest ping",
            unit::MILLISECONDS,
            [most(RPC_PEER_INFO_PING_MEDIAN).named("last"), most(RPC_PEER_INFO_MINPING_MEDIAN).named("smallest")],
        )
        .hint("Last above smallest for all peers: the node or its line is busy."),
    ]
}

fn messages() -> Vec<Panel> {
    vec![
        lines(
            "Messages received",
            unit::MESSAGES,
            of(P2P_MESSAGE_COUNT).is("direction", "inbound").rate().sum(&["message"]).top(10),
        ),
        lines(
            "Messages sent",
            unit::MESSAGES,
            of(P2P_MESSAGE_COUNT).is("direction", "outbound").rate().sum(&["message"]).top(10),
        ),
        lines("Bytes by direction", unit::BYTES_RATE, of(P2P_MESSAGE_BYTES).rate().sum(&["direction"])),
        lines(
            "Announcements that wait",
            unit::COUNT,
            [
                most(RPC_PEER_INFO_INVTOSEND_MAX).named("most of a peer"),
                most(RPC_PEER_INFO_INVTOSEND_MEDIAN).named("median"),
            ],
        )
        .hint("They grow when more transactions come than the node announces, 14 a second."),
    ]
}

fn blocks_and_transactions() -> Vec<Panel> {
    vec![
        lines("Block delays", unit::SECONDS, of(BLOCK_DELAY).quantile(0.9, &["from", "to"])).every("10m"),
        lines(
            "Connecting blocks",
            unit::SECONDS,
            [
                of(BLOCK_CONNECTION).mean(&[]).named("mean"),
                most(VALIDATION_BLOCK_CONNECTED_LATEST_CONNECTION_TIME).times(1e-6).named("last block"),
            ],
        )
        .about("Time it took to connect a block.")
        .every("1m"),
        lines(
            "Mempool",
            unit::RATE,
            [
                rate(MEMPOOL_ADDED).named("added"),
                rate(MEMPOOL_REPLACED).named("replaced"),
                rate(MEMPOOL_REMOVED).named("removed"),
                rate(MEMPOOL_REJECTED).named("rejected"),
            ],
        ),
        lines(
            "Transactions in the mempool",
            unit::COUNT,
            most(RPC_MEMPOOLINFO_TRANSACTION_COUNT).named("transactions"),
        ),
    ]
}

fn log_and_process() -> Vec<Panel> {
    vec![
        lines("Log by category", unit::RATE, of(LOG_EVENTS).rate().sum(&["category"]).top(10)),
        stack("CPU by thread", unit::CPU, of(THREAD_CPU).rate().sum(&["thread"]).top(10)),
        lines("Memory", unit::BYTES, of(NODE_MEMORY).now().sum(&["kind"])),
        timeline("Sources", of(SOURCE_UP).now().max(&["source"]))
            .about("Whether each extractor reads the node.")
            .states(("down", BAD), ("up", GOOD))
            .size(12, 8),
        timeline("State", of(NODE_STATE).now().max(&["state"]))
            .about("What the node is doing. Unknown: nothing comes from its extractors.")
            .states(("no", WARN), ("yes", GOOD))
            .size(12, 8),
    ]
}

fn how_it_is_set_up() -> Vec<Panel> {
    vec![
        stat("Verified", unit::SHARE, most(RPC_BLOCKCHAININFO_VERIFICATION_PROGRESS).named("chain")),
        stat("Pruned", unit::NONE, most(RPC_BLOCKCHAININFO_PRUNED).named("blocks")).states(("no", GOOD), ("yes", WARN)),
        stat("Own addresses", unit::COUNT, most(RPC_NETWORKINFO_LOCAL_ADDRESSES_COUNT).named("addresses")),
        stat("Clock against peers", unit::SECONDS, most(RPC_NETWORKINFO_TIME_OFFSET).named("offset")),
        stat("Tip's own time", unit::SECONDS, of(TIP_TIME).ago().max(&[]).named("ago"))
            .about("How long ago the best block was made, by its own time."),
        stat("Restarts in a day", unit::COUNT, of(NODE_RESTARTS).grown("24h").sum(&[]).named("restarts"))
            .steps(Steps::Rising(1.0, 3.0)),
        table(
            "Networks",
            unit::NONE,
            of(RPC_NETWORKINFO_NETWORKS).is("property", "reachable").now().max(&["network"]).named("reachable"),
        )
        .column(
            of(RPC_NETWORKINFO_NETWORKS).is("property", "limited").now().max(&["network"]).named("limited"),
            unit::NONE,
            Steps::Neutral,
        ),
        table("Version", unit::NONE, of(NODE_INFO).now().max(&["version", "subversion", "chain"]).named("is")),
    ]
}
