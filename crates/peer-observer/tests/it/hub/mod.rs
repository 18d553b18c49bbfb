//! A fleet as `peer-observer fleet` makes it: three hosts with real nodes and nats-servers, and a hub.

mod files;
mod network;
mod thief;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use event::Filter;
use serde_json::Value;
use store::archive::{self, Archive};
use testbed::{eventually, skipped};
use tokio::time::{Instant, sleep};

use crate::archive::by_run;
use crate::process::{PATIENCE, Running};
use network::{Fleet, NAMES};
use thief::{FORGED, forge, steal};

/// Each number of each run is in the archive once, and the last of each node's runs is what its extractors published last.
fn assert_complete(archive: &Path, ends: &[(u64, u64)]) {
    let runs = by_run(archive);
    for (run, numbers) in &runs {
        assert_eq!(*numbers, Vec::from_iter(1..=numbers.len() as u64), "run {run}");
    }
    for (run, last) in ends {
        assert_eq!(runs.get(run).map_or(0, Vec::len) as u64, *last, "run {run}");
    }
}

/// What the extractors of a node say at their end: runs and the numbers of their last events.
fn ends(folder: &Path) -> Vec<(u64, u64)> {
    let mut ends = Vec::new();
    for path in archive::files([folder]).unwrap() {
        for record in Archive::open(&path).unwrap().records(Filter::default()) {
            let event: Value = serde_json::from_str(&event::json::to_json(&record.unwrap())).unwrap();
            if event["kind"] == "status" && event["body"]["ended"] == true && event["body"]["extractor"] != "archive" {
                ends.push((event["run"].as_u64().unwrap(), event["body"]["last_sequence"].as_u64().unwrap()));
            }
            assert!(event["kind"] != "gap", "{event}");
        }
    }
    ends
}

