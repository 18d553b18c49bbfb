//! The series of the original tool: that all are there, with the same names, types, labels, bounds and meanings.

mod events;
mod meanings;
mod sequence;

use std::collections::BTreeSet;
use std::io::Write;

use metrics::{Enrichment, Family, Files, Format, Id, Limits, Node, SetSource, Type, Value, ids, page};

use event::Body;
use event::pb::connectivity::{Attempt, Outcome};
use event::pb::ebpf_extractor::connection::ClosedConnection;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::Removed;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolArm;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationArm;
use event::pb::ebpf_extractor::validation::{BlockConnected, ValidationEvent};
use event::pb::log_extractor::{Log, LogDebugCategory, LogLevel, UnknownLogMessage};
use event::pb::p2p_extractor::ConnectionExpected;
use event::pb::p2p_extractor::p2p::P2pEvent;
use events::Feed;

/// Names, types, label keys and bounds of buckets, as existing dashboards and rules expect them.
const ORIGINAL: &str = include_str!("original.tsv");

/// Of the process, not of a node.
const START: &str = "peerobserver_runtime_start_timestamp";

struct Expected {
    name: &'static str,
    kind: &'static str,
    labels: Vec<&'static str>,
    buckets: &'static str,
}

fn expected() -> Vec<Expected> {
    let read = |line: &'static str| {
        let columns: Vec<_> = line.split('\t').collect();
        let labels = columns[2].split(',').filter(|label| !label.is_empty()).collect();
        Expected { name: columns[0], kind: columns[1], labels, buckets: columns[3] }
    };
    ORIGINAL.lines().skip(1).map(read).collect()
}

fn family(name: &str) -> Id {
    Family::ids().find(|id| Family::of(*id).name == name).unwrap_or_else(|| panic!("{name} is missing"))
}

