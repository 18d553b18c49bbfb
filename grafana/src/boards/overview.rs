//! All nodes at once: which of them needs somebody.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "overview",
        "overview",
        "All nodes: which of them needs somebody. Names of nodes lead to their own dashboard.",
    )
    .row("Is something wrong?", is_something_wrong())
    .row("Nodes", nodes())
    .row("Blocks", blocks())
    .row("Connections", connections())
    .row("Traffic", traffic())
    .row("Resources", resources())
}

fn is_something_wrong() -> Vec<Panel> {
    let down = of(NODE_UP).now().equal(0.0).count(&[]).or_0_if(of(NODE_UP).now().count(&[]));
    vec![
        stat("Alerts that fire", unit::COUNT, alerts().count(&[]).or_else(0.0).named("alerts"))
            .about("Alerts of all rules in Prometheus that fire now.")
            .steps(Steps::Bad(1.0)),
        stat("Nodes seen", unit::COUNT, of(RPC_UPTIME).now().count(&[]).or_else(0.0).named("nodes"))
            .about("Nodes whose RPC was answered.")
            .steps(Steps::Falling(1.0, 1.0)),
        stat("Nodes down", unit::COUNT, down.named("down"))
            .about("Nodes that are gone, hang, or from whose extractors nothing comes.")
            .steps(Steps::Bad(1.0)),
        stat("Oldest tip", unit::SECONDS, of(TIP_CHANGED).ago().max(&[]).named("age"))
            .about("The longest time that a node's best block has not changed.")
            .hint(
                "One hour without a block occurs every two days or so; the same block on all nodes is bad \
            luck, on one of them a fault.",
            )
            .steps(Steps::Rising(3_600.0, 5_400.0)),
        stat("Fewest inbound", unit::COUNT, of(RPC_NETWORKINFO_CONNECTIONS_IN).now().min(&[]).named("peers"))
            .about("Inbound peers of the node that has fewest.")
            .steps(Steps::Falling(10.0, 1.0)),
        stat("Events lost in an hour", unit::COUNT, last_hour(EVENTS_MISSING).named("lost"))
            .steps(Steps::Rising(1.0, 10_000.0)),
    ]
}

fn nodes() -> Vec<Panel> {
    vec![
        timeline("Up and down", of(NODE_UP).now().max(&NODE))
            .about("Whether each node is there and answers.")
            .states(("down", BAD), ("up", GOOD))
            .size(24, 6),
        table("Nodes", unit::HEIGHT, each(RPC_BLOCKCHAININFO_BLOCKS).named("height"))
            .column(of(TIP_CHANGED).ago().max(&NODE).named("tip age"), unit::SECONDS, Steps::Rising(3_600.0, 5_400.0))
            .column(each(RPC_NETWORKINFO_CONNECTIONS_IN).named("inbound"), unit::COUNT, Steps::Falling(10.0, 1.0))
            .column(each(RPC_NETWORKINFO_CONNECTIONS_OUT).named("outbound"), unit::COUNT, Steps::Falling(8.0, 4.0))
            .column(of(P2P_MESSAGE_COUNT).rate().sum(&NODE).named("messages"), unit::MESSAGES, Steps::Neutral)
            .column(each(RPC_MEMPOOLINFO_TRANSACTION_COUNT).named("mempool"), unit::COUNT, Steps::Neutral)
            .column(message_thread().named("b-msghand"), unit::CPU, Steps::Rising(0.6, 0.9))
            .column(
                of(NODE_MEMORY).is("kind", "resident").now().max(&NODE).named("memory"),
                unit::BYTES,
                Steps::Neutral,
            )
            .column(each(RPC_UPTIME).named("uptime"), unit::SECONDS, Steps::Falling(3_600.0, 600.0))
            .column(lost().named("lost in 1h"), unit::COUNT, Steps::Rising(1.0, 10_000.0))
            .about("How each node stands. Click its name for more.")
            .size(24, 9),
        table("Alerts", unit::NONE, alerts().max(&["alertname", "severity", "instance", "node"]).named("fires"))
            .about("Alerts of all rules in Prometheus that fire now."),
        table(
            "Versions",
            unit::NONE,
            of(NODE_INFO).now().max(&["instance", "node", "version", "subversion", "chain"]).named("is"),
        )
        .every("1m"),
    ]
}

fn blocks() -> Vec<Panel> {
    vec![
        lines(
            "Blocks behind headers",
            unit::COUNT,
            each(RPC_BLOCKCHAININFO_HEADERS).minus(each(RPC_BLOCKCHAININFO_BLOCKS)),
        )
        .about("Headers whose blocks a node lacks."),
        lines("Age of the tip", unit::SECONDS, of(TIP_CHANGED).ago().max(&NODE))
            .about("How long ago the best block changed.")
            .steps(Steps::Rising(3_600.0, 5_400.0)),
    ]
}

fn connections() -> Vec<Panel> {
    vec![
        lines("Inbound", unit::COUNT, each(RPC_NETWORKINFO_CONNECTIONS_IN)),
        lines("Outbound", unit::COUNT, each(RPC_NETWORKINFO_CONNECTIONS_OUT)),
        lines("Inbound opened", unit::PER_MINUTE, of(CONN_INBOUND).per_minute().sum(&NODE))
            .hint("Some 3 a minute are normal. A flood shows here first."),
        lines("Closed", unit::PER_MINUTE, of(CONN_CLOSED).per_minute().sum(&NODE))
            .hint("A peak on all nodes at the same time is worth a look at the network dashboards."),
    ]
}

fn traffic() -> Vec<Panel> {
    vec![
        lines("Messages received", unit::MESSAGES, of(P2P_MESSAGE_COUNT).is("direction", "inbound").rate().sum(&NODE)),
        lines("Messages sent", unit::MESSAGES, of(P2P_MESSAGE_COUNT).is("direction", "outbound").rate().sum(&NODE)),
        lines("Bytes received", unit::BYTES_RATE, of(RPC_NETTOTALS_TOTAL_BYTES_RECEIVED).rate().sum(&NODE)),
        lines("Bytes sent", unit::BYTES_RATE, of(RPC_NETTOTALS_TOTAL_BYTES_SENT).rate().sum(&NODE)),
    ]
}

fn resources() -> Vec<Panel> {
    vec![
        lines("CPU of the thread for messages", unit::CPU, message_thread())
            .about("How busy the thread b-msghand is. At 100 % peers wait for answers.")
            .steps(Steps::Rising(0.6, 0.9)),
        lines(
            "Fill of the mempool",
            unit::SHARE,
            each(RPC_MEMPOOLINFO_MEMORY_USAGE).over(each(RPC_MEMPOOLINFO_MEMORY_MAX)),
        )
        .about("Memory that the mempool uses of what it may use."),
        lines("Memory", unit::BYTES, of(NODE_MEMORY).is("kind", "resident").now().max(&NODE))
            .about("Resident memory of the nodes."),
        lines("Disk left", unit::SHARE, each(DISK_AVAILABLE).over(each(DISK_SIZE)))
            .about("What is left on the filesystem of the nodes' data directories.")
            .every("1m")
            .steps(Steps::Falling(0.1, 0.03)),
    ]
}

fn lost() -> Query {
    of(EVENTS_MISSING).grown("1h").sum(&NODE)
}
