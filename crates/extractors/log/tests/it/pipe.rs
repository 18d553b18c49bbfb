//! FIFOs and standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bus::{Bus, Publisher};
use event::pb::log_extractor::log::LogEvent;
use extractor_log::{Options, Source};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio_util::sync::CancellationToken;

use crate::{follow, line, next_entry, opened, subscribe, write};

fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[tokio::test]
async fn a_fifo_with_one_writer_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    make_fifo(&path);
    let mut observed = follow("fifo", &path, Options::default()).await;
    for _ in 0..3 {
        // It can be opened for writing since somebody reads.
        let mut writer = File::options().write(true).open(&path).unwrap();
        write(&mut writer, 0..1);
        observed.expect(0..1).await;
        let writing = tokio::task::spawn_blocking(move || {
            // More than a pipe holds, entries of several lines, and a last one without its end.
            for number in 1..5000 {
                writer.write_all(line(number).replace("number", "first line\nnumber").as_bytes()).unwrap();
            }
            writer.write_all(line(5000).trim_end().as_bytes()).unwrap();
        });
        for number in 1..5000 {
            assert_eq!(observed.next_text().await, format!("first line\nnumber {number}"));
        }
        observed.expect(5000..5001).await;
        writing.await.unwrap();
    }
    // It becomes another FIFO, then a file.
    std::fs::remove_file(&path).unwrap();
    make_fifo(&path);
    opened("fifo", 2).await;
    write(&mut File::options().write(true).open(&path).unwrap(), 0..10);
    observed.expect(0..10).await;
    std::fs::remove_file(&path).unwrap();
    write(&mut File::create(&path).unwrap(), 10..20);
    observed.expect(10..20).await;
    observed.stop().await;
}

/// What the other end of the pipe does: prints the texts of entries as they come.
async fn print_stdin() {
    let bus = Bus::new();
    let mut events = subscribe(&bus);
    let publisher = Publisher::new(&bus, "stdin", "log");
    let task = extractor_log::run(Source::Stdin, Options::default(), publisher, CancellationToken::new());
    let task = tokio::spawn(async move {
        if let Err(error) = task.await {
            println!("entry: {error}");
        }
        bus.end();
    });
    while let Some((_, entry)) = next_entry(&mut events).await {
        match entry.log_event {
            Some(LogEvent::UnknownLogMessage(message)) => println!("entry: {}", message.raw_message.escape_debug()),
            event => println!("entry: {} {event:?}", entry.log_timestamp),
        }
    }
    task.await.unwrap();
    println!("entry: end");
}

/// Set in the process at the other end.
const CHILD: &str = "EXTRACTOR_LOG_TEST_CHILD";

/// Starts the other end of a pipe, in a process that runs a test of this name.
fn reader(test: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Writes pieces to the other end, with a pause after each; gives what it printed.
fn pipe_through(test: &str, pieces: &[&[u8]], pause: Duration) -> Vec<String> {
    let mut child = reader(test);
    let mut stdin = child.stdin.take().unwrap();
    for piece in pieces {
        stdin.write_all(piece).unwrap();
        std::thread::sleep(pause);
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().filter_map(|line| line.split_once("entry: ").map(|(_, text)| text.to_owned())).collect()
}

/// Output of systemd and of bitcoind itself between the entries, all at once and line by line.
#[tokio::test]
async fn foreign_lines_on_standard_input() {
    if std::env::var_os(CHILD).is_some() {
        return print_stdin().await;
    }
    let log: &[u8] = include_bytes!("cases/foreign-lines.log");
    let at_once = pipe_through("pipe::foreign_lines_on_standard_input", &[log], Duration::ZERO);
    let lines: Vec<_> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let slowly = pipe_through("pipe::foreign_lines_on_standard_input", &lines, Duration::from_millis(250));
    assert_eq!(at_once, slowly);
    assert_eq!(at_once.len(), 9, "{at_once:#?}");
    let typed: Vec<_> = at_once.iter().filter(|entry| entry.starts_with("17574")).collect();
    let kinds = ["UpdateTip", "PeerDisconnected", "NodeStopped", "NodeStarted"];
    assert_eq!(typed.len(), kinds.len());
    assert!(typed.iter().zip(kinds).all(|(entry, kind)| entry.contains(kind)), "{typed:#?}");
}

#[tokio::test]
async fn packed_data_on_standard_input_are_refused() {
    if std::env::var_os(CHILD).is_some() {
        return print_stdin().await;
    }
    let xz: &[u8] = include_bytes!("cases/debug.log.1.xz");
    let printed = pipe_through("pipe::packed_data_on_standard_input_are_refused", &[xz], Duration::ZERO);
    let refusal = "cannot read standard input: it is xz data, which can't be followed; read it with --once";
    assert_eq!(printed, [refusal, "end"]);
}

#[tokio::test]
async fn standard_input() {
    if std::env::var_os(CHILD).is_some() {
        return print_stdin().await;
    }
    let mut child = reader("pipe::standard_input");
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut entries = BufReader::new(stdout).lines().filter_map(|line| {
        let line = line.unwrap();
        line.split_once("entry: ").map(|(_, text)| text.to_owned())
    });
    let mut next = || entries.next().expect("another entry");
    for number in 0..3 {
        stdin.write_all(line(number).as_bytes()).unwrap();
        assert_eq!(next(), format!("number {number}"));
    }
    stdin.write_all(format!("{}more\n2026-06-23T16", line(3)).as_bytes()).unwrap();
    assert_eq!(next(), "number 3\\nmore");
    stdin.write_all(b":19:13Z unfinished").unwrap();
    drop(stdin);
    assert_eq!([next(), next()], ["unfinished", "end"]);
    assert!(child.wait().unwrap().success());
}
