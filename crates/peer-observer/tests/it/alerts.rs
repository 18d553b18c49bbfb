//! What would have been found in archives, and what is wrong about settings.

use std::path::Path;

use alert_state::{Quiet, Store};
use event::NodeNames;
use event::pb::alerts::{Alert, Severity, Subject, SubjectKind};
use event::time::now_ns;
use store::archive::{self, Writer};

use super::process::{end_of, end_of_command};

/// An archive of a node that so many connections are opened to, from one subnet, a second apart.
fn archive(folder: &Path, connections: u64) {
    let mut writer = Writer::create(&archive::Options::new(folder), 1_790_000_000_000_000_000).unwrap();
    let mut names = NodeNames::default();
    for number in 1..=connections {
        let time = event::time::rfc3339((1_790_000_000 + number) * 1_000_000_000);
        let addr = format!("8.8.4.{}:50000", number % 250 + 1);
        let line = format!(
            r#"{{"time":"{time}","node":"alice","run":7,"sequence":{number},"kind":"inbound_connection","body":{{"conn":{{"peer_id":{number},"addr":"{addr}","conn_type":"Inbound","network":1}},"existing_connections":3}}}}"#,
        );
        writer.append(&event::json::from_json(&line, &mut names).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

#[tokio::test]
async fn archives_tell_what_would_have_been_found_and_what_not() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path(), 300);
    let path = folder.path().to_str().unwrap();
    let ended = end_of(&["alerts", path, "--alerts-explain"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let first = ended.stdout.lines().next().unwrap_or_default();
    assert!(
        first.contains("alice warning subnet_flood: subnet 8.8.4.0/24 opened 100 connections within 300 s"),
        "{first}"
    );
    assert!(ended.stdout.contains("300 events: 1 alerts, 1 incidents"), "{}", ended.stdout);
    let near = ended.stdout.lines().find(|line| line.contains("inbound_flood")).unwrap_or_default();
    assert!(near.contains("node alice (silent after a start)"), "{near}");

    let json = ["alerts", path, "--alerts-print", "json", "--alerts-set", "subnet_flood.connections=50"];
    let ended = end_of(&json).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let first: serde_json::Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["detector"], &first["numbers"][0]["threshold"]),
        (&"subnet_flood".into(), &50.0.into()),
        "{first}"
    );

    // Two sets of parameters: of the flood, one finds nothing.
    let set = ["--alerts-set", "subnet_flood.enabled=false", "--alerts-against", "subnet_flood.connections=50"];
    let ended = end_of(&[&["alerts", path][..], &set].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let line = ended.stdout.lines().find(|line| line.contains("subnet_flood: subnet 8.8.4.0/24")).unwrap_or_default();
    assert!(line.contains("only second"), "{}", ended.stdout);
    let counts: Vec<&str> = ended
        .stdout
        .lines()
        .find(|line| line.starts_with("  subnet_flood "))
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(counts, ["subnet_flood", "0", "0", "1"], "{}", ended.stdout);
}

#[tokio::test]
async fn settings_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path(), 1);
    let path = folder.path().to_str().unwrap();
    let config = folder.path().join("peer-observer.toml");
    for (text, expected) in [
        ("[alerts]\ndatabas = \"x\"", "alerts.databas: there is no such option; did you mean \"database\"?"),
        ("[alerts.node_gon]\nafter = 3", "alerts.node_gon: there is no such detector; did you mean \"node_gone\"?"),
        (
            "[alerts]\nwatch = [\"evictins\"]",
            "alerts.watch: there is nothing \"evictins\" to watch; did you mean \"evictions\"?",
        ),
        ("[alerts.node_gone]\nafter = \"x\"", "alerts.node_gone.after: write a number from 0 to 10000000 (seconds)"),
    ] {
        std::fs::write(&config, text).unwrap();
        let ended = end_of(&["alerts", path, "--config", config.to_str().unwrap()]).await;
        assert!(ended.code != 0 && ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

/// The examples of the manual, each a configuration file of its own.
#[tokio::test]
async fn examples_of_receivers_can_be_used_and_show_no_secrets() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/alerts.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let examples = manual.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let text: String = examples.filter(|example| example.contains("[alerts.receivers.")).collect();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("peer-observer.toml");
    std::fs::write(&config, &text).unwrap();
    let ended = end_of(&["alerts", "--print-config", "--config", config.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("[alerts.receivers.discord]") && ended.stdout.contains("url = \"(hidden)\""));
    assert!(!ended.stdout.contains("discord.com") && ended.stdout.contains("url_file = \"slack-webhook\""));
    // What is printed is a configuration file, of which only the secrets are lost.
    std::fs::write(&config, &ended.stdout).unwrap();
    let again = end_of(&["alerts", "--print-config", "--config", config.to_str().unwrap()]).await;
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
}

/// People who are at the machine decide by commands, each a process of its own, while another one has the database open.
#[tokio::test]
async fn what_is_decided_by_command_holds_in_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.db");
    let alerts = async |args: &[&str]| {
        let at = ["--alerts-database", path.to_str().unwrap()];
        end_of(&[&["alerts"][..], args, &at].concat()).await
    };
    let none = alerts(&["list"]).await;
    assert!(none.code != 0 && none.stderr.contains("there is no database of alerts"), "{}", none.stderr);
    let store = Store::open(&path).unwrap();
    assert_eq!(alerts(&["list"]).await.stdout, "no incident is open\n");
    let alert = Alert {
        id: "3b1f0c9a7e5d2468".to_owned(),
        incident: "3b1f0c9a7e5d2468".to_owned(),
        detector: "ping_spam".to_owned(),
        severity: Severity::Critical.into(),
        nodes: vec!["alice".to_owned()],
        subject: Subject { kind: SubjectKind::Peer.into(), text: "8.8.4.4:8333".to_owned(), ..Subject::default() },
        sentence: "{subject} sends pings.".to_owned(),
        ..Alert::default()
    };
    store.keep(&[("key".into(), alert.clone())]).unwrap();

    let ended = alerts(&["ack", "3b1f", "--by", "alice", "--why", "mine\u{7}"]).await;
    assert!(ended.stdout.contains("critical ping_spam: peer 8.8.4.4:8333 sends pings. [acknowledged by alice: mine"));
    assert!(!ended.stdout.contains('\u{7}'), "{}", ended.stdout);
    let ended = alerts(&["silence", "--subject", "8.8.4.0/24", "--for", "1h", "--by", "bob"]).await;
    assert!(ended.stdout.starts_with("silence 1 until ") && ended.stdout.ends_with(": subject 8.8.4.0/24 by bob\n"));
    assert_eq!(alerts(&["note", "3b1f", "it is a scan", "--by", "bob"]).await.code, 0);
    let list = alerts(&["list"]).await.stdout;
    assert!(list.contains("[silenced]\n") && list.contains(" bob: it is a scan\n"), "{list}");
    let decisions = store.decisions(now_ns()).unwrap();
    assert_eq!(decisions.quiet(&alert), Some(Quiet::Silenced));
    assert_eq!(decisions.acknowledged.len(), 1);

    assert_eq!(alerts(&["silence", "--end", "1"]).await.stdout, "silence 1 has ended\n");
    assert!(!alerts(&["ack", "3b1f", "--undo"]).await.stdout.contains("acknowledged"));
    assert_eq!(store.decisions(now_ns()).unwrap().quiet(&alert), None);
    for (args, expected) in [
        (&["ack", "ffff"][..], "there is no incident whose id begins with \"ffff\""),
        (&["silence", "--for", "1h"], "a silence needs a detector, a subject, a node or an incident"),
        (&["silence", "3b1f", "--for", "9000h"], "within a year"),
        (&["silence", "3b1f"], "--for"),
        (&["silence", "--end", "1"], "there is no silence 1"),
        (&["note", "3b1f", ""], "write 1 to 4000 bytes"),
    ] {
        let ended = alerts(args).await;
        assert!(ended.code != 0 && ended.stderr.contains(expected), "{args:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_receiver_is_tried() {
    let mut webhook = testbed::Webhook::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("url"), webhook.url()).unwrap();
    let config = folder.path().join("peer-observer.toml");
    let text = "[alerts.receivers.good]\ntype = \"slack\"\nurl_file = \"url\"\n\
                [alerts.receivers.bad]\ntype = \"slack\"\nurl = \"http://127.0.0.1:1/geheim\"\n";
    std::fs::write(&config, text).unwrap();
    let test = async |name: &str| {
        let args = ["alerts", "test-receiver", name, "--config", config.to_str().unwrap()];
        let mut command = super::process::command(&args);
        command.env("CREDENTIALS_DIRECTORY", folder.path());
        end_of_command(command, b"").await
    };
    let good = test("good").await;
    assert_eq!((good.code, good.stdout.as_str()), (0, "receiver good took the test alert\n"), "{}", good.stderr);
    let post = webhook.next(super::process::PATIENCE, |_| true).await.unwrap();
    assert_eq!(post["text"], "INFO test at test");
    let bad = test("bad").await;
    assert!(bad.code == 1 && bad.stderr.contains("did not take the test alert") && !bad.stderr.contains("geheim"));
    let none = test("god").await;
    assert!(none.code != 0 && none.stderr.contains("there is no receiver \"god\"; did you mean \"good\"?"));
}
