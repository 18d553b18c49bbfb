//! Through a real nats-server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bus::nats::{NatsError, Options, Subjects, connect_reader, forward, read};
use bus::{Reason, WhenFull};
use event::pb::bitcoin_primitives::Transaction;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{MessageEvent, Metadata, Tx};
use event::{Filter, Record};
use testbed::NatsServer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

/// A process that publishes: its bus, whose events go to the server.
pub struct Sending {
    pub bus: Bus,
    pub publisher: Publisher,
    forwarding: JoinHandle<Result<(), NatsError>>,
}

pub fn sending(node: &str, options: Options) -> Sending {
    let (bus, publisher) = bus_and_publisher(node);
    let subscription = bus.subscribe("to-nats", Filter::default(), 1 << 16, WhenFull::Block);
    let forwarding = tokio::spawn(forward(subscription, options, bus.accounts().clone()));
    Sending { bus, publisher, forwarding }
}

impl Sending {
    /// Ends the run and waits until everything is sent.
    pub async fn end(self) -> Accounts {
        self.publisher.end().await;
        self.bus.end();
        tokio::time::timeout(PATIENCE, self.forwarding).await.unwrap().unwrap().unwrap();
        self.bus.accounts().clone()
    }
}

/// A process that reads: its bus, to which events come from the server.
pub async fn reading(options: &Options) -> (Bus, Subscription) {
    let bus = Bus::new();
    let subscription = bus.subscribe("reader", Filter::default(), 1 << 20, WhenFull::DropNewest);
    let connected = connect_reader(&bus, options).await.unwrap();
    tokio::spawn(connected.run(bus.clone(), CancellationToken::new()));
    (bus, subscription)
}

/// Users as other people's set-ups have them: extractors may only publish, tools only subscribe.
const USERS: &str = r#"authorization { users: [
    { user: publisher, password: secret, permissions: { publish: ">", subscribe: { deny: ">" } } }
    { user: reader, password: secret, permissions: { publish: { deny: ">" }, subscribe: ">" } }
    { user: listed, password: secret, permissions: { publish: ["peer-observer.>", "netmsg"] } }
    { user: flat_reader, password: secret, permissions: { publish: { deny: ">" }, subscribe: { deny: "peer-observer.>" } } }
] }"#;

