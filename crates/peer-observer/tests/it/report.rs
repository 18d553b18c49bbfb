//! `report`: an attack on a real node, and what is written of it; and questions to real DuckDB.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alert_state::Store;
use event::NodeNames;
use event::pb::alerts::{Alert, Severity, State, Subject, SubjectKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use store::archive::{self, Writer};
use testbed::{Network, Plan, Scenario, Traffic, eventually, scenarios};
use tokio::time::timeout;

use super::cli::SAMPLES;
use super::process::{PATIENCE, command, end_of, end_of_command};

/// Runs the statements of a file, then each query, and prints the rows of each by the names of their columns.
const RUN: &str = "
import duckdb, json, sys
asked = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute(open(asked['init']).read())
rows = lambda answer: [dict(zip([c[0] for c in answer.description], row)) for row in answer.fetchall()]
print(json.dumps([rows(connection.execute(query)) for query in asked['queries']], default=str))
";

fn ask(python: &Path, init: &Path, queries: &[String]) -> Vec<Value> {
    let mut command = std::process::Command::new(python);
    let mut child = command.args(["-c", RUN]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!({ "init": init, "queries": queries }).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{queries:#?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The code of a language in a text of Markdown.
fn code(markdown: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    markdown.split(start.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// A report of an incident, and what was written.
async fn report(id: &str, database: &Path, archive: &Path, to: &Path, more: &[&str]) -> Vec<PathBuf> {
    let texts = [database, archive, to].map(|path| path.to_str().unwrap());
    let args = ["report", id, "--alerts-database", texts[0], "--archive", texts[1], "--to", texts[2]];
    let ended = end_of(&[&args[..], more].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout.lines().map(PathBuf::from).collect()
}

fn read(files: &[PathBuf], ending: &str) -> String {
    let file = files.iter().find(|file| file.to_str().unwrap().ends_with(ending)).unwrap();
    fs::read_to_string(file).unwrap()
}

/// The flood once, and then nothing for long.
const FLOOD: Scenario = Scenario { first: Duration::ZERO, pause: Duration::from_secs(3_600), ..scenarios::ADDR_FLOOD };

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_addresses_is_reported_as_it_was_played() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(1, &folder.path().join("network")).await.unwrap();
    let node = &network.nodes()[0];
    let (archive, database, to) =
        (folder.path().join("archive.bin"), folder.path().join("alerts.db"), folder.path().join("reports"));
    let config = folder.path().join("peer-observer.toml");
    let text = format!(
        "tools = [\"watch\", \"alerts\"]\n[alerts]\ndatabase = {database:?}\nset = [\"address_flood.warm_up=0\"]\n[[node]]\nname = \
         {:?}\nchain = \"regtest\"\ndatadir = {:?}\n",
        node.name(),
        node.datadir()
    );
    fs::write(&config, text).unwrap();
    // What is printed so is an archive, too, which is not complete at any time.
    let args = ["run", "--config", config.to_str().unwrap(), "--extract", "ebpf,rpc,log", "-o", "protobuf"];
    let mut running = command(&args).stdout(fs::File::create(&archive).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let begun = || async { (archive.metadata().ok()?.len() > 0).then_some(()) };
    eventually("events", PATIENCE, begun).await.unwrap();

    let traffic = Traffic::start(&network, Plan { seed: 7, scenarios: vec![FLOOD] }).await.unwrap();
    let found = || async {
        let incidents = Store::open(&database).ok()?.incidents(false, 10).ok()?;
        let flood = incidents.iter().flat_map(|incident| &incident.alerts).find(|a| a.detector == "address_flood")?;
        Some(flood.clone())
    };
    let alert = eventually("an alert", PATIENCE, found).await.unwrap();
    let all = || async { (traffic.sent().messages("addr_flood", "addrv2") >= 10).then_some(()) };
    eventually("the whole flood", PATIENCE, all).await.unwrap();
    let synced = || async { (node.peers().await.ok()?.is_empty()).then_some(()) };
    eventually("its end", PATIENCE, synced).await.unwrap();
    let sent = traffic.sent().messages("addr_flood", "addrv2");
    let pid = Pid::from_raw(running.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    timeout(PATIENCE, running.wait()).await.expect("it ends in time").unwrap();

    let files = report(&alert.id[..10], &database, &archive, &to, &[]).await;
    assert_eq!(files.len(), 6, "{files:?}");
    let markdown = read(&files, ".md");
    assert!(markdown.contains("address_flood") && markdown.contains(&alert.id), "{markdown}");
    let peer = markdown.lines().find(|line| line.starts_with(&format!("| `{}`", alert.subject.text))).unwrap();
    assert!(peer.contains(&format!("`addrv2` {sent}")) && peer.contains("python-bitcoinlib"), "{peer}");
    // By debug.log: how many addresses the node limited, and took.
    let logged = fs::read_to_string(node.debug_log()).unwrap();
    let number = |line: &str, name: &str| -> u64 {
        line.split_once(name).unwrap().1.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    let received = logged.lines().filter(|line| line.contains("Received addr: "));
    let received: u64 = received.map(|line| number(line, "Received addr: ")).sum();
    assert_eq!(received, sent * 1_000);
    let chart = markdown.split("### Addresses received in gossip").nth(1).unwrap();
    let drawn = code(chart, "text").remove(0);
    let bars = drawn
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(1).unwrap().replace(',', "").parse::<u64>().unwrap());
    assert_eq!(bars.sum::<u64>(), received, "{chart}");
    // Its peers have no routed addresses: nobody is banned for that.
    let bans = read(&files, ".bans.sh");
    assert!(bans.contains("not routed") && !bans.contains("setban"), "{bans}");

    let Some(python) = testbed::require_python("analysis") else { return };
    let exported = folder.path().join("export");
    let ended = end_of(&["export", archive.to_str().unwrap(), "--to", exported.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answers = ask(&python, &exported.join("tables.sql"), &code(&markdown, "sql"));
    let row = &answers[0][0];
    assert_eq!((&row["addresses"], &row["messages"]), (&json!(received), &json!(sent)), "{answers:?}");
    let redacted = report(&alert.id, &database, &archive, &to.join("shared"), &["--redact"]).await;
    let (html, markdown) = (read(&redacted, ".html"), read(&redacted, ".md"));
    assert!(!html.contains(&alert.subject.text) && !markdown.contains(&alert.subject.text) && redacted.len() == 3);
}

/// An alert about each kind of subject, of a family.
fn alerts(family: &str, time_ns: u64) -> Vec<Alert> {
    let subjects = [
        (SubjectKind::Network, ""),
        (SubjectKind::Node, "alice"),
        (SubjectKind::Peer, "198.51.100.7:8333"),
        (SubjectKind::Peer, "8.8.8.8:8333"),
        (SubjectKind::Peer, "[2600:1:2:3::4]:8333"),
        (SubjectKind::Peer, "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333"),
        (SubjectKind::Subnet, "198.51.100.0/24"),
        (SubjectKind::Subnet, "2001:db8:1:2::/64"),
        (SubjectKind::Subnet, "2001:db8::/32"),
        (SubjectKind::As, "AS64500"),
        (SubjectKind::Block, "00000000000000000001a7c08efa6f84e4e0b6a8b3d4e5f60718293a4b5c6d7e"),
        (SubjectKind::Agent, "/it's: 'quoted'; --/"),
        (SubjectKind::Part, "ebpf"),
    ];
    let alert = |(index, (kind, text)): (usize, (SubjectKind, &str))| {
        let text = text.to_owned();
        let is_local = index == 2;
        let node = is_local.then(|| "alice".to_owned());
        Alert {
            id: format!("{:032x}", time_ns + index as u64),
            incident: format!("{time_ns:032x}"),
            detector: format!("{family}_detector"),
            family: family.to_owned(),
            severity: Severity::Warning.into(),
            state: State::Open.into(),
            nodes: vec!["alice".to_owned(), "bob's".to_owned()],
            subject: Subject { kind: kind.into(), text, node, peer_id: is_local.then_some(3) },
            since_ns: time_ns,
            last_ns: time_ns + 5_000_000_000,
            score: 1.0,
            sentence: "{subject} did it.".to_owned(),
            ..Alert::default()
        }
    };
    subjects.into_iter().enumerate().map(alert).collect()
}

const FAMILIES: [&str; 11] = [
    "addresses",
    "blocks",
    "connections",
    "eclipse",
    "instrument",
    "load",
    "log",
    "mempool",
    "protocol",
    "spies",
    "statistical",
];

#[tokio::test]
async fn duckdb_understands_the_question_about_each_family_and_subject() {
    let folder = tempfile::tempdir().unwrap();
    let archives = folder.path().join("archive");
    fs::create_dir(&archives).unwrap();
    let mut writer = Writer::create(&archive::Options::new(&archives), 1_790_000_000_000_000_000).unwrap();
    let mut names = NodeNames::default();
    let records = SAMPLES.lines().map(|line| event::json::from_json(line, &mut names).unwrap());
    records.for_each(|record| writer.append(&record).unwrap());
    writer.finish().unwrap();
    let database = folder.path().join("alerts.db");
    let noon = event::time::parse_rfc3339("2026-01-31T12:00:00Z").unwrap();
    let store = Store::open(&database).unwrap();
    let time_of = |index: usize| noon + 1_000 * index as u64;
    for (index, family) in FAMILIES.iter().enumerate() {
        let kept: Vec<_> = alerts(family, time_of(index)).into_iter().map(|a| (a.id.as_str().into(), a)).collect();
        store.keep(&kept).unwrap();
    }
    let listed = end_of(&["report", "--alerts-database", database.to_str().unwrap()]).await;
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, FAMILIES.len()), "{}", listed.stderr);
    let mut queries = Vec::new();
    for (index, family) in FAMILIES.iter().enumerate() {
        let id = format!("{:032x}", time_of(index));
        let files = report(&id, &database, &archives, &folder.path().join("to"), &["--form", "markdown"]).await;
        let found = code(&read(&files, ".md"), "sql");
        assert_eq!(found.len(), 1, "{family}");
        queries.extend(found);
    }
    let Some(python) = testbed::require_python("analysis") else { return };
    let exported = folder.path().join("export");
    let ended = end_of(&["export", archives.to_str().unwrap(), "--to", exported.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answers = ask(&python, &exported.join("tables.sql"), &queries);
    // The samples have something of each.
    for (family, rows) in FAMILIES.iter().zip(&answers) {
        let may_be_empty = matches!(*family, "addresses" | "blocks" | "connections" | "protocol" | "spies");
        assert!(may_be_empty || !rows.as_array().unwrap().is_empty(), "{family}: {rows}");
    }
}

#[tokio::test]
async fn what_cannot_be_reported_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("alerts.db");
    let path = database.to_str().unwrap();
    let none = end_of(&["report", "--alerts-database", path]).await;
    assert!(none.code != 0 && none.stderr.contains("there is no database of alerts"), "{}", none.stderr);
    Store::open(&database).unwrap().keep(&[("x".into(), alerts("log", 5).remove(0))]).unwrap();
    for (args, why) in [
        (&["abc"][..], "there is no incident whose id begins with \"abc\""),
        (&["00", "--form", "bans"], "known from archives only: give --archive"),
        (&["00", "--redact", "--form", "html,stix"], "there is no redacted form stix"),
        (&["00", "--archive", "/nonexistent"], "/nonexistent"),
    ] {
        let ended = end_of(&[&["report", "--alerts-database", path], args].concat()).await;
        assert!(ended.code != 0 && ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }
    let to = folder.path().join("to");
    let ended = end_of(&["report", "00", "--alerts-database", path, "--to", to.to_str().unwrap()]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 4), "{}", ended.stderr);
    assert!(ended.stderr.contains("no archive is given"), "{}", ended.stderr);
    let mut help = command(&["report", "--help"]);
    help.env("COLUMNS", "110");
    insta::assert_snapshot!("help_report", end_of_command(help, b"").await.stdout);
}
