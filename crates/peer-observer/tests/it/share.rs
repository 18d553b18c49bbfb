//! What is shared with others, as a stream and as files, of a real node whose version, name, address and start are marked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use event::pb::observer::Observer;
use event::pb::observer::observer::ObserverEvent;
use event::{Body, Filter, Kind, Record};
use serde_json::Value;
use store::archive::{Archive, files};
use testbed::{NatsServer, Node, eventually};

use super::archive::by_run;
use super::metrics::address_of;
use super::process::{PATIENCE, Running, end_of};
use super::web::url_of;

/// The node's address, which its operator tells it, and which it reports: one that is routed.
const OWN: &str = "45.33.131.77";
const COMMENT: &str = "canary17";
/// What nobody but the operator calls the node.
const INTERNAL: &str = "vault-tokyo";

/// Members of a collective: each publishes under its own name only, the hub reads.
const COLLECTIVE: &str = r#"
authorization { users: [
  { user: alice, password: secret-a, permissions: {
      publish: ["peer-observer.alice.>", "_INBOX.>"], subscribe: "_INBOX.>" } }
  { user: bob, password: secret-b, permissions: {
      publish: ["peer-observer.bob.>", "_INBOX.>"], subscribe: "_INBOX.>" } }
  { user: hub, password: secret-h, permissions: { publish: { deny: ">" }, subscribe: ">" } }
] }
"#;

/// The same with accounts of which one knows nothing of the other.
const ACCOUNTS: &str = r#"
accounts {
  alice { users: [ { user: alice, password: secret-a } ]
          exports: [ { stream: "peer-observer.alice.>", accounts: [hub] } ] }
  bob   { users: [ { user: bob, password: secret-b } ]
          exports: [ { stream: "peer-observer.bob.>", accounts: [hub] } ] }
  hub   { users: [ { user: hub, password: secret-h } ]
          imports: [ { stream: { account: alice, subject: "peer-observer.alice.>" } }
                     { stream: { account: bob, subject: "peer-observer.bob.>" } } ] }
}
"#;

