//! Bans that follow from sets, at a real node whose own list is the second source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use event::pb::alerts::{Alert, Severity, State, Subject, SubjectKind};
use serde_json::{Value, json};
use testbed::Node;
use testbed::eventually;

use super::process::{Ended, PATIENCE, command, end_of};

/// A node, and a configuration in which the set `ours` is banned.
struct Scene {
    node: Node,
    config: String,
    list: PathBuf,
    _dir: tempfile::TempDir,
}

impl Scene {
    async fn new(more: &str) -> Self {
        let node = Node::builder().config("externalip=45.33.1.65").start().await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("ours.txt");
        let config = dir.path().join("peer-observer.toml");
        let (place, datadir) = (dir.path().display(), node.datadir().display());
        let text = format!(
            "[networks.sets]\nours = \"{place}/ours.txt\"\n[banlist]\nsets = [\"ours\"]\nexcept = [\"45.32.0.0/16\"]\n\
             database = \"{place}/banlist.db\"\n{more}\n[alerts]\ndatabase = \"{place}/alerts.db\"\n\
             [[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n"
        );
        std::fs::write(&config, text).unwrap();
        Self { node, config: config.to_str().unwrap().to_owned(), list, _dir: dir }
    }

    fn list(&self, networks: &str) {
        std::fs::write(&self.list, networks).unwrap();
    }

    async fn run(&self, command: &str) -> Ended {
        end_of(&["banlist", command, "--config", &self.config]).await
    }

    /// What `diff` counts.
    async fn diff(&self) -> Value {
        let ended = end_of(&["banlist", "diff", "--config", &self.config, "-o", "json"]).await;
        let of_node = |line: &&str| line.starts_with("{\"node\"");
        serde_json::from_str(ended.stdout.lines().find(of_node).unwrap_or_else(|| panic!("{}", ended.stderr))).unwrap()
    }

    /// The bans by the node itself, and when they end.
    async fn banned(&self) -> BTreeMap<String, u64> {
        let bans = self.node.rpc("listbanned", json!([])).await.unwrap();
        let ban = |ban: &Value| (ban["address"].as_str().unwrap().to_owned(), ban["banned_until"].as_u64().unwrap());
        bans.as_array().unwrap().iter().map(ban).collect()
    }

    async fn setban(&self, parameters: Value) {
        self.node.rpc("setban", parameters).await.unwrap();
    }
}

#[tokio::test]
async fn sets_become_bans_and_only_ours_are_lifted() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let scene = Scene::new("per_second = 1000").await;
    scene.setban(json!(["45.79.0.0/16", "add", 1000])).await;
    scene.setban(json!(["9.9.9.9", "add", 1000])).await;
    let foreign = scene.banned().await;
    scene.list(
        "143.20.137.0/24\n2602:f5c0:0:ace::/64\n45.33.1.64/30 # has the node\n45.32.7.7 # an exception\n45.79.3.4\n9.9.9.9\n\
         127.0.0.0/8\n8.8.8.8 # until 2100-01-01T00:00:00Z\n8.8.4.4 # until 2020-01-01T00:00:00Z\n",
    );

    let shown = scene.run("diff").await;
    assert_eq!(shown.code, 1, "{}", shown.stderr);
    assert_eq!(scene.banned().await, foreign, "diff changes nothing");
    assert!(!scene.list.with_file_name("banlist.db").exists());
    for line in [
        "node alice: 5 to ban, 0 to renew, 0 to lift; 0 stay, and 2 of others",
        "45.33.1.65/32 in it is not banned: it is an address of node alice",
        "! 45.32.7.7/32 of set ours: it is an exception (banlist.except)",
        "! 127.0.0.0/8 of set ours: it has addresses that are not routed (loopback)",
        "45.79.3.4/32 is left to the ban of 45.79.0.0/16 that is not ours",
    ] {
        assert!(shown.stdout.contains(line), "{line}\n{}", shown.stdout);
    }
    let will_be = |line: &str| line.strip_prefix("+ ").map(|rest| rest.split(' ').next().unwrap().to_owned());
    let shown: Vec<String> = shown.stdout.lines().filter_map(will_be).collect();

    let applied = scene.run("apply").await;
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let banned = scene.banned().await;
    let new: Vec<&String> = banned.keys().filter(|network| !foreign.contains_key(*network)).collect();
    let mut expected: Vec<&String> = shown.iter().collect();
    expected.sort();
    assert_eq!(new, expected, "what diff had shown");
    assert!(!banned.contains_key("45.33.1.65/32") && banned.contains_key("45.33.1.64/32"));
    let again = scene.run("diff").await;
    assert_eq!(again.code, 0, "{}", again.stdout);
    assert!(again.stdout.contains("0 to ban, 0 to renew, 0 to lift; 5 stay, and 2 of others"), "{}", again.stdout);

    // Somebody else sets one of our bans anew: it is theirs from then on.
    scene.setban(json!(["143.20.137.0/24", "remove"])).await;
    scene.setban(json!(["143.20.137.0/24", "add", 5000])).await;
    // Our ban of an address is replaced by one of the network around it.
    scene.list("8.8.8.0/24\n");
    let applied = scene.run("apply").await;
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(applied.stdout.contains("1 to ban, 0 to renew, 4 to lift; 0 stay, and 3 of others"), "{}", applied.stdout);
    let banned = scene.banned().await;
    assert_eq!(Vec::from_iter(banned.keys()), ["143.20.137.0/24", "45.79.0.0/16", "8.8.8.0/24", "9.9.9.9/32"]);
    foreign.iter().for_each(|(network, until)| assert_eq!(banned.get(network), Some(until), "{network}"));

    // A longer one replaces it.
    let longer = ["banlist", "apply", "--config", &scene.config, "--banlist-duration", "90days"];
    let renewed = end_of(&longer).await;
    assert!(renewed.stdout.contains("0 to ban, 1 to renew, 0 to lift"), "{}{}", renewed.stdout, renewed.stderr);
    assert!(scene.banned().await["8.8.8.0/24"] > banned["8.8.8.0/24"] + 50 * 86_400);

    scene.list("# nothing\n");
    assert_eq!(scene.run("apply").await.code, 0);
    assert_eq!(Vec::from_iter(scene.banned().await.keys()), ["143.20.137.0/24", "45.79.0.0/16", "9.9.9.9/32"]);
    scene.node.stop().await.unwrap();
    let away = scene.run("apply").await;
    assert!(away.code == 2 && away.stderr.contains("node alice"), "{}", away.stderr);
}

