//! Finds the programs that the testbed starts.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// The bitcoind to use: `$BITCOIND`, else one on PATH, else the one that `scripts/bitcoind` chose last in the user's cache.
///
/// # Errors
/// There is none: the message has the places that were searched, and what to do.
pub fn bitcoind() -> Result<PathBuf> {
    if let Some(value) = env::var_os("BITCOIND").filter(|value| !value.is_empty()) {
        return on_path(&value.to_string_lossy()).with_context(|| {
            format!("BITCOIND={} can't be run; set it to a bitcoind or unset it", value.to_string_lossy())
        });
    }
    on_path("bitcoind")
        .or_else(chosen)
        .context("no bitcoind: BITCOIND is not set, and neither PATH nor the user's cache has one; run scripts/bitcoind to get one")
}

/// All nodes that tests go over: those of `$BITCOINDS`, separated by colons, else only [`bitcoind`].
///
/// # Errors
/// There is none, or one of them can't be run.
pub fn bitcoinds() -> Result<Vec<PathBuf>> {
    let Some(list) = env::var_os("BITCOINDS").filter(|list| !list.is_empty()) else { return Ok(vec![bitcoind()?]) };
    env::split_paths(&list)
        .map(|path| {
            on_path(&path.to_string_lossy())
                .with_context(|| format!("{} of BITCOINDS can't be run; name bitcoinds, or unset it", path.display()))
        })
        .collect()
}

/// The node that `scripts/bitcoind` chose.
fn chosen() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("peer-observer/nodes/default/bin/bitcoind")).filter(|path| is_executable(path))
}

/// The nats-server to use: one on PATH or where Debian installs servers.
///
/// # Errors
/// There is none: the message names the package to install.
pub fn nats_server() -> Result<PathBuf> {
    on_path("nats-server").context("no nats-server on PATH; install the package nats-server")
}

/// The SOCKS5 server to use.
///
/// # Errors
/// There is none: the message names the package to install.
pub fn microsocks() -> Result<PathBuf> {
    on_path("microsocks").context("no microsocks on PATH; install the package microsocks")
}

/// The Prometheus to use.
///
/// # Errors
/// There is none: the message names the package to install.
pub fn prometheus() -> Result<PathBuf> {
    on_path("prometheus").context("no prometheus on PATH; install the package prometheus")
}

/// The Alertmanager to use, by the name that Debian or its makers give it.
///
/// # Errors
/// There is none: the message names the package to install.
pub fn alertmanager() -> Result<PathBuf> {
    on_path("prometheus-alertmanager")
        .or_else(|| on_path("alertmanager"))
        .context("no alertmanager on PATH; install the package prometheus-alertmanager")
}

/// The Chromium to use.
///
/// # Errors
/// There is none: the message names the package to install.
pub fn chromium() -> Result<PathBuf> {
    on_path("chromium")
        .or_else(|| on_path("chromium-browser"))
        .or_else(|| on_path("google-chrome"))
        .context("no chromium on PATH; install the package chromium")
}

/// The accessibility checks of axe-core, one file of JavaScript, that `scripts/pages` has put into the project's `.cache`.
///
/// # Errors
/// It is not there: the message names the script to run.
pub fn axe() -> Result<PathBuf> {
    cached_file("pages/node_modules/axe-core/axe.min.js")
        .context("no axe-core in .cache/pages; run scripts/pages to get it")
}

/// The first line of what `bitcoind -version` prints: `Bitcoin Core daemon version v30.2.0 bitcoind`.
///
/// # Errors
/// It can't be run: the message has the reason.
pub fn bitcoind_version(binary: &Path) -> Result<String> {
    let output = printed(binary, &["-version"]).with_context(|| format!("can't run {} -version", binary.display()))?;
    if !output.status.success() {
        bail!("{} -version failed: {}", binary.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Whether a bitcoind has an option, by its help: "-ipcbind", as `bitcoin-node` does.
pub fn has_option(binary: &Path, option: &str) -> bool {
    let help = printed(binary, &["-help", "-help-debug"]);
    help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(option))
}

/// What a bitcoind prints that only prints something. It has a data directory of its own meanwhile: since v31 it writes its settings even then, and
/// fails if another one does so at that time.
fn printed(binary: &Path, args: &[&str]) -> Result<Output> {
    let datadir = tempfile::tempdir()?;
    Ok(Command::new(binary).args(args).arg(format!("-datadir={}", datadir.path().display())).output()?)
}

/// The major version of a bitcoind, by that line: 30.
pub(crate) fn bitcoind_major(binary: &Path) -> Result<u32> {
    let line = bitcoind_version(binary)?;
    let number = line.split_whitespace().find_map(|word| word.strip_prefix('v')?.split('.').next()?.parse().ok());
    number.with_context(|| format!("{} prints no version: {line}", binary.display()))
}

/// The executable of that name, or at that path if it has a slash, as a shell would find it; also in the sbin folders, which are not on
/// every user's PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_executable(path));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

/// A file of the project's cache. This belongs to whoever built this program, so it is looked for above the program itself and above the
/// crate being tested, never above the current folder, where anybody may have put one.
fn cached_file(path: &str) -> Option<PathBuf> {
    let starts = [env::current_exe().ok(), env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join(".cache").join(path))
        .find(|candidate| candidate.is_file())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
