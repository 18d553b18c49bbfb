//! Events that are published together.

use std::sync::Arc;

use bus::nats::{Options, Subjects};
use bus::{Reason, WhenFull};
use event::pb::bitcoin_primitives::Transaction;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::ebpf_extractor::mempool::{Added, MempoolEvent};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{MessageEvent, Metadata, Tx};
use event::{Filter, Record};
use testbed::NatsServer;

use super::nats::{reading, sending};
use super::*;

/// A transaction with so many raw bytes that a peer sent.
fn message(command: &str, raw: usize) -> Body {
    let tx = Transaction { txid: vec![1; 32].into(), wtxid: vec![2; 32].into(), raw: Some(vec![3; raw].into()) };
    let meta = Metadata { peer_id: 7, command: command.to_owned(), ..Metadata::default() };
    let message = MessageEvent { meta, msg: Some(Msg::Tx(Tx { tx })) };
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })
}

/// A transaction that came into the mempool.
fn added(fee: i64) -> Body {
    let event = Some(Mempool::Added(Added { txid: vec![4; 32].into(), vsize: 100, fee }));
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Mempool(MempoolEvent { event })) })
}

/// The next event.
async fn next(reader: &mut Subscription) -> Arc<Record> {
    let next = tokio::time::timeout(PATIENCE, reader.next()).await.expect("something comes in time");
    match next.expect("the bus has not ended") {
        Delivery::Event(record) => record,
        other => panic!("{other:?}"),
    }
}

/// Readers of this process and those behind a server get the same as if each event had been published by itself, byte for byte, between others that were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrive_as_single_events_do() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("max_payload: 8MB").await.unwrap();
    for (node, subjects) in [("alice", Subjects::PerNode), ("", Subjects::PerNode), ("bob", Subjects::Flat)] {
        let options = Options { subjects, ..Options::new(server.url()) };
        let (_bus, mut there) = reading(&options).await;
        let sender = sending(node, options);
        // It is full at once, and publishers wait for it.
        let mut here = sender.bus.subscribe("here", Filter::default(), 4, WhenFull::Block);
        let publisher = sender.publisher.clone();
        let sizes = [0, 1, 100, 5_000, 70_000, 1_500_000];
        let expected: Vec<_> = (0..40_u64)
            .map(|n| if n % 3 == 0 { added(n as i64) } else { message("tx", sizes[n as usize % sizes.len()]) })
            .collect();
        let bodies = expected.clone();
        let publishing = tokio::spawn(async move {
            for (part, bodies) in bodies.chunks(10).enumerate() {
                let time = |n: usize| (part * 10 + n) as u64 * 1_000_000;
                publisher.publish(time(0), bodies[0].clone()).await;
                publish_batch(&publisher, bodies[1..].iter().enumerate().map(|(n, body)| (time(n + 1), body.clone())))
                    .await;
            }
        });
        for (n, body) in expected.iter().enumerate() {
            let (here, there) = (next(&mut here).await, next(&mut there).await);
            assert_eq!(here.envelope().sequence, n as u64 + 1);
            let single =
                Record::new(node.into(), here.envelope().run, n as u64 + 1, n as u64 * 1_000_000, body.clone());
            assert_eq!((here.envelope(), here.bytes()), (single.envelope(), single.bytes()));
            if subjects == Subjects::PerNode {
                assert_eq!((there.envelope(), there.bytes()), (single.envelope(), single.bytes()));
            }
            assert_eq!(there.body(), Some(body));
        }
        publishing.await.unwrap();
        drop(here);
        let accounts = sender.end().await;
        assert_eq!(accounts.stage("nats").dropped_total(), 0);
        assert_all_add_up(&accounts);
    }
}

