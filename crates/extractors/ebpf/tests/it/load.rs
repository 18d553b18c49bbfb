//! Against the testbed's own program with the same tracepoints, so also where no bitcoind has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bus::{Bus, Delivery, Publisher, WhenFull};
use decode::message::{self, Meta};
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::{Filter, Kind, Record};
use extractor_ebpf::{Capture, Error, Nodes, Options, Selection, Tracer};
use node::Target;
use serde_json::Value;
use tempfile::TempDir;
use testbed::tracepoint::{Actor, Event, Load, LoadBuilder, Mix, Plan, Probe};
use tokio_util::sync::CancellationToken;

use super::real::message_of;
use super::{PATIENCE, Rig, in_full, require_ebpf};

/// A copy of the program, so that tests don't see each other's.
struct Program {
    folder: TempDir,
    path: PathBuf,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bitcoind");
        std::fs::copy(Load::program().unwrap(), &path).unwrap();
        Self { folder, path }
    }

    fn load(&self, mix: Mix) -> LoadBuilder {
        Load::builder().program(&self.path).mix(mix)
    }

    fn target(&self) -> Target {
        Target { binary: Some(self.path.clone()), ..Target::default() }
    }

    fn rig(&self, options: &Options) -> Rig {
        Rig::start(&self.path, self.target(), options)
    }
}

fn everything() -> Options {
    Options { tracepoints: "all".parse().unwrap(), ..in_full() }
}

/// The events of a run without the statuses.
fn events(records: &[Arc<Record>]) -> Vec<&Arc<Record>> {
    records.iter().filter(|record| record.envelope().kind != Kind::Status).collect()
}

/// All arguments of a tracepoint are in its event, for each tracepoint and each message type.
#[tokio::test(flavor = "multi_thread")]
async fn every_tracepoint_and_message_type() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let rig = program.rig(&everything());
    let report = program.load(Mix::AllTypes).threads(1).seed(7).wait_traced().start().await.unwrap().finish().await;
    let report = report.unwrap();
    let (records, counts) = rig.finish().await;
    counts.assert_balanced();
    assert_eq!(counts.all("published"), report.events);

    let plan = Plan::new(Mix::AllTypes, 7, None).unwrap();
    let mut actor = Actor::new(0, false);
    let seen = events(&records);
    assert_eq!(seen.len(), plan.round);
    let mut types = BTreeSet::new();
    for (fired, record) in plan.events.iter().zip(seen) {
        fired.fire(&mut actor);
        let journal = fired.journal(&actor);
        match (message_of(record), fired) {
            (Some(seen), _) => {
                let nonce = journal["sequence"].as_u64().unwrap().to_le_bytes();
                let payload = match fired {
                    Event::Message { message, .. } => &message.payload,
                    _ => nonce.as_slice(),
                };
                let meta = Meta {
                    peer_id: journal["peer_id"].as_u64().unwrap(),
                    addr: journal["addr"].as_str().unwrap(),
                    conn_type: ConnType::Inbound,
                    conn_type_name: None,
                    message_type: journal["type"].as_str().unwrap(),
                    inbound: journal["inbound"].as_bool().unwrap(),
                    size: payload.len() as u64,
                };
                assert_eq!(*seen, message::decode(&meta, payload));
                if !matches!(seen.msg, Some(Msg::Unknown(_))) {
                    types.insert(meta.message_type.to_owned());
                }
            }
            (None, _) => assert_same(record, &journal),
        }
    }
    assert!(types.len() >= 40, "decoded are only {types:?}");
}

