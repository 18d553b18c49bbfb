//! A dead thing looks dead within seconds: in the API, in metrics, and on the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Browser, NatsServer, Node, Page, eventually};

use crate::metrics::address_of;
use crate::process::{PATIENCE, Running};
use crate::web::{picture, url_of};

/// What dies or hangs where an extractor sees it.
const SEEN: Duration = Duration::from_secs(5);
/// What vanishes with its extractors: only their silence shows it.
const SILENT: Duration = Duration::from_secs(6);

/// Programs that serve pages and numbers, and a browser at the overview.
struct Watched {
    programs: Vec<Running>,
    url: String,
    metrics: String,
    page: Page,
    _browser: Browser,
}

impl Watched {
    /// One program that observes nodes itself.
    async fn start(arguments: &[&str]) -> Self {
        let listen = ["--tools", "web,metrics", "--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let program = Running::start(&[&["run"][..], arguments, &listen[..]].concat());
        let (url, metrics) = (url_of(&program).await, address_of(&program).await);
        Self::with(vec![program], url, metrics).await
    }

    /// Two that read what others publish on a NATS server.
    async fn over_nats(server: &str) -> Self {
        let web = Running::start(&["web", "--nats", server, "--web-listen", "127.0.0.1:0"]);
        let metrics = Running::start(&["metrics", "--nats", server, "--metrics-listen", "127.0.0.1:0"]);
        let (url, address) = (url_of(&web).await, address_of(&metrics).await);
        Self::with(vec![web, metrics], url, address).await
    }

    async fn with(programs: Vec<Running>, url: String, metrics: String) -> Self {
        let browser = Browser::start().await.unwrap();
        let page = browser.page(1_400, 1_000).await.unwrap();
        page.go(&format!("{url}#/overview")).await.unwrap();
        Self { programs, url, metrics, page, _browser: browser }
    }

    /// Ends the programs, which must have nothing against it.
    async fn end(self) {
        for program in self.programs {
            program.signal("-TERM");
            let (status, logged) = program.end().await;
            assert!(status.success(), "{logged}");
        }
    }

    async fn api(&self, path: &str) -> Option<Value> {
        reqwest::get(format!("{}api/{path}", self.url)).await.ok()?.json().await.ok()
    }

    async fn node(&self, name: &str) -> Option<Value> {
        let nodes = self.api("nodes").await?;
        nodes.as_array()?.iter().find(|node| node["node"] == name).cloned()
    }

    /// Waits until a node is in a state, and gives what the API says of it.
    async fn until_state(&self, name: &str, state: &str, limit: Duration) -> Value {
        let is = || async { self.node(name).await.filter(|node| node["state"] == state) };
        match eventually(format!("{name} is {state}"), limit, is).await {
            Ok(node) => node,
            Err(error) => panic!("{error}: {:#?}", self.node(name).await),
        }
    }

    /// Waits until the API says this of each source of a node: also of tracepoints, where there are any.
    async fn until_sources(&self, name: &str, key: &str, value: impl Into<Value>, limit: Duration) {
        let value = value.into();
        let are = || async {
            let node = self.node(name).await?;
            let sources = node["sources"].as_array().filter(|sources| sources.len() >= 3)?;
            sources.iter().all(|source| source[key] == value).then_some(())
        };
        if let Err(error) = eventually(format!("{key} of {name}'s sources is {value}"), limit, are).await {
            panic!("{error}: {:#?}", self.node(name).await);
        }
    }

    async fn until_shown(&self, shows: &str, limit: Duration) {
        let shows = format!(
            "(() => {{ const main = document.querySelector('main'); const text = main.innerText; \
             const lasting = [...main.querySelectorAll('.lasting .notice')].map((notice) => notice.innerText); return {shows}; }})()"
        );
        if let Err(error) = self.page.until(&shows, limit).await {
            panic!("{error}: {}", self.page.value("document.querySelector('main').innerText").await.unwrap());
        }
    }

    async fn look(&self, name: &str) {
        if let Some(path) = picture(name) {
            self.page.screenshot(&path).await.unwrap();
        }
    }

    /// The series of the metrics page that begin so.
    async fn series(&self, begin: &str) -> Vec<String> {
        let text = reqwest::get(format!("http://{}/metrics", self.metrics)).await.unwrap().text().await.unwrap();
        text.lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
    }

    async fn until_series(&self, line: &str, limit: Duration) {
        let is = || async { self.series(line).await.iter().any(|one| one == line).then_some(()) };
        eventually(line, limit, is).await.unwrap();
    }
}

/// The configuration of these nodes, as a file.
fn configuration(folder: &Path, nodes: &[&Node]) -> PathBuf {
    let path = folder.join("peer-observer.toml");
    let node = |node: &&Node| {
        format!(
            "[[node]]\nname = \"{}\"\nchain = \"regtest\"\ndatadir = \"{}\"\n",
            node.name(),
            node.datadir().display()
        )
    };
    fs::write(&path, nodes.iter().map(node).collect::<String>()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_or_hangs_looks_so_within_seconds() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let alice = Node::builder().name("alice").start().await.unwrap();
    let bob = Node::builder().name("bob").start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &[&alice, &bob]);
    let watched = Watched::start(&["--config", config.to_str().unwrap()]).await;
    for name in ["alice", "bob"] {
        watched.until_state(name, "up", PATIENCE).await;
        watched.until_sources(name, "up", true, PATIENCE).await;
        watched.until_series(&format!("peerobserver_node_up{{node=\"{name}\"}} 1"), PATIENCE).await;
    }
    watched
        .until_shown(
            "text.includes('alice') && text.includes('bob') && !lasting.some((text) => text.includes('It is'))",
            PATIENCE,
        )
        .await;
    let uptime = || watched.series("peerobserver_rpc_uptime{node=\"bob\"}");
    eventually("an uptime", PATIENCE, || async { uptime().await.pop() }).await.unwrap();
    let counters = watched.series("peerobserver_rpc_calls_total{node=\"bob\"").await;

    // It is killed: the first thing on the page, with since when and why; its values are grey and have an age.
    let killed = Instant::now();
    let pid = bob.pid().unwrap();
    bob.kill().await.unwrap();
    let is_down = "main.querySelector('.lasting .notice')?.innerText.includes('It is down') \
         && main.querySelector('.card.node')?.classList.contains('stale') \
         && main.querySelector('.card.node').innerText.includes('What is shown is from')";
    watched.until_shown(is_down, SEEN).await;
    eprintln!("killed: shown after {:?}", killed.elapsed());
    watched.until_series("peerobserver_node_up{node=\"bob\"} 0", SEEN.saturating_sub(killed.elapsed())).await;
    let node = watched.node("bob").await.unwrap();
    assert_eq!(node["state"], "down", "{node:#}");
    let has_ended = format!("process {pid} has ended");
    assert_eq!(node["state_reason"], has_ended);
    assert!(node["state_since"].is_string() && node["uptime_seconds"].is_null(), "{node:#}");
    let first =
        watched.page.value("document.querySelector('main').innerText.trim().split('\\n').slice(0, 4).join(' ')");
    let first = first.await.unwrap();
    assert!(first.as_str().unwrap().contains("bob It is down"), "the first thing on the page: {first}");
    watched.until_sources("bob", "state_reason", has_ended, SEEN).await;
    watched.until_sources("bob", "up", false, SEEN).await;
    watched.look("dead-killed").await;
    // What the node left is not on the page of numbers; what was counted stays.
    watched.until_series("peerobserver_node_state{node=\"bob\",state=\"down\"} 1", SEEN).await;
    assert_eq!(uptime().await, [""; 0]);
    assert_eq!(watched.series("peerobserver_node_memory_bytes{node=\"bob\"").await, [""; 0]);
    assert!(watched.series("peerobserver_rpc_calls_total{node=\"bob\"").await.len() >= counters.len());
    assert_eq!(watched.series("peerobserver_rpc_uptime{node=\"alice\"}").await.len(), 1);
    // Other pages say so too.
    watched.page.go(&format!("{}#/mempool?node=bob", watched.url)).await.unwrap();
    watched.until_shown("text.includes('bob: down since') && text.includes('is from before')", SEEN).await;
    watched.page.go(&format!("{}#/overview", watched.url)).await.unwrap();

    // It is back, and what happened is listed.
    bob.start().await.unwrap();
    watched.until_state("bob", "up", SEEN).await;
    watched.until_sources("bob", "up", true, SEEN).await;
    watched
        .until_shown("!lasting.some((text) => text.includes('It is down')) && text.includes('It was down for')", SEEN)
        .await;
    watched.until_series("peerobserver_node_up{node=\"bob\"} 1", SEEN).await;
    watched.look("dead-back").await;

    // It is stopped: there, and it does not answer.
    let frozen = Instant::now();
    alice.freeze(true);
    watched.until_shown("main.querySelector('.lasting .notice')?.innerText.includes('It hangs')", SEEN).await;
    eprintln!("stopped: shown after {:?}", frozen.elapsed());
    let node = watched.until_state("alice", "hanging", SEEN).await;
    assert!(node["state_reason"].as_str().unwrap().contains("SIGSTOP"), "{node:#}");
    watched.until_series("peerobserver_node_state{node=\"alice\",state=\"hanging\"} 1", SEEN).await;
    watched.look("dead-hanging").await;
    alice.freeze(false);
    watched.until_state("alice", "up", SEEN).await;
    assert_eq!(watched.page.wrong(), [""; 0]);
    watched.end().await;
}

/// Only its RPC server is known, as of a node on another machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_elsewhere_that_hangs_is_told_from_one_that_refuses() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let node = Node::builder().name("far").start().await.unwrap();
    let cookie = fs::read_to_string(node.cookie()).unwrap();
    let (user, password) = cookie.trim().split_once(':').unwrap();
    let rpc = node.rpc_addr().to_string();
    let far = ["--name", "far", "--rpc", &rpc, "--rpc-user", user, "--rpc-password", password, "--extract", "rpc"];
    let watched = Watched::start(&far).await;
    watched.until_state("far", "up", PATIENCE).await;
    node.freeze(true);
    let hangs = watched.until_state("far", "hanging", SEEN).await;
    assert!(hangs["state_reason"].as_str().unwrap().contains("gave no answer in"), "{hangs:#}");
    node.freeze(false);
    watched.until_state("far", "up", SEEN).await;
    node.kill().await.unwrap();
    watched.until_state("far", "down", SEEN).await;
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_or_a_server_that_vanishes_is_missed_within_seconds() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    if testbed::require_nats_server().is_none() {
        return;
    }
    let mut server = NatsServer::start("").await.unwrap();
    let url = server.url();
    let watched = Watched::over_nats(&url).await;
    let (near, far) =
        (Node::builder().name("near").start().await.unwrap(), Node::builder().name("far").start().await.unwrap());
    let extractors: Vec<Running> = [&near, &far]
        .map(|node| {
            let datadir = node.datadir().to_str().unwrap().to_owned();
            Running::start(&["run", "--name", node.name(), "--datadir", &datadir, "--chain", "regtest", "--nats", &url])
        })
        .into();
    for name in ["near", "far"] {
        watched.until_state(name, "up", PATIENCE).await;
    }

