//! What is published on flat subjects, and what other peer-observer programs make of it.
//!
//! `proto/` has the messages of the original peer-observer, and nothing of ours. The reader made from them is as strict as the original's
//! readers: an event with an empty oneof, a required field missing, or an enum value without a name is an error, however deep.

mod json;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::Duration;

use event::json::{from_json, to_json};
use event::{NodeNames, Record, original};
use futures_util::StreamExt;
use protox::prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    ReflectMessage, Value,
};
use testbed::NatsServer;
use testbed::tracepoint::{Load, Mix, Probe};

use super::process::{Running, end_of};
use super::tracepoints::Program;

static ORIGINAL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/original/proto");
    let files = protox::compile(["event.proto"], [folder]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
});

/// Reads an event as the original's readers do.
fn read(event: &[u8]) -> Result<DynamicMessage, String> {
    let descriptor = ORIGINAL.get_message_by_name("event.Event").unwrap();
    let message = DynamicMessage::decode(descriptor, event).map_err(|error| error.to_string())?;
    check(&message)?;
    Ok(message)
}

fn check(message: &DynamicMessage) -> Result<(), String> {
    let descriptor = message.descriptor();
    if let Some(oneof) = descriptor.oneofs().find(|oneof| !oneof.fields().any(|arm| message.has_field(&arm))) {
        return Err(format!("{} is empty in {message:?}", oneof.full_name()));
    }
    let missing = |field: &FieldDescriptor| !message.has_field(field);
    if let Some(field) = descriptor.fields().filter(|f| f.cardinality() == Cardinality::Required).find(missing) {
        return Err(format!("{} is missing in {message:?}", field.full_name()));
    }
    message.fields().try_for_each(|(field, value)| check_value(&field.kind(), value))
}

fn check_value(kind: &Kind, value: &Value) -> Result<(), String> {
    match (kind, value) {
        (_, Value::Message(message)) => check(message),
        (_, Value::List(list)) => list.iter().try_for_each(|value| check_value(kind, value)),
        // prost, by which the original writes and reads, leaves out a value of a map that is zero throughout.
        (_, Value::Map(map)) => {
            let is_zero = |value: &&Value| value.as_message().is_some_and(|message| message.fields().next().is_none());
            map.values().filter(|value| !is_zero(value)).try_for_each(|value| check_value(kind, value))
        }
        (Kind::Enum(descriptor), Value::EnumNumber(number)) => match descriptor.get_value(*number) {
            Some(_) => Ok(()),
            None => Err(format!("{} has no value {number}", descriptor.full_name())),
        },
        _ => Ok(()),
    }
}

/// The names of the arms that lead to an event's innermost message: `log_extractor.unknown_log_message`.
fn path(event: &DynamicMessage) -> String {
    let arm = |message: &DynamicMessage| {
        let arm = message.descriptor().oneofs().next()?.fields().find(|arm| message.has_field(arm))?;
        let inner = message.get_field(&arm).as_message().cloned();
        Some((arm.name().to_owned(), inner))
    };
    let (mut names, mut at) = (Vec::new(), Some(event.clone()));
    while let Some((name, inner)) = at.take().as_ref().and_then(arm) {
        names.push(name);
        at = inner;
    }
    names.join(".")
}

fn ours() -> DescriptorPool {
    DescriptorPool::decode(event::DESCRIPTOR).unwrap()
}

/// A field that holds a message of these bytes. Keys and lengths below 16,384.
fn nested(number: u32, content: &[u8]) -> Vec<u8> {
    let varint = |value: usize| [(value & 0x7f) as u8 | 0x80, (value >> 7) as u8];
    [&varint((number << 3 | 2) as usize)[..], &varint(content.len()), content].concat()
}

#[test]
fn one_event_of_every_kind_is_read() {
    let mut names = NodeNames::default();
    let mut paths = BTreeSet::new();
    for line in include_str!("../../../../event/tests/it/samples.jsonl").lines() {
        let record = from_json(line, &mut names).unwrap();
        if let Some(bytes) = original::encode(&record, 1) {
            paths.insert(path(&read(&bytes).unwrap()));
        }
    }
    for arm in ["saw_new_header_log", "compact_block_reconstructed_log", "unknown_log_message", "block_checked_log"] {
        assert!(paths.contains(&format!("log_extractor.{arm}")), "{arm}: {paths:?}");
    }
    // All kinds that the original has.
    assert!(paths.len() > 70, "{paths:?}");
}

/// Whatever is added to these two, it does not leave without an arm that others know.
#[test]
fn every_arm_of_ours_has_one_of_theirs_before_it() {
    let ours = ours();
    for (message, oneof, around) in
        [("log_extractor.log", "log_event", &[4][..]), ("ebpf_extractor.message.MessageEvent", "msg", &[1, 1])]
    {
        let descriptor = ours.get_message_by_name(message).unwrap();
        let oneof = descriptor.oneofs().find(|one| one.name() == oneof).unwrap();
        let mut count = 0;
        for arm in oneof.fields().filter(|arm| arm.number() >= 100) {
            let around = around.iter().rev();
            // With an empty message in it; a message needs its metadata.
            let mut content = nested(arm.number(), &[]);
            if message.ends_with("MessageEvent") {
                content = [nested(1, &[]), content].concat();
            }
            let bytes = around.fold(content, |content, number| nested(*number, &content));
            let record = Record::from_bytes(bytes.into(), &mut NodeNames::default()).unwrap();
            let bytes = original::encode(&record, 0).unwrap();
            read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", arm.name()));
            let again = Record::from_bytes(bytes, &mut NodeNames::default()).unwrap();
            assert_eq!(to_json(&again), to_json(&record), "{}", arm.name());
            count += 1;
        }
        assert!(count > 5, "{message}");
    }
}

