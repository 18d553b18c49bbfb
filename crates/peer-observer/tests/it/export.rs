//! `export`: what it prints, how it ends, and what there is then.

use std::path::Path;

use event::NodeNames;
use store::archive::{self, Writer};

use super::cli::SAMPLES;
use super::process::{command, end_of, end_of_command};

/// An archive of every kind of event.
fn archive(folder: &Path) -> String {
    let mut writer = Writer::create(&archive::Options::new(folder), 1_790_000_000_000_000_000).unwrap();
    let mut names = NodeNames::default();
    for line in SAMPLES.lines() {
        writer.append(&event::json::from_json(line, &mut names).unwrap()).unwrap();
    }
    let path = writer.path().to_str().unwrap().to_owned();
    writer.finish().unwrap();
    path
}

#[tokio::test]
async fn archives_become_parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = archive(folder.path());
    let to = folder.path().join("export").to_str().unwrap().to_owned();
    let ended = end_of(&["export", folder.path().to_str().unwrap(), "--to", &to]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let events = format!("{} events; all tables in DuckDB: duckdb -init {to}/tables.sql\n", SAMPLES.lines().count());
    assert!(ended.stdout.ends_with(&events), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 14, "{}", ended.stdout);
    let part = std::fs::read_dir(format!("{to}/table=messages/date=2026-01-31")).unwrap().next().unwrap().unwrap();
    let bytes = std::fs::read(part.path()).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{part:?}");

    // Some tables, some events: the others are as they were.
    let ended = end_of(&["export", &path, "--to", &to, "--tables", "messages", "--kind", "status"]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 1), "{}", ended.stderr);
    assert!(!part.path().exists() && Path::new(&to).join("table=events/date=2026-01-31").exists());

    // What can be read of a damaged file is written, and what is missing is named.
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let ended = end_of(&["export", &path, "--to", &to]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("the file ends within"), "{}", ended.stderr);
    for (args, why) in [
        (["export", "/nonexistent.bin", "--to", &*to, "--tables", "events"], "/nonexistent.bin"),
        (["export", &*path, "--to", &*to, "--tables", "message"], "messages"),
        (["export", &*path, "--to", "/proc/none", "--tables", "events"], "cannot create /proc/none"),
    ] {
        let ended = end_of(&args).await;
        assert!(ended.code == 2 && ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }
    let mut help = command(&["export", "--help"]);
    help.env("COLUMNS", "110");
    let ended = end_of_command(help, b"").await;
    insta::assert_snapshot!("help_export", ended.stdout);
}
