//! The original's programs, as the units of the NixOS module start them, are links to this one: each does its work with a real node and a real
//! nats-server, whose users may only publish or only subscribe.

use std::path::{Path, PathBuf};

use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use event::json::to_json;
use event::{NodeNames, Record};
use extractor_ebpf::kernel::KernelSupport;
use futures_util::{SinkExt, StreamExt};
use testbed::{NatsServer, Node, Peer, PeerOptions, eventually};
use tokio_tungstenite::tungstenite::Message;

use super::read;
use crate::process::{PATIENCE, Running, command_of, end_of, end_of_command};

/// As the module has them: extractors may not subscribe, tools may not publish.
const USERS: &str = "authorization { users: [
    { user: extractor, password: \"extractor's\", permissions: { publish: \">\", subscribe: { deny: \">\" } } }
    { user: tool, password: \"tool's\", permissions: { publish: { deny: \">\" }, subscribe: \">\" } }
    { user: test, password: test }
] }";

/// Links with the names of the original's programs, and how they are started.
struct Programs {
    folder: tempfile::TempDir,
    nats: String,
}

impl Programs {
    async fn new(server: &NatsServer) -> Self {
        let programs = Self { folder: tempfile::tempdir().unwrap(), nats: server.addr().to_string() };
        let made = end_of(&["links", programs.path("bin").to_str().unwrap()]).await;
        assert_eq!(made.code, 0, "{}", made.stderr);
        std::fs::write(programs.path("password"), "extractor's\n").unwrap();
        programs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, name: &str, args: &[&str]) -> tokio::process::Command {
        let mut command = command_of(&self.path("bin").join(name), args);
        command.env("HOME", self.folder.path()).env_remove("XDG_STATE_HOME").env_remove("STATE_DIRECTORY");
        command
    }

    /// With the password in a file, as the module's `nats.passwordFile`.
    async fn extractor(&self, name: &str, args: &[&str]) -> Running {
        let password = self.path("password");
        let nats = ["--nats-address", &self.nats, "--nats-username", "extractor", "--nats-password-file"];
        let args = [&nats[..], &[password.to_str().unwrap()], args].concat();
        let running = Running::start_command(self.command(name, &args));
        running.wait_until_logged("connected to the NATS server").await;
        running
    }

    async fn tool(&self, name: &str, args: &[&str]) -> Running {
        let nats = ["--nats-address", &self.nats, "--nats-username", "tool", "--nats-password", "tool's"];
        let mut command = self.command(name, &[&nats[..], args].concat());
        // Addresses of this machine are tried, which nodes of the internet do not have.
        command
            .env("PEER_OBSERVER_CONNECTIVITY_CHAIN", "regtest")
            .env("PEER_OBSERVER_CONNECTIVITY_ALLOW", "127.0.0.0/8");
        let running = Running::start_command(command);
        running.wait_until_logged("connected to the NATS server").await;
        running
    }
}

/// Waits until numbers have a line that begins so, and is not 0.
async fn wait_for_number(address: &str, series: &str) {
    let ask = || async {
        let text = reqwest::get(format!("http://{address}/metrics")).await.ok()?.text().await.ok()?;
        text.lines().any(|line| line.starts_with(series) && !line.ends_with(" 0")).then_some(())
    };
    eventually(series, PATIENCE, ask).await.unwrap_or_else(|error| panic!("{series} at {address}: {error}"));
}

/// Waits until the server has an event of each subject. All are read as the original reads them.
async fn wait_for_subjects(mut events: async_nats::Subscriber, mut missing: Vec<&str>) {
    let waiting = async {
        while !missing.is_empty() {
            let message = events.next().await.unwrap();
            read(&message.payload).unwrap_or_else(|error| panic!("{}: {error}", message.subject));
            missing.retain(|subject| *subject != message.subject.as_str());
        }
    };
    let outcome = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(outcome.is_ok(), "nothing came under {missing:?}");
}

