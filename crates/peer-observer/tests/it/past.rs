//! The past on the pages: a recording that is played, and the memory that is filled from an archive.

use std::path::Path;
use std::time::Duration;

use event::time::{now_ns, rfc3339};
use event::{NodeNames, Record};
use serde_json::{Value, json};
use store::archive::{self, Writer};
use testbed::{Browser, NatsServer, Node, Page, Peer, PeerOptions, eventually};

use super::metrics::address_of;
use super::process::{PATIENCE, Running, end_of};
use super::web::{PAGES, TOO_WIDE, axe, barriers, picture, url_of};

const SECOND: u64 = 1_000_000_000;
/// More than a year before these lines were written: 2025-01-31T12:00:00Z.
const LONG_AGO: u64 = 1_738_324_800 * SECOND;
/// Seconds of the recording in which nothing was recorded.
const HOLE: std::ops::Range<u64> = 300..420;
const SECONDS: u64 = 600;

/// Events of a node with a peer, which pings it each second.
struct Scene {
    from_ns: u64,
    sequence: u64,
    names: NodeNames,
}

impl Scene {
    fn new(from_ns: u64) -> Self {
        Self { from_ns, sequence: 0, names: NodeNames::default() }
    }

    fn event(&mut self, at: u64, source: &str, kind: &str, body: Value) -> Record {
        let sequence = if kind == "status" {
            0
        } else {
            self.sequence += 1;
            self.sequence
        };
        let time = rfc3339(self.from_ns + at * SECOND + 1_000_000);
        let event = json!({ "time": time, "node": "alice", "run": 7, "sequence": sequence, "source": source, "kind": kind, "body": body });
        event::json::from_json(&event.to_string(), &mut self.names).unwrap()
    }

    /// What is published in a second.
    fn second(&mut self, at: u64) -> Vec<Record> {
        let since = (self.from_ns / SECOND).to_string() + "000000000";
        let status = |extractor| {
            json!({ "extractor": extractor, "started_ns": since, "last_sequence": 0, "ended": false,
            "node": { "state": "UP", "since_ns": since } })
        };
        let meta = json!({ "peer_id": 5, "addr": "203.0.113.5:8333", "conn_type": "Inbound", "command": "ping", "inbound": true, "size": 8 });
        let mut events = vec![
            self.event(at, "observer", "status", status("ebpf")),
            self.event(at, "observer", "status", status("rpc")),
            self.event(at, "ebpf", "message", json!({ "meta": meta, "ping": { "value": at } })),
        ];
        if at.is_multiple_of(10) {
            let peer = json!({ "id": 5, "address": "203.0.113.5:8333", "inbound": true, "connection_type": "inbound", "network": "ipv4",
                "version": 70_016, "subversion": "/Satoshi:29.0.0/", "connection_time": self.from_ns / SECOND - 7_300 });
            events.push(self.event(at, "rpc", "peer_infos", json!({ "infos": [peer] })));
        }
        events
    }

    /// Writes an archive of these seconds.
    fn write(&mut self, folder: &Path, seconds: impl IntoIterator<Item = u64>) {
        let mut seconds = seconds.into_iter().peekable();
        let begun = seconds.peek().copied().unwrap_or_default();
        let mut writer = Writer::create(&archive::Options::new(folder), self.from_ns + begun * SECOND).unwrap();
        for at in seconds {
            for record in self.second(at) {
                writer.append(&record).unwrap();
            }
        }
        writer.finish().unwrap();
    }
}

/// Archives with a hole between them.
fn long_ago(folder: &Path) {
    let mut scene = Scene::new(LONG_AGO);
    scene.write(folder, 0..HOLE.start);
    scene.write(folder, HOLE.end..SECONDS);
}

struct Api(String);

impl Api {
    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}api/{path}", self.0)).await.unwrap().json().await.unwrap()
    }

    async fn post(&self, command: Value) -> (u16, Value) {
        let request = reqwest::Client::new().post(format!("{}api/replay", self.0)).json(&command);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = || async { Some(self.get(path).await).filter(|answer| wanted(answer)) };
        match eventually(path, PATIENCE, look).await {
            Ok(answer) => answer,
            Err(error) => panic!("{error}: {:#}", self.get(path).await),
        }
    }

    /// Stops at a time, and waits until what led to it is known.
    async fn stop_at(&self, begun: u64, time: &str) {
        let (status, answer) = self.post(json!({ "paused": true, "jump": time })).await;
        assert_eq!(status, 200, "{answer}");
        self.wait_for("replay", |replay| replay["state"] == "paused" && replay["begun"] == begun).await;
    }
}

fn at(second: u64) -> String {
    rfc3339(LONG_AGO + second * SECOND)
}

