//! The past as an input: archives are read, merged by time, and published again.

use std::path::Path;
use std::time::{Duration, Instant};

use bus::nats::Options;
use bus::{Bus, Delivery, WhenFull};
use event::{Filter, NodeNames, Record};
use store::archive::{self, Writer};
use testbed::NatsServer;
use tokio_util::sync::CancellationToken;

use super::process::{PATIENCE, end_of};

/// An archive of pings of a node, at these milliseconds after a time.
fn archive(folder: &Path, node: &str, millis: impl IntoIterator<Item = u64>) -> String {
    let options = archive::Options { base: node.to_owned(), ..archive::Options::new(folder) };
    let mut writer = Writer::create(&options, 1_790_000_000_000_000_000).unwrap();
    let mut names = NodeNames::default();
    for (number, millis) in millis.into_iter().enumerate() {
        let time = event::time::rfc3339((1_790_000_000_000 + millis) * 1_000_000);
        let line = format!(
            r#"{{"time":"{time}","node":"{node}","run":7,"sequence":{},"source":"p2p","kind":"ping_duration","body":{{"duration":{}}}}}"#,
            number + 1,
            1_000 + millis
        );
        let record: Record = event::json::from_json(&line, &mut names).unwrap();
        writer.append(&record).unwrap();
    }
    let path = writer.path().to_str().unwrap().to_owned();
    writer.finish().unwrap();
    path
}

/// Nodes of the lines of JSON, in their order.
fn nodes(stdout: &str) -> Vec<String> {
    let line =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["node"].as_str().unwrap().to_owned();
    stdout.lines().map(line).collect()
}

#[tokio::test]
async fn archives_are_read_by_time_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let alice = archive(folder.path(), "alice", [0, 20, 40]);
    archive(folder.path(), "bob", [10, 30]);
    let ended = end_of(&["watch", path, "-o", "json"]).await;
    assert_eq!(
        (ended.code, nodes(&ended.stdout)),
        (0, ["alice", "bob", "alice", "bob", "alice"].map(str::to_owned).into())
    );
    let ended = end_of(&["watch", path, "-o", "json", "--node", "bob"]).await;
    assert_eq!(nodes(&ended.stdout), ["bob", "bob"]);
    // What is missing in a file is named, and the others are read.
    let whole = std::fs::read(&alice).unwrap();
    std::fs::write(&alice, &whole[..60]).unwrap();
    let ended = end_of(&["watch", path, "-o", "json"]).await;
    assert_eq!((ended.code, nodes(&ended.stdout)), (0, ["bob", "bob"].map(str::to_owned).into()));
    assert!(ended.stderr.contains(&alice) && ended.stderr.contains("the file ends within"), "{}", ended.stderr);

    let ended = end_of(&["watch", "/nonexistent.bin"]).await;
    assert!(ended.code != 0 && ended.stderr.contains("there is no file /nonexistent.bin"), "{}", ended.stderr);
    let empty = tempfile::tempdir().unwrap();
    let ended = end_of(&["watch", empty.path().to_str().unwrap()]).await;
    assert!(ended.code != 0 && ended.stderr.contains("there is no archive in "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_replay_takes_as_long_as_it_took_or_as_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = archive(folder.path(), "alice", [0, 400, 800]);
    for (pace, least) in [("original", 800), ("2x", 400), ("fast", 0)] {
        let start = Instant::now();
        let ended = end_of(&["replay", &path, "--tools", "watch", "--pace", pace]).await;
        assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stderr);
        assert!(start.elapsed() >= Duration::from_millis(least), "{pace}: {:?}", start.elapsed());
    }
    let ended = end_of(&["replay", &path]).await;
    assert!(ended.code != 0 && ended.stderr.contains("name tools with --tools"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_replay_to_a_server_gives_what_was_there() {
    let server = match NatsServer::start("").await {
        Ok(server) => server,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = archive(folder.path(), "alice", 0..500);
    let bus = Bus::new();
    let mut events = bus.subscribe("test", Filter::default(), 1 << 12, WhenFull::Block);
    let connected = bus::nats::connect_reader(&bus, &Options::new(server.url())).await.unwrap();
    let shutdown = CancellationToken::new();
    let reader = tokio::spawn(connected.run(bus.clone(), shutdown.clone()));
    let ended = end_of(&["replay", &path, "--nats", &server.url(), "--pace", "fast"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for number in 1..=500 {
        let next = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time");
        let Some(Delivery::Event(record)) = next else { panic!("{next:?}") };
        assert_eq!((&*record.envelope().node, record.envelope().run, record.envelope().sequence), ("alice", 7, number));
    }
    shutdown.cancel();
    reader.await.unwrap().unwrap();
}
