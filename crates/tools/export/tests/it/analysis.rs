//! The questions of docs/analysis.md have the right answers, with real DuckDB and Polars.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use event::Filter;
use export::{Exporter, TABLES};
use serde_json::{Value, json};
use store::archive::Archive;

use super::scene;

/// Runs the statements of a file, then each query, and prints the rows of all queries.
const RUN: &str = "
import duckdb, json, sys
asked = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute(open(asked['init']).read())
print(json.dumps([connection.execute(query).fetchall() for query in asked['queries']], default=str))
";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn run(python: &Path, folder: &Path, program: &str, input: &str) -> String {
    let mut command = Command::new(python);
    command.args(["-c", program]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

/// Rows of the answers to queries.
fn ask(python: &Path, folder: &Path, queries: &[String]) -> Vec<Value> {
    let init = folder.join("export/tables.sql");
    let answers = run(python, folder, RUN, &json!({ "init": init, "queries": queries }).to_string());
    serde_json::from_str(&answers).unwrap()
}

/// A folder with `export`, of a scene or of nothing.
fn exported(with_scene: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let exporter = Exporter::new(folder.path().join("export"), TABLES, Filter::default());
    if with_scene {
        let exported = exporter.export(&Archive::open(scene::write(folder.path())).unwrap()).unwrap();
        assert_eq!(exported.damaged, 0);
    }
    exporter.write_views().unwrap();
    folder
}

/// The code of a language in docs/analysis.md, with the headings above.
fn code(language: &str) -> Vec<(String, String)> {
    let page = fs::read_to_string(repository().join("docs/analysis.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    let code = sections.filter_map(|section| {
        let (heading, rest) = section.split_once('\n')?;
        let (_, code) = rest.split_once(&format!("```{language}\n"))?;
        Some((heading.to_owned(), code.split_once("```")?.0.to_owned()))
    });
    code.collect()
}

/// What the scene answers to each question.
fn answers() -> Vec<(&'static str, Value)> {
    let (one, two, three) = ("198.51.100.7:40001", "198.51.100.8:40002", "203.0.113.9:8333");
    let (old, lost) = ("/Satoshi:29.0.0/", 2);
    let sessions = json!([["198.51.100.0/24", 2, 2, 20.0, 1], ["2001:db8:1:2::/64", 1, 1, 5.0, 1]]);
    vec![
        ("Who announces blocks first", json!([["alice", three, 2, 1]])),
        ("Compact blocks that needed no request", json!([["2026-11-28", "alice", 2, 50.0, 1.5]])),
        ("Sessions by network", sessions),
        ("How much of a peer's gossip can be reached", json!([["alice", one, 2, 50.0]])),
        (
            "Who floods the node with addresses",
            json!([["alice", 1, one, 12, 12, 1, 12, 1], ["alice", 2, two, 11, 11, 1, 11, 0]]),
        ),
        (
            "Why transactions leave the mempool",
            json!([
                ["2026-11-28", "alice", "block", 2, 400, 3.5, 94.0],
                ["2026-11-28", "alice", "sizelimit", 1, 200, 1.0, 15.0]
            ]),
        ),
        ("What comes of a peer's announcements", json!([["alice", 1, one, 2, 1, 0.5], ["alice", 2, two, 1, 0, null]])),
        ("Peers that send the same block twice", json!([["alice", 2, two, "aa".repeat(32), 2, 10.0]])),
        ("Answers to getaddr that overlap", json!([["alice", 64500, one, two, 10, 90.9]])),
        (
            "How long the node waits before it relays",
            json!([["alice", "inbound", 1, 3.0, 3.0], ["alice", "outbound-full-relay", 1, 2.0, 2.0]]),
        ),
        ("Why connections end, by user agent", json!([[old, "ping_timeout", 1]])),
        (
            "What one address did, everywhere",
            json!([
                ["alice", "inbound_connection", null, null, 1, "12:00:00", "12:00:00"],
                ["alice", "message", "version", "inbound", 1, "12:00:00", "12:00:00"],
                ["alice", "message", "cmpctblock", "inbound", 1, "12:00:01", "12:00:01"],
                ["alice", "message", "inv", "inbound", 1, "12:00:06", "12:00:06"],
                ["alice", "message", "tx", "inbound", 1, "12:00:06", "12:00:06"],
                ["alice", "message", "addrv2", "inbound", 1, "12:00:07", "12:00:07"],
                ["alice", "peer_disconnected", null, null, 2, "12:00:09", "12:00:09"],
                ["alice", "closed_connection", null, null, 1, "12:00:10", "12:00:10"]
            ]),
        ),
        (
            "What is missing",
            json!([
                ["alice", "connectivity", 10, 3, 0],
                ["alice", "ebpf", 7, 26, lost],
                ["alice", "log", 8, 4, 0],
                ["alice", "rpc", 9, 1, 0]
            ]),
        ),
    ]
}

#[test]
fn duckdb_answers_the_questions_of_the_manual() {
    let Some(python) = testbed::require_python("analysis") else { return };
    let (headings, queries): (Vec<_>, Vec<_>) = code("sql").into_iter().unzip();
    let answers = answers();
    assert_eq!(headings, answers.iter().map(|(heading, _)| *heading).collect::<Vec<_>>());
    let folder = exported(true);
    for ((heading, expected), found) in answers.iter().zip(ask(&python, folder.path(), &queries)) {
        assert_eq!(found, *expected, "{heading}");
    }
    // Where there are no files, the tables are there all the same.
    let empty = exported(false);
    assert!(ask(&python, empty.path(), &queries).iter().all(|rows| *rows == json!([])));
}

#[test]
fn duckdb_sees_the_columns_as_they_are_declared() {
    let Some(python) = testbed::require_python("analysis") else { return };
    let describe: Vec<_> = TABLES.iter().map(|table| format!("DESCRIBE {}", table.name)).collect();
    let columns = |answers: Vec<Value>| -> Vec<Vec<(String, String)>> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let of = |rows: &Value| rows.as_array().unwrap().iter().map(|row| (text(&row[0]), text(&row[1]))).collect();
        answers.iter().map(of).collect()
    };
    let (full, empty) = (exported(true), exported(false));
    let full = columns(ask(&python, full.path(), &describe));
    let declared = columns(ask(&python, empty.path(), &describe));
    for ((table, full), declared) in TABLES.iter().zip(full).zip(declared) {
        let names: Vec<_> = table.all_columns().map(|column| column.name).chain(["date"]).collect();
        assert_eq!(declared.iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "{}", table.name);
        // `table` is a folder of DuckDB's, and no column of the view of no rows.
        let full: Vec<_> = full.into_iter().filter(|(name, _)| name != "table").collect();
        assert_eq!(full, declared, "{}", table.name);
    }
}

#[test]
fn polars_answers_as_well() {
    let Some(python) = testbed::require_python("analysis") else { return };
    let code = code("python");
    let [(heading, program)] = &*code else { panic!("{code:?}") };
    let folder = exported(true);
    let program = format!("{program}\nimport json\nprint(json.dumps(sessions.rows()))\n");
    let printed = run(&python, folder.path(), &program, "");
    let rows: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let expected = json!([["198.51.100.0/24", 2, 20.0, 1], ["2001:db8:1:2::/64", 1, 5.0, 1]]);
    assert_eq!(rows, expected, "{heading}");
}
