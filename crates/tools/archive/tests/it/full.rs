//! A disk that is full.

use event::pb::observer::Observer;
use event::pb::observer::observer::ObserverEvent;
use event::{Body, Kind};
use testbed::Disk;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_nothing_and_what_is_missing_is_known() {
    let Some(disk) = Disk::mount("2m") else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let directory = disk.path().join("archive");
    let running = Running::start(options(&directory));
    // More than there is space for; nobody waits for it.
    for sequence in 1..=1000 {
        running.publish(event(sequence, 2000)).await;
    }
    let stage = || running.bus.accounts().stage("archive-file");
    running.until("loss", |_| stage().dropped(bus::Reason::Full) > 0).await;
    let before = running.durable();
    assert!(before > 10, "{before} events before the disk was full");
    assert_eq!(running.bus.accounts().count(&bus::counters::ARCHIVE_FULL, []).get(), 1.0);

    std::fs::remove_file(&ballast).unwrap();
    running.until("space again", |running| running.durable() > before).await;
    for sequence in 1001..=1100 {
        running.publish(event(sequence, 100)).await;
    }
    let lost = stage().dropped(bus::Reason::Full);
    let counts = running.bus.accounts().clone();
    running.end().await;
    let stage = counts.stage("archive-file");
    let (received, kept, lost_at_end) = (stage.events_in(), stage.events_out(), stage.dropped_total());
    assert_eq!(received, kept + lost_at_end, "in = out + dropped");
    assert_eq!(lost, lost_at_end);

    let records = all(&directory);
    let sequences = sequences(&records);
    assert!(sequences.is_sorted() && sequences.ends_with(&Vec::from_iter(1001..=1100)), "{sequences:?}");
    assert_eq!(sequences.len() as u64 + lost, 1100, "each is there once, or lost");
    let gaps: Vec<_> = records
        .iter()
        .filter(|record| record.envelope().kind == Kind::Gap)
        .map(|record| match record.body() {
            Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Gap(gap)) })) => gap.clone(),
            _ => panic!(),
        })
        .collect();
    assert_eq!(gaps.iter().map(|gap| gap.missing).sum::<u64>(), lost, "and the archive says so: {gaps:?}");
    assert!(gaps.iter().all(|gap| gap.of_run == Some(7) && gap.reason.as_deref() == Some("full")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_durable_is_there_when_the_disk_stays_full() {
    let Some(disk) = Disk::mount("1m") else { return };
    let directory = disk.path().join("archive");
    let running = Running::start(options(&directory));
    for sequence in 1..=2000 {
        running.publish(event(sequence, 2000)).await;
    }
    let stage = running.bus.accounts().stage("archive-file");
    running.until("loss", |_| stage.dropped(bus::Reason::Full) > 0).await;
    let durable = running.durable();
    let accounts = running.bus.accounts().clone();
    running.end().await;
    let stage = accounts.stage("archive-file");
    assert_eq!(stage.events_in(), stage.events_out() + stage.dropped_total());
    let found = sequences(&all(&directory));
    assert!(found.len() as u64 >= durable && found == Vec::from_iter(1..=found.len() as u64), "{durable}: {found:?}");
    // The next start has no space either, and says so.
    let running = Running::start(options(&directory));
    running.publish(event(1, 200_000)).await;
    running.end().await;
    assert_eq!(sequences(&all(&directory)).len(), found.len());
}
