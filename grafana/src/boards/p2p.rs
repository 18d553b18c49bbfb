//! The node seen from outside by a P2P connection of our own, and whether gossiped addresses can be reached.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "p2p",
        "P2P connection and connectivity",
        "The nodes seen from outside by a connection of our own, and whether gossiped addresses can be reached.",
    )
    .row("Is something wrong?", is_something_wrong())
    .row("The connection", connection())
    .row("How soon nodes announce", relay())
    .row("What nodes announce", announced())
    .row("Connectivity", connectivity())
    .row("Who gossips", who_gossips())
}

fn is_something_wrong() -> Vec<Panel> {
    vec![
        stat("Connections", unit::COUNT, total(OWN_CONNECTION_UP).named("open"))
            .about("Nodes to which our own P2P connection is open."),
        stat("Without a connection", unit::COUNT, of(OWN_CONNECTION_UP).now().equal(0.0).count(&[]).or_else(0.0).named("nodes"))
            .about("Nodes to which our own P2P connection is not open.")
            .steps(Steps::Warn(1.0)),
        stat("Ping, 99 %", unit::SECONDS, of(OWN_PING).quantile(0.99, &[]).named("ping"))
            .about("99 of 100 of our own pings are answered within this time: how far the message handlers of nodes are behind.")
            .steps(Steps::Rising(0.5, 5.0)),
        stat("Clock offset", unit::SECONDS, most(OWN_CLOCK_OFFSET).named("ahead"))
            .about("How far the clock of the node that is most ahead of ours is.")
            .steps(Steps::Rising(5.0, 60.0)),
        stat("Refused in an hour", unit::COUNT, last_hour(P2P_REFUSED).or_0_if(total(OWN_CONNECTION_UP)).named("refused"))
            .about("Connections that were refused because they are not the node's.")
            .steps(Steps::Warn(1.0)),
        stat("Reachable", unit::SHARE, reachable(&[]).named("reachable"))
            .about("Share of the gossiped addresses tried in the time shown at which a node answered."),
    ]
}

fn connection() -> Vec<Panel> {
    vec![
        heatmap("Pings", unit::SECONDS, of(OWN_PING).buckets()),
        lines(
            "Pings, quantiles",
            unit::SECONDS,
            QUANTILES.map(|(quantile, name)| of(OWN_PING).quantile(quantile, &[]).named(name)),
        )
        .about("How long nodes take to answer our own pings.")
        .hint("They are handled in turn with the messages of all peers: the time grows when the node cannot keep up."),
        timeline("Open", each(OWN_CONNECTION_UP)).states(("down", BAD), ("up", GOOD)),
        table("Open by transport", unit::COUNT, of(OWN_CONNECTION_INFO).now().sum(&["way", "transport"]).named("open"))
            .about("Connections of our own that are open, by how they came about and by transport.")
            .size(6, 6),
        tally("Opened", "opened", of(OWN_CONNECTIONS_OPENED), &["way", "transport"]).size(6, 6),
        heatmap("Lifetime", unit::SECONDS, of(OWN_CONNECTION_LIFETIME).buckets()),
        lines("Messages", unit::MESSAGES, of(OWN_MESSAGES).rate().sum(&["message", "direction"]).top(12)),
        lines("Payload by message", unit::BYTES_RATE, of(OWN_MESSAGE_BYTES).rate().sum(&["message"]).top(12)),
        lines("Bytes on the wire", unit::BYTES_RATE, of(OWN_WIRE_BYTES).rate().sum(&["direction"])),
        lines("Clock offset by node", unit::SECONDS, each(OWN_CLOCK_OFFSET)).limits(None, None),
        lines("What nodes ask us for", unit::PER_MINUTE, of(OWN_DATA_REQUESTS).per_minute().sum(&["message"])),
        lines("Connections refused", unit::PER_HOUR, of(P2P_REFUSED).per_hour().sum(&["reason"])),
        lines("Version changes", unit::COUNT, of(OWN_VERSION_CHANGES).grown("1h").sum(&NODE))
            .hint("A node changes what it says when it is upgraded or configured anew."),
        lines("Foreign pongs", unit::PER_HOUR, of(OWN_FOREIGN_PONGS).per_hour().sum(&NODE)),
    ]
}

fn relay() -> Vec<Panel> {
    vec![
        heatmap("Transactions", unit::SECONDS, of(RELAY_TX).buckets())
            .hint("With noban, nodes announce at once; otherwise they keep transactions back for seconds, so that nobody sees where they come from."),
        lines(
            "Transactions, quantiles",
            unit::SECONDS,
            QUANTILES.map(|(quantile, name)| of(RELAY_TX).quantile(quantile, &[]).named(name)),
        ),
        lines("Blocks, median", unit::SECONDS, of(RELAY_BLOCK).quantile(0.5, &["since", "message"])),
        lines("Announced early", unit::PER_HOUR, of(RELAY_EARLY).per_hour().sum(&["item", "since"])),
        heatmap("Validation of blocks", unit::SECONDS, of(OWN_BLOCK_VALIDATION).buckets()),
        lines(
            "Validation of blocks by node, 90 %",
            unit::SECONDS,
            of(OWN_BLOCK_VALIDATION).quantile(0.9, &NODE),
        )
        .about("Nine of ten blocks are valid this long after the node announced them by cmpctblock."),
    ]
}

