//! How a test reports that it could not run here.
//!
//! The test harness knows no third outcome and hides what a passing test prints, so the reason also goes into the file that `make test`
//! names in `SKIPPED_FILE`, from which it prints the list.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reports that the running test is skipped, and why. The caller returns after it.
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {reason}\n", thread.name().unwrap_or("?"));
    eprint!("SKIPPED {line}");
    let Some(path) = std::env::var_os("SKIPPED_FILE") else { return };
    // One write of one line in append mode: tests of several programs may do this at once.
    let written = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        eprintln!("SKIPPED_FILE can't be written: {error}");
    }
}

/// The bitcoind to test with, or `None` after reporting that the test is skipped.
pub fn require_bitcoind() -> Option<PathBuf> {
    crate::bitcoind().map_err(|error| skipped(&error.to_string())).ok()
}

/// The bitcoind to test with if it has IPC (`-ipcbind`), or `None` after reporting that the test is skipped.
pub fn require_ipc() -> Option<PathBuf> {
    let bitcoind = require_bitcoind()?;
    let has = crate::has_option(&bitcoind, "-ipcbind");
    if !has {
        skipped("the bitcoind has no IPC (-ipcbind); set BITCOIND to a bitcoin-node");
    }
    has.then_some(bitcoind)
}

/// The nats-server to test with, or `None` after reporting that the test is skipped.
pub fn require_nats_server() -> Option<PathBuf> {
    crate::nats_server().map_err(|error| skipped(&error.to_string())).ok()
}

/// The SOCKS5 server to test with, or `None` after reporting that the test is skipped.
pub fn require_microsocks() -> Option<PathBuf> {
    crate::microsocks().map_err(|error| skipped(&error.to_string())).ok()
}

/// The Prometheus and the Alertmanager to test with, or `None` after reporting that the test is skipped.
pub fn require_prometheus() -> Option<(PathBuf, PathBuf)> {
    let both = || Ok((crate::prometheus()?, crate::alertmanager()?));
    both().map_err(|error: anyhow::Error| skipped(&error.to_string())).ok()
}

/// The Chromium to test with, or `None` after reporting that the test is skipped.
pub fn require_chromium() -> Option<PathBuf> {
    crate::chromium().map_err(|error| skipped(&error.to_string())).ok()
}

/// The Python of `scripts/python` for a purpose, or `None` after reporting that the test is skipped.
///
/// # Panics
/// The script fails otherwise than because something cannot be had.
pub fn require_python(purpose: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python");
    let output = Command::new(script).arg(purpose).output().map_err(|error| skipped(&error.to_string())).ok()?;
    let why = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(2) {
        skipped(why.lines().last().unwrap_or("there is no Python"));
        return None;
    }
    assert!(output.status.success(), "scripts/python {purpose} failed: {why}");
    Some(String::from_utf8_lossy(&output.stdout).trim().into())
}
