//! Archives, as the program writes them and tells of them: ended in order, killed, over NATS, and beside an extractor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use event::{Filter, NodeNames, Record};
use serde_json::Value;
use store::archive::{Archive, files};
use testbed::{NatsServer, eventually};
use tokio::io::AsyncWriteExt;

use super::metrics::{address_of, wait_for_line};
use super::process::{PATIENCE, Running, command, end_of, end_of_command};

/// How often the program is killed: 12 times, or as often as the environment variable KILLS says.
pub fn kills() -> u64 {
    std::env::var("KILLS").map_or(12, |kills| kills.parse().unwrap())
}

/// Longest time that it may take to end in order.
const END: Duration = Duration::from_secs(2);

/// An event of a run, encoded after its length.
fn encoded(run: u64, sequence: u64) -> Vec<u8> {
    let line = format!(
        r#"{{"time":"2026-09-10T12:00:00Z","node":"alice","run":{run},"sequence":{sequence},"source":"p2p","kind":"ping_duration","body":{{"duration":{sequence}}}}}"#
    );
    let record: Record = event::json::from_json(&line, &mut NodeNames::default()).unwrap();
    let mut bytes = Vec::new();
    store::archive::put_record(&mut bytes, record.bytes());
    bytes
}

/// The events of all files, by run; each file must be whole, and no event be there twice.
pub fn by_run(folder: &Path) -> BTreeMap<u64, Vec<u64>> {
    let mut runs = BTreeMap::<u64, Vec<u64>>::new();
    for path in files([folder]).unwrap() {
        for record in Archive::open(&path).unwrap().records(Filter::default()) {
            let record = record.unwrap_or_else(|damage| panic!("{}: {damage}", path.display()));
            if record.envelope().sequence == 0 {
                continue; // the archiver's own status
            }
            runs.entry(record.envelope().run).or_default().push(record.envelope().sequence);
        }
    }
    runs
}

