//! Within one process.

use std::sync::Arc;

use bus::counters::{RING_BUFFER_BYTES, RPC_CALLS};
use bus::gaps::Position;
use bus::{GapTracker, Mark, Reason, WhenFull};
use event::Filter;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Observer, Status};
use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test]
async fn a_reader_that_stops_loses_its_own_events_only_and_learns_how_many() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut stuck = bus.subscribe("stuck", Filter::default(), 10, WhenFull::DropNewest);
    let mut quick = bus.subscribe("quick", Filter::default(), 2000, WhenFull::DropNewest);
    publish(&publisher, 0..1000).await;

    let mut got = Got::default();
    stuck.next_many().await.iter().for_each(|item| got.note(item));
    assert_eq!(got.numbers, (0..10).collect::<Vec<_>>());
    assert_eq!(got.missing, 990);
    publish(&publisher, 1000..1005).await;
    publisher.end().await;
    let rest = read_run(&mut stuck).await;
    assert_eq!(rest.numbers, (1000..1005).collect::<Vec<_>>());
    assert_eq!(rest.missing, 0);

    let got = read_run(&mut quick).await;
    assert_eq!(got.numbers, (0..1005).collect::<Vec<_>>());
    assert_eq!(got.missing, 0);
    assert_eq!(bus.accounts().stage("stuck").dropped(Reason::Full), 990);
    assert_all_add_up(bus.accounts());
}

#[tokio::test]
async fn a_reader_that_must_have_everything_makes_publishers_wait() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut archive = bus.subscribe("archive", Filter::default(), 4, WhenFull::Block);
    let publishing = tokio::spawn(async move {
        publish(&publisher, 0..5000).await;
        publisher.end().await;
    });
    let got = read_run(&mut archive).await;
    assert_eq!(got.numbers, (0..5000).collect::<Vec<_>>());
    assert_eq!(got.missing, 0);
    publishing.await.unwrap();
    assert_all_add_up(bus.accounts());
}

#[tokio::test]
async fn a_publisher_does_not_wait_for_a_reader_that_is_gone() {
    let (bus, publisher) = bus_and_publisher("alice");
    let archive = bus.subscribe("archive", Filter::default(), 4, WhenFull::Block);
    let publishing = tokio::spawn(async move { publish(&publisher, 0..100).await });
    tokio::task::yield_now().await;
    drop(archive);
    publishing.await.unwrap();
    assert_all_add_up(bus.accounts());
}

/// The status in a delivery.
fn status(delivery: &Delivery) -> Option<&Status> {
    let Delivery::Event(record) = delivery else { return None };
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) })) => Some(status),
        _ => None,
    }
}

/// A reader that follows the sequence numbers of what it gets.
struct Following {
    subscription: Subscription,
    gaps: GapTracker,
}

impl Following {
    fn new(bus: &Bus, name: &str, capacity: usize, when_full: WhenFull) -> Self {
        Self { subscription: bus.subscribe(name, Filter::default(), capacity, when_full), gaps: GapTracker::default() }
    }

    /// The next delivery, which is in order and comes in time.
    async fn next(&mut self) -> Delivery {
        let next = tokio::time::timeout(PATIENCE, self.subscription.next()).await.expect("something comes in time");
        let next = next.expect("the bus has not ended");
        let Delivery::Event(record) = &next else { panic!("nothing is lost: {next:?}") };
        assert_eq!(self.gaps.note(record), Position::Next, "{record:?}");
        next
    }

    async fn assert_next_numbers(&mut self, numbers: std::ops::Range<u32>) {
        for expected in numbers {
            assert_eq!(number(&self.next().await), Some(expected));
        }
    }

    async fn assert_next_status(&mut self, last_sequence: u64, ended: bool) {
        let next = self.next().await;
        let status = status(&next).expect("it is a status");
        assert_eq!((status.last_sequence, status.ended), (last_sequence, ended));
    }
}

/// A disk that hangs is not an extractor that is down.
#[tokio::test]
async fn a_status_passes_a_reader_that_is_stalled() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut stalled = Following::new(&bus, "stalled", 4, WhenFull::Block);
    let mut browser = Following::new(&bus, "browser", 1000, WhenFull::DropNewest);
    let mut archive = Following::new(&bus, "archive", 1000, WhenFull::Block);
    let mut small = Following::new(&bus, "small", 2, WhenFull::Block);

    let publishing = tokio::spawn({
        let publisher = publisher.clone();
        async move {
            publisher.publish_all((0..3).map(|n| (0, numbered(n)))).await;
            publisher.publish_all((3..20).map(|n| (0, numbered(n)))).await;
            publisher.end().await;
        }
    });
    // One event of the second batch fits into the queue of the stalled reader; all others get the whole batch.
    tokio::join!(
        browser.assert_next_numbers(0..20),
        archive.assert_next_numbers(0..20),
        small.assert_next_numbers(0..20)
    );
    let mut late = Following::new(&bus, "late", 1000, WhenFull::DropNewest);

    let stop = CancellationToken::new();
    let telling = tokio::spawn(publisher.clone().tell_status(stop.clone()));
    for reader in [&mut browser, &mut archive, &mut small, &mut late] {
        reader.assert_next_status(20, false).await;
    }
    assert!(!publishing.is_finished(), "one reader is stalled");
    stop.cancel();
    telling.await.unwrap();

    stalled.assert_next_numbers(0..20).await;
    for reader in [&mut stalled, &mut browser, &mut archive, &mut small, &mut late] {
        reader.assert_next_status(20, true).await;
    }
    publishing.await.unwrap();
    assert_all_add_up(bus.accounts());
}