fn announced() -> Vec<Panel> {
    vec![
        lines("Inventory", unit::RATE, of(P2PEXTRACTOR_INVS_ITEMS).rate().sum(&["inv_type"])),
        lines(
            "Messages that announce",
            unit::PER_MINUTE,
            [
                of(P2PEXTRACTOR_INVS_MESSAGES).per_minute().sum(&[]).named("inv"),
                of(P2PEXTRACTOR_ADDRV2RELAY_MESSAGES).per_minute().sum(&[]).named("addrv2"),
                of(P2PEXTRACTOR_FEEFILTER_MESSAGES).per_minute().sum(&[]).named("feefilter"),
            ],
        ),
        lines(
            "Entries of the last message",
            unit::COUNT,
            [most(P2PEXTRACTOR_INVS_SIZE).named("inv"), most(P2PEXTRACTOR_ADDRV2RELAY_SIZE).named("addrv2")],
        ),
        lines("Blocks by message", unit::PER_HOUR, of(OWN_BLOCK_ANNOUNCEMENTS).per_hour().sum(&["message"])),
        lines("Addresses by network", unit::PER_MINUTE, of(OWN_ADDRESSES).per_minute().sum(&["network"])),
        lines("Addresses, new and again", unit::PER_MINUTE, of(OWN_ADDRESSES).per_minute().sum(&["repeat"])),
        heatmap("Age of addresses", unit::SECONDS, of(OWN_ADDRESS_AGE).buckets()),
        lines("The node's own address", unit::COUNT, of(OWN_ADDRESS_ANNOUNCEMENTS).grown("1h").sum(&["network"])),
        lines("Fee filter", unit::COUNT, each(P2PEXTRACTOR_FEEFILTER_LAST)),
        tally("Features offered", "offered", of(OWN_FEATURES), &["feature"]),
        lines("Stale chains", unit::COUNT, of(OWN_STALE_TIPS).grown("1h").sum(&["have_block"])),
    ]
}

fn connectivity() -> Vec<Panel> {
    vec![
        lines("Reachable by network", unit::SHARE, reachable(&["network"]))
            .about("Share of the gossiped addresses tried in the time shown at which a node answered.")
            .limits(Some(0.0), Some(1.0)),
        stack("Attempts by outcome", unit::PER_MINUTE, of(CONNECTIVITY_ATTEMPTS).per_minute().sum(&["outcome"])),
        lines(
            "Addresses by network",
            unit::PER_MINUTE,
            of(CONNECTIVITYCHECK_ADDR_TRIED).per_minute().sum(&["network"]),
        ),
        lines(
            "Known from before",
            unit::PER_MINUTE,
            of(CONNECTIVITYCHECK_ADDR_CACHED).per_minute().sum(&["network", "addr_version"]),
        ),
        lines("Not tried", unit::PER_MINUTE, of(CONNECTIVITY_SKIPPED).per_minute().sum(&["reason"])),
        lines("Time to the outcome, 90 %", unit::SECONDS, of(CONNECTIVITY_DURATION).quantile(0.9, &["outcome"])),
        lines("Services as gossiped", unit::PER_MINUTE, of(CONNECTIVITY_CLAIMS).per_minute().sum(&["services"])),
        heatmap("Clocks of reached nodes", unit::SECONDS, of(CONNECTIVITY_CLOCK_OFFSET).buckets()),
        lines(
            "Age of addresses, reachable or not",
            unit::SECONDS,
            of(CONNECTIVITYCHECK_ADDR_TIMESTAMP_OFFSET_SECONDS).quantile(0.5, &["successful"]),
        ),
    ]
}

fn who_gossips() -> Vec<Panel> {
    let gossiped = || of(CONNECTIVITY_GOSSIPED);
    let with = |answered: &str| gossiped().is("reachable", answered).grown("$__range").sum(&["source"]);
    vec![
        table("Where nobody answers", unit::COUNT, with("false").top(30).named("not reachable"))
            .about("Gossiped addresses at which no node answered, by who gossiped them.")
            .hint("In the time shown."),
        table("Where nodes answer", unit::COUNT, with("true").top(30).named("reachable"))
            .about("Gossiped addresses at which a node answered, by who gossiped them.")
            .hint("In the time shown."),
        bars(
            "Share that answers, by source",
            unit::SHARE,
            with("true").over(gossiped().grown("$__range").sum(&["source"])).top(30).named("reachable"),
        )
        .about("Share of what each source gossips at which a node answered.")
        .hint("In the time shown. A source of which no address answers is in the table before alone.")
        .limits(Some(0.0), Some(1.0)),
        lines(
            "Addresses with and without a node",
            unit::PER_MINUTE,
            [
                of(CONNECTIVITYCHECK_ADDR_SUCCESSFUL_CONNECTION).per_minute().sum(&[]).named("with"),
                of(CONNECTIVITYCHECK_ADDR_UNSUCCESSFUL_CONNECTION).per_minute().sum(&[]).named("without"),
            ],
        )
        .about("Gossiped addresses at which a node answered, and at which none did, tried or known from before."),
        lines(
            "From Tor exits",
            unit::COUNT,
            [
                last_hour(CONNECTIVITYCHECK_TRIED_TOR_EXIT).named("gossiped"),
                last_hour(CONNECTIVITYCHECK_SUCCESSFUL_CONNECTION_TOR_EXIT).named("reachable"),
            ],
        ),
    ]
}

/// Share of the gossiped addresses that were tried at which a node answered.
fn reachable(by: &[&str]) -> Query {
    let attempts = || of(CONNECTIVITY_ATTEMPTS);
    attempts().like("outcome", "v1|v2").grown("$__range").sum(by).over(attempts().grown("$__range").sum(by))
}
