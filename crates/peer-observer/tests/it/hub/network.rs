//! Three hosts and a hub, each in a network of its own, with the files that `peer-observer fleet` makes.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testbed::{Hosts, Node, eventually, skipped};
use tokio::process::Command;

use crate::process::{Ended, PATIENCE, Running, command_of, end_of, end_of_command};

pub const NAMES: [&str; 3] = ["tokyo", "paris", "lima"];
/// The networks, and the folder of all files.
pub struct Fleet {
    pub hosts: Hosts,
    folder: tempfile::TempDir,
}

impl Fleet {
    pub fn new() -> Option<Self> {
        testbed::require_bitcoind()?;
        testbed::require_nats_server()?;
        let folder = tempfile::tempdir().unwrap();
        match Hosts::new(3) {
            Ok(hosts) => Some(Self { hosts, folder }),
            Err(error) => {
                skipped(&format!("hosts of a fleet in networks of their own: {error:#}"));
                None
            }
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A list in which everything is below the folder. Nodes have the extractors that need no tracepoints.
    pub fn list(&self, nodes: &[PathBuf]) -> PathBuf {
        let (at, list) = (self.folder.path().display(), self.path("fleet.toml"));
        let mut text = format!(
            "[hub]\naddress = \"{}\"\nkeep = \"256MiB\"\ndirectory = \"{at}/fleet/hub\"\nnats_store = \"{at}/nats-hub\"\n\
             [hub.config.archive]\ndirectory = \"{at}/archive\"\nsync_every = \"100ms\"\n",
            Hosts::HUB
        );
        for (name, datadir) in NAMES.iter().zip(nodes) {
            let extract = if *name == "tokyo" { r#"["rpc", "log", "process"]"# } else { r#"["rpc", "log"]"# };
            text += &format!(
                "[[host]]\nname = \"{name}\"\nkeep = \"64MiB\"\ndirectory = \"{at}/fleet/{name}\"\nnats_store = \"{at}/nats-{name}\"\n\
                 config.chain.listen = \"127.0.0.1:0\"\nconfig.chain.database = \"{at}/chain-{name}.db\"\n\
                 [[host.node]]\nname = \"{name}1\"\nchain = \"regtest\"\ndatadir = \"{}\"\nextract = {extract}\n",
                datadir.display()
            );
        }
        fs::write(&list, text).unwrap();
        list
    }

    pub async fn write(&self, more: &[&str]) -> Ended {
        let (list, to) = (self.path("fleet.toml"), self.path("fleet"));
        let args = ["fleet", "write", list.to_str().unwrap(), "--to", to.to_str().unwrap()];
        end_of(&[&args[..], more].concat()).await
    }

    /// A program on a host; 0 is the hub.
    pub fn at(&self, host: u8, program: &str, args: &[&str]) -> Command {
        let [nsenter, net, end] = self.hosts.inside(host).unwrap();
        let setpriv = ["setpriv", "--pdeathsig", "KILL", "--", program];
        command_of(Path::new(&nsenter), &[&[&*net, &*end][..], &setpriv, args].concat())
    }

    pub fn observer(&self, host: u8, args: &[&str]) -> Command {
        self.at(host, env!("CARGO_BIN_EXE_peer-observer"), args)
    }

    /// The folder of a host's files.
    pub fn of(&self, host: u8) -> PathBuf {
        let name = host.checked_sub(1).map_or("hub", |index| NAMES[usize::from(index)]);
        self.path("fleet").join(name)
    }

    pub async fn nats(&self, host: u8) -> Running {
        let server = testbed::nats_server().unwrap();
        let conf = self.of(host).join("nats-server.conf");
        let server = Running::start_command(self.at(host, server.to_str().unwrap(), &["-c", conf.to_str().unwrap()]));
        server.wait_until_logged("Server is ready").await;
        server
    }

    /// peer-observer on a host, with that host's configuration.
    pub fn start(&self, host: u8, args: &[&str]) -> Running {
        let config = self.of(host).join("peer-observer.toml");
        Running::start_command(self.observer(host, &[args, &["--config", config.to_str().unwrap()][..]].concat()))
    }

    /// `fleet check` at the hub for this time: whether all is well, and what it reports.
    pub async fn check(&self, span: &str) -> (bool, Value) {
        let roll = self.of(0).join("fleet.json");
        let args = ["fleet", "check", roll.to_str().unwrap(), "--for", span, "-o", "json"];
        let ended = end_of_command(self.observer(0, &args), b"").await;
        assert!(ended.code < 2, "{}", ended.stderr);
        (ended.code == 0, serde_json::from_str(&ended.stdout).unwrap())
    }

    pub async fn all_is_well(&self) -> Value {
        let last = std::sync::Mutex::new(Value::Null);
        let well = || async {
            let (ok, report) = self.check("2s").await;
            *last.lock().unwrap() = report.clone();
            ok.then_some(report)
        };
        let well = eventually("a fleet of which everything arrives", PATIENCE * 2, well).await;
        well.unwrap_or_else(|error| panic!("{error:#}: {}", last.lock().unwrap()))
    }

    pub async fn streams(&self) {
        let roll = self.of(0).join("fleet.json");
        let made = || async {
            let ended = end_of_command(self.observer(0, &["fleet", "streams", roll.to_str().unwrap()]), b"").await;
            (ended.code == 0).then_some(())
        };
        eventually("streams on all hosts", PATIENCE, made).await.unwrap();
    }

    /// A node on a host, in a folder that is known before, with its part of bitcoin.conf.
    pub async fn node(&self, host: u8, datadir: &Path) -> Node {
        let (name, [nsenter, net, end]) = (NAMES[usize::from(host) - 1], self.hosts.inside(host).unwrap());
        let binary = self.path(&format!("bitcoind-{name}"));
        let bitcoind = testbed::bitcoind().unwrap();
        fs::write(&binary, format!("#!/bin/sh\nexec {nsenter} {net} {end} {} \"$@\"\n", bitcoind.display())).unwrap();
        fs::set_permissions(&binary, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let conf = fs::read_to_string(self.of(host).join(format!("bitcoin-{name}1.conf"))).unwrap();
        let lines = conf.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| line.strip_prefix("regtest.").unwrap_or(line)); // they go into the section
        let builder = lines.fold(Node::builder().binary(&binary).dir(datadir), testbed::NodeBuilder::config);
        let _there = self.hosts.visit(host).unwrap();
        builder.start().await.unwrap()
    }

    /// Where programs listen on a host, by the kernel.
    pub async fn listens(&self, host: u8) -> Vec<IpAddr> {
        let tables = self.at(host, "cat", &["/proc/net/tcp", "/proc/net/tcp6"]);
        end_of_command(tables, b"").await.stdout.lines().filter_map(listener).collect()
    }

    pub async fn mine(&self, host: u8, node: &Node, blocks: usize) {
        let _there = self.hosts.visit(host).unwrap();
        node.mine(blocks).await.unwrap();
    }

    /// Restarts a node with the RPC password of its host's present files.
    pub async fn give_new_password(&self, host: u8, node: &Node) {
        let part =
            fs::read_to_string(self.of(host).join(format!("bitcoin-{}1.conf", NAMES[usize::from(host) - 1]))).unwrap();
        let new = part.lines().find(|line| line.starts_with("rpcauth=")).unwrap();
        let path = node.datadir().join("bitcoin.conf");
        let conf = fs::read_to_string(&path).unwrap();
        let is_old = |line: &str| line.starts_with("rpcauth=peer-observer:");
        let lines: Vec<&str> = conf.lines().map(|line| if is_old(line) { new } else { line }).collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let _there = self.hosts.visit(host).unwrap();
        node.restart().await.unwrap();
    }
}

/// The local address of a line of /proc/net/tcp or tcp6, if somebody listens there.
fn listener(line: &str) -> Option<IpAddr> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (address, _) = words.get(1)?.split_once(':')?;
    if *words.get(3)? != "0A" {
        return None;
    }
    // 32 bits at a time, in the byte order of the machine.
    let bytes = |at: usize| u32::from_str_radix(&address[at..at + 8], 16).unwrap().to_ne_bytes();
    let bytes: Vec<u8> = (0..address.len()).step_by(8).flat_map(bytes).collect();
    match bytes.len() {
        4 => Some(<[u8; 4]>::try_from(bytes).unwrap().into()),
        _ => Some(<[u8; 16]>::try_from(bytes).unwrap().into()),
    }
}
