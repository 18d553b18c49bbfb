//! The bus from outside: what goes in comes out, in order, or is counted and reported.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod batches;
mod credentials;
mod local;
mod nats;
mod stream;

use std::convert::Infallible;
use std::time::Duration;

use bus::{Accounts, Bus, Delivery, Publisher, Stage, Subscription};
use event::pb::rpc_extractor::Rpc;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Described, Kind};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An event with a number in it.
fn numbered(number: u32) -> Body {
    Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(number)) })
}

fn number(delivery: &Delivery) -> Option<u32> {
    let Delivery::Event(record) = delivery else {
        return None;
    };
    match record.body() {
        Some(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(number)) })) => Some(*number),
        _ => None,
    }
}

/// Publishes events with these numbers.
async fn publish(publisher: &Publisher, numbers: std::ops::Range<u32>) {
    for n in numbers {
        publisher.publish(u64::from(n), numbered(n)).await;
    }
}

/// Publishes events together.
async fn publish_batch(publisher: &Publisher, bodies: impl IntoIterator<Item = (u64, Body)>) {
    let mut batch = publisher.batch().await;
    for (time_ns, body) in bodies {
        let encode = |out: &mut Vec<u8>| {
            body.encode(out);
            Ok::<_, Infallible>(Described::of(&body))
        };
        batch.push(time_ns, Kind::of(&body), encode).unwrap();
    }
    batch.publish().await;
}

/// What a reader got.
#[derive(Debug, Default)]
struct Got {
    numbers: Vec<u32>,
    missing: u64,
    /// The last event of a run came.
    ended: bool,
}

impl Got {
    fn note(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Lost(loss) => self.missing += loss.missing,
            other @ (Delivery::Mark(_) | Delivery::Checkpoint(_)) => panic!("{other:?}"),
            Delivery::Event(record) => match number(delivery) {
                Some(number) => self.numbers.push(number),
                None => self.ended = record.envelope().kind == Kind::Status,
            },
        }
    }

    fn is_in_order(&self) -> bool {
        self.numbers.is_sorted_by(|a, b| a < b)
    }
}

/// Reads until the run of the publisher ends.
async fn read_run(subscription: &mut Subscription) -> Got {
    let mut got = Got::default();
    while !got.ended {
        let next = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("something comes in time");
        got.note(&next.expect("the bus has not ended"));
    }
    got
}

/// Nothing is unaccounted for at a stage where nothing is under way.
fn assert_adds_up(stage: &Stage) {
    let (came, went) = (stage.events_in(), stage.events_out());
    let (filtered, dropped) = (stage.events_filtered(), stage.dropped_total());
    assert_eq!(
        came,
        went + filtered + dropped,
        "{}: in {came}, out {went}, filtered {filtered}, dropped {dropped}",
        stage.name()
    );
}

fn assert_all_add_up(accounts: &Accounts) {
    accounts.stages().iter().for_each(|stage| assert_adds_up(stage));
}

fn bus_and_publisher(node: &str) -> (Bus, Publisher) {
    let bus = Bus::new();
    let publisher = Publisher::new(&bus, node, "test");
    (bus, publisher)
}
