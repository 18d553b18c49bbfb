//! Following tracepoints as people do, and what is given up for that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use extractor_ebpf::kernel::KernelSupport;
use serde_json::Value;
use testbed::tracepoint::{Load, LoadBuilder};
use testbed::{Node, Peer, PeerOptions};

use super::process::{PATIENCE, Running, command, is};

/// A program with Bitcoin Core's tracepoints that looks like a node, in a folder of its own.
pub struct Program {
    folder: tempfile::TempDir,
    original: PathBuf,
}

impl Program {
    /// None after saying that the test is skipped.
    pub fn require() -> Option<Self> {
        if let Some(obstacle) = KernelSupport::this().obstacle() {
            testbed::skipped(&obstacle);
            return None;
        }
        let original = Load::program().map_err(|error| testbed::skipped(&error.to_string())).ok()?;
        let program = Self { folder: tempfile::tempdir().unwrap(), original };
        program.install();
        Some(program)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("bitcoind")
    }

    /// Puts a new file into its place, as an upgrade does.
    fn install(&self) {
        let new = self.folder.path().join("bitcoind.new");
        std::fs::copy(&self.original, &new).unwrap();
        std::fs::rename(&new, self.path()).unwrap();
    }

    pub fn datadir(&self, name: &str) -> PathBuf {
        let datadir = self.folder.path().join(name);
        std::fs::create_dir_all(&datadir).unwrap();
        datadir
    }

    /// Fires each tracepoint once it is followed, and stays.
    pub fn load(&self, datadir: &Path) -> LoadBuilder {
        Load::builder().program(self.path()).datadir(datadir).events(100).wait_traced().hold()
    }
}

/// The lines of a thread's status that tell its privileges.
fn privileges(process: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let status = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap());
    let lines = |status: String| {
        let reported =
            |line: &&str| ["CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"].iter().any(|n| line.starts_with(n));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        status.lines().filter(reported).map(words).collect::<Vec<_>>().join(", ")
    };
    status.map(lines).collect()
}

fn run_of(event: &Value) -> &Value {
    &event["run"]
}

/// It is attached before the node runs, gives up all that it could, and goes on: events come, a restart and an upgrade are followed.
#[tokio::test]
async fn no_privilege_is_left_after_attaching() {
    let Some(program) = Program::require() else { return };
    let (datadir, path) = (program.datadir("alice"), program.path());
    let node = ["--datadir", datadir.to_str().unwrap(), "--binary", path.to_str().unwrap()];
    let mut extractor = Running::start(&[&["extract", "ebpf", "-o", "json"][..], &node].concat());
    let load = program.load(&datadir).start().await.unwrap();
    let first = extractor.wait_for("an event", |event| is(event, "ebpf")).await;
    let zero = "0000000000000000";
    let none = format!("CapInh: {zero}, CapPrm: {zero}, CapEff: {zero}, CapAmb: {zero}, NoNewPrivs: 1");
    let threads = privileges(extractor.pid());
    assert!(threads.len() > 2 && threads.iter().all(|thread| *thread == none), "{threads:?}");
    load.finish().await.unwrap();

    let load = program.load(&datadir).start().await.unwrap();
    let second = extractor.wait_for("a restart", |event| is(event, "ebpf") && run_of(event) != run_of(&first)).await;
    load.finish().await.unwrap();

    // Followed without any privilege.
    program.install();
    let load = program.load(&datadir).start().await.unwrap();
    let new = |event: &Value| is(event, "ebpf") && run_of(event) != run_of(&first) && run_of(event) != run_of(&second);
    extractor.wait_for("the new program", new).await;
    load.finish().await.unwrap();
    extractor.signal("-TERM");
    let (status, stderr) = extractor.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("lost no events"), "{stderr}");
}

