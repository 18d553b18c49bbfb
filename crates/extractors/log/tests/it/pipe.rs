//! FIFOs and standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use bus::{Bus, Publisher};
use extractor_log::{Options, Source};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio_util::sync::CancellationToken;

use crate::{follow, line, next_entry, opened, subscribe, text, write};

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
        task.await.unwrap();
        bus.end();
    });
    while let Some((_, entry)) = next_entry(&mut events).await {
        println!("entry: {}", text(&entry).escape_debug());
    }
    task.await.unwrap();
    println!("entry: end");
}

#[tokio::test]
async fn standard_input() {
    const CHILD: &str = "EXTRACTOR_LOG_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return print_stdin().await;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["pipe::standard_input", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