#[tokio::test]
async fn what_was_set_before_a_crash_is_known_after_it() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let scene = Scene::new("per_second = 50").await;
    scene.list(&(0..2000).map(|i| format!("45.56.{}.{}\n", i / 250, i % 250)).collect::<String>());
    // It prints more than a pipe takes that nobody reads.
    let mut apply = command(&["banlist", "apply", "--config", &scene.config]);
    let mut apply = apply.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let some = || async { (scene.banned().await.len() > 10).then_some(()) };
    eventually("some bans", PATIENCE, some).await.unwrap();
    let second = scene.run("apply").await;
    assert!(second.code == 2 && second.stderr.contains("another process is changing bans"), "{}", second.stderr);
    apply.kill().await.unwrap();
    let diff = scene.diff().await;
    let banned = scene.banned().await.len();
    assert!(banned < 2000);
    assert_eq!(
        (diff["kept"].as_u64(), diff["others"].as_u64()),
        (Some(banned as u64), Some(0)),
        "all of them are ours"
    );
    scene.list("# nothing\n");
    let fast = end_of(&["banlist", "apply", "--config", &scene.config, "--banlist-per-second", "1000"]).await;
    assert_eq!(fast.code, 0, "{}", fast.stderr);
    assert_eq!(scene.banned().await.len(), 0);
}

/// What alerts found is exported as a set, and banned by that until the end that the set gives.
#[tokio::test]
async fn what_alerts_found_is_banned() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let scene = Scene::new("duration = \"90days\"").await;
    let now = event::time::now_ns();
    let alert = |id: &str, kind, text: &str| {
        let mut alert = Alert {
            id: id.to_owned(),
            incident: id.to_owned(),
            detector: "inbound_flood".to_owned(),
            family: "connections".to_owned(),
            subject: Subject { text: text.to_owned(), ..Subject::default() },
            nodes: vec!["alice".to_owned()],
            since_ns: now - 60_000_000_000,
            last_ns: now,
            sentence: "{subject} connects all the time.".to_owned(),
            ..Alert::default()
        };
        alert.subject.set_kind(kind);
        alert.set_severity(Severity::Warning);
        alert.set_state(State::Open);
        (text.into(), alert)
    };
    let alerts = [
        alert("a1", SubjectKind::Peer, "143.20.137.9:50000"),
        alert("a2", SubjectKind::Subnet, "45.56.7.0/24"),
        alert("a3", SubjectKind::Peer, "127.0.0.1:50000"),
    ];
    let database = scene.list.with_file_name("alerts.db");
    alert_state::Store::open(&database).unwrap().keep(&alerts).unwrap();
    let to = scene.list.to_str().unwrap();
    let export = ["banlist", "export", "--config", &scene.config, "--for", "7days", "--to", to];
    let ended = end_of(&export).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = std::fs::read_to_string(Path::new(to)).unwrap();
    assert!(text.contains("inbound_flood: peer 143.20.137.9:50000 connects all the time."), "{text}");
    let applied = scene.run("apply").await;
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let banned = scene.banned().await;
    assert_eq!(Vec::from_iter(banned.keys()), ["143.20.137.9/32", "45.56.7.0/24"]);
    let end = now / 1_000_000_000 + 7 * 86_400;
    assert!(banned.values().all(|until| *until == end), "{banned:?} {end}");
}
