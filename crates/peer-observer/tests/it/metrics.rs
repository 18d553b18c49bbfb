//! Numbers, from the node to whoever is called.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use testbed::{Monitor, NatsServer, Node, Webhook, eventually};

use crate::process::{PATIENCE, Running, command, end_of};

/// Where a running program serves its numbers.
pub async fn address_of(running: &Running) -> String {
    running.wait_until_logged("metrics on http://").await;
    let logged = running.logged();
    let (_, rest) = logged.split_once("metrics on http://").unwrap();
    rest.split_once("/metrics").unwrap().0.to_owned()
}

async fn page(address: &str, query: &str, headers: &[(&'static str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(format!("http://{address}/metrics{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn text(address: &str, query: &str) -> String {
    page(address, query, &[]).await.text().await.unwrap()
}

/// Waits until a page has a line that begins so.
pub async fn wait_for_line(address: &str, begin: &str) -> String {
    let look = || async { text(address, "").await.lines().find(|line| line.starts_with(begin)).map(str::to_owned) };
    eventually(begin, PATIENCE, look).await.unwrap()
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_the_demo_reaches_the_operator() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_prometheus()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::start(&["demo", "--nodes", "2", "-o", "json", "--metrics-listen", "127.0.0.1:0"]);
    let address = address_of(&demo).await;
    wait_for_line(&address, "peerobserver_rpc_uptime{node=\"alice\"}").await;

    let mut webhook = Webhook::start().await.unwrap();
    let config = folder.path().join("alertmanager.yml");
    let receiver = format!("receivers: [{{name: test, webhook_configs: [{{url: '{}'}}]}}]\n", webhook.url());
    fs::write(&config, format!("route: {{receiver: test, group_by: ['...'], group_wait: 0s}}\n{receiver}")).unwrap();
    let alertmanager = Monitor::alertmanager(&config).await.unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prometheus/rules").canonicalize().unwrap();
    let config = folder.path().join("prometheus.yml");
    let text_of = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}\n\
         rule_files: ['{}/*.yml']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n\
         scrape_configs: [{{job_name: peer-observer, static_configs: [{{targets: ['{address}']}}]}}]\n",
        rules.display(),
        alertmanager.addr(),
    );
    fs::write(&config, text_of).unwrap();
    let prometheus = Monitor::prometheus(&config).await.unwrap();

    // The demo's nodes were started just now, which the rules tell.
    let is_it = |alert: &Value| alert["labels"]["alertname"] == "NodeRestarted" && alert["labels"]["node"] == "bob";
    let post = webhook.next(PATIENCE, |post| post["alerts"].as_array().unwrap().iter().any(is_it)).await.unwrap();
    assert!(post["alerts"][0]["annotations"]["manual"].as_str().unwrap().starts_with("docs/prometheus.md#"), "{post}");

    let count = prometheus.get("query", &[("query", "count({__name__=~\"peerobserver_.+\"})")]).await.unwrap();
    let series: f64 = count["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(series > 1_000.0, "{series}");
    let types = prometheus.get("metadata", &[("metric", "peerobserver_connections_opened")]).await.unwrap();
    assert_eq!(types["peerobserver_connections_opened"][0]["type"], "counter", "it was read as OpenMetrics: {types}");

    demo.signal("-TERM");
    let (status, stderr) = demo.end().await;
    assert!(status.success(), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_over_nats_in_all_forms_of_the_page() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else { return };
    let server = NatsServer::start("").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    fs::write(&list, "10.0.0.0/8\n1.2.3.4\nnonsense\n").unwrap();
    let (set, url) = (format!("mine={}", list.display()), server.url());
    let tool = Running::start(&["metrics", "--nats", &url, "--metrics-listen", "127.0.0.1:0", "--set", &set]);
    let address = address_of(&tool).await;
    assert_eq!(
        wait_for_line(&address, "peerobserver_set_networks{set=\"mine\"}").await.rsplit_once(' ').unwrap().1,
        "2"
    );

    let node = Node::builder().name("alice").start().await.unwrap();
    let datadir = node.datadir().display().to_string();
    let run = ["run", "--name", "alice", "--datadir", &datadir, "--chain", "regtest", "--nats", &url];
    let observer = Running::start(&run);
    wait_for_line(&address, "peerobserver_rpc_blockchaininfo_blocks ").await;
    wait_for_line(&address, "peerobserver_node_threads{thread=\"b-msghand\"} 1").await;
    wait_for_line(&address, "peerobserver_extractor_up{extractor=\"rpc\"} 1").await;

    let plain = page(&address, "", &[]).await;
    assert_eq!(header(&plain, "content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let plain = plain.text().await.unwrap();
    assert!(!plain.contains("node=\"") && !plain.contains("# EOF"), "one node needs no label");
    let gone: Vec<&str> = plain.lines().filter(|line| line.starts_with("peerobserver_events_missing_total")).collect();
    assert!(gone.iter().all(|line| line.ends_with(" 0")), "{gone:?}");

    let open = page(
        &address,
        "?node=alice",
        &[("accept", "application/openmetrics-text;version=1.0.0"), ("accept-encoding", "gzip")],
    )
    .await;
    assert!(header(&open, "content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    assert_eq!(header(&open, "content-encoding"), "gzip");
    let packed = open.bytes().await.unwrap();
    let mut open = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut open).unwrap();
    assert!(open.ends_with("# EOF\n") && open.contains("peerobserver_events_created{source=\"rpc\"} "));
    assert!(
        open.contains("# TYPE peerobserver_p2p_message_count unknown")
            || !open.contains("peerobserver_p2p_message_count")
    );

    let missing = page(&address, "?node=bob%0a", &[]).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.text().await.unwrap(), "there is no node \"bob\\n\"; there are: \"alice\"\n");

    // Files are read again when they change; what cannot be read leaves what was there.
    fs::write(&list, "10.0.0.0/8\n1.2.3.4\n5.6.7.8\n").unwrap();
    wait_for_line(&address, "peerobserver_set_networks{set=\"mine\"} 3").await;
    fs::remove_file(&list).unwrap();
    tool.signal("-HUP");
    tool.wait_until_logged("its networks of before stay in use").await;
    wait_for_line(&address, "peerobserver_set_networks{set=\"mine\"} 3").await;

    observer.signal("-TERM");
    assert!(observer.end().await.0.success());
    wait_for_line(&address, "peerobserver_extractor_up{extractor=\"rpc\"} 0").await;
    tool.signal("-TERM");
    assert!(tool.end().await.0.success());
}

/// The address of a tool `metrics` without events, with these options and these variables of the environment.
async fn guarded(options: &[&str], environment: &[(&str, &str)]) -> (Running, String) {
    let mut command = command(&[&["metrics", "--stdin", "--metrics-listen", "127.0.0.1:0"][..], options].concat());
    command.envs(environment.iter().copied());
    let tool = Running::start_command(command);
    tool.wait_until_logged("metrics on http").await;
    let logged = tool.logged();
    let (_, url) = logged.split_once("metrics on http").unwrap();
    let address = url.split_once("://").unwrap().1.split_once("/metrics").unwrap().0.to_owned();
    (tool, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_logs_in_over_tls_and_nobody_else_gets_the_numbers() {
    if testbed::require_prometheus().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = ["--metrics-tls-cert", &certificate, "--metrics-tls-key", &key];
    let named = guarded(&tls, &[("PEER_OBSERVER_METRICS_AUTH", "prometheus:correct horse")]).await;
    let token = guarded(&["--metrics-auth", "correct-horse", "--metrics-host", "node1.example"], &[]).await;

    let config = path("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         scrape_configs:\n\
         - {{job_name: named, scheme: https, tls_config: {{ca_file: '{certificate}'}}, \
             basic_auth: {{username: prometheus, password: correct horse}}, static_configs: [{{targets: ['{0}']}}]}}\n\
         - {{job_name: token, authorization: {{credentials: correct-horse}}, static_configs: [{{targets: ['{1}']}}]}}\n\
         - {{job_name: wrong, authorization: {{credentials: wrong-horse}}, static_configs: [{{targets: ['{1}']}}]}}\n\
         - {{job_name: anonymous, static_configs: [{{targets: ['{1}']}}]}}\n",
        named.1, token.1
    );
    fs::write(&config, text).unwrap();
    let prometheus = Monitor::prometheus(Path::new(&config)).await.unwrap();
    let all_up = || async {
        let up = prometheus.get("query", &[("query", "sort(up)")]).await.ok()?;
        let up: Vec<_> =
            up["result"].as_array()?.iter().map(|row| row["value"][1].as_str().unwrap().to_owned()).collect();
        (up == ["0", "0", "1", "1"]).then_some(())
    };
    eventually("two jobs that may, and two that may not", PATIENCE, all_up).await.unwrap();
    let up = prometheus.get("query", &[("query", "up == 1")]).await.unwrap();
    let jobs: Vec<_> = up["result"].as_array().unwrap().iter().map(|row| row["metric"]["job"].clone()).collect();
    assert!(jobs.contains(&"named".into()) && jobs.contains(&"token".into()), "{jobs:?}");

    // The name that a request is sent to must be known, so that no page of another site gets the numbers by its own name.
    for (host, status) in [("node1.example:8282", 200), ("localhost", 200), ("evil.example", 421)] {
        let answer = page(&token.1, "", &[("host", host), ("authorization", "Bearer correct-horse")]).await;
        assert_eq!(answer.status(), status, "{host}");
    }
    token.0.wait_until_logged("a request to the name \"evil.example\" is refused; --metrics-host allows names").await;
    for (tool, _) in [named, token] {
        tool.signal("-TERM");
        assert!(tool.end().await.0.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_serves_numbers_to_everyone_is_warned() {
    for (options, warned) in
        [(&["--metrics-listen", "0.0.0.0:0"][..], true), (&["--metrics-listen", "127.0.0.1:0"], false)]
    {
        for auth in [&[][..], &["--metrics-auth", "correct horse"]] {
            let ended = end_of(&[&["metrics", "--stdin", "--check"][..], options, auth].concat()).await;
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            let warns = ended.stderr.contains("--metrics-auth requires a login");
            assert_eq!(warns, warned && auth.is_empty(), "{options:?} {auth:?}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, words) in [
        (["--metrics-listen", &taken], "choose another address with --metrics-listen"),
        (["--metrics-listen", "8282"], "write an address and a port"),
        (["--asmap", "/nowhere"], "cannot read the asmap file /nowhere"),
        (["--asmap", "/etc/passwd"], "is no asmap file"),
        (["--set", "mine=/nowhere"], "set mine: cannot read /nowhere"),
        (["--set", "MINE=/etc/passwd"], "is no name of a set"),
        (["--label-values", "0"], "it must be from 1 to 1000"),
        (["--metrics-auth", "short"], "metrics.auth: the token, or the password, must have 8 characters at least"),
        (["--metrics-tls-cert", "/nowhere"], "metrics.tls_cert and metrics.tls_key go together"),
    ] {
        let mut all = vec!["metrics", "--nats", "nats://127.0.0.1:1"];
        all.extend(arguments);
        if arguments[0] != "--metrics-listen" {
            all.extend(["--metrics-listen", "127.0.0.1:0"]);
        }
        let ended = end_of(&all).await;
        assert!(ended.code == 2 && ended.stderr.contains(words), "{arguments:?}: {} {}", ended.code, ended.stderr);
    }
}