fn user(server: &NatsServer, name: &str) -> Options {
    Options { user: Some((name.to_owned(), "secret".to_owned())), ..Options::new(server.url()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_complete_on_either_kind_of_subject() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("").await.unwrap();
    for (node, subjects) in [("alice", Subjects::PerNode), ("", Subjects::PerNode), ("bob", Subjects::Flat)] {
        let options = Options { subjects, ..Options::new(server.url()) };
        let (bus, mut reader) = reading(&options).await;
        let sender = sending(node, options);
        publish(&sender.publisher, 0..10_000).await;
        let accounts = sender.end().await;
        let mut got = Got::default();
        while got.numbers.len() < 10_000 {
            got.note(&reader.next().await.unwrap());
        }
        assert!(got.is_in_order());
        assert_eq!(got.missing, 0);
        assert_all_add_up(&accounts);
        assert_adds_up(&bus.accounts().stage("nats-reader"));
        // The status that ends a run is nothing for those who know flat subjects only.
        let sent = if subjects == Subjects::Flat { 10_000 } else { 10_001 };
        assert_eq!(accounts.stage("nats").events_out(), sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_and_goes() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("").await.unwrap();
    let options = Options::new(server.url());
    survives(server, options.clone(), options).await;
}

/// The same with users of whom one may only publish and the other only subscribe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_and_goes_and_allows_little() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start(USERS).await.unwrap();
    let (publisher, reader) = (user(&server, "publisher"), user(&server, "reader"));
    survives(server, publisher, reader).await;
}

/// The server is killed and started again while events flow: what arrives and what is reported missing make up
/// what was published, and order is kept.
async fn survives(mut server: NatsServer, publisher: Options, reader: Options) {
    let (_bus, mut reader) = reading(&reader).await;
    let sender = sending("alice", publisher);
    let publisher = sender.publisher.clone();
    let stop = CancellationToken::new();
    let at = Arc::new(AtomicU32::new(0));
    let publishing = {
        let (stop, at) = (stop.clone(), Arc::clone(&at));
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.is_cancelled() {
                publish(&publisher, n..n + 50).await;
                publish_batch(&publisher, (n + 50..n + 100).map(|n| (u64::from(n), numbered(n)))).await;
                n += 100;
                at.store(n, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            n
        })
    };
    let mut got = Got::default();
    for _ in 0..2 {
        let wanted = got.numbers.len() + 2000;
        while got.numbers.len() < wanted {
            got.note(&reader.next().await.unwrap());
        }
        server.kill().await.unwrap();
        // Events are published all the while; some are on their way when the server comes back.
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.start_again().await.unwrap();
    }
    // Once the reader is back, which it is when it gets what is published from now on, it gets everything.
    let now = at.load(Ordering::Relaxed);
    while got.numbers.last().is_none_or(|&last| last <= now) {
        got.note(&reader.next().await.unwrap());
    }
    stop.cancel();
    let published = publishing.await.unwrap();
    let accounts = sender.end().await;
    let rest = read_run(&mut reader).await;
    got.numbers.extend(&rest.numbers);
    got.missing += rest.missing;
    assert!(got.is_in_order());
    assert_eq!(got.numbers.len() as u64 + got.missing, u64::from(published));
    assert_eq!(accounts.stage("nats").dropped_total(), 0, "the sender lost nothing");
    assert_all_add_up(&accounts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_buffer_is_counted_and_seen_as_a_gap() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let mut server = NatsServer::start("").await.unwrap();
    let options = Options { buffer_bytes: 20_000, ..Options::new(server.url()) };
    let (_bus, mut reader) = reading(&Options::new(server.url())).await;
    let sender = sending("alice", options);
    publish(&sender.publisher, 0..1).await;
    assert_eq!(number(&reader.next().await.unwrap()), Some(0));

    server.stop().await.unwrap();
    publish(&sender.publisher, 1..1001).await;
    let stage = sender.bus.accounts().stage("nats");
    testbed::eventually("the buffer is full", PATIENCE, || {
        let stage = Arc::clone(&stage);
        async move { (stage.events_in() == 1001).then_some(()) }
    })
    .await
    .unwrap();
    let dropped = stage.dropped(Reason::Full);
    assert!(dropped > 500 && dropped < 1000, "{dropped}");
    // Whether the reader or the sender is back first is chance: publish until the reader gets something.
    server.start_again().await.unwrap();
    let mut got = Got::default();
    let mut published = 1001;
    while got.numbers.is_empty() {
        publish(&sender.publisher, published..published + 1).await;
        published += 1;
        if let Ok(item) = tokio::time::timeout(Duration::from_millis(20), reader.next()).await {
            got.note(&item.unwrap());
        }
    }
    let accounts = sender.end().await;
    let rest = read_run(&mut reader).await;
    let (numbers, missing) = ((got.numbers.len() + rest.numbers.len()) as u64, got.missing + rest.missing);
    assert_eq!(numbers + missing, u64::from(published) - 1, "all after the one that was read first");
    let dropped = accounts.stage("nats").dropped_total();
    assert!(missing >= dropped, "{missing} {dropped}");
    assert_eq!(accounts.stage("nats").events_out(), u64::from(published) + 1 - dropped);
    assert_all_add_up(&accounts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_the_server_loses_raw_bytes_first() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("max_payload: 4096").await.unwrap();
    let (_bus, mut reader) = reading(&Options::new(server.url())).await;
    let sender = sending("alice", Options::new(server.url()));
    let message = |raw: usize, command: &str| {
        let tx = Transaction { txid: vec![1; 32].into(), wtxid: vec![2; 32].into(), raw: Some(vec![0; raw].into()) };
        let meta = Metadata { command: command.to_owned(), ..Metadata::default() };
        let message = MessageEvent { meta, msg: Some(Msg::Tx(Tx { tx })) };
        Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })
    };
    sender.publisher.publish(0, message(100, "small")).await;
    sender.publisher.publish(0, message(10_000, "raw")).await;
    sender.publisher.publish(0, message(10_000, &"x".repeat(5000))).await;
    sender.publisher.publish(0, message(100, "after")).await;
    let raw_bytes = |record: &Record| match record.body() {
        Some(Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })) => match &message.msg {
            Some(Msg::Tx(tx)) => tx.tx.raw.as_ref().map(bytes::Bytes::len),
            _ => panic!("{message:?}"),
        },
        body => panic!("{body:?}"),
    };
    let mut got = Vec::new();
    while got.len() < 4 {
        got.push(match reader.next().await.unwrap() {
            Delivery::Event(record) => {
                (record.envelope().message_type.clone().unwrap().to_string(), raw_bytes(&record))
            }
            Delivery::Lost(loss) => (format!("lost {}", loss.missing), None),
            other @ (Delivery::Mark(_) | Delivery::Checkpoint(_)) => panic!("{other:?}"),
        });
    }
    let expected = [("small", Some(100)), ("raw", None), ("lost 1", None), ("after", Some(100))];
    assert_eq!(got, expected.map(|(name, raw)| (name.to_owned(), raw)));
    let accounts = sender.end().await;
    assert_eq!(accounts.stage("nats").dropped(Reason::TooLarge), 1);
    assert_all_add_up(&accounts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untrusted_publishers_on_the_server_do_no_harm() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("").await.unwrap();
    let (bus, mut reader) = reading(&Options::new(server.url())).await;
    let untrusted = async_nats::connect(server.url()).await.unwrap();
    for (subject, payload) in
        [("netmsg", vec![0xff; 100]), ("peer-observer.x.rpc", b"hello".to_vec()), ("greeting", Vec::new())]
    {
        untrusted.publish(subject, payload.into()).await.unwrap();
    }
    untrusted.flush().await.unwrap();
    let sender = sending("alice", Options::new(server.url()));
    publish(&sender.publisher, 0..10).await;
    sender.end().await;
    let got = read_run(&mut reader).await;
    assert_eq!((got.numbers.len(), got.missing), (10, 0));
    let stage = bus.accounts().stage("nats-reader");
    testbed::eventually("all is accounted for", PATIENCE, || {
        let stage = Arc::clone(&stage);
        async move { (stage.dropped(Reason::Undecodable) == 2).then_some(()) }
    })
    .await
    .unwrap();
    assert_adds_up(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_has_its_sentence() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("authorization { user: me, password: secret }").await.unwrap();
    let error = |options: Options| async move {
        let connected = connect_reader(&Bus::new(), &options).await;
        connected.err().expect("it fails").to_string()
    };
    let url = server.url();
    let me = |password: &str| Some(("me".to_owned(), password.to_owned()));

    let text = error(Options { user: me("wr0ng"), ..Options::new(&url) }).await;
    assert!(text.contains("refuses us") && text.contains(&url) && !text.contains("wr0ng"), "{text}");
    let text = error(Options::new(&url)).await;
    assert!(text.contains("refuses us") && text.contains("password"), "{text}");
    let text = error(Options { credentials: Some("/nonexistent.creds".into()), ..Options::new(&url) }).await;
    assert!(text.contains("/nonexistent.creds"), "{text}");
    let text = error(Options { tls_ca: Some("/nonexistent.pem".into()), ..Options::new(&url) }).await;
    assert!(text.contains("TLS"), "{text}");
    let text = error(Options::new("nats://127.0.0.1:1")).await;
    assert!(text.contains("cannot reach") && text.contains("nats-server running"), "{text}");
    let text = error(Options::new("nats://not a host")).await;
    assert!(text.contains("write it like nats://127.0.0.1:4222"), "{text}");

    let (_bus, mut reader) = reading(&Options { user: me("secret"), ..Options::new(&url) }).await;
    let sender = sending("alice", Options { user: me("secret"), ..Options::new(&url) });
    publish(&sender.publisher, 0..1).await;
    assert_eq!(number(&reader.next().await.unwrap()), Some(0));
    sender.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_on_both_sides_and_a_token() {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    if testbed::require_nats_server().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let ca_path = write("ca.pem", ca.pem());
    let certificate = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let signed = params.signed_by(&key, &ca).unwrap();
        (write(&format!("{name}.pem"), signed.pem()), write(&format!("{name}.key"), key.serialize_pem()))
    };
    let (server_cert, server_key) = certificate("server");
    let client = certificate("client");
    let server = NatsServer::start(&format!(
        "authorization {{ token: secret }}\n\
         tls {{ cert_file: {server_cert:?}, key_file: {server_key:?}, ca_file: {ca_path:?}, verify: true }}"
    ))
    .await
    .unwrap();
    let options = Options {
        token: Some("secret".to_owned()),
        tls_ca: Some(ca_path),
        tls_certificate: Some(client),
        ..Options::new(server.url())
    };
    let (_bus, mut reader) = reading(&options).await;
    let sender = sending("alice", options.clone());
    publish(&sender.publisher, 0..10).await;
    sender.end().await;
    assert_eq!(read_run(&mut reader).await.numbers.len(), 10);

    let untrusted = Options { tls_ca: None, ..options };
    let error = connect_reader(&Bus::new(), &untrusted).await.err().expect("nobody vouches for the server").to_string();
    assert!(error.contains("certificate"), "{error}");
}

/// Nothing takes longer, or is counted as lost, because confirmations cannot be received.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_may_only_publish_or_only_subscribe() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start(USERS).await.unwrap();
    for (publisher, reader) in [("publisher", "reader"), ("listed", "reader")] {
        let (bus, mut reader) = reading(&user(&server, reader)).await;
        let sender = sending("alice", user(&server, publisher));
        publish(&sender.publisher, 0..20_000).await;
        let begin = std::time::Instant::now();
        let accounts = sender.end().await;
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let got = read_run(&mut reader).await;
        assert_eq!((got.numbers.len(), got.missing, got.is_in_order()), (20_000, 0, true), "{publisher}");
        assert_eq!(accounts.stage("nats").events_out(), 20_001);
        assert_all_add_up(&accounts);
        assert_adds_up(&bus.accounts().stage("nats-reader"));
    }
}

/// What the server does not let us publish is lost, and counted as that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_that_may_not_be_used() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start(USERS).await.unwrap();
    let sender = sending("alice", Options { subjects: Subjects::Flat, ..user(&server, "listed") });
    let stage = sender.bus.accounts().stage("nats");
    let mut published = 0;
    while stage.dropped(Reason::Forbidden) == 0 {
        publish(&sender.publisher, published..published + 1).await;
        published += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    publish(&sender.publisher, published..published + 1000).await;
    let accounts = sender.end().await;
    assert!(stage.dropped(Reason::Forbidden) >= 1000, "{}", stage.dropped(Reason::Forbidden));
    assert_all_add_up(&accounts);
}

/// A server that is away is waited for; one that refuses us is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_there_before_the_server() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let mut server = NatsServer::start(USERS).await.unwrap();
    server.stop().await.unwrap();
    let bus = Bus::new();
    let mut early = bus.subscribe("reader", Filter::default(), 1 << 20, WhenFull::DropNewest);
    let shutdown = CancellationToken::new();
    let reader = tokio::spawn(read(bus.clone(), user(&server, "flat_reader"), shutdown.clone()));
    let wrong = Options { user: Some(("reader".to_owned(), "wr0ng".to_owned())), ..Options::new(server.url()) };
    let refused = tokio::spawn(read(Bus::new(), wrong, CancellationToken::new()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!reader.is_finished() && !refused.is_finished());

    server.start_again().await.unwrap();
    let error = tokio::time::timeout(PATIENCE, refused).await.unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("refuses us") && error.contains("password") && !error.contains("wr0ng"), "{error}");
    // When it is there is not known: publish until it gets something.
    let sender = sending("alice", Options { subjects: Subjects::Flat, ..user(&server, "publisher") });
    let mut published = 0;
    let mut next = std::pin::pin!(early.next());
    loop {
        publish(&sender.publisher, published..published + 1).await;
        published += 1;
        if tokio::time::timeout(Duration::from_millis(20), next.as_mut()).await.is_ok() {
            break;
        }
    }
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap().unwrap();
    sender.end().await;

    let nothing =
        tokio::time::timeout(PATIENCE, read(Bus::new(), user(&server, "publisher"), CancellationToken::new()));
    let error = nothing.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("allow our user to subscribe to peer-observer.> and *"), "{error}");
}

