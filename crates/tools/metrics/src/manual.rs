//! The page of the manual that lists all families of series, made from the table.

use std::fmt::Write;

use crate::buckets;
use crate::table::{Family, Id, Type, ids};

/// The first family of each section of the manual, and the section's title.
const SECTIONS: &[(Id, &str)] = &[
    (ids::RUNTIME_START_TIMESTAMP, "Messages, connections, mempool and blocks, from tracepoints"),
    (ids::RPC_PEER_INFO_LIST_PEERS_GMAX_BAN, "What RPCs answer"),
    (ids::P2PEXTRACTOR_PING_DURATION_NANOSECONDS, "Our own P2P connection, and debug.log"),
    (ids::CONNECTIVITYCHECK_ADDR_TRIED, "Whether gossiped addresses can be reached"),
    (ids::MESSAGE_SIZE, "Messages, requests and replies"),
    (ids::CONNECTIONS_OPENED, "Connections"),
    (ids::SET_CONNECTIONS, "Sets of networks"),
    (ids::BLOCKS_CONNECTED, "Blocks"),
    (ids::COMPACT_BLOCKS, "Compact blocks"),
    (ids::ADDR_ENTRIES, "Addresses"),
    (ids::TX_ANNOUNCEMENTS, "Transactions"),
    (ids::PEERS, "Peers"),
    (ids::AS_PEERS, "Autonomous systems and network groups"),
    (ids::ADDRMAN_ENTRIES, "The address manager"),
    (ids::NODE_INFO, "The node, its chain and its log"),
    (ids::THREAD_CPU, "The node's process"),
    (ids::OWN_CONNECTION_UP, "The P2P connection of our own"),
    (ids::RELAY_TX, "Relay: how soon the node announces what it has"),
    (ids::CONNECTIVITY_ATTEMPTS, "The connectivity check"),
    (ids::CHAIN_NODE_REACHABLE, "Tips, forks and reorganizations of all nodes"),
    (ids::EVENTS, "peer-observer: what reaches it"),
    (ids::DROPPED, "peer-observer: this process"),
];

/// The names under which the manual lists the bounds of histograms.
const BUCKETS: &[(&str, &[f64])] = &[
    ("addresses", buckets::ADDRESSES),
    ("inv entries", buckets::INV_ENTRIES),
    ("service bits", buckets::SERVICE_BITS),
    ("time offsets", buckets::TIME_OFFSETS),
    ("bytes", buckets::BYTES),
    ("transactions", buckets::COUNTS),
    ("durations", buckets::DURATIONS),
    ("round trips", buckets::ROUND_TRIPS),
    ("intervals", buckets::INTERVALS),
    ("lifetimes", buckets::LIFETIMES),
    ("block delays", buckets::BLOCK_DELAYS),
    ("address ages", buckets::ADDRESS_AGES),
    ("reorg depths", buckets::REORG_DEPTHS),
];

/// The beginning of the page, up to the first section.
const INTRODUCTION: &str = "\
# Metrics

<!-- Made from the table of series in crates/tools/metrics/src/table. After a change there: UPDATE=1 cargo test -p metrics manual -->

