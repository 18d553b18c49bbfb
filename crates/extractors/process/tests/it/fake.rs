//! A machine in a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use event::time;
use node::{HostPort, Target};
use testbed::{eventually, log};

use crate::{PATIENCE, observe, threads};

/// A machine that was started 1,000 s ago.
struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    fn new() -> Self {
        let fake = Self { root: tempfile::tempdir().unwrap() };
        fake.write("proc/uptime", "1000.50 1990.00\n");
        fake.write("data/regtest/debug.log", "12345");
        fake.write("data/regtest/blocks/index/1.ldb", &"x".repeat(10_000));
        fake.write("data/regtest/chainstate/1.ldb", "x");
        fake
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// In one step: a reader sees all of it or nothing.
    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = self.path("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn remove(&self, path: &str) {
        let old = self.path("old");
        fs::rename(self.path(path), &old).unwrap();
        fs::remove_dir_all(old).unwrap();
    }

    /// The stat of a process or thread. Times are in hundredths of a second.
    fn stat(&self, path: &str, name: &str, started: u64, user: u64, system: u64) {
        let text = format!("1 ({name}) S 1 1 1 0 -1 4194560 7 0 12 0 {user} {system} 9 9 20 0 1 0 {started} 4096 1\n");
        self.write(&format!("proc/{path}/stat"), &text);
    }

    /// A node's process with all that is to be read of one.
    fn process(&self, pid: u32, started: u64, user: u64, system: u64) {
        self.prepare(pid, started, user, system);
        self.appear(pid);
    }

    /// A process becomes visible when it is complete.
    fn appear(&self, pid: u32) {
        fs::rename(self.path(&format!("proc/making{pid}")), self.path(&format!("proc/{pid}"))).unwrap();
    }

    fn prepare(&self, pid: u32, started: u64, user: u64, system: u64) {
        let making = format!("making{pid}");
        let dir = format!("proc/{making}");
        self.write(
            &format!("{dir}/cmdline"),
            &format!("bitcoind\0-regtest\0-datadir={}\0", self.path("data").display()),
        );
        self.write(
            &format!("{dir}/status"),
            "Name:\tbitcoind\nUid:\t107\t107\t107\t107\nVmSize:\t 4000 kB\nVmRSS:\t 3000 kB\nRssAnon:\t 2000 kB\nVmSwap:\t 1 kB\n",
        );
        self.write(
            &format!("{dir}/io"),
            "rchar: 1\nwchar: 2\nread_bytes: 300\nwrite_bytes: 400\ncancelled_write_bytes: 5\n",
        );
        self.write(
            &format!("{dir}/limits"),
            "Limit\nMax open files            1024                 524288               files\n",
        );
        for file in ["0", "1", "17"] {
            self.write(&format!("{dir}/fd/{file}"), "");
        }
        symlink("/usr/bin/bitcoind", self.path(&format!("{dir}/exe"))).unwrap();
        symlink("/", self.path(&format!("{dir}/cwd"))).unwrap();
        self.stat(&making, "bitcoind", started, user, system);
        fs::create_dir(self.path(&format!("{dir}/task"))).unwrap();
    }

    fn target(&self) -> Target {
        Target { datadir: Some(self.path("data")), ..Target::default() }
    }
}