/// A publisher that waits for nobody has its status in a full queue too, after all its events.
#[tokio::test]
async fn a_status_of_a_quiet_run_gets_into_a_full_queue() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut archive = Following::new(&bus, "archive", 4, WhenFull::Block);
    publish(&publisher, 0..4).await;
    let mut browser = Following::new(&bus, "browser", 10, WhenFull::DropNewest);
    let telling = tokio::spawn(publisher.clone().tell_status(CancellationToken::new()));
    browser.assert_next_status(4, false).await;
    archive.assert_next_numbers(0..4).await;
    archive.assert_next_status(4, false).await;
    telling.abort();
    assert_all_add_up(bus.accounts());
}

/// Whoever stops publishing halfway leaves a gap, and the next status shows it.
#[tokio::test]
async fn publishing_that_is_given_up_leaves_a_gap_that_a_status_shows() {
    let (bus, publisher) = bus_and_publisher("alice");
    let mut archive = bus.subscribe("archive", Filter::default(), 4, WhenFull::Block);
    let mut browser = Following::new(&bus, "browser", 10, WhenFull::DropNewest);
    let publishing = tokio::spawn({
        let publisher = publisher.clone();
        async move { publisher.publish_all((0..10).map(|n| (0, numbered(n)))).await }
    });
    browser.assert_next_numbers(0..10).await;
    publishing.abort();
    assert!(publishing.await.unwrap_err().is_cancelled());
    let telling = tokio::spawn(publisher.tell_status(CancellationToken::new()));
    browser.assert_next_status(10, false).await;
    telling.abort();

    let mut gaps = GapTracker::default();
    let deliveries = archive.next_many().await;
    let positions = deliveries.iter().map(|delivery| match delivery {
        Delivery::Event(record) => gaps.note(record),
        other => panic!("{other:?}"),
    });
    let positions: Vec<_> = positions.collect();
    let [.., last] = &positions[..] else { panic!("{positions:?}") };
    assert_eq!((positions.len(), *last), (5, Position::After(6)));
}

#[tokio::test]
async fn filters_and_the_end() {
    let (bus, publisher) = bus_and_publisher("alice");
    let filter = Filter { kinds: vec!["log".parse().unwrap()], ..Filter::default() };
    let mut log_only = bus.subscribe("log-only", filter, 10, WhenFull::DropNewest);
    publish(&publisher, 0..100).await;
    bus.end();
    assert!(log_only.next().await.is_none(), "nothing matched, and the bus has ended");
    assert_eq!(bus.accounts().stage("log-only").events_in(), 0);
    let mut late = bus.subscribe("late", Filter::default(), 10, WhenFull::Block);
    assert!(late.next().await.is_none());
}

/// Several publishers and readers at once: each reader gets each run in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_within_a_run_holds_under_load() {
    let bus = Bus::new();
    let mut reader = bus.subscribe("reader", Filter::default(), 64, WhenFull::Block);
    let publishers: Vec<_> = (0..4).map(|n| Publisher::new(&bus, &format!("node{n}"), "test")).collect();
    for publisher in publishers.clone() {
        // Two handles of one run publish at once.
        for _ in 0..2 {
            let publisher = publisher.clone();
            tokio::spawn(async move {
                for batch in 0..50_u32 {
                    publisher.publish_all((0..20).map(|n| (0, numbered(batch * 20 + n)))).await;
                }
            });
        }
    }
    let mut last = std::collections::HashMap::new();
    for _ in 0..4 * 2 * 1000 {
        let Some(Delivery::Event(record)) = reader.next().await else { panic!("nothing is lost") };
        let envelope = record.envelope();
        let previous = last.insert(envelope.run, envelope.sequence).unwrap_or(0);
        assert_eq!(envelope.sequence, previous + 1);
    }
    assert_all_add_up(bus.accounts());
}

