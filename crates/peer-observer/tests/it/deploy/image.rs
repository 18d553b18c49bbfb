//! The container image: what is in it, and that it runs with nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use testbed::Node;

use super::super::process::{PATIENCE, Running};
use super::{PROGRAM, has_room, run, script};

fn build(file: &Path) {
    run(script("image").args([PROGRAM, file.to_str().unwrap()]).env("TAG", "test").env("LEVEL", "1"));
}

fn untar(file: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    run(Command::new("tar").arg("-xpf").arg(file).arg("-C").arg(to));
}

/// The file that a descriptor of the layout means, after a check of its digest and size.
fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let path = layout.join("blobs/sha256").join(digest);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(hex(&Sha256::digest(&bytes)), digest);
    assert_eq!(descriptor["size"].as_u64().unwrap(), bytes.len() as u64);
    path
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The user `observer` with the password `hidden`, beside the cookie.
const RPCAUTH: &str = "rpcauth=observer:00$f5758b0e2cd90282778ba770428ec987f8ea5eb25c4f5ef9b534feb5c4f23940";

#[tokio::test]
async fn the_image_runs_with_nothing_else() {
    if !rustix::process::geteuid().is_root() {
        return testbed::skipped("it takes root to run a program in a root of its own");
    }
    if !has_room() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    build(&at("image.tar"));
    build(&at("again.tar"));
    assert!(fs::read(at("image.tar")).unwrap() == fs::read(at("again.tar")).unwrap(), "it is the same each time");
    fs::remove_file(at("again.tar")).unwrap();

    let layout = at("layout");
    untar(&at("image.tar"), &layout);
    let index = json(&layout.join("index.json"));
    let manifest = json(&blob(&layout, &index["manifests"][0]));
    let config_file = blob(&layout, &manifest["config"]);
    let config = json(&config_file);
    let layer = blob(&layout, &manifest["layers"][0]);
    let content = run(Command::new("sh").arg("-c").arg(format!("gzip -dc {} | sha256sum", layer.display())));
    let content = format!("sha256:{}", content.split_whitespace().next().unwrap());
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([content]));
    // For older engines, in the same file.
    let old = json(&layout.join("manifest.json"));
    assert_eq!(old[0]["RepoTags"][0], "peer-observer:test");
    assert_eq!(layout.join(old[0]["Config"].as_str().unwrap()), config_file);
    assert_eq!(layout.join(old[0]["Layers"][0].as_str().unwrap()), layer);
    assert_eq!(config["config"]["User"], "10001:10001");

    let root = at("root");
    untar(&layer, &root);
    let programs = run(Command::new("find").arg(&root).args(["-type", "f", "-perm", "/111", "-printf", "%f\n"]));
    let others: BTreeSet<&str> = programs.lines().filter(|name| !name.contains(".so")).collect();
    assert_eq!(others, BTreeSet::from(["peer-observer"]), "there is no shell, nor anything else to start");

    let Some(_) = testbed::require_bitcoind() else { return };
    let node = Node::builder().name("alice").config(RPCAUTH).start();
    let node = node.await.unwrap();
    fs::write(root.join("secret"), "hidden\n").unwrap();
    // A loopback address that nobody else has.
    let host = format!("127.{}.{}.{}", fastrand::u8(128..), fastrand::u8(..), fastrand::u8(1..255));
    let free = || TcpListener::bind((&*host, 0)).unwrap();
    let [web, metrics] = [free(), free()].map(|listener| listener.local_addr().unwrap().to_string());
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("/usr/sbin/chroot"); // where no PATH leads
        command.args(["--userspec=10001:10001", root.to_str().unwrap(), "/peer-observer"]).args(arguments).env_clear();
        command.env("STATE_DIRECTORY", "/data").env("PEER_OBSERVER_NAME", "alice");
        command.env("PEER_OBSERVER_RPC", node.rpc_addr().to_string()).env("PEER_OBSERVER_RPC_USER", "observer");
        command.env("PEER_OBSERVER_RPC_PASSWORD_FILE", "/secret").env("PEER_OBSERVER_EXTRACT", "rpc");
        command.env("PEER_OBSERVER_WEB_LISTEN", &web).env("PEER_OBSERVER_METRICS_LISTEN", &metrics);
        command
    };
    let health = || async { inside(&["health"]).output().unwrap().status.code() };
    assert_eq!(health().await, Some(1), "nothing answers before it runs");
    let mut command: tokio::process::Command = inside(&["run"]).into();
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let running = Running::start_command(command);
    let healthy = || async { (health().await == Some(0)).then_some(()) };
    testbed::eventually("healthy", PATIENCE, healthy).await.unwrap_or_else(|_| panic!("{}", running.logged()));
    let page = format!("http://{metrics}/metrics");
    let observed = || async {
        let page = reqwest::get(&page).await.ok()?.text().await.ok()?;
        page.contains("peerobserver_rpc_peer_info_num_peers").then_some(())
    };
    testbed::eventually("numbers of the node", PATIENCE, observed).await.unwrap();
    running.signal("-TERM");
    let (status, logged) = running.end().await;
    assert!(status.success(), "{logged}");
}
