//! What `make deb` and `make image` make, and the units: installed and started as people do.

mod debian;
mod image;
mod notify;

use std::path::Path;
use std::process::Command;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_peer-observer");

/// A script of `scripts/`.
fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name))
}

/// Whether the machine has room for what is made of the program here. If not, it reports that the test is skipped.
fn has_room() -> bool {
    let needed = (1 << 30) + 4 * std::fs::metadata(PROGRAM).unwrap().len();
    let place = std::env::temp_dir();
    let free =
        rustix::fs::statvfs(place.as_path()).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if free < needed {
        testbed::skipped(&format!("{} has {} MB left, of {} MB", place.display(), free >> 20, needed >> 20));
    }
    free >= needed
}

/// Runs a command that must succeed. Returns what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