/// What a queue has no room for is lost as a whole, and counted to the event.
#[tokio::test]
async fn that_a_queue_has_no_room_for() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut reader = bus.subscribe("reader", Filter::default(), 25, WhenFull::DropNewest);
    for part in 0..10_u32 {
        publish_batch(&publisher, (part * 10..part * 10 + 10).map(|n| (0, numbered(n)))).await;
    }
    bus.end();
    let mut got = Got::default();
    while let Some(delivery) = reader.next().await {
        got.note(&delivery);
    }
    assert_eq!((got.numbers.len(), got.missing), (25, 75));
    assert_all_add_up(bus.accounts());
    // A batch in the making that is given up is none.
    let batch = publisher.batch().await;
    drop(batch);
    publish(&publisher, 0..1).await;
}

/// Of a batch, what is too large loses its raw bytes, or is lost; the rest arrives, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_events_that_are_too_large_for_the_server() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("max_payload: 4096").await.unwrap();
    let (_bus, mut reader) = reading(&Options::new(server.url())).await;
    let sender = sending("alice", Options::new(server.url()));
    // From the second read on, the forwarder takes batches.
    publish(&sender.publisher, 0..1).await;
    assert_eq!(number(&Delivery::Event(next(&mut reader).await)), Some(0));
    let large = "x".repeat(5_000);
    let bodies =
        [message("a", 100), message("b", 10_000), message(&large, 10_000), message("c", 100), message(&large, 1)];
    publish_batch(&sender.publisher, bodies.map(|body| (0, body))).await;
    let mut got = Vec::new();
    while got.len() < 4 {
        got.push(match reader.next().await.unwrap() {
            Delivery::Event(record) => {
                let raw = match record.body() {
                    Some(Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })) => {
                        matches!(&message.msg, Some(Msg::Tx(Tx { tx: Transaction { raw: Some(_), .. } })))
                    }
                    body => panic!("{body:?}"),
                };
                (record.envelope().message_type.clone().unwrap().to_string(), raw)
            }
            Delivery::Lost(loss) => (format!("lost {}", loss.missing), false),
            other => panic!("{other:?}"),
        });
    }
    let expected = [("a", true), ("b", false), ("lost 1", false), ("c", true)];
    assert_eq!(got, expected.map(|(name, raw)| (name.to_owned(), raw)));
    let accounts = sender.end().await;
    assert_eq!(accounts.stage("nats").dropped(Reason::TooLarge), 2);
    assert_all_add_up(&accounts);
}

/// Of a batch, what goes to a subject that we may not use is lost, and the rest arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_subjects_that_may_not_be_used() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start(
        r#"authorization { users: [
            { user: some, password: secret, permissions: { publish: ["peer-observer.*.netmsg", "peer-observer.*.status", "_INBOX.>"] } }
            { user: all, password: secret }
        ] }"#,
    );
    let server = server.await.unwrap();
    let user =
        |name: &str| Options { user: Some((name.to_owned(), "secret".to_owned())), ..Options::new(server.url()) };
    let (_bus, mut reader) = reading(&user("all")).await;
    let sender = sending("alice", user("some"));
    let stage = sender.bus.accounts().stage("nats");
    let both = || (0..100).map(|n| (0, if n % 2 == 0 { message("m", 10) } else { added(n) }));
    let mut published = 0;
    while stage.dropped(Reason::Forbidden) == 0 {
        publish_batch(&sender.publisher, both()).await;
        published += 100;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    publish_batch(&sender.publisher, both()).await;
    published += 100;
    let accounts = sender.end().await;
    let (mut got, mut missing) = (0, 0);
    loop {
        match tokio::time::timeout(PATIENCE, reader.next()).await.unwrap().unwrap() {
            Delivery::Event(record) if record.envelope().kind == Kind::Status => break,
            Delivery::Event(record) => {
                assert_eq!(record.envelope().kind, Kind::Message);
                got += 1;
            }
            Delivery::Lost(loss) => missing += loss.missing,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((got, missing), (published / 2, published / 2));
    assert!(stage.dropped(Reason::Forbidden) >= 50);
    assert_all_add_up(&accounts);
}
