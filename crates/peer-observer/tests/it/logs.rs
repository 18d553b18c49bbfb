//! Kept logs: what is found is what `grep` finds in the plain files, whatever happened to the log and to us meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use testbed::{Node, eventually};
use tokio::process::{Child, Command};

use super::process::{PATIENCE, command, end_of};

/// The bytes of the log, rotated files first, and what was kept of it.
struct Log {
    path: PathBuf,
    rotated: u32,
    kept: String,
    keep: Vec<String>,
}

impl Log {
    fn new(path: PathBuf, kept: &Path, more: &[&str]) -> Self {
        // It is looked for before the first keeper has made it.
        fs::create_dir_all(kept).unwrap();
        let kept = kept.to_str().unwrap().to_owned();
        let mut keep = vec!["logs", "keep", "--name", "alice", "--logs-directory", &kept, "--logs-sync-every", "100ms"];
        keep.extend(more);
        let keep = keep.into_iter().map(str::to_owned).collect();
        Self { path, rotated: 0, kept, keep }
    }

    fn keep(&self) -> Child {
        let args: Vec<&str> = self.keep.iter().map(String::as_str).collect();
        command(&args).spawn().unwrap()
    }

    /// The place of the next rotated file.
    fn next(&mut self) -> PathBuf {
        self.rotated += 1;
        self.path.with_file_name(format!("debug.log.{}", self.rotated))
    }

    /// Renames the log, to which the node goes on writing.
    fn rename(&mut self) {
        let to = self.next();
        fs::rename(&self.path, to).unwrap();
    }

    fn plain(&self) -> String {
        let rotated = (1..=self.rotated).map(|n| self.path.with_file_name(format!("debug.log.{n}")));
        rotated.chain([self.path.clone()]).map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    async fn find(&self, args: &[&str]) -> String {
        let ended = end_of(&[&["logs", "find", &self.kept], args].concat()).await;
        // The keeper may not have begun.
        let nothing_yet = ended.stderr.contains("there is no kept log");
        assert!(ended.code <= 1 || nothing_yet, "{}", ended.stderr);
        ended.stdout
    }

    /// Waits until all of the log is kept, byte by byte.
    async fn is_kept(&self, what: &str) {
        let same = || async { (self.find(&[]).await == self.plain()).then_some(()) };
        if eventually(what, PATIENCE, same).await.is_err() {
            let (found, plain) = (self.find(&[]).await, self.plain());
            let differ = found.lines().zip(plain.lines()).position(|(found, plain)| found != plain);
            panic!("{what}: {} B of {} B, from line {differ:?} on", found.len(), plain.len());
        }
    }
}

/// What `grep -E` finds.
async fn grep(pattern: &str, text: &str, dir: &Path) -> String {
    let file = dir.join("plain");
    fs::write(&file, text).unwrap();
    let output = Command::new("grep").args(["-a", "-E", pattern]).arg(&file).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn what_is_found_is_what_grep_finds_through_rotations_and_kills() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let debug = ["net", "validation", "cmpctblock"];
    let (node, peer) = (
        Node::builder().debug(debug).config("logips=1").start().await.unwrap(),
        Node::builder().start().await.unwrap(),
    );
    let dir = tempfile::tempdir().unwrap();
    let datadir = node.datadir().to_str().unwrap().to_owned();
    let mut log = Log::new(node.debug_log(), &dir.path().join("kept"), &["--datadir", &datadir, "--chain", "regtest"]);
    let reopen = || rustix::process::kill_process(pid(&node), rustix::process::Signal::HUP).unwrap();
    let busy = async || {
        peer.connect(&node).await.unwrap();
        node.mine(3).await.unwrap();
        peer.disconnect(&node).await.unwrap();
    };

    let mut keeper = log.keep();
    busy().await;
    log.is_kept("what the log has at first").await;

    log.rename();
    node.mine(1).await.unwrap(); // still into the old one
    reopen();
    busy().await;
    eventually("a new log", PATIENCE, || async { log.path.exists().then_some(()) }).await.unwrap();
    log.is_kept("what was renamed").await;

    busy().await;
    keeper.kill().await.unwrap();
    busy().await;
    log.rename();
    reopen();
    busy().await;
    eventually("a new log", PATIENCE, || async { log.path.exists().then_some(()) }).await.unwrap();
    log.rename();
    reopen();
    busy().await;
    let mut keeper = log.keep();
    log.is_kept("what was renamed twice while nobody kept it").await;

    let copy_and_truncate = |log: &mut Log| {
        node.freeze(true);
        let copy = log.next();
        fs::copy(&log.path, copy).unwrap();
        fs::File::options().write(true).open(&log.path).unwrap().set_len(0).unwrap();
        node.freeze(false);
    };
    busy().await;
    copy_and_truncate(&mut log);
    busy().await;
    log.is_kept("what was copied and truncated").await;
    keeper.kill().await.unwrap();
    busy().await;
    copy_and_truncate(&mut log);
    busy().await;
    let mut keeper = log.keep();
    log.is_kept("what was copied and truncated while nobody kept it").await;

    // A frozen keeper is killed in the middle of whatever it does.
    for _ in 0..3 {
        busy().await;
        keeper.kill().await.unwrap();
        keeper = log.keep();
    }
    node.stop().await.unwrap();
    log.is_kept("the end of the node").await;
    rustix::process::kill_process(pid_of(&keeper), rustix::process::Signal::TERM).unwrap();
    assert!(keeper.wait().await.unwrap().success());

    let plain = log.plain();
    for (args, pattern) in [
        (&["--peer", "1"][..], "(^|[^0-9A-Za-z])peer=1([^0-9]|$)"),
        (&["--peer", "0,2"], "(^|[^0-9A-Za-z])peer=(0|2)([^0-9]|$)"),
        (&["--text", "UpdateTip"], "UpdateTip"),
        (&["--peer", "3", "--text", "headers"], "headers.*peer=3([^0-9]|$)"),
    ] {
        let (found, grepped) = (log.find(args).await, grep(pattern, &plain, dir.path()).await);
        assert!(!found.is_empty(), "{args:?}");
        assert_eq!(found, grepped, "{args:?}");
    }
    // A line without a time has that of the line before it. Threads may write theirs out of the order of their times.
    let time = |line: &str| line.starts_with("20").then(|| line.split(' ').next().unwrap().to_owned());
    let times: Vec<String> = plain.lines().filter_map(time).collect();
    let (since, until) = (&times[times.len() / 3], &times[times.len() * 2 / 3]);
    let mut at = String::new();
    let within = |line: &&str| {
        at = time(line).unwrap_or_else(|| at.clone());
        since <= &at && &at <= until
    };
    let expected: Vec<&str> = plain.lines().filter(within).collect();
    let found = log.find(&["--from", since, "--until", until]).await;
    assert!(expected.len() > 10, "{since} {until}");
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{since} {until}");
}

fn pid(node: &Node) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(node.pid().unwrap().cast_signed()).unwrap()
}

