//! Connections: who comes, who goes, and why.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("connections", "connections", "Who connects, who leaves, and why.")
        .row("Is something wrong?", is_something_wrong())
        .row("How many", how_many())
        .row("Coming and going", coming_and_going())
        .row("How long", how_long())
        .row("Who", who())
}

fn is_something_wrong() -> Vec<Panel> {
    let misbehaviour = last_hour(CONN_MISBEHAVING_REASON).or_0_if(last_hour(CONN_INBOUND));
    vec![
        stat(
            "Inbound against 12 h",
            unit::SHARE,
            inbound().now().max(&NODE).over(inbound().over_time("avg", "12h").max(&NODE)).min(&[]).named("share"),
        )
        .about(
            "Inbound peers now as a share of their mean of the last 12 hours, of the node where it is \
            lowest.",
        )
        .hint("A sudden fall without a restart may be an attack or a split of the network.")
        .steps(Steps::Falling(0.85, 0.6)),
        stat("Fewest outbound", unit::COUNT, of(RPC_NETWORKINFO_CONNECTIONS_OUT).now().min(&[]).named("peers"))
            .steps(Steps::Falling(8.0, 4.0)),
        stat("Inbound opened", unit::PER_MINUTE, minute(CONN_INBOUND).sum(&NODE).max(&[]).named("opened"))
            .about("Inbound connections opened at the node where there are most.")
            .hint("Some 3 a minute are normal, 40 were a flood.")
            .steps(Steps::Rising(15.0, 40.0)),
        stat(
            "Evicted in an hour",
            unit::COUNT,
            of(CONN_EVICTED_INBOUND).grown("1h").sum(&NODE).max(&[]).named("evicted"),
        ),
        stat("Misbehaviour in an hour", unit::COUNT, misbehaviour.named("misbehaviour"))
            .steps(Steps::Rising(10.0, 100.0)),
        stat("P2P networking", unit::NONE, of(RPC_NETWORKINFO_NETWORK_ACTIVE).now().min(&[]).named("network"))
            .states(("disabled", BAD), ("active", GOOD))
            .hint("Of several nodes: disabled at any of them."),
    ]
}

fn how_many() -> Vec<Panel> {
    vec![
        lines("Inbound", unit::COUNT, inbound().now().max(&NODE)),
        lines("Outbound", unit::COUNT, each(RPC_NETWORKINFO_CONNECTIONS_OUT)),
        lines(
            "As tracepoints tell",
            unit::COUNT,
            [total(CONN_INBOUND_CURRENT).named("inbound"), total(CONN_OUTBOUND_CURRENT).named("outbound")],
        ),
        lines(
            "Inbound opened by network",
            unit::PER_MINUTE,
            NETWORKS
                .map(|(number, name)| of(CONN_INBOUND_NETWORK).is("network", number).per_minute().sum(&[]).named(name)),
        ),
        stack("Peers by connection type", unit::COUNT, of(PEERS).now().sum(&["connection_type"])),
        stack("Peers by network", unit::COUNT, of(PEERS).now().sum(&["network"])),
        stack("Peers by transport", unit::COUNT, of(PEERS).now().sum(&["transport"]))
            .hint("v2 is encrypted (BIP 324)."),
        lines(
            "Peers worth a look",
            unit::COUNT,
            [
                total(PEERS_LISTEN_ONLY).named("only listen"),
                total(RPC_PEER_INFO_PING_WAIT_LARGER_5_SECONDS_BLOCK_PEERS).named("no pong for 5 s"),
                total(RPC_PEER_INFO_TIMEOFFSET_PLUS10S).named("clock ahead"),
                total(RPC_PEER_INFO_TIMEOFFSET_MINUS10S).named("clock behind"),
                total(RPC_PEER_INFO_ADDR_RATELIMITED_PEERS).named("sent too many addresses"),
            ],
        ),
    ]
}