#[tokio::test]
async fn a_fleet_loses_nothing_and_a_stolen_key_gets_nowhere() {
    let Some(fleet) = Fleet::new() else { return };
    let datadirs: Vec<PathBuf> = NAMES.iter().map(|name| fleet.path(&format!("node-{name}"))).collect();
    datadirs.iter().for_each(|datadir| fs::create_dir(datadir).unwrap());
    fleet.list(&datadirs);
    let written = fleet.write(&[]).await;
    assert_eq!(written.code, 0, "{}", written.stderr);

    let hub = fleet.nats(0).await;
    let mut nats = [fleet.nats(1).await, fleet.nats(2).await, fleet.nats(3).await].map(Some);
    if let Err(error) = fleet.hosts.slow_down(3) {
        skipped(&format!("a host whose way to the hub takes 100 ms and loses 1 %: {error:#}"));
    }
    fleet.streams().await;
    let mut nodes = Vec::new();
    for (host, datadir) in (1..).zip(&datadirs) {
        nodes.push(fleet.node(host, datadir).await);
    }
    let archive = fleet.start(0, &["archive"]);
    archive.wait_until_logged("reading the stream EVENTS").await;
    let mut watch = fleet.start(0, &["watch", "-o", "json", "--kind", "update_tip"]);
    let [tokyo, paris, lima] = [1, 2, 3].map(|host| fleet.start(host, &["run"]));

    let report = fleet.all_is_well().await;
    for host in report["hosts"].as_array().unwrap() {
        let clock = host["clock_ahead_seconds"].as_f64();
        assert!(clock.is_none_or(|clock| clock.abs() < 0.5), "{host}");
        assert!(host["address"].as_str().unwrap().starts_with("10.77."), "{host}");
    }

    for host in 1..=3 {
        let open = fleet.listens(host).await;
        assert!(!open.is_empty() && open.iter().all(IpAddr::is_loopback), "{host}: {open:?}");
    }

    // One host is cut off; its node goes on.
    fleet.hosts.cut(1, true).unwrap();
    let cut = Instant::now();
    for (host, node) in (1..).zip(&nodes) {
        fleet.mine(host, node, 30).await;
    }
    let (ok, report) = fleet.check("3s").await;
    let problems = report["problems"].to_string();
    assert!(!ok && problems.contains("tokyo: ") && !problems.contains("lima"), "{report}");

    // Meanwhile somebody has all of the host paris, and uses its key with a nats-server of their own.
    stop(paris).await;
    stop(nats[1].take().unwrap()).await;
    let conf = fleet.of(2).join("nats-server.conf");
    let kept = fs::read_to_string(&conf).unwrap();
    let limits = ["publish:", "subscribe:", "deny_imports:"];
    let is_limit = |line: &&str| limits.iter().any(|limit| line.trim_start().starts_with(limit));
    fs::write(&conf, kept.lines().filter(|line| !is_limit(line)).collect::<Vec<_>>().join("\n")).unwrap();
    let stolen = fleet.nats(2).await;
    let seen = steal(&fleet).await;
    assert!(seen.iter().all(|subject| !subject.contains("tokyo") && !subject.contains("lima")), "{seen:?}");
    let forged = || async {
        let (_, report) = fleet.check("2s").await;
        let problems = report["problems"].to_string();
        problems.contains("events say that they are of the node \\\"tokyo1\\\"").then_some(problems)
    };
    let republish = async {
        for _ in 0..1000 {
            forge(&fleet).await;
            sleep(Duration::from_millis(300)).await;
        }
    };
    let noticed = tokio::select! {
        noticed = eventually("forged events in the report", PATIENCE, forged) => noticed.unwrap(),
        () = republish => panic!("nobody noticed the forged events"),
    };
    assert!(noticed.contains("paris: ") && noticed.contains("--rotate paris"), "{noticed}");
    archive.wait_until_logged("skipping an event that came as one of node").await;

    // It gets a new key; the old one is of no use any more.
    fs::write(&conf, &kept).unwrap();
    let rotated = fleet.write(&["--rotate", "paris"]).await;
    let secret = kept.split("tls://paris:").nth(1).unwrap().split('@').next().unwrap();
    assert!(rotated.stdout.contains("paris/leaf.key") && !rotated.stdout.contains(secret), "{}", rotated.stdout);
    stop(hub).await;
    let hub = fleet.nats(0).await;
    let refused = || async {
        let (_, report) = fleet.check("1s").await;
        report["refused"].as_array().unwrap().iter().any(|one| one["address"] == "10.77.2.2").then_some(())
    };
    eventually("the old key to be refused", PATIENCE, refused).await.unwrap();
    stop(stolen).await;
    nats[1] = Some(fleet.nats(2).await);
    fleet.give_new_password(2, &nodes[1]).await;
    let paris = fleet.start(2, &["run"]);

    sleep(Duration::from_secs(15).saturating_sub(cut.elapsed())).await;
    fleet.hosts.cut(1, false).unwrap();
    fleet.all_is_well().await;
    fleet.mine(1, &nodes[0], 1).await;
    let mut heights = Vec::new();
    while heights.last() != Some(&31) {
        let event = watch.next().await;
        assert_ne!(event["kind"], "lost", "{event}");
        let height = event["body"]["update_tip"]["height"].as_u64().filter(|height| *height > 0);
        heights.extend(height.filter(|_| event["node"] == "tokyo1"));
    }
    assert_eq!(heights, Vec::from_iter(1..=31), "all that the host saw while it was cut off");

    for observer in [tokyo, paris, lima] {
        stop(observer).await;
    }
    let folder = fleet.path("archive");
    let ended = || async {
        let (_, report) = fleet.check("1s").await;
        let hosts = report["hosts"].as_array().unwrap();
        hosts.iter().all(|host| host["nodes"][0]["events"] == 0 && host["nodes"][0]["waiting"] == 0).then_some(())
    };
    eventually("everything at the hub", PATIENCE, ended).await.unwrap();
    stop(watch).await;
    stop(archive).await;
    let ends = ends(&folder);
    assert!(ends.len() >= 4 + 2 + 2, "{ends:?}");
    assert_complete(&folder, &ends);
    assert!(!by_run(&folder).contains_key(&FORGED));
    drop((hub, nats, nodes));
}

/// Ends a program in order.
async fn stop(running: Running) {
    running.signal("-INT");
    let (status, logged) = running.end().await;
    assert!(status.success(), "{logged}");
}