/// Events that are on the disk in others than these files, whatever else is there.
fn on_disk(folder: &Path, others: &[PathBuf], run: u64) -> usize {
    let paths = files([folder]).unwrap().into_iter().filter(|path| !others.contains(path));
    let archives = paths.filter_map(|path| Archive::open(path).ok());
    let records = archives.flat_map(|archive| archive.records(Filter::default()));
    records.filter(|record| record.as_ref().is_ok_and(|record| record.envelope().run == run)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_the_disk_is_there_once_after_any_number_of_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let args = ["archive", "--stdin", "--input", "protobuf", "--archive-directory", path];
    let often = ["--archive-sync-every", "5ms", "--archive-file-size", "64KiB", "--archive-level", "1"];
    let mut seen = BTreeMap::new();
    let kills = kills();
    for run in 1..=kills {
        let others = files([folder.path()]).unwrap();
        let mut command = command(&[&args[..], &often].concat());
        command.stdin(Stdio::piped());
        let (running, stdin) = Running::start_with_input(command);
        let mut stdin = stdin.unwrap();
        let feeding = tokio::spawn(async move {
            for first in (1..).step_by(100) {
                let batch: Vec<u8> = (first..first + 100).flat_map(|sequence| encoded(run, sequence)).collect();
                if stdin.write_all(&batch).await.is_err() {
                    return;
                }
            }
        });
        let some = || async { (on_disk(folder.path(), &others, run) > 0).then_some(()) };
        eventually("an event on the disk", PATIENCE, some).await.unwrap();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..60))).await;
        seen.insert(run, on_disk(folder.path(), &others, run));
        running.signal("-KILL");
        running.end().await;
        feeding.await.unwrap();
    }
    // The next starts complete what is left, beside their work: one that ends at once may not get to all.
    let complete = || async {
        let ended = end_of(&args).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        files([folder.path()]).unwrap().iter().all(|path| Archive::open(path).unwrap().has_table()).then_some(())
    };
    eventually("complete files", PATIENCE, complete).await.unwrap();
    let runs = by_run(folder.path());
    for (run, seen) in seen {
        let sequences = &runs[&run];
        assert!(sequences.len() >= seen, "run {run}: {} of {seen}", sequences.len());
        assert_eq!(sequences, &Vec::from_iter(1..=sequences.len() as u64), "run {run}");
    }
    let ended = end_of(&["archive", "check", path, "-o", "json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let infos: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(infos.len() as u64 > kills && infos.iter().all(|info| info["status"] == "complete"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archiver_of_a_server_ends_in_order() {
    let server = match NatsServer::start("").await {
        Ok(server) => server,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let archiver = Running::start(&[
        "archive",
        "--nats",
        &server.url(),
        "--archive-directory",
        path,
        "--archive-sync-every",
        "50ms",
    ]);
    archiver.wait_until_logged("connected to").await;
    let events: Vec<u8> = (1..=2000).flat_map(|sequence| encoded(7, sequence)).collect();
    let source = folder.path().join("events");
    std::fs::write(&source, &events).unwrap();
    let ended = end_of(&["replay", source.to_str().unwrap(), "--nats", &server.url(), "--pace", "fast"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let all = || async { (on_disk(folder.path(), &[], 7) == 2000).then_some(()) };
    eventually("all events", PATIENCE, all).await.unwrap();
    let start = Instant::now();
    archiver.signal("-TERM");
    let (status, logged) = archiver.end().await;
    assert!(status.success() && start.elapsed() < END, "{:?}: {logged}", start.elapsed());
    assert_eq!(by_run(folder.path())[&7], Vec::from_iter(1..=2000));
}

#[tokio::test(flavor = "multi_thread")]
async fn run_archives_what_it_observes_and_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let nobody = ["--rpc", "[100::1]:8332", "--rpc-user", "u", "--rpc-password", "p", "--extract", "rpc"];
    let tools = ["run", "--tools", "metrics,archive", "--metrics-listen", "127.0.0.1:0"];
    let archive = ["--archive-directory", path, "--archive-sync-every", "50ms", "--archive-name", "of.mine"];
    let running = Running::start(&[&tools[..], &nobody, &archive].concat());
    let address = address_of(&running).await;
    let line = wait_for_line(&address, "peerobserver_archive_bytes_total{kind=\"file\"").await;
    let shown: f64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    running.signal("-TERM");
    let (status, logged) = running.end().await;
    assert!(status.success(), "{logged}");
    let written = files([path]).unwrap();
    assert_eq!(written.len(), 1);
    assert!(written[0].file_name().unwrap().to_str().unwrap().starts_with("of.mine."));
    let size = written[0].metadata().unwrap().len() as f64;
    assert!(shown > 0.0 && shown <= size, "{shown} of {size}");
    let ended = end_of(&["watch", path, "--kind", "status", "-o", "json"]).await;
    assert!(ended.stdout.lines().count() > 0, "{}", ended.stderr);
}

#[tokio::test]
async fn files_are_described_and_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let events: Vec<u8> = (1..=500).flat_map(|sequence| encoded(7, sequence)).collect();
    let written = of("written");
    let ended = end_of_command(
        command(&[
            "archive",
            "--stdin",
            "--input",
            "protobuf",
            "--archive-directory",
            &written,
            "--archive-only",
            "p2p,rpc",
        ]),
        &events,
    );
    assert_eq!(ended.await.code, 0);
    let info = end_of(&["archive", "info", &written]).await;
    // 500, and what was left out.
    for words in [
        "complete",
        "selected  of alice: only kind p2p, rpc\n",
        "events    501",
        "ping_duration",
        "node alice",
        "run 7 of alice: 1 to 500",
    ] {
        assert!(info.stdout.contains(words), "{words}: {}", info.stdout);
    }
    let json: Value = serde_json::from_str(&end_of(&["archive", "info", &written, "-o", "json"]).await.stdout).unwrap();
    assert_eq!((&json["events"], &json["runs"][0]["absent"]), (&501.into(), &0.into()));

    let (merged, one) = (of("merged"), of("one.bin.zst"));
    for (args, events) in
        [(&["merge", &written, "--to", &merged][..], 501), (&["export", &written, "--single-frame", "--to", &one], 500)]
    {
        let ended = end_of(&[&["archive"], args].concat()).await;
        assert_eq!((ended.code, ended.stdout.lines().count()), (0, 1), "{}", ended.stderr);
        let info = end_of(&["archive", "info", ended.stdout.trim(), "-o", "json"]).await;
        assert_eq!(serde_json::from_str::<Value>(&info.stdout).unwrap()["events"], events, "{}", info.stderr);
    }
    let refused = end_of(&["archive", "filter", &written, "--to", &written]).await;
    assert!(refused.code == 2 && refused.stderr.contains("choose another folder"), "{}", refused.stderr);

    // Damage is reported, with the exit code 1; what is no file is an error.
    let file = files([&written]).unwrap().remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let checked = end_of(&["archive", "check", file.to_str().unwrap()]).await;
    assert!(checked.code == 1 && checked.stdout.contains("with 501 events"), "{}{}", checked.stdout, checked.stderr);
    assert_eq!(end_of(&["archive", "info", "/nonexistent.bin"]).await.code, 2);
}

#[tokio::test]
async fn what_was_left_out_is_stated_and_nobody_takes_it_for_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let events: Vec<u8> = (1..=5).flat_map(|sequence| encoded(7, sequence)).collect();
    let (written, fewer, again) = (of("written"), of("fewer"), of("again"));
    let low = ["--archive-directory", &written, "--archive-only", "p2p,addr-relay", "--archive-low-data"];
    let args = [&["archive", "--stdin", "--input", "protobuf", "--node", "alice"][..], &low].concat();
    assert_eq!(end_of_command(command(&args), &events).await.code, 0);
    let ended = end_of(&["archive", "filter", &written, "--to", &fewer, "--kind", "p2p", "--peer", "7"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = end_of(&["archive", "filter", &written, "--to", &fewer, "--kind", "ping_duration"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let stated = "only node alice; of these, only kind p2p, addr-relay";
    let info = end_of(&["archive", "info", &fewer, "-o", "json"]).await;
    let json: Value = serde_json::from_str(&info.stdout).unwrap();
    let selection = &json["selections"][0];
    let text =
        format!("{stated}; of these, only kind ping_duration; without raw transactions and the transactions of blocks");
    assert_eq!((&selection["node"], &selection["text"]), (&"alice".into(), &text.clone().into()));
    assert_eq!((&selection["passes"][2]["kinds"][0], &selection["low_data"]), (&"ping_duration".into(), &true.into()));

    // Whoever draws conclusions from it is informed, and whoever archives it again says it again.
    let ended = end_of(&["archive", &fewer, "--archive-directory", &again, "--kind", "ping_duration"]).await;
    let warned = format!("not all events of node \"alice\" were recorded: {text}");
    assert!(ended.code == 0 && ended.stderr.contains(&warned), "{}", ended.stderr);
    let ended = end_of(&["watch", &again]).await;
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines.len() == 6 && lines[0].ends_with(&format!("not everything is here: {text}")), "{lines:?}");
    assert!(!ended.stderr.contains("not all events"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archiver_of_a_server_reports_how_it_is() {
    let server = match NatsServer::start("").await {
        Ok(server) => server,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let folder = tempfile::tempdir().unwrap();
    let url = server.url();
    let shown = Running::start(&["metrics", "--nats", &url, "--metrics-listen", "127.0.0.1:0"]);
    let address = address_of(&shown).await;
    shown.wait_until_logged("connected to").await;
    let archiver = Running::start(&["archive", "--nats", &url, "--archive-directory", folder.path().to_str().unwrap()]);
    archiver.wait_until_logged("connected to").await;
    let source = folder.path().join("events");
    std::fs::write(&source, encoded(7, 1)).unwrap();
    let ended = end_of(&["replay", source.to_str().unwrap(), "--nats", &url, "--pace", "fast"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let line = wait_for_line(&address, "peerobserver_archive_full").await;
    assert!(line.ends_with(" 0"), "{line}");
    let line = wait_for_line(&address, "peerobserver_extractor_up{extractor=\"archive\"}").await;
    assert!(line.ends_with(" 1"), "{line}");
    for running in [archiver, shown] {
        running.signal("-TERM");
        let (status, logged) = running.end().await;
        assert!(status.success(), "{logged}");
    }
}
