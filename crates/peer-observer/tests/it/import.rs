//! `archive import`: what it writes, says and ends with.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use store::archive::{Archive, files};

use super::process::{Running, command, end_of, end_of_command};

/// Logs as people keep them, from the tests of the decoder and of the extractor.
const PREFIXED: &str = include_str!("../../../decode/tests/it/cases/prefixed.log");
const FOREIGN: &str = include_str!("../../../extractors/log/tests/it/cases/foreign-lines.log");
const XZ: &[u8] = include_bytes!("../../../extractors/log/tests/it/cases/debug.log.1.xz");
const UTF16: &[u8] = include_bytes!("../../../extractors/log/tests/it/cases/utf16.log");

/// Events that a command printed as JSON, without what depends on the run, and without times that the log does not have.
fn events(stdout: &str) -> Vec<Value> {
    let mut events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.retain(|event| event["source"] == "log");
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        fields.remove("run");
        if !fields["time"].as_str().unwrap().starts_with("2025-") {
            fields.remove("time");
            fields["body"].as_object_mut().unwrap().remove("log_timestamp");
        }
    }
    events
}

#[tokio::test]
async fn it_writes_what_the_extractor_publishes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("prefixed", PREFIXED.as_bytes()), ("foreign", FOREIGN.as_bytes()), ("xz", XZ)] {
        let (log, to) = (folder.path().join(name), folder.path().join(format!("{name}-to")));
        std::fs::write(&log, bytes).unwrap();
        let (log, to) = (log.to_str().unwrap(), to.to_str().unwrap());
        let extracted = end_of(&["extract", "log", "--once", log, "--name", "alice", "-o", "json"]).await;
        let imported = end_of(&["archive", "import", log, "--node", "alice", "--to", to]).await;
        assert_eq!(imported.code, 0, "{}", imported.stderr);
        let watched = end_of(&["watch", to, "-o", "json"]).await;
        let (extracted, watched) = (events(&extracted.stdout), events(&watched.stdout));
        assert!(!extracted.is_empty());
        // Of lines without a time, the import takes that of the line before.
        for (extracted, watched) in extracted.iter().zip(&watched) {
            if extracted.get("time").is_some() {
                assert_eq!(watched, extracted);
            } else {
                assert_eq!((&watched["kind"], &watched["sequence"]), (&extracted["kind"], &extracted["sequence"]));
            }
        }
        assert_eq!(watched.len(), extracted.len());
    }
}

#[tokio::test]
async fn it_says_what_was_done_and_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, to) = (folder.path().join("logs"), folder.path().join("to"));
    for node in ["alice", "bob"] {
        std::fs::create_dir_all(logs.join(node)).unwrap();
        std::fs::write(logs.join(node).join("debug.log.1.xz"), XZ).unwrap();
    }
    let (logs_text, to_text) = (logs.to_str().unwrap(), to.to_str().unwrap());
    let ended = end_of(&["archive", "import", logs_text, "--to", to_text]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for words in
        ["read      2 logs, 0 archives", "2 typed (100.0 %)", "node      alice 1 events", "node      bob 1 events"]
    {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
    std::fs::write(logs.join("bob/utf16.log"), UTF16).unwrap();
    let ended = end_of(&["archive", "import", logs_text, "--to", to_text, "-o", "json"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer["known"], &answer["events"]), (&2.into(), &0.into()));
    assert!(answer["left_out"][0]["reason"].as_str().unwrap().contains("UTF-16"), "{answer}");
    let ended = end_of(&["archive", "import", logs_text, "--to", "/proc/none"]).await;
    assert!(ended.code == 2 && ended.stderr.contains("/proc/none"), "{}", ended.stderr);
    let mut help = command(&["archive", "import", "--help"]);
    help.env("COLUMNS", "110");
    let ended = end_of_command(help, b"").await;
    insta::assert_snapshot!("help_archive_import", ended.stdout);
}

#[tokio::test]
async fn a_signal_leaves_files_that_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (log, to) = (folder.path().join("debug.log"), folder.path().join("to"));
    let text = "2025-01-01T00:00:00Z [net] socket closed, disconnecting peer=9\n".repeat(300_000);
    std::fs::write(&log, &text).unwrap();
    let (log, to_text) = (log.to_str().unwrap(), to.to_str().unwrap());
    let args = ["archive", "import", log, "--node", "alice", "--to", to_text];
    let running = Running::start(&args);
    let begun = || async { has_content(&to).then_some(()) };
    testbed::eventually("a file", Duration::from_secs(30), begun).await.unwrap();
    running.signal("-INT");
    let (status, stderr) = running.end().await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    for path in files([&to]).unwrap() {
        assert!(Archive::open(&path).unwrap().has_table(), "{}", path.display());
    }
    assert_eq!(end_of(&args).await.code, 0);
    let found = files([&to]).unwrap();
    let runs = found.iter().flat_map(|path| Archive::open(path).unwrap().index().unwrap().frames.clone());
    assert_eq!(runs.map(|frame| frame.events).sum::<u64>(), 300_000);
}

/// Whether a file in the folder has events.
fn has_content(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).any(|metadata| metadata.len() > 1000)
}