/// Compares an event with what the journal of the program says that it fired.
fn assert_same(record: &Record, journal: &Value) {
    let json: Value = serde_json::from_str(&event::json::to_json(record)).unwrap();
    let body = &json["body"];
    let field = |names: &[&str]| {
        let found = names.iter().find_map(|name| body.get(name).or_else(|| body["conn"].get(name)));
        found.cloned().unwrap_or_else(|| panic!("no {names:?} in {body}"))
    };
    let tracepoint = journal["tracepoint"].as_str().unwrap();
    for (name, value) in journal.as_object().unwrap() {
        let names: &[&str] = match name.as_str() {
            "tracepoint" | "sequence" => continue,
            "peer_id" if tracepoint == "net:misbehaving_connection" => &["id"],
            "peer_id" if !tracepoint.starts_with("net:") => continue,
            "hash" => &["txid", "hash", "replaced_txid"],
            "replacement" => &["replacement_id"],
            "by_transaction" => &["replaced_by_transaction"],
            "reason" => &["reason", "message"],
            "value" if tracepoint.starts_with("net:") => &["existing_connections", "time_established"],
            "vsize" => &["vsize", "replaced_vsize"],
            "fee" => &["fee", "replaced_fee"],
            "entry_time" => &["entry_time", "replaced_entry_time"],
            "duration_ns" => &["connection_time"],
            "coins" => &["coins_count"],
            "bytes" => &["coins_mem_usage"],
            "conn_type" => &["conn_type_name", "conn_type"],
            name => &[name],
        };
        let found = field(names);
        let same = match (name.as_str(), value) {
            ("conn_type", Value::String(fired)) => found.as_str().unwrap().eq_ignore_ascii_case(
                &fired
                    .replace("outbound-full-relay", "OutboundFullRelay")
                    .replace("block-relay-only", "BlockRelayOnly"),
            ),
            // Integers that not every reader of JSON holds are text.
            (_, Value::Number(fired)) => found.as_str().unwrap_or(&found.to_string()) == fired.to_string(),
            _ => found == *value,
        };
        assert!(same, "{tracepoint} {name}: {value} was fired, {found} seen");
    }
}

/// Threads of a node that do things at the same time: nothing is lost, and each peer's events are in order.
#[tokio::test(flavor = "multi_thread")]
async fn several_threads() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let rig = program.rig(&in_full());
    let load = program.load(Mix::Small).threads(4).rate(20_000).events(20_000).wait_traced().start().await.unwrap();
    let report = load.finish().await.unwrap();
    let (records, counts) = rig.finish().await;
    counts.assert_balanced();
    assert_eq!(events(&records).len() as u64, report.events);
    let mut last = BTreeMap::new();
    for record in events(&records) {
        let event = message_of(record).unwrap();
        let Some(Msg::Ping(ping)) = &event.msg else { panic!("{event:?}") };
        assert!(last.insert(event.meta.peer_id, ping.value) < Some(ping.value), "the order of a peer's messages");
    }
    assert_eq!(last.len(), 4);
}

/// A reader that stands still, and a ring that is too small: the node goes on, and what is lost is counted to the event, and seen as gaps.
#[tokio::test(flavor = "multi_thread")]
async fn losses_are_exact() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let mut tracer = Tracer::load(&Options { ring_bytes: 1 << 18, ..in_full() }).unwrap();
    tracer.attach(&program.path).unwrap();
    let rig = Rig::with(tracer, program.target(), 64);
    let mut fired = BTreeMap::new();
    for mix in [Mix::Real, Mix::AllTypes, Mix::Removed] {
        let report = program.load(mix).threads(2).events(20_000).start().await.unwrap().finish().await.unwrap();
        for (name, count) in report.fired {
            *fired.entry(name).or_insert(0) += count;
        }
    }
    let (records, counts) = rig.finish().await;
    counts.assert_balanced();
    for tracepoint in Selection::default().iter() {
        let fired = fired.get(tracepoint.name()).copied().unwrap_or(0);
        assert_eq!(counts.of("seen", tracepoint), fired, "{}", tracepoint.name());
    }
    let dropped = counts.all("dropped");
    assert!(dropped > 1000, "only {dropped} were lost");
    assert_eq!(counts.all("fault"), 0);

    // The last status of a run says how many numbers were given. A process of which nothing arrived has no run.
    let mut arrived: BTreeMap<u64, u64> = BTreeMap::new();
    let mut given: BTreeMap<u64, u64> = BTreeMap::new();
    for record in &records {
        let envelope = record.envelope();
        if envelope.kind == Kind::Status {
            let json: Value = serde_json::from_str(&event::json::to_json(record)).unwrap();
            given.insert(envelope.run, json["body"]["last_sequence"].as_u64().unwrap());
        } else {
            *arrived.entry(envelope.run).or_default() += 1;
        }
    }
    assert_eq!(given.values().sum::<u64>() - arrived.values().sum::<u64>(), dropped);
}