/// Nothing else of ours is in a oneof or an enum that others read, but for what is left out.
#[test]
fn nothing_else_is_new_to_others() {
    let ours = ours();
    let mut arms = BTreeSet::new();
    let messages: Vec<MessageDescriptor> = ORIGINAL.all_messages().collect();
    for theirs in &messages {
        let own = ours.get_message_by_name(theirs.full_name()).unwrap();
        for arm in own.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>()) {
            if theirs.get_field(arm.number()).is_none() {
                assert!(arm.number() >= 100, "{}", arm.full_name());
                arms.insert(theirs.full_name().to_owned());
            }
        }
        for field in theirs.fields() {
            let own = own.get_field(field.number()).unwrap();
            let meaning = |field: &FieldDescriptor| {
                let proto = field.field_descriptor_proto();
                (proto.name().to_owned(), proto.label(), proto.r#type(), proto.type_name().to_owned())
            };
            assert_eq!(meaning(&own), meaning(&field), "{}", field.full_name());
        }
    }
    let known = [
        "ebpf_extractor.ebpf",
        "ebpf_extractor.message.MessageEvent",
        "event.Event",
        "ipc_extractor.ipc",
        "log_extractor.log",
        "p2p_extractor.p2p",
        "rpc_extractor.rpc",
    ];
    assert_eq!(Vec::from_iter(arms), known);
    let values = |one: &EnumDescriptor| -> Vec<_> {
        one.values().map(|value| (value.number(), value.name().to_owned())).collect()
    };
    for theirs in ORIGINAL.all_enums() {
        let own = ours.get_enum_by_name(theirs.full_name()).unwrap();
        assert_eq!(values(&own), values(&theirs), "{}", theirs.full_name());
    }
}

/// Reads all that a server gets as the original reads it.
struct Reader {
    messages: async_nats::Subscriber,
    /// How many events there were of each path.
    paths: BTreeMap<String, usize>,
}

impl Reader {
    async fn start(server: &NatsServer) -> Self {
        let client = async_nats::connect(server.url()).await.unwrap();
        let messages = client.subscribe(">").await.unwrap();
        client.flush().await.unwrap();
        Self { messages, paths: BTreeMap::new() }
    }

    /// Reads while something is done, and what comes then until there is nothing more for a while.
    async fn during<T>(mut self, work: impl Future<Output = T>) -> (T, BTreeMap<String, usize>) {
        let mut work = pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                message = self.messages.next() => self.read(message.unwrap()),
            }
        };
        while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(1), self.messages.next()).await {
            self.read(message);
        }
        (outcome, self.paths)
    }

    fn read(&mut self, message: async_nats::Message) {
        if message.subject.starts_with("_INBOX.") {
            return; // the publisher's own
        }
        let known = ["ipc", "log-extractor", "mempool", "netconn", "netmsg", "p2p-extractor", "rpc", "validation"];
        assert!(known.contains(&message.subject.as_str()), "{}", message.subject);
        let event = read(&message.payload).unwrap_or_else(|error| panic!("{}: {error}", message.subject));
        *self.paths.entry(path(&event)).or_default() += 1;
    }
}

#[tokio::test]
async fn all_that_the_demo_publishes_is_read() {
    if testbed::require_bitcoind().is_none() || testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("max_payload: 8MB").await.unwrap();
    let reader = Reader::start(&server).await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let demo =
        ["demo", "--duration", "10", "--nats", &url, "--subjects", "flat", "--dir", dir.path().to_str().unwrap()];
    let (ended, paths) = reader.during(end_of(&demo)).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for path in [
        "log_extractor.saw_new_header_log",
        "log_extractor.unknown_log_message",
        "rpc_extractor.peer_infos",
        "rpc_extractor.uptime",
    ] {
        assert!(paths.contains_key(path), "{path}: {paths:?}");
    }
    assert_eq!(paths.contains_key("ebpf_extractor.message.inv"), ended.stdout.contains("\n  ebpf "), "{paths:?}");
}

#[tokio::test]
async fn all_that_tracepoints_give_is_read() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let Some(program) = Program::require() else { return };
    let server = NatsServer::start("max_payload: 8MB").await.unwrap();
    let reader = Reader::start(&server).await;
    let (datadir, binary, url) = (program.datadir("alice"), program.path(), server.url());
    let node = ["--datadir", datadir.to_str().unwrap(), "--binary", binary.to_str().unwrap()];
    let extractor = Running::start(
        &[&["extract", "ebpf", "--tracepoints", "all", "--nats", &url, "--subjects", "flat"][..], &node].concat(),
    );
    let load = Load::builder().program(&binary).datadir(&datadir).mix(Mix::AllTypes).wait_traced().hold();
    let working = async {
        let report = load.start().await.unwrap().finish().await.unwrap();
        // Before that it does not know signals.
        extractor.wait_until_logged("connected to the NATS server").await;
        extractor.signal("-TERM");
        (report, extractor.end().await)
    };
    let ((report, (status, stderr)), paths) = reader.during(working).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    let count =
        |start: &str| paths.iter().filter(|(path, _)| path.starts_with(start)).map(|(_, count)| *count).sum::<usize>();
    let messages = count("ebpf_extractor.message.");
    let fired = report.of(Probe::InboundMessage) + report.of(Probe::OutboundMessage);
    assert_eq!(messages as u64, fired, "{paths:?}");
    for path in
        ["message.unknown", "message.version", "connection.closed", "mempool.added", "validation.block_connected"]
    {
        assert!(paths.contains_key(&format!("ebpf_extractor.{path}")), "{path}: {paths:?}");
    }
}