/// What must not be in anything that is shared, and how it may be written.
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    async fn of(node: &Node, folder: &Path) -> Self {
        let info = node.rpc("getnetworkinfo", serde_json::json!([])).await.unwrap();
        let (version, agent) = (info["version"].as_u64().unwrap(), info["subversion"].as_str().unwrap());
        let uptime = node.rpc("uptime", serde_json::json!([])).await.unwrap().as_u64().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut secrets = vec![
            ("the user agent", agent.as_bytes().to_vec()),
            ("the comment", COMMENT.as_bytes().to_vec()),
            ("the version", version.to_string().into_bytes()),
            ("the version as a number", [vec![0x08], varint(version)].concat()),
            ("the address", OWN.as_bytes().to_vec()),
            ("the address as bytes", vec![45, 33, 131, 77]),
            ("the address backwards", vec![77, 131, 33, 45]),
            ("the address in hexadecimal", b"2d21834d".to_vec()),
            ("the address in an IPv6 address", b"2d21:834d".to_vec()),
            ("the node's name", INTERNAL.as_bytes().to_vec()),
            ("the data directory", node.datadir().to_str().unwrap().as_bytes().to_vec()),
            ("the folder of archives", folder.to_str().unwrap().as_bytes().to_vec()),
        ];
        // The second may have changed between the two questions.
        for start in now - uptime - 1..=now - uptime {
            secrets.push(("the start", start.to_string().into_bytes()));
            secrets.push(("the start in seconds", varint(start)));
        }
        Self(secrets)
    }

    fn look_in(&self, what: &str, bytes: &[u8]) {
        let lower = bytes.to_ascii_lowercase();
        for (secret, value) in &self.0 {
            let value_lower = value.to_ascii_lowercase();
            let is_text = value.iter().all(u8::is_ascii_graphic);
            let found = if is_text { contains(&lower, &value_lower) } else { contains(bytes, value) };
            assert!(!found, "{secret} is in {what}");
        }
    }

    /// Everything in a folder, as it is and decompressed.
    fn look_in_folder(&self, folder: &Path) -> usize {
        let mut count = 0;
        for path in all_files(folder) {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            self.look_in(&name, name.as_bytes());
            self.look_in(&name, &bytes);
            contents(&bytes).iter().for_each(|content| self.look_in(&name, content));
            count += 1;
        }
        count
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What is compressed in a file, as its frames or in the middle of it.
fn contents(bytes: &[u8]) -> Vec<Vec<u8>> {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let starts = bytes.windows(magic.len()).enumerate().filter(|(_, window)| *window == magic).map(|(at, _)| at);
    let content = |at: usize| {
        let mut content = Vec::new();
        let mut decoder = zstd::Decoder::new(&bytes[at..]).unwrap().single_frame();
        std::io::Read::read_to_end(&mut decoder, &mut content).ok().map(|_| content)
    };
    starts.filter_map(content).collect()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// What the archives in a folder have so far.
fn records(folder: &Path) -> Vec<Record> {
    let archives = files([folder]).unwrap_or_default().into_iter().filter_map(|path| Archive::open(path).ok());
    archives.flat_map(|archive| archive.records(Filter::default())).flatten().collect()
}

/// The addresses of the peers that connected.
fn peers_of(records: &[Record]) -> BTreeSet<String> {
    let accepted = records.iter().filter(|record| record.envelope().kind == Kind::ConnectionAccepted);
    accepted.filter_map(|record| record.addr().map(str::to_owned)).collect()
}

/// Whether an event says how the archive is that it is in: those of others are not shared.
fn is_of_the_archive(record: &Record) -> bool {
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) })) => {
            status.extractor == "archive"
        }
        _ => false,
    }
}