/// The largest block, in full; and without its transactions, as is the default.
#[tokio::test(flavor = "multi_thread")]
async fn large_blocks() {
    if !require_ebpf() {
        return;
    }
    let bytes = 4_000_000;
    let plan = Plan::new(Mix::Blocks, 3, Some(bytes)).unwrap();
    let blocks = plan.events.iter().filter_map(|event| match event {
        Event::Message { message, .. } => Some(&message.payload),
        _ => None,
    });
    let blocks: Vec<_> = blocks.collect();
    for options in [in_full(), Options::default()] {
        let program = Program::new();
        let rig = program.rig(&options);
        let load = program.load(Mix::Blocks).payload_bytes(bytes).seed(3).threads(1).rate(40).wait_traced();
        load.start().await.unwrap().finish().await.unwrap();
        let (records, counts) = rig.finish().await;
        counts.assert_balanced();
        let seen: Vec<_> = records.iter().filter_map(|record| message_of(record)).collect();
        assert_eq!(seen.len(), blocks.len());
        for (event, payload) in seen.into_iter().zip(&blocks) {
            let Some(Msg::Block(block)) = &event.msg else { panic!("{:?}", event.meta) };
            assert_eq!(event.meta.size, bytes as u64);
            let captured = usize::try_from(event.meta.captured.unwrap_or(event.meta.size)).unwrap();
            let meta = Meta {
                peer_id: event.meta.peer_id,
                addr: &event.meta.addr,
                conn_type: ConnType::Inbound,
                conn_type_name: None,
                message_type: "block",
                inbound: true,
                size: bytes as u64,
            };
            assert_eq!(*event, message::decode(&meta, &payload[..captured]));
            let in_full = options.capture == in_full().capture;
            assert_eq!(
                (captured == bytes, block.transaction_count.is_none(), !block.transactions.is_empty()),
                (in_full, in_full, in_full)
            );
        }
    }
}

/// Limits of message types.
#[tokio::test(flavor = "multi_thread")]
async fn captured_in_part() {
    if !require_ebpf() {
        return;
    }
    let mut capture = Capture::default();
    for limit in ["inv=37", "tx=none", "getcfheaders=10"] {
        capture.set(limit).unwrap();
    }
    let program = Program::new();
    let rig = program.rig(&Options { capture, ..Options::default() });
    let load = program.load(Mix::AllTypes).threads(1).wait_for(&[Probe::InboundMessage]).start().await.unwrap();
    load.finish().await.unwrap();
    let (records, _) = rig.finish().await;
    let mut limited = BTreeMap::new();
    for event in records.iter().filter_map(|record| message_of(record)) {
        let limit = match event.meta.command.as_str() {
            "inv" => 37,
            "tx" => 0,
            "getcfheaders" => 10,
            "block" | "blocktxn" => 96,
            _ => u64::MAX,
        };
        assert_eq!(event.meta.captured, Some(limit).filter(|limit| *limit < event.meta.size), "{:?}", event.meta);
        *limited.entry(event.meta.command.clone()).or_insert(0) += u64::from(event.meta.captured.is_some());
    }
    for command in ["inv", "tx", "getcfheaders", "block"] {
        assert!(limited[command] > 0, "{command} was not limited");
    }
}