`peer-observer metrics`, and `run` with a section `[metrics]`, serve numbers for Prometheus on
http://127.0.0.1:8282/metrics. [grafana.md](grafana.md) explains how to see them as dashboards, and
[prometheus.md](prometheus.md#access) how to let only Prometheus see them.

- **Nodes.** With events of several nodes, the series of each node have its name as label `node`; with
  one node there is no such label. `/metrics?node=NAME` is the page of one node, without that label. The
  series marked *process* below describe the peer-observer process itself, whatever the number of nodes.
- **Names.** Series in sections marked *original* have the names, types and labels of the original
  peer-observer, so that dashboards and alert rules for it work: some counters do not end in `_total`,
  and some units are not seconds. Those of its connectivity-check, which has a page of its own (port
  18282), are on this page. All other series follow today's conventions.
- **Formats.** Prometheus gets OpenMetrics 1.0, which says when each counter began to count (`_created`).
  Other clients get the text format 0.0.4. Both are compressed with gzip if the client accepts that. The
  text format has exactly the names listed here. OpenMetrics requires that counters end in `_total`:
  those that do not have the same name and value there, and the type `unknown`.
- **What is not known is absent**, and never 0. Counters begin at 0 with the first event of what they
  count: of the tracepoints of messages, connections, the mempool or blocks, of an RPC, or of a category
  of debug.log. What a version of the node does not report, and sets that need a file and have none,
  have no series.
- **Counters** of this tool count from its start on. Those that repeat a count of the node begin anew
  when the node restarts. `rate()` and `increase()` handle both.
- **What is gone** has no gauges: those of a node are removed when its process has ended, those of an
  extractor when it has not read the node for 30 s. `peerobserver_node_up`, `peerobserver_node_state`,
  `peerobserver_source_up`, `peerobserver_extractor_up` and `peerobserver_own_connection_up` say so, and
  counters stay.
- **Untrusted values.** Labels in *italics* have values that peers, or other programs, choose. The most
  frequent values (100 for each family, configurable) have series of their own. All others are added to
  the value `other`; `peerobserver_metrics_folded_total` and `peerobserver_metrics_folded_values` show
  how many those are. A series with such a label is removed when it has not changed for an hour, and
  long values are shortened. Types of P2P messages that nodes know always have series of their own.
- **Histograms** have the series `_bucket`, `_sum` and `_count`. [Their bounds](#bounds-of-histograms)
  are listed at the end.

## Values of labels

| label | values |
|---|---|
| `direction` | `inbound`, `outbound`: of a connection, and of a message as the node sees it (received, sent), also of our own connection; `read`, `write` for disks |
| `message` | type of the P2P message |
| `connection_type` | in the original's `p2p_` series a number: 0 others, 1 inbound, 2 outbound-full-relay, 3 block-relay-only, 4 feeler; in all others the name that Bitcoin Core gives it |
| `network` | in the original's `conn_` series a number: 0 not publicly routable, 1 IPv4, 2 IPv6, 3 onion, 4 I2P, 5 CJDNS, 6 internal; in `p2p_address_`, `p2pextractor_` and `connectivitycheck_` series `IPv4`, `IPv6`, `TorV2`, \
`TorV3`, `I2P`, `CJDNS`, `Unknown`; in `rpc_` series the name that the node uses; in all others \
`ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`, `internal`, `unknown` |
| `inv_type` | `Tx`, `Block`, `WTx`, `WitnessTx`, `WitnessBlock`, `CompactBlock`, `Unknown`, `Error` |
| `addr_version` | the message that had the address: `addr`, `addrv2` |
| `source_ip`, `source` | IP address or name of the peer that gossiped the address, without the port; `own_connection` if it was the node, to our own P2P connection. Inbound peers through Tor have the address of the proxy |
| `timestamp_offset` | `past` or `future`, compared with the time of receipt |
| `value` | the smallest of `0`, `u8`, `u16`, `u32`, `u64` that holds the nonce |
| `services`, `service` | service flags as a decimal number |
| `service_bit` | number of the bit, from 1 |
| `solicited` | `true` if the node had sent that peer a getaddr less than 5 minutes before |
| `set` | name of a set of networks |
| `subnet` | first address of the /24 (IPv4) or /64 (IPv6) |
| `table` | `new`, `tried`; `total` in `rpc_addrmaninfo` |
| `property` | `limited`, `reachable` |
| `category`, `level` | as in debug.log |
| `status`, `state` | result of a check of the block; in `node_state` what the node is doing |
| `map` | where the number of the autonomous system comes from: the node, or the file given with `--asmap` |
| `asn`, `ASN` | number of the autonomous system, 0 if unmapped |
";

/// Whether the series of a family belong to a node, and have a label `node` if there are several nodes.
pub fn has_node(id: Id) -> bool {
    // The cardinality limit of a node's series is counted with that node.
    id == ids::LABELS_FOLDED
        || id == ids::LABEL_VALUES_FOLDED
        || (id != ids::RUNTIME_START_TIMESTAMP && id.index() < ids::DROPPED.index())
}

/// The whole page, in Markdown.
pub fn manual() -> String {
    let mut page = INTRODUCTION.to_owned();
    for id in Family::ids() {
        if let Some((_, title)) = SECTIONS.iter().find(|(first, _)| *first == id) {
            let origin = if Family::is_original(id) { " (original)" } else { "" };
            let _ = write!(page, "\n## {title}{origin}\n\n| series | type | labels | meaning |\n|---|---|---|---|\n");
        }
        row(&mut page, id);
    }
    page.push_str(
        "\n## Bounds of histograms\n\nThe last bucket, `+Inf`, comes after these.\n\n| name | bounds |\n|---|---|\n",
    );
    for (name, bounds) in BUCKETS {
        let _ = writeln!(page, "| {name} | {} |", series_of(bounds));
    }
    page
}

fn row(page: &mut String, id: Id) {
    let family = Family::of(id);
    let mut kind = family.kind.to_string();
    if let Type::Histogram(bounds) = family.kind
        && let Some((name, _)) = BUCKETS.iter().find(|(_, known)| *known == bounds)
    {
        let _ = write!(kind, ": {name}");
    }
    if !has_node(id) {
        kind.push_str(", *process*");
    }
    let label = |(at, name): (usize, &&str)| {
        if family.untrusted.contains(&at) { format!("*`{name}`*") } else { format!("`{name}`") }
    };
    let labels: Vec<String> = family.labels.iter().enumerate().map(label).collect();
    let _ =
        writeln!(page, "| `{}` | {kind} | {} | {} |", family.name, labels.join(", "), family.help.replace('|', "\\|"));
}

/// The bounds in few words: a range where they rise by one.
fn series_of(bounds: &[f64]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = bounds;
    while let [first, ..] = rest {
        let run = rest.iter().zip(0..).take_while(|(bound, step)| **bound == first + f64::from(*step)).count();
        if run > 3 {
            words.push(format!("{first} to {} by 1", first + (run - 1) as f64));
            rest = rest.get(run..).unwrap_or_default();
        } else {
            words.push(first.to_string());
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    words.join(", ")
}
