//! Files that are rotated, truncated, removed, or not there yet.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bus::counters::LOG_BYTES;
use bus::{Bus, Publisher, Stage};
use event::pb::log_extractor::log::LogEvent;
use extractor_log::{Options, Source};
use rustix::process::{Gid, Uid};
use testbed::eventually;
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, append, follow, line, next_entry, observe, opened, subscribe, text, write};
use testbed::log;

const FROM_START: Options = Options { from_start: true, inotify: true };
const END: Options = Options { from_start: false, inotify: true };
const WITHOUT_INOTIFY: Options = Options { from_start: false, inotify: false };

/// Waits until more than so many entries were read.
fn wait_for(stage: &Stage, entries: u32) {
    let deadline = Instant::now() + PATIENCE;
    while stage.events_in() <= u64::from(entries) {
        assert!(Instant::now() < deadline, "{} of {entries} entries", stage.events_in());
        std::thread::yield_now();
    }
}

/// Writes while it rotates, once the rotation before was noticed: what is in a file that nobody ever saw is not to be had.
fn write_and_rotate(path: &Path, stage: &Stage, lines: u32) {
    let mut file = append(path);
    for rotation in 0..8 {
        let (start, end) = (rotation * lines, (rotation + 1) * lines);
        let middle = start + lines / 2;
        write(&mut file, start..middle);
        wait_for(stage, start);
        fs::rename(path, path.with_extension(rotation.to_string())).unwrap();
        write(&mut file, middle..end - 3);
        if rotation % 2 == 0 {
            // logrotate makes the new file, and the node goes on with the old one until it gets the signal.
            drop(append(path));
            for number in end - 3..end {
                wait_for(stage, number - 1);
                write(&mut file, number..number + 1);
            }
        } else {
            write(&mut file, end - 3..end);
        }
        file = append(path);
    }
    write(&mut file, 8 * lines..9 * lines);
}

#[tokio::test]
async fn rotated_while_it_is_written() {
    for (name, options, lines) in [("rotated", END, 2000), ("rotated-polled", WITHOUT_INOTIFY, 200)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("debug.log");
        append(&path).write_all(b"2026-06-23T16:19:13Z old\n").unwrap();
        let mut observed = follow(name, &path, options).await;
        let stage = observed.stage();
        let writer = tokio::task::spawn_blocking(move || write_and_rotate(&path, &stage, lines));
        observed.expect(0..9 * lines).await;
        writer.await.unwrap();
        let bytes = observed.bus.accounts().count(&LOG_BYTES, [name]);
        observed.stop().await;
        let written = (0..9 * lines).map(|number| line(number).len()).sum::<usize>();
        assert_eq!(bytes.get(), written as f64);
    }
}

#[tokio::test]
async fn truncated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let mut file = append(&path);
    write(&mut file, 0..1000);
    let mut observed = follow("truncated", &path, FROM_START).await;
    observed.expect(0..1000).await;
    // As logrotate's copytruncate does.
    file.set_len(0).unwrap();
    write(&mut file, 1000..1010);
    observed.expect(1000..1010).await;
    // It has grown beyond the place that was reached before anybody could look.
    let more: String = (1010..1100).map(line).collect();
    fs::write(&path, more).unwrap();
    observed.expect(1010..1100).await;
    write(&mut file, 1100..1101);
    observed.expect(1100..1101).await;
    let logged = log::lines(&["WARN", "node truncated:", "was truncated after"]);
    assert_eq!(logged.len(), 2, "{logged:?}");
    observed.stop().await;
}