#[tokio::test]
async fn threads_that_end_and_a_process_that_is_restarted() {
    let fake = Fake::new();
    fake.process(50, 90_000, 100, 10);
    fake.stat("50/task/50", "bitcoind", 90_000, 30, 10);
    fake.stat("50/task/51", "b-msghand", 90_001, 20, 0);
    fake.stat("50/task/52", "b-scriptch.00", 90_001, 15, 0);
    fake.stat("50/task/53", "b-scriptch.01", 90_001, 15, 0);
    let mut observed = observe("restarted", fake.root.path(), fake.target());
    let (record, state) = observed.next_with(|state| state.directories.len() == 2).await;
    let first = record.envelope().run;
    assert_eq!((threads(&state, "b-msghand"), threads(&state, "b-scriptch")), (Some((1, 20, 0)), Some((2, 30, 0))));
    assert_eq!((threads(&state, "(ended)"), threads(&state, "(other)")), (Some((0, 20, 0)), None));
    let memory = state.memory.unwrap();
    assert_eq!(
        (memory.resident, memory.anonymous, memory.r#virtual, memory.swap),
        (3000 << 10, 2000 << 10, 4000 << 10, 1024)
    );
    assert_eq!((state.open_files, state.max_open_files, state.major_faults), (Some(3), Some(1024), Some(12)));
    assert_eq!((state.pid, state.read_bytes, state.written_bytes), (50, Some(300), Some(400)));
    let age = time::now_ns() - state.started_ns;
    assert!((100_500_000_000..200_000_000_000).contains(&age), "100.5 s at first: {age}");
    let [disk] = &state.filesystems[..] else { panic!("{:?}", state.filesystems) };
    assert!(disk.name == "datadir" && disk.size >= disk.available && disk.available > 0, "{disk:?}");
    assert_eq!(state.debug_log_bytes, Some(5));
    let [blocks, chainstate] = &state.directories[..] else { panic!() };
    assert!(blocks.name == "blocks" && blocks.files == 1 && blocks.bytes >= 10_000 && !blocks.partial, "{blocks:?}");
    assert_eq!((&*chainstate.name, chainstate.files), ("chainstate", 1));

    // One thread of the pool ends, and another begins and ends unseen.
    fake.remove("proc/50/task/53");
    fake.stat("50/task/51", "b-msghand", 90_001, 25, 1);
    fake.stat("50", "bitcoind", 90_000, 112, 11);
    let changed = |state: &event::pb::observer::NodeProcess| threads(state, "(ended)") == Some((0, 27, 0));
    let (record, state) = observed.next_with(changed).await;
    assert_eq!(record.envelope().run, first);
    assert_eq!((threads(&state, "b-msghand"), threads(&state, "b-scriptch")), (Some((1, 25, 1)), Some((1, 30, 0))));
    let started_ns = state.started_ns;

    // Another process, then another one with the same id.
    let mut run = first;
    for (old, pid, started) in [(50, 60, 95_000), (60, 60, 96_000)] {
        fake.remove(&format!("proc/{old}"));
        fake.process(pid, started, 3, 0);
        let least = started_ns + (started - 91_000) * 10_000_000;
        let (record, next) = observed.next_with(|state| state.started_ns > least).await;
        let envelope = record.envelope();
        assert!(envelope.run != run && envelope.sequence == 1, "{envelope:?}");
        assert_eq!((next.pid, threads(&next, "(ended)"), threads(&next, "b-msghand")), (pid, Some((0, 3, 0)), None));
        run = envelope.run;
    }
    observed.stop().await;
    assert_eq!(log::lines(&["INFO", "node restarted:", "a new run of it"]).len(), 2);
    assert_eq!(log::lines(&["WARN", "node restarted:"]), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_out_and_logged_once() {
    let fake = Fake::new();
    fake.process(50, 90_000, 100, 10);
    fs::remove_file(fake.path("proc/50/io")).unwrap();
    fs::create_dir(fake.path("proc/50/io")).unwrap();
    fake.remove("proc/50/fd");
    fake.write("proc/50/status", "Name:\tbitcoind\nUid:\t107\t107\t107\t107\n");
    fake.write("proc/50/limits", "Max open files            unlimited            unlimited            files\n");
    fake.write("etc/passwd", "bitcoin:x:107:107::/nowhere:/bin/sh\n");
    fake.remove("data/regtest/blocks");
    fake.write("data/regtest/blocks", "no directory");
    fs::remove_file(fake.path("data/regtest/debug.log")).unwrap();
    fake.stat("50/task/50", "bitcoind", 90_000, 30, 10);
    // A thread that ends while it is looked at.
    fs::create_dir(fake.path("proc/50/task/51")).unwrap();
    let mut observed = observe("narrow", fake.root.path(), fake.target());
    for _ in 0..5 {
        let (_, state) = observed.next_with(|state| state.directories.len() == 1).await;
        assert_eq!((state.memory, state.read_bytes, state.written_bytes, state.open_files), (None, None, None, None));
        assert_eq!((state.max_open_files, state.debug_log_bytes), (Some(u64::MAX), None));
        assert_eq!((threads(&state, "bitcoind"), state.threads.len()), (Some((1, 30, 10)), 2));
        assert_eq!((&*state.directories[0].name, state.filesystems.len()), ("chainstate", 1));
    }
    observed.stop().await;
    let logged = log::lines(&["WARN", "node narrow:", "(logged once)"]);
    assert_eq!(logged.len(), 4, "{logged:?}");
    for words in [
        ["disk traffic is left out", "proc/50/io can't be read"],
        ["number of open files is left out", "run as user bitcoin or as root"],
        ["memory is left out", "status can't be read: it has not the form"],
        ["disk use of directories is left out", "blocks can't be read"],
    ] {
        assert_eq!(log::lines(&["WARN", "node narrow:", words[0], words[1]]).len(), 1, "{words:?}: {logged:?}");
    }
}

#[tokio::test]
async fn a_process_that_is_not_to_be_seen_is_logged_once_and_waited_for() {
    let fake = Fake::new();
    // One that is being taken down is none.
    fake.prepare(40, 1, 1, 1);
    fake.write("proc/making40/stat", "1 (b) S 1 1 1 0 -1 4194560 7 0 12 0 1 1 9 9 20 0 1 0 1 0 0\n");
    fake.appear(40);
    let far = Target { rpc: Some(HostPort::new("192.0.2.1", 8332)), ..Target::default() };
    let far = observe("far", fake.root.path(), far);
    let mut absent = observe("hidden", fake.root.path(), fake.target());
    for (name, words) in [("node far:", "extract process` there"), ("node hidden:", "option hidepid")] {
        let logged = || async { (log::lines(&["WARN", name, words]).len() == 1).then_some(()) };
        eventually(name, PATIENCE, logged).await.unwrap();
    }
    fake.remove("proc/40");
    fake.process(50, 90_000, 100, 10);
    let (record, state) = absent.next().await;
    assert_eq!((record.envelope().sequence, state.pid), (1, 50));
    assert_eq!(threads(&state, "(ended)"), Some((0, 100, 10)));
    for observed in [far, absent] {
        assert!(!observed.task.is_finished());
        observed.stop().await;
    }
    assert_eq!(log::lines(&["WARN", "node far:"]).len(), 1);
    assert_eq!(log::lines(&["WARN", "node hidden:"]).len(), 1);
}

#[tokio::test]
async fn a_target_that_contradicts_itself_is_an_error() {
    let fake = Fake::new();
    let half = Target { rpc_user: Some("u".to_owned()), ..Target::default() };
    let error = observe("half", fake.root.path(), half).task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("node half: rpc_user and rpc_password go together"), "{error}");
}
