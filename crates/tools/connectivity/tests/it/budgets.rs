//! What is spent, and on whom.

use std::time::{Duration, Instant};

use connectivity::{Limits, Options, Rates};
use procfs::process::Process;
use reach::Endpoint;

use crate::listeners::{Kind, Listeners};
use crate::{Check, loopback, options};

/// Addresses at which nothing listens.
fn refusing(count: u32) -> Vec<Endpoint> {
    (0..count)
        .map(|number| {
            let [a, b, c, d] = loopback(number);
            format!("{a}.{b}.{c}.{d}:1").parse().unwrap()
        })
        .collect()
}

fn resident_mib() -> u64 {
    Process::myself().unwrap().status().unwrap().vmrss.unwrap() / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_hold_for_each_connection() {
    let listeners = Listeners::default();
    let (mut neighbours, mut others) = (Vec::new(), Vec::new());
    for last in 1..=100 {
        // Each takes two connections.
        neighbours.push(listeners.add([127, 50, 1, last], Kind::V1).await);
        others.push(listeners.add([127, last, 2, 1], Kind::V1).await);
    }
    let dir = tempfile::tempdir().unwrap();
    let rates = Rates { per_second: 20.0, group_per_minute: 120.0, ..Rates::default() };
    let mut check = Check::start(Options { rates, ..options(dir.path()) });
    let start = Instant::now();
    check.gossip(1, "203.0.113.1:8333", &neighbours).await;
    check.gossip(2, "203.0.113.2:8333", &others).await;
    let results = check.results(60).await;
    let seconds = start.elapsed().as_secs_f64();
    assert!(results.iter().all(|attempt| attempt.version.is_some()));
    let connections = listeners.connections();
    let all: usize = connections.values().sum();
    let near: usize =
        connections.iter().filter(|(addr, _)| addr.to_string().starts_with("127.50.1.")).map(|(_, count)| count).sum();
    // What comes in that time, and what a bucket holds at first.
    assert!(all as f64 <= 20.0 * seconds + 20.0 + 1.0, "{all} in {seconds} s");
    assert!(near as f64 <= 2.0 * seconds + 20.0 + 1.0, "{near} in {seconds} s");
    assert!(near >= 20, "{near} in {seconds} s: they have their share");
    check.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_so_many_at_a_time() {
    let listeners = Listeners::default();
    let mut silent = Vec::new();
    for number in 0..60 {
        silent.push(listeners.add(loopback(number), Kind::Silent).await);
    }
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    let mut check = Check::start(Options { concurrent: 7, limits, ..options(dir.path()) });
    check.gossip(1, "203.0.113.1:8333", &silent).await;
    assert_eq!(check.results(60).await.len(), 60);
    // A connection that was closed is closed over there a moment later.
    assert!((5..=9).contains(&listeners.most_open()), "{}", listeners.most_open());
    check.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooder_does_not_starve_others() {
    let dir = tempfile::tempdir().unwrap();
    let rates = Rates { per_second: 50.0, group_per_minute: 6_000.0, asn_per_minute: 6_000.0 };
    let mut check = Check::start(Options { rates, ..options(dir.path()) });
    let flood = refusing(100_000);
    let (before, few) = (resident_mib(), &flood[99_000..99_010]);
    // It comes from one address under ever new ids.
    for (peer, part) in flood.chunks(1_000).enumerate() {
        check.gossip(1_000 + peer as u64, "1.2.3.4:8333", part).await;
    }
    check.gossip(1, "203.0.113.1:8333", few).await;
    let mut seen = 0;
    let mut from_others = 0;
    while seen < few.len() {
        for attempt in check.results(1).await {
            if attempt.source_peer_id == Some(1) { seen += 1 } else { from_others += 1 }
        }
    }
    // Those that came before the few were heard, and turn by turn.
    assert!(from_others < 200, "{from_others}");
    assert!(check.skipped("queue_full") >= 79_000, "{}", check.skipped("queue_full"));
    let grown = resident_mib().saturating_sub(before);
    assert!(grown < 40, "{grown} MiB more");
    check.stop().await;
}