/// One that is killed leaves nothing behind in the node, which goes on.
#[tokio::test]
async fn a_kill_leaves_no_trace_in_the_node() {
    let Some(program) = Program::require() else { return };
    let (datadir, path) = (program.datadir("alice"), program.path());
    let node = ["--datadir", datadir.to_str().unwrap(), "--binary", path.to_str().unwrap()];
    let mut extractor = Running::start(&[&["extract", "ebpf", "-o", "json"][..], &node].concat());
    let load = || Load::builder().program(program.path()).datadir(&datadir);
    let running = load().rate(1_000).seconds(60.0).wait_traced().start().await.unwrap();
    extractor.wait_for("an event", |event| is(event, "ebpf")).await;
    extractor.signal("-KILL");
    extractor.end().await;
    testbed::eventually("nothing is traced any more", Duration::from_secs(10), || async {
        let report = load().events(1).start().await.ok()?.finish().await.ok()?;
        report.traced.is_empty().then_some(())
    })
    .await
    .unwrap();
    assert_eq!(running.stop().await.unwrap().traced, Vec::<String>::new());
}

/// As a developer does who runs the functional tests of Bitcoin Core.
#[tokio::test]
async fn every_process_of_a_program_is_a_node() {
    let Some(program) = Program::require() else { return };
    let path = program.path();
    let all = ["extract", "ebpf", "--all", "--binary", path.to_str().unwrap(), "-o", "json"];
    let mut extractor = Running::start(&all);
    let (a, b) = (program.datadir("node0"), program.datadir("node1"));
    let (a, b) = (program.load(&a).start().await.unwrap(), program.load(&b).start().await.unwrap());
    for (name, load) in [("node0", &a), ("node1", &b)] {
        let name = format!("{name}-{}", load.pid().unwrap());
        // Each one's events are in an order of their own, so that the other's may be skipped here.
        let mut both = Vec::new();
        while !both.contains(&name) {
            let event = extractor.wait_for("an event", |event| event["kind"] == "status" || is(event, "ebpf")).await;
            both.push(event["node"].as_str().unwrap().to_owned());
        }
    }
    a.finish().await.unwrap();
    b.finish().await.unwrap();
    extractor.signal("-TERM");
    assert_eq!(extractor.end().await.0.code(), Some(0));
}

/// A command that runs another one, with the same arguments, environment and pipes.
fn by(wrapper: &[&str], args: &[&str]) -> tokio::process::Command {
    let ours = command(args);
    let mut by = tokio::process::Command::new(wrapper[0]);
    by.args(&wrapper[1..]).arg(ours.as_std().get_program()).args(args);
    for (name, value) in ours.as_std().get_envs() {
        match value {
            Some(value) => by.env(name, value),
            None => by.env_remove(name),
        };
    }
    by.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    by.stderr(std::process::Stdio::piped()).kill_on_drop(true);
    by
}