/// Tracepoints that are not selected are not attached, and after the end none is.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_selected_is_attached() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let tracepoints: Selection = "mempool,utxocache:add".parse().unwrap();
    let names: BTreeSet<_> = tracepoints.iter().map(|tracepoint| tracepoint.name().to_owned()).collect();
    let rig = program.rig(&Options { tracepoints, ..Options::default() });
    let report = program.load(Mix::AllTypes).threads(1).start().await.unwrap().finish().await.unwrap();
    assert_eq!(BTreeSet::from_iter(report.traced), names);
    let (_, counts) = rig.finish().await;
    assert_eq!(counts.all("seen"), names.iter().map(|name| report.fired[name]).sum::<u64>());
    let report = program.load(Mix::AllTypes).threads(1).start().await.unwrap().finish().await.unwrap();
    assert_eq!(report.traced, Vec::<String>::new());
}

/// Processes that come and go within a second are seen, each as a run; others of the same program are left out.
#[tokio::test(flavor = "multi_thread")]
async fn processes() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let (ours, other) = (program.folder.path().join("ours"), program.folder.path().join("other"));
    std::fs::create_dir(&ours).unwrap();
    std::fs::create_dir(&other).unwrap();
    let rig = Rig::start(&program.path, Target { datadir: Some(ours.clone()), ..program.target() }, &in_full());
    let mut fired = [0, 0];
    for _ in 0..5 {
        for (folder, fired) in [&other, &ours].into_iter().zip(&mut fired) {
            // It stays until it was looked at.
            let load = program.load(Mix::Small).datadir(folder).events(500).rate(5_000).threads(1).wait_traced();
            *fired += load.start().await.unwrap().finish().await.unwrap().events;
        }
    }
    let (records, counts) = rig.finish().await;
    counts.assert_balanced();
    assert_eq!(events(&records).len() as u64, fired[1]);
    let runs: BTreeSet<_> = events(&records).iter().map(|record| record.envelope().run).collect();
    assert_eq!(runs.len(), 5);
}

/// Every process of a program is a node of its own.
#[tokio::test(flavor = "multi_thread")]
async fn all_processes_of_a_program() {
    if !require_ebpf() {
        return;
    }
    let program = Program::new();
    let mut tracer = Tracer::load(&in_full()).unwrap();
    tracer.attach(&program.path).unwrap();
    let bus = Bus::new();
    let mut reader = bus.subscribe("test", Filter::default(), 1 << 20, WhenFull::Block);
    let stop = CancellationToken::new();
    let publishers = bus.clone();
    let nodes = Nodes::All {
        binary: program.path.clone(),
        publisher: Box::new(move |name| Publisher::new(&publishers, name, "ebpf")),
    };
    let task = tokio::spawn(extractor_ebpf::run(tracer, nodes, stop.clone()));
    let mut loads = Vec::new();
    for number in 0..3 {
        let datadir = program.folder.path().join(format!("node{number}"));
        std::fs::create_dir(&datadir).unwrap();
        let load = program.load(Mix::Small).datadir(&datadir).events(1_000).rate(2_000).threads(1).wait_traced();
        loads.push(load.start().await.unwrap());
    }
    let mut expected = BTreeMap::new();
    for (number, load) in loads.into_iter().enumerate() {
        let name = format!("node{number}-{}", load.pid().unwrap());
        expected.insert(name, load.finish().await.unwrap().events);
    }
    stop.cancel();
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
    bus.end();
    let mut seen = BTreeMap::new();
    while let Some(delivery) = reader.next().await {
        let Delivery::Event(record) = delivery else { panic!("{delivery:?}") };
        if record.envelope().kind != Kind::Status {
            *seen.entry(record.envelope().node.to_string()).or_insert(0) += 1;
        }
    }
    assert_eq!(seen, expected);
}

/// Programs that can't be followed, and the error of each.
#[test]
fn programs_without_tracepoints() {
    if !require_ebpf() {
        return;
    }
    let mut tracer = Tracer::load(&Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "#!/bin/sh\n").unwrap();
    let rows = [
        (PathBuf::from("/no/such/bitcoind"), "it does not exist"),
        (text, "could not"),
        (PathBuf::from("/bin/true"), "has no tracepoints; run a release of Bitcoin Core"),
    ];
    for (path, words) in rows {
        let error: Error = tracer.attach(&path).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && (text.contains(words) || words == "could not"), "{text}");
    }
}