/// Readers of ours get the same on either kind of subjects, except for what others do not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat_subjects_show_the_same() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("").await.unwrap();
    let mut names = event::NodeNames::default();
    let samples = include_str!("../../../event/tests/it/samples.jsonl").lines();
    let samples: Vec<Record> = samples.map(|line| event::json::from_json(line, &mut names).unwrap()).collect();
    let mut shown = Vec::new();
    for subjects in [Subjects::PerNode, Subjects::Flat] {
        let options = Options { subjects, ..Options::new(server.url()) };
        let (bus, mut reader) = reading(&options).await;
        let sender = sending("alice", options);
        for sample in samples.iter().filter(|sample| sample.envelope().kind != Kind::Status) {
            sender.publisher.publish(sample.envelope().time_ns, sample.body().unwrap().clone()).await;
        }
        // The last one that is known to others.
        publish(&sender.publisher, 0..1).await;
        let accounts = sender.end().await;
        assert_all_add_up(&accounts);
        let mut events = Vec::new();
        loop {
            let delivery = reader.next().await.unwrap();
            let Delivery::Event(record) = &delivery else { panic!("{delivery:?}") };
            let mut shown: serde_json::Value = serde_json::from_str(&event::json::to_json(record)).unwrap();
            shown.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "run" | "sequence"));
            events.push(shown);
            if number(&delivery) == Some(0) {
                break;
            }
        }
        assert_eq!(bus.accounts().stage("nats-reader").dropped_total(), 0);
        shown.push(events);
    }
    let unknown = samples.iter().filter(|sample| event::original::encode(sample, 0).is_none());
    let unknown: Vec<_> = unknown.map(|sample| sample.envelope().kind.name()).collect();
    let others_know = |shown: &serde_json::Value| !unknown.contains(&shown["kind"].as_str().unwrap());
    let flat = shown.pop().unwrap();
    let named: Vec<_> = shown.pop().unwrap().into_iter().filter(others_know).collect();
    assert_eq!(flat, named);
}