/// A FIFO, and what the module's other unit does: `tail -F debug.log > fifo`.
fn tail(log: &Path, fifo: &Path) -> tokio::process::Child {
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let script = format!("exec tail -n 0 -F '{}' > '{}'", log.display(), fifo.display());
    tokio::process::Command::new("sh").args(["-c", &script]).kill_on_drop(true).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_does_its_work_as_its_unit_starts_it() {
    let (Some(bitcoind), Some(_)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else { return };
    let server = NatsServer::start(USERS).await.unwrap();
    let programs = Programs::new(&server).await;
    let has_ipc = testbed::has_option(&bitcoind, "-ipcbind");
    // Of the user "me" with the password "mine", beside the cookie file.
    let rpcauth = "rpcauth=me:5a17$ddaca4fc3a174962ac6170283f179e16bd0814d40cd7c5b7e3c4c8f40a8ce024";
    let node = Node::builder().name("alice").debug(["net", "validation"]).config(rpcauth);
    let node = if has_ipc { node.arg("-ipcbind=unix") } else { node }.start().await.unwrap();
    let chain = node.datadir().join("regtest");
    let options = async_nats::ConnectOptions::new().user_and_password("test".into(), "test".into());
    let client = options.connect(server.url()).await.unwrap();
    let events = client.subscribe("*").await.unwrap();
    client.flush().await.unwrap();

    let [metrics, connectivity, websocket, rpc, ipc, p2p] =
        std::array::from_fn(|_| testbed::free_port().unwrap().to_string());
    let output = programs.path("archiver");
    let output = output.to_str().unwrap();
    let archiver = ["--output-dir", output, "--base-name", "a.b", "--max-file-size", "1000000", "--compression-level"];
    let tools = [
        programs.tool("metrics", &["--metrics-address", &metrics]).await,
        programs.tool("connectivity-check", &["--metrics-address", &connectivity]).await,
        programs.tool("websocket", &["--websocket-address", &websocket]).await,
        programs.tool("archiver", &[&archiver[..], &["3", "--rpc", "--log-extractor"]].concat()).await,
    ];
    let mut alerts = programs.tool("alerts", &["--ping-threshold", "3"]).await;
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{websocket}/")).await.unwrap();
    socket.send(Message::text(r#"{"ebpf":{"messages":true},"rpc":true}"#)).await.unwrap();

    let fifo = programs.path("fifo");
    let _tail = tail(&node.debug_log(), &fifo);
    let rpc_address = node.rpc_addr().to_string();
    let mut extractors = vec![
        programs
            .extractor(
                "rpc-extractor",
                &[
                    "--rpc-host",
                    &rpc_address,
                    "--rpc-user",
                    "me",
                    "--rpc-password",
                    "mine",
                    "--prometheus-address",
                    &rpc,
                ],
            )
            .await,
        programs.extractor("p2p-extractor", &["--p2p-network", "regtest", "--p2p-address", &p2p]).await,
        programs.extractor("log-extractor", &["--bitcoind-pipe", fifo.to_str().unwrap()]).await,
    ];
    let mut subjects = vec!["rpc", "p2p-extractor", "log-extractor"];
    if has_ipc {
        let socket = chain.join("node.sock");
        let args = ["--ipc-socket-path", socket.to_str().unwrap(), "--prometheus-address", &ipc];
        extractors.push(programs.extractor("ipc-extractor", &args).await);
        subjects.push("ipc");
    } else {
        testbed::skipped("ipc-extractor: the bitcoind has no IPC");
    }
    let traced = extractor_ebpf::tracepoints_of(&bitcoind).is_ok_and(|found| found.contains("net:inbound_message"));
    if KernelSupport::this().obstacle().is_none() && traced {
        let pid_file = chain.join("bitcoind.pid");
        let path = bitcoind.to_str().unwrap();
        let args = ["--bitcoind-path", path, "--bitcoind-pid-file", pid_file.to_str().unwrap(), "--libbpf-debug"];
        extractors.push(programs.extractor("ebpf-extractor", &args).await);
        subjects.extend(["netmsg", "netconn", "validation"]);
    } else {
        testbed::skipped("ebpf-extractor: tracepoints cannot be followed here");
    }

    node.rpc("addnode", serde_json::json!([p2p, "onetry"])).await.unwrap();
    let mut peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    for nonce in 0..10 {
        peer.send(NetworkMessage::Ping(nonce)).unwrap();
    }
    node.mine(1).await.unwrap();
    wait_for_subjects(events, subjects.clone()).await;
    peer.sync().await.unwrap();
    while !alerts.next_line().await.contains("ping_spam") {}

    // The websocket sends what was subscribed to, and nothing else.
    let subscribed = tokio::time::timeout(PATIENCE, async {
        loop {
            let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
            let event: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(event.get("LogExtractor").is_none() && event.get("P2pExtractor").is_none(), "{event}");
            if !event["RpcExtractor"]["rpc_event"]["PeerInfos"].is_null() {
                return;
            }
        }
    });
    subscribed.await.expect("an event in time");

    wait_for_number(&metrics, "peerobserver_rpc_peer_info_num_peers").await;
    wait_for_number(&metrics, "peerobserver_p2pextractor_ping_duration_nanoseconds").await;
    wait_for_number(&metrics, "peerobserver_log_events").await;
    wait_for_number(&rpc, "peerobserver_rpc_calls_total").await;
    if has_ipc {
        wait_for_number(&ipc, "peerobserver_source_up").await;
    }
    if subjects.contains(&"netmsg") {
        // The node hears of an address, which is its own.
        let address = AddrV2Message {
            time: u32::try_from(event::time::now_ns() / 1_000_000_000).unwrap(),
            services: ServiceFlags::NETWORK,
            addr: AddrV2::Ipv4(std::net::Ipv4Addr::LOCALHOST),
            port: node.p2p_addr().port(),
        };
        peer.send(NetworkMessage::AddrV2(vec![address])).unwrap();
        wait_for_number(&connectivity, "connectivitycheck_addr_tried").await;
        wait_for_number(&connectivity, "connectivitycheck_addr_successful_connection").await;
    } else {
        assert!(reqwest::get(format!("http://{connectivity}/metrics")).await.unwrap().status().is_success());
    }

    for program in extractors.into_iter().chain(tools).chain([alerts]) {
        program.signal("-TERM");
        let (status, logged) = program.end().await;
        assert_eq!(status.code(), Some(0), "{logged}");
        assert!(!logged.contains("tool's") && !logged.contains("extractor's") && !logged.contains("mine"), "{logged}");
    }
    let files: Vec<_> = std::fs::read_dir(output).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(files.iter().any(|name| name.to_str().unwrap().starts_with("a.b.")), "{files:?}");
    let info = end_of_command(programs.command("archiveinfo", &[output]), b"").await;
    assert!(
        info.code == 0 && info.stdout.contains("rpc") && info.stdout.contains("log"),
        "{}{}",
        info.stdout,
        info.stderr
    );
    assert!(!info.stdout.contains("p2p"), "{}", info.stdout);
    let printed = end_of_command(programs.command("replayer", &[output]), b"").await;
    assert!(printed.code == 0 && printed.stdout.contains("getpeerinfo"), "{}{}", printed.stdout, printed.stderr);
}

/// Two nodes of one program: the file with the process id says which one is meant, also after its restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_pid_file_chooses_one_of_two_nodes() {
    let (Some(bitcoind), Some(_)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else { return };
    let traced = extractor_ebpf::tracepoints_of(&bitcoind).is_ok_and(|found| found.contains("net:inbound_message"));
    if KernelSupport::this().obstacle().is_some() || !traced {
        testbed::skipped("tracepoints cannot be followed here");
        return;
    }
    let server = NatsServer::start(USERS).await.unwrap();
    let programs = Programs::new(&server).await;
    let (alice, bob) = tokio::join!(Node::builder().name("alice").start(), Node::builder().name("bob").start());
    let (alice, bob) = (alice.unwrap(), bob.unwrap());
    let pid_file = alice.datadir().join("regtest/bitcoind.pid");
    let args = ["--bitcoind-path", bitcoind.to_str().unwrap(), "--bitcoind-pid-file", pid_file.to_str().unwrap()];
    let extractor = programs.extractor("ebpf-extractor", &args).await;
    extractor.wait_until_logged("following").await;
    let options = async_nats::ConnectOptions::new().user_and_password("test".into(), "test".into());
    let client = options.connect(server.url()).await.unwrap();
    let mut events = client.subscribe("validation").await.unwrap();
    client.flush().await.unwrap();
    let mut next = async || {
        let message = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").unwrap();
        let record = Record::from_bytes(message.payload, &mut NodeNames::default()).unwrap();
        serde_json::from_str::<serde_json::Value>(&to_json(&record)).unwrap()["body"]["hash"].clone()
    };
    for restart in [false, true] {
        if restart {
            alice.restart().await.unwrap();
        }
        bob.mine(1).await.unwrap();
        alice.mine(1).await.unwrap();
        assert_eq!(next().await, alice.rpc("getbestblockhash", serde_json::json!([])).await.unwrap(), "{restart}");
    }
    // What bob has now comes before what alice has then.
    bob.mine(3).await.unwrap();
    alice.mine(1).await.unwrap();
    assert_eq!(next().await, alice.rpc("getbestblockhash", serde_json::json!([])).await.unwrap());
    extractor.signal("-TERM");
    assert_eq!(extractor.end().await.0.code(), Some(0));
}

/// What a program does not have is named, with what takes its place.
#[tokio::test]
async fn options_that_are_not_there_have_an_equivalent() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(end_of(&["links", folder.path().to_str().unwrap()]).await.code, 0);
    for (name, args, says) in [
        ("rpc-extractor", &["--rpc-interval", "uptime=5s"][..], "set it by PEER_OBSERVER_RPC_INTERVAL"),
        ("rpc-extractor", &["--rpc-hots", "h:1"], "did you mean \"--rpc-host\"?"),
        ("log-extractor", &["--once", "x"], "it is one of `peer-observer extract log`: run that"),
        ("metrics", &["--metrics-address", "nowhere"], "metrics is run as: peer-observer metrics"),
        ("alerts", &["--ping-threshold", "many"], "--ping-threshold is a number"),
        ("p2p-extractor", &["--p2p-network", "moonnet"], "moonnet"),
    ] {
        let ended = end_of_command(command_of(&folder.path().join(name), args), b"").await;
        assert!(ended.code == 2 && ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
    let help = end_of_command(command_of(&folder.path().join("ebpf-extractor"), &["--help"]), b"").await;
    assert!(help.code == 0 && help.stdout.contains("--bitcoind-pid-file") && help.stdout.contains("--pid-file"));
    let names = end_of(&["links"]).await.stdout;
    let manual = include_str!("../../../../../docs/switching.md");
    for line in names.lines() {
        let (name, ours) = line.split_once(' ').unwrap();
        assert!(manual.contains(&format!("| `{name}` | `{}`", ours.trim())), "{line}");
        let help = end_of_command(command_of(&folder.path().join(name), &["--help"]), b"").await.stdout;
        for word in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 4) {
            let option = word.trim_end_matches([',', ';', '.']);
            assert!(manual.contains(option) || ["--help", "--version"].contains(&option), "{name} {option}");
        }
    }
    let taken = tempfile::tempdir().unwrap();
    std::fs::write(taken.path().join("metrics"), "mine").unwrap();
    let ended = end_of(&["links", taken.path().to_str().unwrap()]).await;
    assert!(ended.code == 2 && ended.stderr.contains("there is something else of this name"), "{}", ended.stderr);
}