/// The configuration of an operator: what is observed is archived, and shared with two recipients.
fn configuration(folder: &Path, node: &Node, collective: &str, other: &str) -> PathBuf {
    let path = folder.join("peer-observer.toml");
    let (datadir, folder) = (node.datadir().display(), folder.display());
    let text = format!(
        r#"
[[node]]
name = "{INTERNAL}"
chain = "regtest"
datadir = "{datadir}"

[archive]
directory = "{folder}/own"
sync_every = "100ms"

[share]
directory = "{folder}/keys"

[share.recipients.collective]
operator = "alice"
nodes = {{ {INTERNAL} = "n1" }}
only = ["rpc", "log", "p2p", "observer"]
times = "off"
[share.recipients.collective.bus]
nats = "{collective}"
nats_user = "alice"
nats_password = "secret-a"

[share.recipients.friend]
operator = "a"
nodes = {{ {INTERNAL} = "x" }}
only = ["log", "status"]
times = "1s"
own = ["{OWN}"]
[share.recipients.friend.bus]
nats = "{other}"
"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A reader that archives all that comes to a server.
fn archive_of(folder: &Path, url: &str, login: &[&str]) -> Running {
    let directory = folder.to_str().unwrap();
    let args = ["archive", "--nats", url, "--archive-directory", directory, "--archive-sync-every", "100ms"];
    Running::start(&[&args[..], login].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_shared_tells_which_node_it_is() {
    if testbed::require_bitcoind().is_none() || testbed::require_nats_server().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let node = Node::builder()
        .debug(["net", "validation"])
        .arg(format!("-uacomment={COMMENT}"))
        .arg(format!("-externalip={OWN}"));
    let node = node.start().await.unwrap();
    let peers = [Node::builder().start().await.unwrap(), Node::builder().start().await.unwrap()];
    // What begins from here on does so in another second than the node.
    let older = || async { (node.rpc("uptime", serde_json::json!([])).await.ok()?.as_u64()? > 2).then_some(()) };
    eventually("an older node", PATIENCE, older).await.unwrap();
    let (hub, friend) = (NatsServer::start(COLLECTIVE).await.unwrap(), NatsServer::start("").await.unwrap());
    let config = configuration(folder.path(), &node, &hub.url(), &friend.url());
    let login = ["--nats-user", "hub", "--nats-password", "secret-h"];
    let at_hub = archive_of(&path("hub"), &hub.url(), &login);
    let at_friend = archive_of(&path("friend"), &friend.url(), &[]);
    for reader in [&at_hub, &at_friend] {
        reader.wait_until_logged("connected to").await;
    }
    let config = config.to_str().unwrap();
    let operator = Running::start(&["run", "--config", config, "--extract", "rpc,log", "--tools", "archive,share"]);
    // What was logged before is not read.
    operator.wait_until_logged("debug.log from byte").await;

    // Peers come, blocks come, until both have seen it.
    peers[0].connect(&node).await.unwrap();
    let has = |folder: PathBuf, kind: Kind, count: usize| async move {
        let seen = records(&folder).iter().filter(|record| record.envelope().kind == kind).count();
        (seen >= count).then_some(())
    };
    for (what, kind, count, folder) in [
        ("network info", Kind::NetworkInfo, 2, "hub"),
        ("peers", Kind::PeerInfos, 2, "hub"),
        ("a status", Kind::Status, 3, "hub"),
    ] {
        eventually(what, PATIENCE, || has(path(folder), kind, count)).await.unwrap();
    }
    peers[1].connect(&node).await.unwrap();
    node.mine(2).await.unwrap();
    for folder in ["hub", "friend", "own"] {
        eventually("two tips", PATIENCE, || has(path(folder), Kind::UpdateTip, 2)).await.unwrap();
    }

    let peers_at_hub = |count: usize| async move {
        let peers = peers_of(&records(&path("hub")));
        (peers.len() >= count).then_some(peers)
    };
    let before = eventually("both peers", PATIENCE, || peers_at_hub(2)).await.unwrap();

    // The key is replaced while it runs: pseudonyms and runs are others then.
    let rotated = end_of(&["share", "rotate", "collective", "--config", config]).await;
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    operator.wait_until_logged("collective has a new key").await;
    peers[0].disconnect(&node).await.unwrap();
    peers[0].connect(&node).await.unwrap();
    eventually("a peer again", PATIENCE, || peers_at_hub(before.len() + 1)).await.unwrap();

    let secrets = Secrets::of(&node, folder.path()).await;
    for running in [operator, at_hub, at_friend] {
        running.signal("-TERM");
        let (status, stderr) = running.end().await;
        assert_eq!(status.code(), Some(0), "{stderr}");
    }

    // What came over the wire: numbered without gaps, under the given name.
    let (hub_records, friend_records) = (records(&path("hub")), records(&path("friend")));
    for (folder, name) in [("hub", "alice.n1"), ("friend", "a.x")] {
        let shared = records(&path(folder));
        assert!(shared.iter().all(|record| *record.envelope().node == *name));
        for (run, numbers) in by_run(&path(folder)) {
            let without_gaps = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
            assert!(without_gaps && numbers.len() < 10_000, "run {run} at {folder}: {numbers:?}");
        }
    }
    let of_operator: Vec<&Record> = friend_records.iter().filter(|record| !is_of_the_archive(record)).collect();
    assert!(of_operator.iter().any(|record| record.envelope().kind == Kind::Status));
    assert!(of_operator.iter().all(|record| record.envelope().time_ns % 1_000_000_000 == 0));
    assert!(hub_records.iter().all(|record| record.envelope().kind != Kind::Uptime));
    let own: Vec<u64> = by_run(&path("own")).into_keys().collect();
    assert!(by_run(&path("hub")).keys().chain(by_run(&path("friend")).keys()).all(|run| !own.contains(run)));

    // As files, with the same pseudonyms as in the stream, and others for others.
    let filter = |to: &str, recipient: &str| {
        let args = ["archive", "filter", &text("own"), "--to", &text(to), "--config", config, "--recipient", recipient];
        args.map(str::to_owned)
    };
    for (to, recipient) in [("for-collective", "collective"), ("for-friend", "friend")] {
        let args = filter(to, recipient);
        let done = end_of(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    let (for_collective, for_friend) =
        (peers_of(&records(&path("for-collective"))), peers_of(&records(&path("for-friend"))));
    let of_hub = peers_of(&hub_records);
    assert!(of_hub.intersection(&for_collective).next().is_some(), "{of_hub:?}, {for_collective:?}, first {before:?}");
    assert!(peers_of(&friend_records).is_subset(&for_friend));
    assert!(for_collective.is_disjoint(&for_friend));
    assert!(before.is_disjoint(&for_collective), "the key was replaced");

    let public = |command: &[&str], to: &str| {
        let mut args: Vec<String> = command.iter().map(|arg| (*arg).to_owned()).collect();
        args.extend([text("own"), "--to".to_owned(), text(to), "--config".to_owned(), config.to_owned()]);
        args.extend(["--recipient".to_owned(), "collective".to_owned()]);
        args
    };
    let mut commands = vec![
        public(&["archive", "export", "--single-frame"], "single.bin.zst"),
        public(&["archive", "merge"], "merged"),
    ];
    if cfg!(feature = "export") {
        commands.push(public(&["export"], "parquet"));
    }
    for args in commands {
        let done = end_of(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
    }
    std::fs::create_dir(path("single")).unwrap();
    std::fs::rename(path("single.bin.zst"), path("single/single.bin.zst")).unwrap();

    let mut looked = 0;
    for name in ["hub", "friend", "for-collective", "for-friend", "single", "merged"] {
        looked += secrets.look_in_folder(&path(name));
    }
    if cfg!(feature = "export") {
        looked += secrets.look_in_folder(&path("parquet"));
    }
    assert!(looked >= 6, "{looked}");
    // The test itself can find them.
    let own = std::fs::read(files([path("own")]).unwrap().first().unwrap()).unwrap();
    let own = contents(&own).concat();
    for (secret, value) in
        secrets.0.iter().filter(|(secret, _)| ["the user agent", "the address", "the node's name"].contains(secret))
    {
        assert!(contains(&own, value), "{secret}");
    }
    for key in ["collective", "friend"] {
        let mode = Command::new("stat").args(["-c", "%a", &text(&format!("keys/{key}.key"))]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&mode.stdout).trim(), "600");
    }
}

/// Nobody is taken for another operator, however they name their nodes.
#[tokio::test]
async fn a_member_cannot_speak_for_another() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start(COLLECTIVE).await.unwrap();
    let mut hub = Running::start(&[
        "watch",
        "--nats",
        &server.url(),
        "-o",
        "json",
        "--nats-user",
        "hub",
        "--nats-password",
        "secret-h",
    ]);
    let connect = |user: &str, password: &str| {
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        options.connect(server.url())
    };
    let (alice, bob) = (connect("alice", "secret-a").await.unwrap(), connect("bob", "secret-b").await.unwrap());
    let event = |node: &str, sequence: u64| {
        let line = format!(
            r#"{{"time":"2026-09-10T12:00:00Z","node":"{node}","run":7,"sequence":{sequence},"kind":"ping_duration","body":{{"duration":1}}}}"#
        );
        event::json::from_json(&line, &mut event::NodeNames::default()).unwrap().bytes().clone()
    };
    let warned = "may publish under another name";
    let mut number = 0;
    let telling = async {
        while number < 100_000 {
            number += 1;
            // Bob under his own subject, and under Alice's, which the server does not let through.
            bob.publish("peer-observer.bob.n1.p2p-extractor", event("alice.n1", number)).await.unwrap();
            bob.publish("peer-observer.alice.n1.p2p-extractor", event("alice.n1", number)).await.unwrap();
            bob.publish("peer-observer.bob.n1.p2p-extractor", event("bob.n1", number)).await.unwrap();
            bob.flush().await.unwrap();
            alice.publish("peer-observer.alice.n1.p2p-extractor", event("alice.n1", number)).await.unwrap();
            alice.flush().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let seeing = async {
        let mut seen = Vec::new();
        while seen.len() < 20 {
            let event = hub.next().await;
            if event["kind"] == "ping_duration" {
                seen.push((event["node"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap()));
            }
        }
        seen
    };
    let seen = tokio::select! {
        seen = seeing => seen,
        () = telling => unreachable!(),
    };
    hub.wait_until_logged(warned).await;
    for node in ["alice.n1", "bob.n1"] {
        let numbers: Vec<u64> = seen.iter().filter(|(of, _)| of == node).map(|(_, number)| *number).collect();
        assert!(numbers.len() > 5 && numbers.is_sorted_by(|a, b| a < b), "{node}: {numbers:?}");
    }
    hub.signal("-INT");
    hub.end().await;
}

/// Names of the form operator.node work in all that a hub runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_shows_nodes_of_many_operators() {
    if testbed::require_bitcoind().is_none() || testbed::require_nats_server().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::start(ACCOUNTS).await.unwrap();
    let nodes = [Node::builder().start().await.unwrap(), Node::builder().start().await.unwrap()];
    let url = server.url();
    let from_hub = ["--nats", &url, "--nats-user", "hub", "--nats-password", "secret-h"];
    let web = ["web", "--web-listen", "127.0.0.1:0", "--web-history-time", "off"];
    let hub = Running::start(&[&web[..], &from_hub].concat());
    let metrics = Running::start(&[&["metrics", "--metrics-listen", "127.0.0.1:0"][..], &from_hub].concat());
    let (pages, metrics_at) = (url_of(&hub).await, address_of(&metrics).await);
    let mut operators = Vec::new();
    for ((operator, password), node) in [("alice", "secret-a"), ("bob", "secret-b")].into_iter().zip(&nodes) {
        let own = folder.path().join(operator);
        std::fs::create_dir(&own).unwrap();
        let config = own.join("peer-observer.toml");
        let datadir = node.datadir().display();
        let text = format!(
            "[[node]]\nname = \"main\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n[share]\ndirectory = \"{}\"\n\
             [share.recipients.hub]\noperator = \"{operator}\"\nnodes = {{ main = \"n1\" }}\ntimes = \"1s\"\n\
             [share.recipients.hub.bus]\nnats = \"{url}\"\nnats_user = \"{operator}\"\nnats_password = \"{password}\"\n",
            own.display()
        );
        std::fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap();
        operators.push(Running::start(&["run", "--config", config, "--extract", "rpc,log", "--tools", "share"]));
    }
    let client = reqwest::Client::new();
    let shown = || async {
        let nodes: Value = client.get(format!("{pages}api/nodes")).send().await.ok()?.json().await.ok()?;
        let is = |node: &Value, name: &str| {
            node["node"] == name && node["state"] == "up" && node["height"].is_u64() && node["version"].is_null()
        };
        let all = nodes.as_array()?;
        (all.len() == 2 && is(&all[0], "alice.n1") && is(&all[1], "bob.n1")).then_some(())
    };
    eventually("both nodes on the page", PATIENCE, shown).await.unwrap();
    let page = client.get(format!("{pages}api/peers?node=bob.n1")).send().await.unwrap();
    assert!(page.status().is_success(), "{}", page.status());
    super::metrics::wait_for_line(&metrics_at, "peerobserver_node_up{node=\"alice.n1\"} 1").await;
    for running in operators.into_iter().chain([hub, metrics]) {
        running.signal("-TERM");
        running.end().await;
    }
}
