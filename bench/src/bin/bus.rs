//! How many events per second pass through the bus: within the process to one and to four subscribers, and through a
//! local nats-server to one reader. Prints one line of JSON for each.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bus::nats::{Options, connect_reader, forward};
use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{MessageEvent, Metadata, Ping, Unknown};
use event::pb::observer::observer::ObserverEvent;
use event::{Body, Filter, Record};
use serde_json::json;
use testbed::NatsServer;
use tokio_util::sync::CancellationToken;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How many events a publisher hands over at once, as extractors do.
const BATCH: usize = 64;
/// How many events wait for a reader at most.
const QUEUE: usize = 1 << 12;

fn message(msg: Msg, message_type: &str) -> Body {
    let meta = Metadata {
        peer_id: 12,
        addr: "203.0.113.7:51234".to_owned(),
        command: message_type.to_owned(),
        inbound: true,
        size: 8,
        ..Metadata::default()
    };
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(MessageEvent { meta, msg: Some(msg) })) })
}

fn ping() -> Body {
    message(Msg::Ping(Ping { value: 1 }), "ping")
}

/// An event of 300 bytes when encoded.
fn of_300_bytes() -> Body {
    let payload = vec![7; 215].into();
    message(Msg::Unknown(Unknown { command: "unknown".to_owned(), payload }), "unknown")
}

async fn publish(publisher: Publisher, count: usize, body: fn() -> Body) {
    for _ in 0..count / BATCH {
        publisher.publish_all((0..BATCH).map(|_| (1, body()))).await;
    }
    publisher.end().await;
}

/// Reads until the run ends. Returns the number of events received and lost.
async fn read(mut subscription: Subscription) -> (u64, u64) {
    let (mut events, mut lost) = (0, 0);
    loop {
        for item in subscription.next_many().await {
            match item {
                Delivery::Event(record) if record.envelope().kind == event::Kind::Status => {
                    if has_ended(&record) {
                        return (events, lost);
                    }
                }
                Delivery::Event(_) => events += 1,
                Delivery::Lost(loss) => lost += loss.missing,
                Delivery::Mark(_) | Delivery::Checkpoint(_) => {}
            }
        }
    }
}

/// Whether a status is the last one of its run.
fn has_ended(status: &Record) -> bool {
    let Some(Body::Observer(observer)) = status.body() else { return false };
    matches!(&observer.observer_event, Some(ObserverEvent::Status(status)) if status.ended)
}

async fn in_process(subscribers: usize, count: usize) -> Result<()> {
    let bus = Bus::new();
    let readers: Vec<_> = (0..subscribers)
        .map(|_| tokio::spawn(read(bus.subscribe("bench", Filter::default(), QUEUE, WhenFull::Block))))
        .collect();
    let start = Instant::now();
    publish(Publisher::new(&bus, "bench", "bench"), count, ping).await;
    for reader in readers {
        let (events, lost) = reader.await?;
        if lost > 0 || events != count as u64 {
            bail!("{events} events arrived and {lost} were lost, of {count}");
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = (count as f64 / seconds).round();
    println!(
        "{}",
        json!({"bench": "bus_in_process", "subscribers": subscribers, "events": count, "events_per_second": rate})
    );
    Ok(())
}

async fn through_nats(count: usize) -> Result<()> {
    let server = NatsServer::start("").await?;
    let options = Options { buffer_bytes: 1 << 30, ..Options::new(server.url()) };
    let reading = Bus::new();
    let subscription = reading.subscribe("bench", Filter::default(), QUEUE, WhenFull::Block);
    let connected = connect_reader(&reading, &options).await?;
    let shutdown = CancellationToken::new();
    let pump = bus::task::spawn("nats reader", connected.run(reading.clone(), shutdown.clone()));
    let reader = tokio::spawn(read(subscription));

    let sending = Bus::new();
    let to_nats = sending.subscribe("to-nats", Filter::default(), QUEUE, WhenFull::Block);
    let forwarding = bus::task::spawn("nats forwarder", forward(to_nats, options, sending.accounts().clone()));
    let publisher = Publisher::new(&sending, "bench", "bench");
    publisher.publish(1, of_300_bytes()).await; // the connections are up when this one has arrived
    tokio::time::sleep(Duration::from_millis(200)).await;
    let size = Record::new("bench".into(), 1 << 52, 1 << 20, 1_700_000_000_000_000_000, of_300_bytes()).bytes().len();

    let start = Instant::now();
    publish(publisher, count, of_300_bytes).await;
    let (events, lost) = reader.await?;
    let seconds = start.elapsed().as_secs_f64();
    sending.end();
    forwarding.await??;
    shutdown.cancel();
    pump.await??;
    let rate = (count as f64 / seconds).round();
    println!(
        "{}",
        json!({"bench": "bus_nats", "events": events - 1, "bytes_per_event": size, "lost": lost, "events_per_second": rate})
    );
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let count = 64 * 50_000;
    in_process(1, count).await?;
    in_process(4, count).await?;
    through_nats(64 * 20_000).await
}
