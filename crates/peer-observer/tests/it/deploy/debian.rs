//! The Debian package on a fresh system with systemd as its init: the units as they are, with all that they forbid.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use extractor_ebpf::kernel::KernelSupport;
use extractor_ebpf::tracepoints_of;

use super::{PROGRAM, has_room, run, script};

/// What the package needs, besides the essential packages.
const PACKAGES: [&str; 5] = ["systemd", "passwd", "libelf1", "zlib1g", "libgcc-s1"];

/// The longest time in the container.
const PATIENCE: Duration = Duration::from_secs(300);

/// The service that does the test in the container.
const UNIT: &str =
    "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/bash /opt/test/in_debian.sh\n";

/// Copies a program and the libraries that it is linked with.
fn copy(program: &Path, to: &Path) {
    fs::copy(program, to.join(program.file_name().unwrap())).unwrap();
    fs::create_dir_all(to.join("lib")).unwrap();
    for line in run(Command::new("ldd").arg(program)).lines() {
        // The container has the C library of its own, which is of the same release.
        let path = line.split_whitespace().find(|word| word.starts_with('/')).map(Path::new);
        let path = path
            .filter(|path| !["ld-linux", "libc.so", "libm.so"].iter().any(|own| path.to_string_lossy().contains(own)));
        if let Some(path) = path {
            fs::copy(path, to.join("lib").join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn package(to: &Path, version: &str) -> PathBuf {
    let mut command = script("deb");
    let path =
        run(command.args([PROGRAM, to.to_str().unwrap()]).env("VERSION", version).env("COMPRESSION", "-Zgzip -z1"));
    PathBuf::from(path.trim())
}

/// Begins to look for what Debian does not like in a package; none if that is not possible here.
fn lintian(package: &Path) -> Option<Child> {
    let mut command = Command::new("lintian");
    command.args(["--allow-root", "--fail-on", "error,warning"]).arg(package);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    child.map_err(|_| testbed::skipped("the package is not checked by lintian, which is not installed")).ok()
}

/// A root in a folder; none if that is not possible here.
fn fresh_root(folder: &Path) -> Option<PathBuf> {
    let root = folder.join("root");
    let output = script("debian-root").args(PACKAGES).output().unwrap();
    if output.status.code() == Some(2) {
        let why = String::from_utf8_lossy(&output.stderr);
        testbed::skipped(why.lines().last().unwrap_or("there is no root of Debian"));
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    fs::create_dir(&root).unwrap();
    run(Command::new("tar").arg("-xf").arg(String::from_utf8_lossy(&output.stdout).trim()).arg("-C").arg(&root));
    Some(root)
}

#[test]
fn the_package_installs_observes_upgrades_and_goes() {
    let (Some(bitcoind), Some(nats_server)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else {
        return;
    };
    if Command::new("systemd-nspawn").arg("--version").stdout(Stdio::null()).status().is_err() {
        return testbed::skipped("systemd-nspawn (package systemd-container) is not installed");
    }
    if !has_room() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(root) = fresh_root(folder.path()) else { return };
    let test = root.join("opt/test");
    fs::create_dir_all(&test).unwrap();
    fs::rename(package(folder.path(), "1.0"), test.join("old.deb")).unwrap();
    fs::rename(package(folder.path(), "1.1"), test.join("new.deb")).unwrap();
    let checking = lintian(&test.join("old.deb"));
    fs::create_dir(folder.path().join("bin")).unwrap();
    fs::copy(&bitcoind, folder.path().join("bin/bitcoind")).unwrap();
    copy(&folder.path().join("bin/bitcoind"), &test);
    copy(&nats_server, &test);
    fs::write(test.join("in_debian.sh"), include_str!("in_debian.sh")).unwrap();
    fs::write(root.join("etc/systemd/system/deploy-test.service"), UNIT).unwrap();
    fs::write(root.join("etc/machine-id"), "").unwrap();
    // Others than root read what is there.
    [folder.path(), &root].iter().for_each(|path| fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap());

    let calls =
        "--system-call-filter=bpf perf_event_open landlock_create_ruleset landlock_add_rule landlock_restrict_self";
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", &PATIENCE.as_secs().to_string(), "systemd-nspawn", "--quiet", "--boot"]);
    command.args([
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--capability=CAP_BPF,CAP_PERFMON,CAP_SYS_ADMIN",
        calls,
    ]);
    command.arg("-M").arg(format!("peer-observer-{}", std::process::id())).arg("-D").arg(&root);
    command.arg("systemd.unit=deploy-test.service");
    let kernel = KernelSupport::this();
    let of_node = tracepoints_of(&bitcoind).is_ok_and(|found| found.contains("net:inbound_message"));
    if let Some(obstacle) = kernel.obstacle().or_else(|| (!of_node).then(|| "the node has no tracepoints".to_owned())) {
        testbed::skipped(&format!("the unit of tracepoints: {obstacle}"));
        command.arg("systemd.setenv=NO_TRACEPOINTS=1");
    }
    if !kernel.attaches_with_little() {
        command.arg("systemd.setenv=KERNEL_WANTS_MORE=1");
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let console = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let Ok(log) = fs::read_to_string(test.join("log")) else {
        let why = console.lines().last().unwrap_or("it says nothing").trim().to_owned();
        return testbed::skipped(&format!("systemd-nspawn cannot boot a system here: {why}"));
    };
    println!("{log}");
    let outcome = fs::read_to_string(test.join("outcome")).unwrap_or_else(|_| "it did not end in time".to_owned());
    assert_eq!(outcome.trim(), "0", "{log}\n{console}");
    if let Some(checking) = checking {
        let checked = checking.wait_with_output().unwrap();
        assert!(checked.status.success(), "lintian: {}", String::from_utf8_lossy(&checked.stdout));
    }
}
