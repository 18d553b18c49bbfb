//! The whole report, of real nodes and of none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::Node;

use super::report::{Check, NodeReport, State};
use super::{Target, examine, text as render};

fn check<'a>(node: &'a NodeReport, interface: &str) -> &'a Check {
    node.checks.iter().find(|check| check.interface == interface).unwrap_or_else(|| panic!("{interface}: {node:?}"))
}

#[tokio::test]
async fn a_node_on_this_machine() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder()
        .debug(["net", "validation"])
        .config("logips=1")
        // Password: geheim.
        .config("rpcauth=limited:00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36")
        .config("rpcwhitelistdefault=0")
        .config("rpcwhitelist=limited:uptime,getpeerinfo")
        .start()
        .await
        .unwrap();
    let target = Target { datadir: Some(node.datadir().to_owned()), ..Target::default() };
    let limited = Target {
        rpc_user: Some("limited".to_owned()),
        rpc_password: Some(node::Secret::new("geheim")),
        ..target.clone()
    };
    let report = examine(&[("a".to_owned(), target.clone()), ("b".to_owned(), limited)], None).await;
    assert!(report.anything_observable());
    let [a, b] = &report.nodes[..] else { panic!("{report:?}") };
    assert!(a.what.contains("regtest") && a.what.contains(&format!("process {}", node.pid().unwrap())), "{a:?}");

    // Of the node's version: v29 and later have all methods.
    assert_ne!(check(a, "RPC").state, State::Missing);
    assert_eq!(check(a, "debug.log").state, State::Ok);
    let categories = check(a, "log categories");
    assert_eq!(categories.state, State::Limited);
    assert!(categories.what.starts_with("enabled: net, validation; missing: mempool, mempoolrej"), "{categories:?}");
    assert!(categories.remedies[0].lines.iter().any(|line| line.starts_with("debug=mempoolrej ")), "{categories:?}");
    assert!(categories.remedies[0].advice.contains(&*node.datadir().to_string_lossy()), "{categories:?}");
    let options = check(a, "log options");
    let [micros, threads] = &options.remedies[0].lines[..] else { panic!("{options:?}") };
    assert!(micros.starts_with("logtimemicros=1 ") && threads.starts_with("logthreadnames=1 "), "{options:?}");
    assert_eq!(check(a, "P2P").state, State::Ok);
    let traced = fs::read(node.binary()).unwrap().windows(8).any(|w| w == b"stapsdt\0");
    assert_eq!(check(a, "tracepoints").state == State::Missing, !traced);

    let rpc = check(b, "RPC");
    assert!(rpc.state == State::Limited && rpc.what.contains("forbidden: getmempoolinfo, getnettotals"), "{rpc:?}");
    assert!(rpc.remedies[0].lines[0].starts_with("rpcwhitelist=limited:getpeerinfo,getmempoolinfo"), "{rpc:?}");

    let text = render(&report, false);
    assert!(text.contains("  debug.log       ok       "), "{text}");
    assert!(!text.contains("geheim") && !text.contains('\x1b') && render(&report, true).contains('\x1b'));
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["nodes"][0]["checks"][0]["interface"], json!("tracepoints"));
    assert_eq!(value["nodes"][1]["checks"][1]["state"], json!("limited"));

    node.stop().await.unwrap();
    let report = examine(&[("a".to_owned(), target)], None).await;
    let rpc = check(&report.nodes[0], "RPC");
    assert!(rpc.state == State::Missing && rpc.what.contains("cannot read the cookie"), "{rpc:?}");
    assert_eq!(check(&report.nodes[0], "P2P").state, State::Missing);
}

#[tokio::test]
async fn no_node_one_elsewhere_and_one_that_is_not_there() {
    let none = examine(&[], None).await;
    assert!(!none.anything_observable());
    let text = render(&none, false);
    assert!(
        text.contains("found no Bitcoin node") && text.contains("--datadir") && text.contains("[[node]]"),
        "{text}"
    );
    assert!(text.contains("eBPF kernel") && text.contains("eBPF capabilities"), "{text}");

    // A loopback address that is not 127.0.0.1 would be local; this one is for documentation only and answers nothing.
    let elsewhere = Target { rpc: Some("[100::1]:8332".parse().unwrap()), ..Target::default() };
    let gone = Target { datadir: Some("/no/such/directory".into()), ..Target::default() };
    let report = examine(&[("far".to_owned(), elsewhere), ("gone".to_owned(), gone)], None).await;
    assert!(!report.anything_observable());
    let [far, gone] = &report.nodes[..] else { panic!("{report:?}") };
    for interface in ["tracepoints", "debug.log"] {
        assert!(check(far, interface).what.contains("on another machine"), "{far:?}");
    }
    assert!(check(far, "RPC").what.contains("no login"), "{far:?}");
    let node = check(gone, "node");
    assert!(node.state == State::Missing && node.what.contains("/no/such/directory"), "{node:?}");
}

/// A node that was started with the configuration of a case, as its operator does.
struct Started {
    datadir: tempfile::TempDir,
    process: Child,
}

