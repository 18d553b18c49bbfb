//! Made-up machines: a /proc of links and files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use node::{Auth, Chain, Host, HostPort, LocateError, Located, Secret, Target};

/// A host in a directory.
struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    fn new() -> Self {
        let fake = Self { root: tempfile::tempdir().unwrap() };
        fake.namespace("self", "mnt", "host");
        fake.namespace("self", "net", "host");
        fake.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nbitcoin:x:107:107::HOME/bitcoin:/bin/sh\n");
        fake
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// HOME in the text stands for the directory of home directories.
    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("HOME", self.path("home").to_str().unwrap())).unwrap();
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn namespace(&self, pid: &str, kind: &str, id: &str) {
        self.link(&format!("proc/{pid}/ns/{kind}"), format!("{kind}:[{id}]"));
    }

    /// A process of user 107, in `home/cwd`.
    fn process(&self, pid: u32, exe: &str, command_line: &str) {
        let dir = format!("proc/{pid}");
        self.link(&format!("{dir}/exe"), exe);
        self.link(&format!("{dir}/cwd"), self.path("home/cwd"));
        self.write(&format!("{dir}/cmdline"), &format!("{}\0", command_line.replace(' ', "\0")));
        self.write(&format!("{dir}/status"), "Name:\tx\nUid:\t107\t107\t107\t107\n");
        self.write(&format!("{dir}/stat"), "1 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
    }

    /// A process that sees another file system, which is in `containers/id`.
    fn contained(&self, pid: u32, id: &str, command_line: &str) {
        self.process(pid, "/usr/bin/bitcoind", command_line);
        self.namespace(&pid.to_string(), "mnt", id);
        self.namespace(&pid.to_string(), "net", id);
        self.link(&format!("proc/{pid}/root"), self.path(&format!("containers/{id}")));
    }

    fn end(&self, pid: u32) {
        fs::remove_dir_all(self.path(&format!("proc/{pid}"))).unwrap();
    }

    fn host(&self) -> Host {
        Host::at(self.root.path(), &self.path("home/me"))
    }

    fn locate(&self, target: &Target) -> Result<Located, LocateError> {
        target.locate_on(&self.host())
    }

    /// Names, and what each target locates.
    fn discover(&self) -> Vec<(String, Located)> {
        let targets = self.host().discover_all("host.example");
        targets.into_iter().map(|(name, target)| (name, self.locate(&target).unwrap())).collect()
    }
}

fn note(located: &Located, words: &str) -> bool {
    located.notes.iter().any(|n| n.contains(words))
}

#[test]
fn several_nodes_are_found_and_found_again() {
    let fake = Fake::new();
    fake.write(
        "home/bitcoin/.bitcoin/bitcoin.conf",
        "debug=net\nlogtimemicros=1\n[signet]\nrpcport=1234\ndebuglogfile=x.log",
    );
    fake.write("home/bitcoin/.bitcoin/signet/.cookie/x", "a directory cannot be read as a cookie");
    fake.write("home/cwd/rel/regtest/.cookie", "__cookie__:abc");
    fake.write("home/cwd/rel/bitcoin.conf", "regtest=1");
    fake.process(10, "/usr/bin/bitcoind (deleted)", "bitcoind -signet");
    fake.process(11, "/opt/bitcoin-node", "bitcoin-node -datadir=rel -ipcbind=unix");
    fake.process(12, "/usr/bin/bitcoin-cli", "bitcoin-cli -regtest getinfo");
    fake.process(13, "/bin/bash", "bash /usr/bin/bitcoind");
    fs::create_dir_all(fake.path("proc/14")).unwrap();

    let nodes = fake.discover();
    let names: Vec<_> = nodes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host-example-signet", "host-example-regtest"]);
    let signet = &nodes[0].1;
    assert_eq!((signet.pid, signet.started, signet.owner.as_deref()), (Some(10), Some(4711), Some("bitcoin")));
    assert_eq!(signet.binary.as_deref(), Some(Path::new("/usr/bin/bitcoind")));
    assert_eq!(signet.rpc, Some(HostPort::new("127.0.0.1", 1234)));
    assert_eq!(signet.debug_log, Some(fake.path("home/bitcoin/.bitcoin/signet/x.log")));
    assert!(signet.log_options.as_ref().is_some_and(|o| o.logtimemicros && o.has("net")));
    // What can't be read leaves a note and the rest.
    assert!(note(signet, "was replaced"), "{:?}", signet.notes);
    assert!(note(signet, "signet/.cookie: it is") && note(signet, "run as user bitcoin"), "{:?}", signet.notes);
    let regtest = &nodes[1].1;
    assert_eq!(regtest.net_datadir, Some(fake.path("home/cwd/rel/regtest")));
    assert_eq!(regtest.auth, Auth::Cookie(fake.path("home/cwd/rel/regtest/.cookie")));
    assert_eq!(regtest.ipc, [fake.path("home/cwd/rel/regtest/node.sock")]);
    assert_eq!(regtest.notes, [""; 0]);

    let targets = fake.host().discover_all("h");
    fake.end(11);
    let stopped = fake.locate(&targets[1].1).unwrap();
    assert!(stopped.pid.is_none() && note(&stopped, "no regtest node is running"), "{stopped:?}");
    assert_eq!(
        stopped.net_datadir,
        Some(fake.path("home/cwd/rel/regtest")),
        "the chain of the target and of the file agree"
    );
    fake.process(99, "/opt/bitcoin-node-31.0", "bitcoin-node -regtest -datadir=rel -rpcport=5");
    let again = fake.locate(&targets[1].1).unwrap();
    assert_eq!((again.pid, again.rpc), (Some(99), Some(HostPort::new("127.0.0.1", 5))));
}