#[tokio::test]
async fn shortened_by_the_node_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let old: String = (0..300_000).map(line).collect();
    assert!(old.len() > 11_000_000);
    fs::write(&path, &old).unwrap();
    let mut observed = follow("shortened", &path, END).await;
    write(&mut append(&path), 300_000..300_001);
    observed.expect(300_000..300_001).await;
    let run = {
        write(&mut append(&path), 300_001..300_002);
        observed.next().await.0.envelope().run
    };
    let old = fs::read(&path).unwrap();
    let mut file = File::create(&path).unwrap();
    // The node writes the rest at once; the file is empty for a moment.
    tokio::time::sleep(Duration::from_millis(50)).await;
    file.write_all(&old[old.len() - 10_000_000..]).unwrap();
    let mut file = append(&path);
    file.write_all(b"\n\n\n\n\n2026-06-23T16:19:14Z Bitcoin Core version v29.0.0 (release build)\n").unwrap();
    write(&mut file, 0..1);
    let (record, started) = observed.next().await;
    assert!(matches!(started.log_event, Some(LogEvent::NodeStarted(_))), "{started:?}");
    assert_eq!(record.envelope().sequence, 1);
    assert_ne!(record.envelope().run, run);
    observed.expect(0..1).await;
    assert_eq!(log::lines(&["WARN", "node shortened:"]), [""; 0]);
    observed.stop().await;
}

#[tokio::test]
async fn not_there_yet_and_gone_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/debug.log");
    let mut observed = observe("absent", Source::File(path.clone()), END);
    let logged = || log::lines(&["WARN", "node absent:", "it does not exist", "once"]).len();
    for time in 1..=2 {
        eventually("it is logged", PATIENCE, || async { (logged() == time).then_some(()) }).await.unwrap();
        fs::create_dir(path.parent().unwrap()).unwrap();
        let mut file = append(&path);
        write(&mut file, 0..10);
        // What appears is new as a whole.
        observed.expect(0..10).await;
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        // The node does not know that the file has no name any more.
        write(&mut file, 10..11);
        observed.expect(10..11).await;
    }
    observed.stop().await;
}

#[tokio::test]
async fn an_entry_is_published_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let mut file = append(&path);
    file.write_all(b"2026-06-23T16:19:13Z half").unwrap();
    let mut observed = follow("complete", &path, END).await;
    file.write_all(b" and half\n2026-06-23T16:19:14Z two\nlines\n").unwrap();
    assert_eq!(observed.next_text().await, "half and half");
    let (record, entry) = observed.next().await;
    assert_eq!(text(&entry), "two\nlines");
    assert_eq!(record.envelope().time_ns, 1_782_231_554_000_000_000);
    // The kernel reports it, or each would take about 200 ms: that long it waits when there was nothing.
    let mut quickest = Duration::MAX;
    for number in 0..10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let written = Instant::now();
        write(&mut file, number..number + 1);
        observed.expect(number..number + 1).await;
        quickest = quickest.min(written.elapsed());
    }
    eprintln!("from line to event in {quickest:?} at best");
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
    observed.stop().await;
}

/// Runs an extractor as a user that may do nothing.
fn as_nobody(name: &'static str, path: &Path, bus: &Bus, stop: &CancellationToken) -> std::thread::JoinHandle<()> {
    let (source, publisher, stop) = (Source::File(path.to_owned()), Publisher::new(bus, name, "log"), stop.clone());
    std::thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
            // Of this thread, and of those that it starts.
            rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(extractor_log::run(source, END, publisher, stop)).unwrap();
    })
}

#[tokio::test]
async fn without_permission() {
    log::keep();
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let data = folder.path().join("data");
    let path = data.join("debug.log");
    fs::create_dir(&data).unwrap();
    let mut file = append(&path);
    mode(folder.path(), 0o755);
    mode(&path, 0);
    mode(&data, 0);
    let bus = Bus::new();
    let mut events = subscribe(&bus);
    let stop = CancellationToken::new();
    let thread = as_nobody("denied", &path, &bus, &stop);
    let denied = format!("cannot read {}: permission denied", path.display());
    for (what, permission) in [(&data, "g+x"), (&path, "g+r")] {
        let remedy = format!("after chmod {permission} {} (", what.display());
        let logged =
            || log::lines(&["WARN", "node denied:", &denied, "run as user ", "member of group ", &remedy]).len();
        let outcome = eventually(&remedy, PATIENCE, || async { (logged() == 1).then_some(()) }).await;
        outcome.unwrap_or_else(|error| panic!("{error}: {:?}", log::lines(&["node denied:"])));
        mode(what, 0o755);
    }
    opened("denied", 1).await;
    write(&mut file, 0..1);
    assert_eq!(text(&next_entry(&mut events).await.unwrap().1), "number 0");
    stop.cancel();
    thread.join().unwrap();
}
