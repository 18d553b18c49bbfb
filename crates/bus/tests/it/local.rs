//! Within one process.

use bus::{Reason, WhenFull};
use event::Filter;

use super::*;

#[tokio::test]
async fn a_reader_that_stops_loses_its_own_events_only_and_is_told() {
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