fn pid_of(child: &Child) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap()
}

/// The files of a directory that end so.
fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".log.zst")).collect();
    names.sort();
    names
}

/// Each day has a file; complete ones are put elsewhere, and the oldest are removed when there is too much.
#[tokio::test]
async fn days_are_files_that_are_put_elsewhere_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, there) = (dir.path().join("kept"), dir.path().join("there"));
    fs::create_dir(&there).unwrap();
    let path = dir.path().join("debug.log");
    let day = |day: u32| -> String {
        (0..500)
            .map(|i| format!("2026-01-{day:02}T12:{:02}:{:02}Z [net] line {i} peer={day}\n", i / 60, i % 60))
            .collect()
    };
    fs::write(&path, format!("{}{}{}", day(1), day(2), day(3))).unwrap();
    let upload = ["--debug-log", path.to_str().unwrap(), "--logs-upload", there.to_str().unwrap()];
    let log = Log::new(path.clone(), &kept, &upload);
    let mut keeper = log.keep();
    log.is_kept("three days").await;
    let first = ["alice.20260101-120000-000.log.zst", "alice.20260102-120000-000.log.zst"];
    let all = || async { names(&there).starts_with(&first.map(str::to_owned)).then_some(()) };
    eventually("the files elsewhere", PATIENCE, all).await.unwrap();
    assert_eq!(log.find(&["--peer", "2"]).await, day(2));
    for name in first {
        assert!(fs::read(there.join(name)).unwrap() == fs::read(kept.join(name)).unwrap(), "{name}");
    }
    let elsewhere =
        end_of(&["logs", "find", there.to_str().unwrap(), "--peer", "1", "--limit", "3", "-o", "json"]).await;
    let line =
        r#"{"node":"alice","time":"2026-01-01T12:00:00.000000Z","line":"2026-01-01T12:00:00Z [net] line 0 peer=1"}"#;
    assert_eq!(elsewhere.stdout.lines().next(), Some(line), "{}", elsewhere.stderr);
    assert_eq!(elsewhere.stdout.lines().count(), 3);
    keeper.kill().await.unwrap();

    let less = [&upload[..], &["--logs-keep-size", "1"]].concat();
    let mut keeper = Log::new(path.clone(), &kept, &less).keep();
    let removed = || async { (!names(&kept).contains(&first[0].to_owned())).then_some(()) };
    eventually("removal", PATIENCE, removed).await.unwrap();
    keeper.kill().await.unwrap();
    assert!(names(&there).contains(&first[0].to_owned()));
}