/// As containers of one pod are: they have process ids of their own, which are not the machine's.
#[tokio::test]
async fn a_node_is_followed_in_a_pid_namespace() {
    let Some(program) = Program::require() else { return };
    if !is_root() {
        return testbed::skipped("it takes root to make a PID namespace");
    }
    let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !by(&unshare, &["--version"]).status().await.is_ok_and(|status| status.success()) {
        return testbed::skipped("unshare cannot make a PID namespace with a /proc of its own here, as in a chroot");
    }
    let (inside, outside) = (program.datadir("alice"), program.datadir("bob"));
    let path = program.path();
    let node = ["--name", "alice", "--datadir", inside.to_str().unwrap(), "--binary", path.to_str().unwrap()];
    let mut extractor = Running::start_command(by(&unshare, &[&["extract", "ebpf", "-o", "json"][..], &node].concat()));
    extractor.wait_until_logged("following ").await;
    let unshare = extractor.pid();
    let first = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
    let first = first.trim();
    program.load(&outside).start().await.unwrap().finish().await.unwrap();

    let enter = path.with_file_name("enter");
    let script = format!("#!/bin/sh\nexec nsenter --target {first} --pid --mount --root '{}' \"$@\"\n", path.display());
    std::fs::write(&enter, script).unwrap();
    std::fs::set_permissions(&enter, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let since = event::time::rfc3339(event::time::now_ns());
    let report = program.load(&inside).program(&enter).start().await.unwrap().finish().await.unwrap();
    for _ in 0..report.events {
        let event = extractor.wait_for("an event of alice", |event| is(event, "ebpf")).await;
        assert_eq!(event["node"], "alice");
        assert!(event["time"].as_str() > Some(&since), "it is of the other node: {event}");
    }
    std::process::Command::new("kill").args(["-TERM", first]).status().unwrap();
    let (status, stderr) = extractor.end().await;
    assert!(status.success() && stderr.contains("lost no events"), "{stderr}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command as anybody would run it, also if we are root.
fn without_privileges(args: &[&str]) -> tokio::process::Command {
    by(&["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"], args)
}

/// Where tracepoints were asked for and can't be followed, that is logged, and the other extractors go on.
#[tokio::test]
async fn the_other_extractors_go_on_without_privileges() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let place = ["--datadir", datadir, "--chain", "regtest", "-o", "json"];
    let both = [&["run", "--extract", "ebpf,rpc"][..], &place].concat();
    let alone = [&["extract", "ebpf"][..], &place].concat();
    let start = |args: &[&str]| match is_root() {
        true => Running::start_command(without_privileges(args)),
        false => Running::start(args),
    };
    if !is_root() && KernelSupport::this().obstacle().is_none() {
        testbed::skipped("this user may follow tracepoints, and cannot run a program that may not");
        return;
    }
    let mut program = start(&both);
    program.wait_for("RPC", |event| event["kind"] == "uptime").await;
    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(stderr.matches("ERROR").count(), 1, "{stderr}");
    assert!(stderr.contains("tracepoints are not followed: ") && stderr.contains("; "), "{stderr}");

    let (status, stderr) = tokio::time::timeout(Duration::from_secs(20), start(&alone).end()).await.unwrap();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.matches("ERROR").count(), 1, "{stderr}");
}

/// A node whose tracepoints can be followed here; none after saying that the test is skipped.
async fn traced_node() -> Option<Node> {
    let binary = testbed::require_bitcoind()?;
    if let Some(obstacle) = KernelSupport::this().obstacle() {
        testbed::skipped(&obstacle.to_string());
        return None;
    }
    if !extractor_ebpf::tracepoints_of(&binary).is_ok_and(|found| found.contains("net:inbound_message")) {
        testbed::skipped("the node has no tracepoints");
        return None;
    }
    Some(Node::builder().binary(binary).start().await.unwrap())
}

/// A process that has given up its privileges may bind no port any more, and still has its P2P connections, by either way.
#[tokio::test]
async fn a_confined_process_has_its_p2p_connections() {
    let Some(node) = traced_node().await else { return };
    let datadir = node.datadir().to_str().unwrap();
    let address = node.p2p_addr().to_string();
    for way in [&["--p2p-listen", "127.0.0.2:0", "--p2p-addnode"][..], &["--p2p", &address]] {
        let args = ["run", "--datadir", datadir, "--chain", "regtest", "--extract", "ebpf,p2p", "-o", "json"];
        let mut program = Running::start(&[&args[..], way].concat());
        program.wait_for("a tracepoint", |event| event["source"] == "ebpf").await;
        program.wait_for("a ping", |event| event["kind"] == "ping_duration").await;
        program.signal("-TERM");
        let (status, stderr) = program.end().await;
        assert_eq!(status.code(), Some(0), "{stderr}");
    }
}

/// It may write nowhere any more but where its archive and its databases are, and makes new files there.
#[tokio::test]
async fn a_confined_process_writes_its_archives_and_databases() {
    let Some(node) = traced_node().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (archive, alerts, connectivity) = (path("archive"), path("a/alerts.db"), path("c/connectivity.db"));
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::create_dir(folder.path().join("c")).unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let program = Running::start(
        &[
            &["run", "--datadir", datadir, "--chain", "regtest", "--extract", "ebpf"][..],
            &["--tools", "archive,alerts,connectivity", "--archive-directory", &archive, "--archive-file-time", "1s"],
            &["--alerts-database", &alerts, "--connectivity-database", &connectivity],
        ]
        .concat(),
    );
    program.wait_until_logged("following ").await;
    let files = || std::fs::read_dir(&archive).map_or(0, Iterator::count);
    let several = || async {
        let _peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.ok()?;
        (files() >= 3).then_some(())
    };
    testbed::eventually("several archives", PATIENCE, several).await.unwrap();
    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("ermission denied"), "{stderr}");
}