/// Starts a node in whose data directory nothing but bitcoin.conf need be. Only loopback addresses are listened on or dialled.
fn spawn(bitcoind: &Path, datadir: &Path) -> Child {
    Command::new(bitcoind)
        .arg(format!("-datadir={}", datadir.display()))
        .args(["-connect=0", "-dnsseed=0", "-discover=0", "-listenonion=0", "-natpmp=0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Started {
    /// `ports`: pairs of a port in the configuration and one that is free here.
    fn new(bitcoind: &Path, case: &str, ports: &[(u16, u16)]) -> Self {
        let datadir = tempfile::tempdir().unwrap();
        let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case);
        for file in ["bitcoin.conf", "regtest/bitcoin_rw.conf"] {
            let Ok(mut text) = fs::read_to_string(input.join(file)) else { continue };
            for (port, free) in ports {
                text = text.replace(&port.to_string(), &free.to_string());
            }
            let path = datadir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let process = spawn(bitcoind, datadir.path());
        Self { datadir, process }
    }

    /// Starts the node anew with another configuration.
    fn restart(&mut self, bitcoind: &Path, conf: &str) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        fs::write(self.conf(), conf).unwrap();
        self.process = spawn(bitcoind, self.datadir.path());
    }

    /// The report when the RPC server answers.
    async fn report(&mut self) -> NodeReport {
        // Its output must not fill the pipe.
        if let Some(mut output) = self.process.stdout.take() {
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        }
        let target = Target { pid: Some(self.process.id()), ..Target::default() };
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let mut report = examine(&[("case".to_owned(), target.clone())], None).await;
            let node = report.nodes.pop().unwrap();
            let is_up = node.checks.iter().any(|check| check.interface == "RPC" && check.what.contains("lets us in"));
            if is_up {
                return node;
            }
            assert!(Instant::now() < end && self.process.try_wait().unwrap().is_none(), "{node:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn conf(&self) -> PathBuf {
        self.datadir.path().join("bitcoin.conf")
    }
}

/// Ports that are free until somebody else takes them.
fn free_ports<const N: usize>() -> [u16; N] {
    [(); N].map(|()| testbed::free_port().unwrap().port())
}

/// The case conf-01: Bitcoin Knots reads bitcoin_rw.conf, which its GUI writes.
#[tokio::test]
async fn a_node_that_was_configured_in_the_gui_of_knots() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    let is_knots = fs::read(&bitcoind).unwrap().windows(7).any(|window| window == b"-confrw");
    if !is_knots {
        testbed::skipped("the bitcoind is not Bitcoin Knots");
        return;
    }
    let [other, rpc] = free_ports();
    let mut node = Started::new(&bitcoind, "conf-01", &[(29602, other), (29612, rpc)]);
    let report = node.report().await;
    assert!(check(&report, "RPC").what.starts_with(&format!("127.0.0.1:{rpc} lets us in")), "{report:?}");
    assert!(check(&report, "log categories").what.starts_with("enabled: net, mempool; missing"), "{report:?}");
    assert!(check(&report, "log options").what.starts_with("logips=1, logtimestamps=1; missing"), "{report:?}");
    assert_eq!(report.notes, [""; 0]);
}

/// The case conf-02: below a section, lines count for its chain only.
#[tokio::test]
async fn advice_for_a_configuration_that_ends_in_sections_works() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    let [rpc, p2p] = free_ports();
    let mut node = Started::new(&bitcoind, "conf-02", &[]);
    let conf = fs::read_to_string(node.conf()).unwrap();
    let conf = format!("regtest.rpcport={rpc}\nregtest.bind=127.0.0.1:{p2p}\n{conf}");
    node.restart(&bitcoind, &conf);
    let report = node.report().await;
    let mut lines = Vec::new();
    for interface in ["log categories", "log options"] {
        let remedy = &check(&report, interface).remedies[0];
        let place =
            format!("put at the top of {}, before the first [section], and restart the node:", node.conf().display());
        assert_eq!(remedy.advice, place);
        lines.extend(remedy.lines.clone());
    }
    node.restart(&bitcoind, &format!("{}\n{conf}", lines.join("\n")));
    let report = node.report().await;
    for interface in ["log categories", "log options"] {
        assert_eq!(check(&report, interface).state, State::Ok, "{report:?}");
    }
}

/// The case conf-03: a node for Tor only, whose log goes to standard output (nix-bitcoin with enforceTor).
#[tokio::test]
async fn a_node_for_tor_only() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    let [onion, plain, rpc] = free_ports();
    let mut node = Started::new(&bitcoind, "conf-03", &[(29503, onion), (29501, plain), (29502, rpc)]);
    let report = node.report().await;
    let p2p = check(&report, "P2P");
    assert_eq!((&*p2p.what, p2p.remedies.len()), (&*format!("listens for Tor only, at 127.0.0.1:{onion}"), 0));
    let log = check(&report, "debug.log");
    assert!(log.what.starts_with("none; the log is on standard output"), "{log:?}");
    assert!(log.remedies[0].lines[0].ends_with(" | peer-observer run --debug-log -"), "{log:?}");
}
