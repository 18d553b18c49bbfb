//! An archive that reads a stream, while programs are killed, disks are full, and the stream is too small.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use event::{Filter, Kind, NodeNames};
use store::archive::{Archive, files};
use testbed::{Disk, JETSTREAM, NatsServer, eventually};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::archive::{by_run, kills};
use super::process::{PATIENCE, Running, end_of};

const SUBJECT: &str = "peer-observer.alice.p2p-extractor";
const STREAM: &str = "EVENTS";

async fn server() -> Option<NatsServer> {
    testbed::require_nats_server()?;
    Some(NatsServer::start(JETSTREAM).await.unwrap())
}

/// An archiver of the stream, which writes often.
fn archiver(server: &NatsServer, folder: &Path) -> Running {
    let often = ["--archive-sync-every", "20ms", "--archive-file-size", "64KiB", "--archive-level", "1"];
    let (url, folder) = (server.url(), folder.to_str().unwrap());
    let from = ["archive", "--nats", &url, "--nats-stream", STREAM, "--archive-directory", folder];
    Running::start(&[&from[..], &often, &["--archive-consumer", "mine"]].concat())
}

async fn context(server: &NatsServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

/// An event of a run. It has some bytes that cannot be compressed, so that a disk is full soon.
fn event(run: u64, sequence: u64) -> Bytes {
    let noise: String = std::iter::repeat_with(fastrand::alphanumeric).take(100).collect();
    let line = format!(
        r#"{{"time":"2026-09-10T12:00:00Z","node":"alice","run":{run},"sequence":{sequence},"source":"p2p","kind":"feature_offered","body":{{"feature_id":"{noise}","data":""}}}}"#
    );
    event::json::from_json(&line, &mut NodeNames::default()).unwrap().bytes().clone()
}

/// Publishes an event until the stream has it.
async fn publish(context: &jetstream::Context, run: u64, sequence: u64) {
    loop {
        let sent = timeout(Duration::from_secs(1), context.publish(SUBJECT, event(run, sequence))).await;
        if let Ok(Ok(sent)) = sent
            && let Ok(Ok(_)) = timeout(Duration::from_secs(1), sent).await
        {
            return;
        }
    }
}

/// Publishes a run, one event after the other, until it is stopped. Returns the number of events.
fn publishing(context: jetstream::Context, run: u64, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    tokio::spawn(async move {
        let mut sequence = 0;
        while !stop.load(Ordering::Relaxed) {
            sequence += 1;
            publish(&context, run, sequence).await;
        }
        sequence
    })
}

/// Waits until the consumer is so.
async fn until(server: &NatsServer, what: &str, is: impl Fn(&consumer::Info) -> bool) {
    let context = context(server).await;
    let is = || async {
        let consumer = context.get_consumer_from_stream::<consumer::pull::Config, _, _>("mine", STREAM).await.ok()?;
        is(consumer.cached_info()).then_some(())
    };
    eventually(what, PATIENCE, is).await.unwrap();
}

/// Waits until everything in the stream is acknowledged.
async fn all_acknowledged(server: &NatsServer) {
    until(server, "everything in the archive", |info| info.num_pending == 0 && info.num_ack_pending == 0).await;
}

/// Ends it in order.
async fn end(archiver: Running) -> String {
    archiver.signal("-TERM");
    let (status, logged) = archiver.end().await;
    assert!(status.success(), "{logged}");
    logged
}

/// Waits until all files are complete, which starts do beside their work.
async fn complete(folder: &Path) {
    let args = ["archive", "--stdin", "--archive-directory", folder.to_str().unwrap()];
    let complete = || async {
        let ended = end_of(&args).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        files([folder]).unwrap().iter().all(|path| Archive::open(path.clone()).unwrap().has_table()).then_some(())
    };
    if let Err(error) = eventually("complete files", PATIENCE, complete).await {
        let open =
            files([folder]).unwrap().into_iter().filter(|path| !Archive::open(path.clone()).unwrap().has_table());
        let open: Vec<_> = open.map(|path| (path.metadata().unwrap().len(), path)).collect();
        panic!("{error:#}: {open:?}; {}", end_of(&args).await.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_while_the_archiver_is_away_is_there_once() {
    let Some(server) = server().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let first = archiver(&server, folder.path());
    first.wait_until_logged("reading the stream EVENTS").await;
    let context = context(&server).await;
    for sequence in 1..=100 {
        publish(&context, 7, sequence).await;
    }
    all_acknowledged(&server).await;
    end(first).await;
    for sequence in 101..=500 {
        publish(&context, 7, sequence).await;
    }
    context.publish(SUBJECT, "no event".into()).await.unwrap().await.unwrap();
    let second = archiver(&server, folder.path());
    all_acknowledged(&server).await;
    let logged = end(second).await;
    assert!(logged.contains("lost 1 events at nats-reader (undecodable)"), "{logged}");
    assert_eq!(by_run(folder.path())[&7], Vec::from_iter(1..=500));

    // One that lost its place reads all again, and writes nothing twice.
    let stream = context.get_stream(STREAM).await.unwrap();
    stream.delete_consumer("mine").await.unwrap();
    let third = archiver(&server, folder.path());
    third.wait_until_logged(" messages wait").await;
    all_acknowledged(&server).await;
    end(third).await;
    assert_eq!(by_run(folder.path())[&7], Vec::from_iter(1..=500));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_to_publishers_is_there_once_after_any_number_of_kills() {
    let Some(mut server) = server().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut running = Some(archiver(&server, folder.path()));
    running.as_ref().unwrap().wait_until_logged("reading the stream EVENTS").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishers = Vec::new();
    for run in 1..=3 {
        publishers.push(publishing(context(&server).await, run, &stop));
    }
    for _ in 0..kills() {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..300))).await;
        if fastrand::u8(..3) > 0 {
            let killed = running.take().unwrap();
            killed.signal("-KILL");
            killed.end().await;
            running = Some(archiver(&server, folder.path()));
        } else {
            server.kill().await.unwrap();
            server.start_again().await.unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut published = Vec::new();
    for publisher in publishers {
        published.push(timeout(PATIENCE, publisher).await.unwrap().unwrap());
    }
    all_acknowledged(&server).await;
    end(running.unwrap()).await;
    complete(folder.path()).await;
    let runs = by_run(folder.path());
    for (run, published) in (1..).zip(published) {
        assert!(published > 10, "{published}");
        let missing: Vec<u64> = (1..=published).filter(|sequence| !runs[&run].contains(sequence)).take(10).collect();
        assert_eq!(missing, [0; 0], "run {run} has {} of {published}", runs[&run].len());
        assert_eq!(runs[&run], Vec::from_iter(1..=published), "run {run}");
    }
    assert_eq!(gaps(folder.path()), [0; 0]);
}

/// The numbers of events that files say are missing.
fn gaps(folder: &Path) -> Vec<u64> {
    let records = files([folder]).unwrap().into_iter().flat_map(|path| {
        Archive::open(path).unwrap().records(Filter { kinds: vec!["gap".parse().unwrap()], ..Filter::default() })
    });
    let of = |record: event::Record| {
        assert_eq!(record.envelope().kind, Kind::Gap);
        let json: serde_json::Value = serde_json::from_str(&event::json::to_json(&record)).unwrap();
        json["body"]["missing"].as_u64().unwrap()
    };
    records.map(|record| of(record.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_lets_a_stream_wait_even_if_the_archiver_is_killed() {
    let Some(server) = server().await else { return };
    let Some(disk) = Disk::mount("1m") else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; (1 << 20) - 16_384]).unwrap();
    let folder = disk.path().join("archive");
    let mut running = archiver(&server, &folder);
    running.wait_until_logged("reading the stream EVENTS").await;
    let context = context(&server).await;
    let published = 1000;
    for sequence in 1..=published {
        publish(&context, 7, sequence).await;
    }
    running.wait_until_logged("gets no more events until").await;
    for _ in 0..kills().div_ceil(4) {
        running.signal("-KILL");
        running.end().await;
        running = archiver(&server, &folder);
        running.wait_until_logged("gets no more events until").await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..100))).await;
    }
    // Ended in order while it waits, too.
    running.wait_until_logged("reading the stream EVENTS").await;
    until(&server, "events that wait", |info| info.num_ack_pending > 0).await;
    let logged = end(running).await;
    assert!(logged.contains("the stream keeps them"), "{logged}");
    let running = archiver(&server, &folder);
    running.wait_until_logged("gets no more events until").await;
    std::fs::remove_file(&ballast).unwrap();
    all_acknowledged(&server).await;
    end(running).await;
    complete(&folder).await;
    assert_eq!(by_run(&folder)[&7], Vec::from_iter(1..=published));
    assert_eq!(gaps(&folder), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_could_not_keep_is_a_gap_in_the_archive() {
    let Some(server) = server().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let context = context(&server).await;
    let config = stream::Config {
        name: STREAM.to_owned(),
        // Without the archiver's own status.
        subjects: vec![SUBJECT.to_owned()],
        max_messages: 50,
        ..stream::Config::default()
    };
    context.create_stream(config).await.unwrap();
    publish(&context, 7, 1).await;
    let first = archiver(&server, folder.path());
    all_acknowledged(&server).await;
    end(first).await;
    for sequence in 2..=200 {
        publish(&context, 7, sequence).await;
    }
    let second = archiver(&server, folder.path());
    second.wait_until_logged("removed 149 messages").await;
    all_acknowledged(&server).await;
    end(second).await;
    assert_eq!(gaps(folder.path()), [149]);
    let mut runs = by_run(folder.path());
    assert_eq!(runs.remove(&7).unwrap(), Vec::from_iter([1].into_iter().chain(151..=200)));
    let info = end_of(&["archive", "info", folder.path().to_str().unwrap()]).await;
    assert!(info.stdout.contains("149"), "{}", info.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_jetstream_the_archiver_goes_on_and_says_what_is_needed() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let running = archiver(&server, folder.path());
    running.wait_until_logged("has no JetStream").await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let written = || async {
        client.publish(SUBJECT, event(7, 1)).await.unwrap();
        by_run_of_unfinished(folder.path()).then_some(())
    };
    eventually("an event in the archive", PATIENCE, written).await.unwrap();
    end(running).await;
    let args = ["metrics", "--nats", &server.url(), "--nats-stream", STREAM, "--metrics-listen", "127.0.0.1:0"];
    let metrics = Running::start(&args);
    metrics.wait_until_logged("the stream EVENTS is of no use here").await;
    end(metrics).await;
    let ended = end_of(&["doctor", "--nats", &server.url(), "--nats-stream", STREAM]).await;
    assert!(ended.stdout.contains("has no JetStream") && ended.stdout.contains("-js"), "{}", ended.stdout);
    let ended = end_of(&["archive", "--nats-stream", "a b", "--check"]).await;
    assert!(ended.code != 0 && ended.stderr.contains("no spaces"), "{}", ended.stderr);
}

/// Whether there is any event on the disk.
fn by_run_of_unfinished(folder: &Path) -> bool {
    let archives = files([folder]).unwrap().into_iter().filter_map(|path| Archive::open(path).ok());
    archives.flat_map(|archive| archive.records(Filter::default())).any(|record| record.is_ok())
}