    // The machine of one of them vanishes, with all that runs there.
    let vanished = Instant::now();
    extractors[1].signal("-KILL");
    far.kill().await.unwrap();
    let is_missed = "main.querySelector('.lasting .notice')?.innerText.includes('nothing comes from its extractors')";
    watched.until_shown(is_missed, SILENT).await;
    eprintln!("vanished: shown after {:?}", vanished.elapsed());
    let node = watched.until_state("far", "unknown", SILENT).await;
    assert!(node["sources"].as_array().unwrap().iter().all(|source| source["state"] == "silent"), "{node:#}");
    assert_eq!(watched.node("near").await.unwrap()["state"], "up");
    watched.until_series("peerobserver_node_state{node=\"far\",state=\"unknown\"} 1", SILENT).await;
    watched.until_series("peerobserver_extractor_up{node=\"far\",extractor=\"rpc\"} 0", SILENT).await;
    watched.look("dead-vanished").await;

    // The server itself.
    watched.until_series("peerobserver_nats_connected{flow=\"in\"} 1", SEEN).await;
    let killed = Instant::now();
    server.kill().await.unwrap();
    watched.until_shown("text.includes('No connection to the NATS server')", SEEN).await;
    eprintln!("server killed: shown after {:?}", killed.elapsed());
    watched.until_series("peerobserver_nats_connected{flow=\"in\"} 0", SEEN).await;
    assert_eq!(watched.api("info").await.unwrap()["server"]["connected"], false);
    watched.look("dead-server").await;
    server.start_again().await.unwrap();
    watched.until_shown("!text.includes('No connection to the NATS server')", PATIENCE).await;
    watched.until_series("peerobserver_nats_connected{flow=\"in\"} 1", PATIENCE).await;
    watched.until_state("near", "up", PATIENCE).await;
    watched.end().await;
}