#[test]
fn nodes_in_containers_are_told_apart() {
    let fake = Fake::new();
    for id in ["a", "b"] {
        fake.write(&format!("containers/{id}/data/regtest/.cookie"), "__cookie__:abc");
        fake.write(&format!("containers/{id}/data/bitcoin.conf"), "regtest=1");
    }
    fake.contained(20, "a", "bitcoind -datadir=/data");
    fake.contained(21, "b", "bitcoind -datadir=/data");
    let nodes = fake.discover();
    let names: Vec<_> = nodes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host-example-data", "host-example-data-2"]);
    for (node, pid) in [(&nodes[0].1, 20), (&nodes[1].1, 21)] {
        let cookie = fake.path(&format!("proc/{pid}/root/data/regtest/.cookie"));
        assert_eq!((node.pid, node.chain), (Some(pid), Some(Chain::Regtest)));
        assert_eq!(node.auth, Auth::Cookie(cookie));
        assert!(node.foreign_network && note(node, "another network namespace"), "{:?}", node.notes);
    }
    let targets = fake.host().discover_all("h");
    fake.end(20);
    fake.contained(30, "a", "bitcoind -datadir=/data");
    let pids: Vec<_> = targets.iter().map(|(_, target)| fake.locate(target).unwrap().pid).collect();
    assert_eq!(pids, [Some(30), Some(21)]);
    // Where the paths are the same inside and outside, they are ours: they last longer than the process.
    fake.end(30);
    fake.end(21);
    fake.write("shared/regtest/.cookie", "__cookie__:abc");
    let shared = fake.path("shared");
    fake.contained(22, "c", &format!("bitcoind -regtest -datadir={}", shared.display()));
    let inside = fake.path("containers/c").join(shared.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    symlink(&shared, inside).unwrap();
    assert_eq!(fake.discover()[0].1.auth, Auth::Cookie(fake.path("shared/regtest/.cookie")));
}

#[test]
fn default_directories_of_nodes_that_are_not_running() {
    let fake = Fake::new();
    assert!(fake.host().discover_all("h").is_empty());
    fake.write("home/me/.bitcoin/other", "not of a node");
    fake.write("var/lib/bitcoind/testnet4/x", "");
    fake.write("var/lib/bitcoind/debug.log", "");
    fake.write("etc/bitcoin/bitcoin.conf", "chain=testnet4\ndatadir=/elsewhere");
    let nodes = fake.discover();
    let (name, node) = &nodes[0];
    assert_eq!((nodes.len(), name.as_str(), node.pid, node.chain), (1, "host-example", None, Some(Chain::Testnet4)));
    assert_eq!(node.datadir, Some(fake.path("var/lib/bitcoind")));
    assert_eq!(node.conf_files, [fake.path("etc/bitcoin/bitcoin.conf")]);
}

#[test]
fn what_is_told_comes_before_what_is_found() {
    let fake = Fake::new();
    fake.write("home/bitcoin/.bitcoin/bitcoin.conf", "rpcuser=u\nrpcpassword=p");
    fake.process(10, "/usr/bin/bitcoin-qt", "bitcoin-qt");
    let configured = |toml: &str| {
        let target: Target = toml::from_str(toml).unwrap();
        fake.locate(&target).unwrap()
    };
    let found = configured("");
    assert_eq!(found.auth, Auth::User { user: "u".to_owned(), password: Secret::new("p") });
    assert!(found.rpc.is_none() && note(&found, "server=1"), "the RPC server of a GUI is off: {found:?}");
    let here = configured(
        "pid = 10\nrpc_user = 'v'\nrpc_password = 'geheim'\nrpc = '127.0.0.1'\np2p = '10.0.0.1:5'\ndebug_log = '/l'",
    );
    assert_eq!((here.pid, here.rpc), (Some(10), Some(HostPort::new("127.0.0.1", 8332))));
    assert_eq!(here.auth, Auth::User { user: "v".to_owned(), password: Secret::new("geheim") });
    assert_eq!((here.p2p, here.debug_log), (vec![HostPort::new("10.0.0.1", 5)], Some("/l".into())));
    // Elsewhere: nothing of this host is mixed in. The port gives the chain where it is not configured.
    let remote = configured("rpc = 'node.example:18443'\nrpc_cookie_file = '/c'");
    assert_eq!((remote.pid, remote.chain, remote.datadir), (None, Some(Chain::Regtest), None));
    assert_eq!((remote.auth, remote.log_options), (Auth::Cookie("/c".into()), None));
    let remote = configured("rpc = '10.0.0.1'\nchain = 'signet'");
    assert_eq!(remote.rpc, Some(HostPort::new("10.0.0.1", 38332)));
    assert!(remote.notes[0].contains("--rpc-user"), "{:?}", remote.notes);
    // A loopback address of no node here, as of a tunnel.
    assert_eq!(configured("rpc = '127.0.0.1:999'").pid, None);
}

/// Of two nodes that run the same program, the one whose id is in the file, whatever its id is after a restart.
#[test]
fn a_pid_file_names_the_process() {
    let fake = Fake::new();
    for pid in [10, 11] {
        fake.process(pid, "/usr/bin/bitcoind", &format!("bitcoind -regtest -datadir=HOME/{pid}"));
    }
    let file = fake.path("run/bitcoind.pid");
    let target = Target { pid_file: Some(file.clone()), binary: Some("/usr/bin/bitcoind".into()), ..Target::default() };
    let pid = |target: &Target| fake.locate(target).ok().and_then(|located| located.pid);
    assert_eq!(pid(&target), None, "there is no file yet");
    for (text, expected) in [("11\n", Some(11)), ("10", Some(10)), ("99\n", None), ("nonsense", None)] {
        fake.write("run/bitcoind.pid", text);
        assert_eq!(pid(&target), expected, "{text}");
    }
    fake.write("run/bitcoind.pid", "11\n");
    let of = |pid| Target { pid: Some(pid), ..target.clone() };
    assert!(pid(&of(11)) == Some(11) && fake.locate(&of(10)).is_err());
    fake.process(12, "/usr/bin/other", "other");
    fake.write("run/bitcoind.pid", "12\n");
    assert_eq!(pid(&target), None, "it is another program by now");
    let folder = Target { pid_file: Some(fake.path("run")), ..Target::default() };
    assert!(matches!(fake.locate(&folder), Err(LocateError::PidFile { .. })));
}

#[test]
fn a_socket_is_enough_where_the_node_cannot_be_told_from_others() {
    let fake = Fake::new();
    let target = Target { ipc: Some("/run/node.sock".into()), ..Target::default() };
    for pid in [10, 11] {
        assert_eq!(fake.locate(&target).unwrap().ipc, [PathBuf::from("/run/node.sock")]);
        fake.process(pid, "/usr/bin/bitcoind", &format!("bitcoind -regtest -datadir=HOME/{pid}"));
    }
    let located = fake.locate(&target).unwrap();
    assert_eq!((located.ipc, located.pid), (vec![PathBuf::from("/run/node.sock")], None));
}

#[test]
fn what_does_not_fit_is_said_in_one_sentence() {
    let fake = Fake::new();
    fake.write("home/bitcoin/.bitcoin/bitcoin.conf", "");
    fs::create_dir_all(fake.path("home/bitcoin/.bitcoin/signet")).unwrap();
    fake.process(10, "/usr/bin/bitcoind", "bitcoind");
    fake.process(11, "/usr/bin/bitcoind", "bitcoind -signet");
    for (toml, words) in [
        ("name = 'a.b'", "the node name \"a.b\" can't be used"),
        ("rpc_user = 'x'", "rpc_user and rpc_password go together"),
        ("pid = 12", "there is no process 12"),
        ("pid = 10\nchain = 'signet'", "process 10 is not the node asked for (chain signet): it is main in "),
        ("chain = 'regtest'", "found no Bitcoin node (chain regtest); running: main in "),
        ("datadir = '/no/such'", "there is no data directory /no/such"),
        ("", "several nodes match: main in "),
    ] {
        let target: Target = toml::from_str(toml).unwrap();
        let error = fake.locate(&target).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{toml}: {error}");
    }
    assert_eq!(fake.locate(&Target { chain: Some(Chain::Signet), ..Target::default() }).unwrap().pid, Some(11));
    for (toml, words) in [
        ("chian = 'main'", "unknown field `chian`"),
        ("chain = 'mian'", "unknown chain \"mian\": use main"),
        ("rpc = 'localhost:99999'", "the port is not a number"),
    ] {
        let error = toml::from_str::<Target>(toml).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let secret: Target = toml::from_str("rpc_user = 'u'\nrpc_password = 'geheim'").unwrap();
    let shown = format!("{secret:?} {}", toml::to_string(&secret).unwrap());
    assert!(shown.contains("hidden") && !shown.contains("geheim"), "{shown}");
}