/// What an extractor of a node counts stands in its own status alone; what its process shares stands apart.
#[tokio::test]
async fn a_status_has_the_figures_of_its_own_extractor() {
    let (bus, alice) = bus_and_publisher("alice");
    let bob = Publisher::new(&bus, "bob", "rpc");
    let mut reader = bus.subscribe("reader", Filter::default(), 10, WhenFull::DropNewest);
    for (publisher, calls) in [(&alice, 3), (&bob, 5)] {
        publisher.accounts().count(&RPC_CALLS, ["uptime"]).add(f64::from(calls));
    }
    bob.accounts().stage("log").add_dropped(Reason::Unreadable, 7);
    bob.process_accounts().stage("nats").add_dropped(Reason::Full, 9);
    bob.process_accounts().count(&RING_BUFFER_BYTES, ["peak"]).set(11.0);
    alice.end().await;
    bob.end().await;

    let deliveries = reader.next_many().await;
    let statuses: Vec<&Status> = deliveries.iter().filter_map(status).collect();
    let [of_alice, of_bob] = statuses[..] else { panic!("{statuses:?}") };
    let counts = |status: &Status| status.counts.iter().map(|c| (c.name.clone(), c.value)).collect::<Vec<_>>();
    let calls = |value| vec![("rpc_calls".to_owned(), value)];
    assert_eq!((counts(of_alice), counts(of_bob)), (calls(3.0), calls(5.0)));
    let dropped = |status: &Status| status.dropped.iter().map(|d| (d.stage.clone(), d.count)).collect::<Vec<_>>();
    assert_eq!((dropped(of_alice), dropped(of_bob)), (vec![], vec![("log".to_owned(), 7)]));
    for status in [of_alice, of_bob] {
        let shared = status.shared.as_ref().unwrap();
        assert_eq!(shared.process, bus.accounts().process());
        assert_eq!(shared.dropped.iter().map(|d| (&*d.stage, d.count)).collect::<Vec<_>>(), [("nats", 9)]);
        assert_eq!(
            shared.counts.iter().map(|c| (&*c.name, c.value)).collect::<Vec<_>>(),
            [("ring_buffer_bytes", 11.0)]
        );
    }
    // The process knows the sum of its parts.
    assert_eq!(bus.accounts().count(&RPC_CALLS, ["uptime"]).get(), 8.0);
    assert_eq!(bus.accounts().dropped_total(), 16);
}

#[tokio::test]
async fn what_was_before_comes_first_and_nothing_twice() {
    let bus = Bus::new();
    let reader = bus.subscribe("web", Filter::default(), 1_000, WhenFull::Block);
    let (sender, history) = tokio::sync::mpsc::channel(4);
    let mut reader = reader.after(history, true);
    let record = |run, sequence, time_ns| {
        let body = Body::Observer(Observer { observer_event: None });
        Delivery::Event(Arc::new(event::Record::new("alice".into(), run, sequence, time_ns, body)))
    };
    // Live events wait, whenever they came.
    bus.deliver(vec![record(7, 3, 30), record(7, 0, 31), record(7, 4, 40), record(7, 0, 41), record(9, 8, 42)]).await;
    sender.send(vec![Delivery::Mark(Mark::Begin), record(5, 1, 10), record(7, 2, 20)]).await.unwrap();
    sender.send(vec![record(7, 3, 30), record(7, 0, 31), Delivery::Mark(Mark::Ready)]).await.unwrap();
    drop(sender);
    let mut got = Vec::new();
    while got.len() < 9 {
        got.extend(reader.next_many().await.into_iter().map(place));
    }
    assert_eq!(got, ["Begin", "5 1", "7 2", "7 3", "7 0", "Ready", "7 4", "7 0", "9 8"]);
    let stage = bus.accounts().stage("web");
    assert_eq!((stage.events_in(), stage.events_out(), stage.events_filtered()), (9, 7, 2));
    // What neither was recorded nor came is missing.
    let (sender, history) = tokio::sync::mpsc::channel(4);
    let mut reader = bus.subscribe("other", Filter::default(), 1_000, WhenFull::Block).after(history, true);
    sender.send(vec![record(7, 4, 40)]).await.unwrap();
    drop(sender);
    bus.deliver(vec![record(7, 9, 90), record(7, 12, 95)]).await;
    let mut got = Vec::new();
    while got.len() < 4 {
        got.extend(reader.next_many().await.into_iter().map(place));
    }
    assert_eq!(got, ["7 4", "4 missing (history)", "7 9", "7 12"]);
}

/// Run and sequence number of an event, or what else it is.
fn place(delivery: Delivery) -> String {
    match delivery {
        Delivery::Event(record) => format!("{} {}", record.envelope().run, record.envelope().sequence),
        Delivery::Lost(loss) => format!("{} missing ({})", loss.missing, loss.stage),
        Delivery::Mark(mark) => format!("{mark:?}"),
        other => format!("{other:?}"),
    }
}