/// The values of a series of messages, by the seconds of the recording at which their steps begin.
fn steps(messages: &Value) -> Vec<(u64, Option<u64>)> {
    let series = &messages["series"];
    let start = event::time::parse_rfc3339(series["start"].as_str().unwrap()).unwrap();
    let values = series["rows"][0]["count"].as_array().unwrap().iter().zip(0..);
    values.map(|(value, n)| ((start / SECOND + n * 10).wrapping_sub(LONG_AGO / SECOND), value.as_u64())).collect()
}

/// Waits until the page shows something; `text()` is its text, `bar()` that of the bar.
async fn until(page: &Page, shows: &str) {
    let shown = format!(
        "(() => {{ const text = () => document.querySelector('main').innerText; \
         const bar = () => document.querySelector('#replay').innerText; return Boolean({shows}); }})()"
    );
    if let Err(error) = page.until(&shown, PATIENCE).await {
        let texts = "document.querySelector('#replay').innerText + document.querySelector('main').innerText";
        panic!("{error}: {} {:?}", page.value(texts).await.unwrap(), page.wrong());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_played_by_its_own_clock() {
    let folder = tempfile::tempdir().unwrap();
    long_ago(folder.path());
    let listen = ["--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let path = folder.path().to_str().unwrap();
    let running = Running::start(&[&["run", "--replay", path][..], &listen].concat());
    let (api, metrics) = (Api(url_of(&running).await), address_of(&running).await);

    // From its beginning, at the pace of then.
    let first = api.wait_for("nodes", |nodes| nodes[0]["state"] == "up").await;
    assert_eq!(first[0]["node"], "alice");
    let info = api.get("info").await;
    assert!(info["now"].as_str().unwrap().starts_with("2025-01-31T12:0"), "{info:#}");
    assert_eq!((&info["past"]["recording"], &info["past"]["rate"]), (&json!(true), &json!(1.0)));
    let replay = api.get("replay").await;
    assert_eq!((&replay["from"], &replay["pace"]), (&json!("2025-01-31T12:00:00.001000Z"), &json!("original")));
    let density = replay["density"].as_array().unwrap();
    assert!(density[0].as_u64() > Some(0) && density[density.len() * 6 / 10] == 0, "{density:?}");

    // A jump forwards: what led there is known, and nothing of what came after.
    api.stop_at(2, &at(250)).await;
    let messages = api.get("messages?minutes=10").await;
    assert_eq!(messages["types"][0]["count"], 250, "{messages:#}");
    let info = api.get("info").await;
    assert_eq!((info["now"].as_str(), &info["past"]["rate"]), (Some("2025-01-31T12:04:10.000000Z"), &json!(0.0)));
    assert_eq!(api.get("peers").await[0]["addr"], "203.0.113.5:8333");
    let numbers = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    assert!(numbers.contains(" 250\n"), "{numbers}");

    // In the hole, nobody knows whether the node is there, and what was not observed is not quiet.
    api.stop_at(3, &at(400)).await;
    assert_eq!(api.get("nodes").await[0]["state"], "unknown");
    api.stop_at(4, &at(500)).await;
    assert_eq!(api.get("nodes").await[0]["state"], "up");
    let steps = steps(&api.get("messages?minutes=10").await);
    let value = |at| steps.iter().find(|(second, _)| *second == at).map(|(_, value)| *value);
    assert_eq!(
        [value(280), value(310), value(400), value(430)],
        [Some(Some(10)), Some(None), Some(None), Some(Some(10))]
    );

    // Backwards: numbers begin anew.
    api.stop_at(5, &at(99)).await;
    assert_eq!(api.get("messages").await["types"][0]["count"], 99);
    let (_, replay) = api.post(json!({ "paused": false, "pace": "fast" })).await;
    assert_eq!(replay["pace"], "fast");
    let ended = api.wait_for("replay", |replay| replay["state"] == "ended").await;
    assert_eq!(ended["now"], ended["until"]);
    assert_eq!(api.get("messages").await["types"][0]["count"], 480);

    // What is wrong changes nothing, and other sites control nothing.
    for (command, word) in [
        (json!({ "pace": "10" }), "10x"),
        (json!({ "jump": "yesterday", "paused": true }), "yesterday"),
        (json!({ "stop": true }), "stop"),
    ] {
        let (status, answer) = api.post(command).await;
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    let post = || reqwest::Client::new().post(format!("{}api/replay", api.0)).body("{\"paused\":true}");
    assert_eq!(post().send().await.unwrap().status(), 415);
    let elsewhere = post().header("content-type", "application/json").header("origin", "http://other.example");
    assert_eq!(elsewhere.send().await.unwrap().status(), 403);
    assert_eq!(api.get("replay").await["state"], "ended");
    running.signal("-TERM");
    assert!(running.end().await.0.success());

    // The public sees it, and does not control it.
    let public = Running::start(&[&["run", "--replay", path, "--public", "--tools", "web"][..], &listen].concat());
    let api = Api(url_of(&public).await);
    assert_eq!(api.post(json!({ "paused": true })).await.0, 403);
    assert_eq!(api.get("replay").await["may_control"], false);
    let ended = end_of(&["run", "--replay", path, "--tools", "web,archive", "--web-listen", "127.0.0.1:0"]).await;
    assert!(ended.code == 2 && ended.stderr.contains("archive"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_that_it_shows_the_past() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    long_ago(folder.path());
    let path = folder.path().to_str().unwrap();
    let running =
        Running::start(&["run", "--replay", path, "--tools", "web", "--web-listen", "127.0.0.1:0", "--pace", "10x"]);
    let url = url_of(&running).await;
    let browser = Browser::start().await.unwrap();
    let (wide, narrow) = (browser.page(1_400, 900).await.unwrap(), browser.page(390, 844).await.unwrap());
    narrow.prefer("dark").await.unwrap();
    for route in PAGES.map(|(route, _)| route).into_iter().chain(["peer?node=alice&id=5"]) {
        for (page, size) in [(&wide, "wide"), (&narrow, "narrow")] {
            page.go(&format!("{url}#/{route}")).await.unwrap();
            until(page, "document.querySelector('main .view') && /The past[^]*2025-01-31/.test(bar())").await;
            let shown = "(() => { const box = document.querySelector('#replay').getBoundingClientRect(); \
                         return box.top >= 0 && box.bottom < 150 && box.height > 30 && box.right <= innerWidth; })()";
            assert_eq!(page.value(shown).await.unwrap(), true, "{route}");
            assert_eq!(page.value(TOO_WIDE).await.unwrap(), "", "{route} is too wide");
            if let Some(path) = picture(&format!("past-{}-{size}", route.split('?').next().unwrap())) {
                tokio::time::sleep(Duration::from_millis(600)).await;
                page.screenshot(&path).await.unwrap();
            }
            let ages = page.value("document.querySelector('main').innerText.match(/\\d+ (d|y)( \\d+ h)? ago/)").await;
            assert_eq!(ages.unwrap(), Value::Null, "{route}");
            assert!(page.wrong().is_empty(), "{route}: {:?}", page.wrong());
        }
    }
    if let Some(axe) = axe() {
        for page in [&wide, &narrow] {
            let found = barriers(page, &axe).await;
            assert!(found.is_empty(), "{found:#?}");
        }
    }
    let api = Api(url.clone());
    let page = wide;
    page.go(&format!("{url}#/overview")).await.unwrap();
    // By keyboard: to the beginning, and three steps on.
    page.value("document.querySelector('.replay-play').click()").await.unwrap();
    api.wait_for("replay", |replay| replay["state"] == "paused").await;
    until(&page, "bar().includes('paused')").await;
    let key = |key: &str| {
        format!(
            "(() => {{ const line = document.querySelector('.replay-line'); line.focus(); \
             line.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true }})); }})()"
        )
    };
    let go_to = |second: u64| {
        format!(
            "(() => {{ const line = document.querySelector('.replay-line'); line.value = '{}'; \
             line.dispatchEvent(new Event('input')); line.dispatchEvent(new Event('change')); }})()",
            (LONG_AGO / SECOND + second) * 1_000
        )
    };
    page.value(&go_to(200)).await.unwrap();
    api.wait_for("replay", |replay| replay["begun"] == 2 && replay["state"] == "paused").await;
    for _ in 0..3 {
        page.value(&key("ArrowRight")).await.unwrap();
    }
    let replay = api.wait_for("replay", |replay| replay["begun"] == 3 && replay["state"] == "paused").await;
    assert_eq!(replay["now"], "2025-01-31T12:03:23.000000Z");
    until(&page, "document.activeElement.classList.contains('replay-line')").await;
    // As fast as possible, to the end.
    let pace = "(() => { const pace = document.querySelector('.replay-pace'); pace.value = 'fast'; \
                pace.dispatchEvent(new Event('change')); document.querySelector('.replay-play').click(); })()";
    page.value(pace).await.unwrap();
    until(&page, "bar().includes('ended') && document.querySelector('.replay-play').disabled").await;
    // From there back again.
    page.value(&go_to(100)).await.unwrap();
    api.wait_for("replay", |replay| replay["begun"] == 4).await;
    assert!(page.wrong().is_empty(), "{:?}", page.wrong());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_is_filled_from_the_archive() {
    let server = match NatsServer::start("").await {
        Ok(server) => server,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let (past, live) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Nothing was recorded in the last minute but one.
    let mut scene = Scene::new(now_ns() - (SECONDS + 90) * SECOND);
    scene.write(past.path(), 0..SECONDS);
    scene.sequence -= 5;
    scene.write(live.path(), (SECONDS - 5..SECONDS).chain(SECONDS + 85..SECONDS + 90));
    let history = ["--web-history", past.path().to_str().unwrap()];
    let running =
        Running::start(&[&["web", "--nats", &server.url(), "--web-listen", "127.0.0.1:0"][..], &history].concat());
    let api = Api(url_of(&running).await);
    running.wait_until_logged("connected to").await;
    api.wait_for("messages?minutes=30", |messages| messages["types"][0]["count"] == 600).await;
    let ended = end_of(&["replay", live.path().to_str().unwrap(), "--nats", &server.url(), "--pace", "fast"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // What came again is not counted again, and the gap is no quiet.
    let messages = api.wait_for("messages?minutes=30", |messages| messages["types"][0]["count"] != 600).await;
    let messages = if messages["types"][0]["count"] == 605 {
        messages
    } else {
        api.wait_for("messages?minutes=30", |messages| messages["types"][0]["count"] == 605).await
    };
    let values = messages["series"]["rows"][0]["count"].as_array().unwrap();
    let first = values.iter().position(|value| !value.is_null()).unwrap();
    let holes = values[first..].iter().filter(|value| value.is_null()).count();
    assert!((6..=9).contains(&holes), "{values:?}");
    assert!(!values[first..].contains(&json!(0)), "{values:?}");
    assert_eq!(api.get("info").await["past"], Value::Null);
    running.signal("-TERM");
    running.end().await;
}

/// What must be the same in a replay, at the same time.
const ANSWERS: [&str; 9] =
    ["nodes", "peers", "messages", "blocks", "chain", "mempool", "addresses", "transactions", "happenings"];

/// An answer without what is different in each millisecond.
fn without_ages(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            fields.remove("uptime_seconds");
            fields.values_mut().for_each(|field| *field = without_ages(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_ages(item.take())),
        _ => {}
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_shows_what_was_shown_live() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let node = Node::builder().name("alice").debug(["net", "validation", "mempool"]).start().await.unwrap();
    let config = folder.path().join("peer-observer.toml");
    let text = format!("[[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{}\"\n", node.datadir().display());
    std::fs::write(&config, text).unwrap();
    let tools =
        ["--tools", "web,archive", "--web-listen", "127.0.0.1:0", "--archive-directory", archive.to_str().unwrap()];
    let config = ["run", "--config", config.to_str().unwrap(), "--extract", "rpc,log"];
    let running = Running::start(&[&config[..], &tools].concat());
    let live = Api(url_of(&running).await);
    live.wait_for("nodes", |nodes| nodes[0]["state"] == "up" && nodes[0]["height"].is_u64()).await;
    let mut peers = Vec::new();
    for n in 0..3 {
        let options = PeerOptions { user_agent: format!("/peer:{n}/"), ..PeerOptions::default() };
        peers.push(Peer::connect(node.p2p_addr(), options).await.unwrap());
    }
    let blocks = node.mine(3).await.unwrap();
    live.wait_for("nodes", |nodes| nodes[0]["best_block"] == blocks.last().unwrap().to_string()).await;
    live.wait_for("peers", |peers| peers.as_array().unwrap().len() == 3).await;
    // Something may happen while the answers are given: one of several times is quiet enough.
    let mut moments = Vec::new();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut answers = Vec::new();
        for path in ANSWERS {
            answers.push(without_ages(live.get(path).await));
        }
        moments.push((live.get("info").await["now"].as_str().unwrap().to_owned(), answers));
    }
    running.signal("-TERM");
    let (status, logged) = running.end().await;
    assert!(status.success(), "{logged}");

    let listen = ["--tools", "web", "--web-listen", "127.0.0.1:0"];
    let replay = Running::start(&[&["run", "--replay", archive.to_str().unwrap()][..], &listen].concat());
    let past = Api(url_of(&replay).await);
    let mut others = Vec::new();
    for ((time, answers), begun) in moments.iter().zip(2..) {
        past.stop_at(begun, time).await;
        let mut other = None;
        for (path, live) in ANSWERS.iter().zip(answers) {
            let then = without_ages(past.get(path).await);
            if then != *live {
                other.get_or_insert(format!("{path} at {time}\nlive {live:#}\nreplay {then:#}"));
            }
        }
        others.extend(other);
    }
    assert!(others.len() < moments.len(), "{}", others.last().unwrap());
}