/// The bounds that a name in the list stands for.
fn bounds(name: &str) -> Vec<f64> {
    let steps = |from: u32, to: u32, by: u32| (from..=to).step_by(by as usize).map(f64::from);
    let addresses = || {
        let fine = steps(0, 9, 1).chain(steps(10, 30, 5)).chain([50.0, 75.0, 100.0]);
        fine.chain(steps(150, 300, 50)).chain(steps(400, 900, 100)).chain([999.0, 1000.0])
    };
    match name {
        "BUCKETS_ADDR_ADDRESS_COUNT" => addresses().collect(),
        "BUCKETS_INV_SIZE" => {
            addresses().chain(steps(2000, 10000, 1000)).chain([20000.0]).chain(steps(25000, 50000, 5000)).collect()
        }
        "BUCKETS_ADDR_SERVICE_BITS" => steps(0, 63, 1).collect(),
        "BUCKETS_ADDR_ADDRESS_TIMESTAMP_OFFSET" => {
            [0.0].into_iter().chain((0..=24).map(|n| f64::from(1 << n))).collect()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_table_has_every_original_series() {
    let expected = expected();
    assert_eq!(expected.len(), 178 + 7, "of the metrics tool, and of connectivity-check");
    for Expected { name, kind, labels, buckets } in &expected {
        let id = family(name);
        let family = Family::of(id);
        assert!(Family::is_original(id), "{name}");
        assert_eq!(family.kind.to_string(), *kind, "{name}");
        assert_eq!(family.labels, labels, "{name}");
        match family.kind {
            Type::Histogram(own) => assert_eq!(own, bounds(buckets), "{name}"),
            Type::Counter | Type::Gauge => assert_eq!(*buckets, "", "{name}"),
        }
    }
    let names: BTreeSet<_> = expected.iter().map(|expected| expected.name).collect();
    let own: BTreeSet<_> = Family::ids().filter(|id| Family::is_original(*id)).map(|id| Family::of(id).name).collect();
    assert_eq!(names, own);
}

/// The lists that need a file have one.
fn lists() -> Enrichment {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "198.51.100.0/24").unwrap();
    let set = |name: &str| SetSource { name: name.to_owned(), path: file.path().to_owned() };
    let sets = ["gmax_banlist", "monero_banlist", "tor_exit"].map(set).into();
    Enrichment::read(&Files { sets, asmap: None }, None).unwrap()
}

/// A node at which everything happened once.
fn node() -> Node {
    let mut feed = Feed::default();
    feed.enrichment = lists();
    sequence::all().into_iter().for_each(|body| feed.fold(body));
    feed.node
}

/// The page of a node, without what the original tool does not have.
fn original_page(node: &Node, format: Format) -> String {
    let page = page(&[(None, node.store())], format);
    let names: BTreeSet<_> = expected().iter().map(|expected| expected.name).collect();
    let mut of_original = false;
    let mut out = String::new();
    for line in page.lines() {
        if let Some(announced) = line.strip_prefix("# HELP ") {
            of_original = names.contains(announced.split(' ').next().unwrap());
        }
        if of_original || line == "# EOF" {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Name and label keys of a line, without the bound of a bucket.
fn keys(line: &str) -> (&str, Vec<&str>) {
    let (series, _) = line.rsplit_once(' ').unwrap();
    let Some((name, labels)) = series.split_once('{') else { return (series, vec![]) };
    let labels = labels.trim_end_matches('}').split("\",").map(|label| label.split_once('=').unwrap().0);
    (name, labels.filter(|label| *label != "le").collect())
}

#[test]
fn every_original_series_is_on_the_page_with_its_labels() {
    let page = original_page(&node(), Format::Text);
    for Expected { name, kind, labels, .. } in expected() {
        if name == START {
            continue;
        }
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for suffix in suffixes {
            let wanted = format!("{name}{suffix}");
            let lines = page.lines().filter(|line| !line.starts_with('#')).map(keys);
            let found: Vec<_> = lines.filter(|(name, _)| *name == wanted).collect();
            assert!(!found.is_empty(), "{wanted} is missing");
            assert!(found.iter().all(|(_, own)| *own == labels), "{found:?} instead of {labels:?}");
        }
    }
}

#[test]
fn text() {
    insta::assert_snapshot!(original_page(&node(), Format::Text));
}

/// A line of OpenMetrics as the text format has it. Bounds of buckets are written with a decimal point there, and counters whose names do not
/// end in `_total` are of unknown type.
fn as_text(line: &str) -> String {
    if let Some(family) = line.strip_suffix(" unknown").filter(|family| family.starts_with("# TYPE ")) {
        return format!("{family} counter");
    }
    if !line.contains("_bucket{") {
        return line.to_owned();
    }
    let (before, after) = line.rsplit_once("le=\"").unwrap();
    let (bound, after) = after.split_once('"').unwrap();
    assert!(bound == "+Inf" || bound.contains('.'), "{line}");
    format!("{before}le=\"{}\"{after}", bound.strip_suffix(".0").unwrap_or(bound))
}

#[test]
fn openmetrics_is_the_same_but_for_what_it_wants() {
    let node = node();
    let (text, openmetrics) = (original_page(&node, Format::Text), original_page(&node, Format::OpenMetrics));
    let mut lines: Vec<&str> = openmetrics.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"));
    let is_created = |line: &&str| !line.starts_with('#') && keys(line).0.ends_with("_created");
    let (created, lines): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(is_created);
    // Each histogram shows since when it counts, in seconds.
    let first = "1769860800.7";
    let histogram = |line: &str| line.replace("_bucket{", "_created{").replace(",le=\"+Inf\"", "");
    let histograms = text.lines().filter(|line| line.contains("le=\"+Inf\"")).map(histogram);
    let expected: Vec<String> =
        histograms.map(|line| format!("{} {first}", line.rsplit_once(' ').unwrap().0)).collect();
    assert!(!expected.is_empty());
    assert_eq!(created, expected);
    let unknown = lines.iter().filter(|line| line.ends_with(" unknown")).count();
    let counters = text.lines().filter(|line| line.starts_with("# TYPE ") && line.ends_with(" counter")).count();
    assert_eq!(unknown, counters, "no counter of the original tool ends in _total");
    assert!(lines.iter().map(|line| as_text(line)).eq(text.lines()));
}

/// What is not known is absent; what is known is counted from the first event of its origin on, also while it is 0, so that rates begin there.
#[test]
fn counters_begin_with_their_origin_and_not_before() {
    use event::pb::log_extractor::log::LogEvent;
    use event::pb::rpc_extractor::rpc::RpcEvent;

    let line = |category: LogDebugCategory| {
        let text = UnknownLogMessage { raw_message: "text".into() };
        events::log(Log {
            category: category.into(),
            log_level: LogLevel::Debug.into(),
            log_event: Some(LogEvent::UnknownLogMessage(text)),
            ..Log::default()
        })
    };
    let closed = ConnectionArm::Closed(ClosedConnection::default());
    let announced = P2pEvent::FeefilterAnnouncement(1);
    let table = [
        (
            "messages",
            events::message(true, "203.0.113.7:1", "getaddr", 0, Msg::Getaddr(true)),
            vec![
                ids::P2P_INVS_OUTBOUND_LARGE,
                ids::P2P_PING_INBOUND_VALUE,
                ids::P2P_ADDRESS_SELFANNOUNCEMENTS,
                ids::TX_RECEIVED,
                ids::COMPACT_BLOCKS,
                ids::GETADDR_SENT,
                ids::ADDR_FUTURE,
            ],
        ),
        (
            "connections",
            events::connection(closed),
            vec![
                ids::CONN_INBOUND,
                ids::CONN_OUTBOUND,
                ids::CONN_CLOSED_AGE,
                ids::CONN_EVICTED_INBOUND,
                ids::CONN_PRIVATE_TRANSACTION_BROADCAST,
                ids::EVICTIONS,
            ],
        ),
        (
            "mempool",
            events::mempool(MempoolArm::Removed(Removed::default())),
            vec![
                ids::MEMPOOL_ADDED,
                ids::MEMPOOL_ADDED_VBYTES,
                ids::MEMPOOL_REPLACED,
                ids::MEMPOOL_REPLACED_VBYTES,
                ids::TX_MISSING_INPUTS,
            ],
        ),
        (
            "blocks",
            events::ebpf(EbpfEvent::Validation(ValidationEvent {
                event: Some(ValidationArm::BlockConnected(BlockConnected::default())),
            })),
            vec![ids::VALIDATION_BLOCK_CONNECTED_CONNECTION_TIME, ids::BLOCKS_CONNECTED],
        ),
        (
            "orphans",
            sequence::orphans(vec![]),
            vec![ids::RPC_GETORPHANTXS_ADDED_COUNT, ids::RPC_GETORPHANTXS_REMOVED_BYTES],
        ),
        ("peers", events::peers(vec![]), vec![ids::ADDR_PROCESSED, ids::ADDR_RATE_LIMITED]),
        (
            "addrman",
            sequence::addrman(sequence::table([]), sequence::table([])),
            vec![ids::RPC_GETRAWADDRMAN_ADDED_ENTRY, ids::RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS],
        ),
        ("uptime", events::rpc(RpcEvent::Uptime(5)), vec![ids::NODE_RESTARTS]),
        ("p2p", events::p2p(announced), vec![ids::P2PEXTRACTOR_INVS_MESSAGES, ids::P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES]),
        (
            "own connection",
            events::p2p(P2pEvent::ConnectionExpected(ConnectionExpected::default())),
            vec![
                ids::P2PEXTRACTOR_INVS_MESSAGES,
                ids::P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES,
                ids::OWN_VERSION_CHANGES,
                ids::OWN_BLOCK_ANNOUNCEMENTS,
                ids::OWN_CONNECTION_UP,
            ],
        ),
        (
            "connectivity",
            events::attempt(Attempt { outcome: Outcome::Timeout.into(), ..Attempt::default() }),
            vec![ids::CONNECTIVITYCHECK_TRIED_TOR_EXIT, ids::CONNECTIVITY_CLAIMS],
        ),
        ("net", line(LogDebugCategory::Net), vec![ids::DISCONNECTS, ids::CONNECTIONS_REFUSED, ids::MISBEHAVIOUR]),
        (
            "validation",
            line(LogDebugCategory::Validation),
            vec![
                ids::LOG_BLOCK_CONNECTED_EVENTS,
                ids::LOG_MUTATED_BLOCKS,
                ids::MUTATED_BLOCKS,
                ids::BLOCKS_DISCONNECTED,
            ],
        ),
        ("cmpctblock", line(LogDebugCategory::Cmpctblock), vec![ids::COMPACT_BLOCK_RECONSTRUCTIONS]),
    ];
    let families: Vec<Id> = table.iter().flat_map(|(.., families)| families.clone()).collect();
    let mut silent = Node::new(Limits::default());
    silent.tick(events::START_NS, &Enrichment::default());
    let shown: Vec<Id> = Family::ids().filter(|id| !silent.store().series(*id).is_empty()).collect();
    assert_eq!(shown, [ids::NODE_UP, ids::NODE_STATE], "nothing else is known of a node from which nothing came");
    for (origin, event, begun) in &table {
        let mut feed = Feed::default();
        feed.fold(event.clone());
        feed.node.tick(events::START_NS + 1, &Enrichment::default());
        for id in &families {
            let (name, series) = (Family::of(*id).name, feed.node.store().series(*id));
            let of_log =
                matches!(event, Body::LogExtractor(_)) && [ids::NODE_RESTARTS, ids::BLOCKS_CONNECTED].contains(id);
            let also = of_log || (*origin, *id) == ("net", ids::EVICTIONS);
            assert_eq!(!series.is_empty(), begun.contains(id) || also, "{origin}: {name}");
            assert!(series.iter().all(|one| one.value == Value::Number(0.0)), "{origin}: {name} {series:?}");
        }
    }
    // Each counter with one meaning begins at some origin; and no number is written as -0, which the sum of nothing is.
    let mut all = Feed::default();
    table.into_iter().for_each(|(_, event, _)| all.fold(event));
    for Expected { name, kind, labels, .. } in expected() {
        let begins = kind == "counter" && labels.is_empty() && !name.contains("_conn_inbound_");
        assert!(!begins || !all.node.store().series(family(name)).is_empty(), "{name}");
    }
    let page = page(&[(None, all.node.store())], Format::Text);
    assert!(page.contains("peerobserver_rpc_getorphantxs_bytes 0\n") && !page.contains(" -0\n"), "{page}");
}