fn coming_and_going() -> Vec<Panel> {
    vec![
        lines(
            "Opened by direction and network",
            unit::PER_MINUTE,
            of(CONNECTIONS_OPENED).per_minute().sum(&["direction", "network"]),
        ),
        lines(
            "Opened by connection type",
            unit::PER_MINUTE,
            of(CONNECTIONS_OPENED).per_minute().sum(&["connection_type"]),
        ),
        lines(
            "Closed by network",
            unit::PER_MINUTE,
            NETWORKS
                .map(|(number, name)| of(CONN_CLOSED_NETWORK).is("network", number).per_minute().sum(&[]).named(name)),
        ),
        lines(
            "Why connections ended",
            unit::PER_MINUTE,
            of(CONNECTION_LIFETIME).observations().times(60.0).sum(&["end"]).top(12),
        )
        .about(
            "Connections that ended, by how: evicted, a reason of disconnection from debug.log, or \
            closed.",
        ),
        lines("Disconnections by the node", unit::PER_MINUTE, of(DISCONNECTS).per_minute().sum(&["reason"]).top(12)),
        lines(
            "Refused and evicted",
            unit::PER_MINUTE,
            [
                of(CONNECTIONS_REFUSED).per_minute().sum(&["reason"]),
                of(CONN_EVICTED_INBOUND).per_minute().sum(&[]).named("evicted"),
            ],
        ),
        lines("Evicted by network", unit::PER_MINUTE, of(EVICTIONS).per_minute().sum(&["network"])),
        lines(
            "From lists of addresses",
            unit::PER_MINUTE,
            [
                minute(CONN_INBOUND_LIST_LINKINGLION).sum(&[]).named("LinkingLion"),
                minute(CONN_INBOUND_BANLIST_GMAX).sum(&[]).named("Gregory Maxwell's ban list"),
                minute(CONN_INBOUND_BANLIST_MONERO).sum(&[]).named("Monero ban list"),
                minute(CONN_INBOUND_TOR_EXIT).sum(&[]).named("Tor exits"),
            ],
        ),
    ]
}

fn how_long() -> Vec<Panel> {
    vec![
        heatmap("Lifetime", unit::SECONDS, of(CONNECTION_LIFETIME).buckets())
            .every("1m")
            .hint("Spies stay for minutes, honest peers for days."),
        lines("Median lifetime by network", unit::SECONDS, of(CONNECTION_LIFETIME).quantile(0.5, &["network"]))
            .every("5m"),
        lines(
            "Mean age at the end",
            unit::SECONDS,
            of(CONN_CLOSED_AGE).rate().sum(&NODE).over(of(CONN_CLOSED).rate().sum(&NODE)),
        )
        .about("Mean age of the connections that were closed.")
        .every("5m"),
        lines(
            "Ping",
            unit::MILLISECONDS,
            [
                most(RPC_PEER_INFO_PING_MEDIAN).named("median of the last"),
                most(RPC_PEER_INFO_PING_MEAN).named("mean of the last"),
                most(RPC_PEER_INFO_MINPING_MEDIAN).named("median of the smallest"),
                most(RPC_PEER_INFO_MINPING_MEAN).named("mean of the smallest"),
            ],
        )
        .hint("Of several nodes the one where it is largest."),
    ]
}

fn who() -> Vec<Panel> {
    vec![
        tally("User agents", "versions", of(P2P_VERSION_USERAGENT), &["useragent"]),
        table(
            "Network groups with most peers",
            unit::COUNT,
            of(GROUP_PEERS).now().sum(&["group", "direction"]).top(50).named("peers"),
        ),
        tally("Network groups that connect most", "connections", of(GROUP_CONNECTIONS_OPENED), &["group"])
            .hint("In the time shown. Hundreds from one group in 5 minutes were a flood."),
        table(
            "Protocol versions",
            unit::COUNT,
            of(RPC_PEER_INFO_PROTOCOL_VERSION_PEERS).now().sum(&["protocol_version"]).named("peers"),
        ),
        tally("Misbehaviour by what", "times", of(CONN_MISBEHAVING_REASON), &["misbehavingmessage"]),
        tally("Misbehaviour by peer", "times", of(CONN_MISBEHAVING), &["instance", "node", "id", "misbehavingmessage"]),
        lines("What the node did about misbehaviour", unit::PER_HOUR, of(MISBEHAVIOUR).per_hour().sum(&["action"])),
        lines(
            "CPU load of peers",
            unit::NONE,
            [
                most(RPC_PEER_INFO_CPULOAD_MAX).named("largest"),
                most(RPC_PEER_INFO_CPULOAD_MEAN).named("mean"),
                most(RPC_PEER_INFO_CPULOAD_MEDIAN).named("median"),
            ],
        )
        .hint("In per mille of a core. Bitcoin Knots reports it."),
        lines("Private broadcasts", unit::PER_HOUR, of(CONN_PRIVATE_TRANSACTION_BROADCAST).per_hour().sum(&NODE)),
        lines("Diversity of inbound IPv4", unit::SHARE, each(RPC_PEER_INFO_CONNECTION_DIVSERITY_INBOUND_IPV4)),
    ]
}

fn inbound() -> Selector {
    of(RPC_NETWORKINFO_CONNECTIONS_IN)
}

fn minute(id: Id) -> Query {
    of(id).per_minute()
}
