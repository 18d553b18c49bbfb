//! The version that the program names: with the commit that it is built from, as far as that is known. Packagers set `SOURCE_COMMIT`; else git is
//! asked if this is a clone of the project, so that a release's sources in some other repository don't take its commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    let given = std::env::var("SOURCE_COMMIT").ok();
    let commit = given.or_else(of_clone).map(|commit| commit.trim().chars().take(12).collect::<String>());
    let version = env!("CARGO_PKG_VERSION");
    match commit.filter(|commit| !commit.is_empty()) {
        Some(commit) => println!("cargo::rustc-env=VERSION={version} ({commit})"),
        None => println!("cargo::rustc-env=VERSION={version}"),
    }
}

/// The commit that is checked out. Cargo runs this again when another one is.
fn of_clone() -> Option<String> {
    let top = Path::new("../..");
    if !top.join(".git").exists() {
        return None;
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(top).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let files = ["HEAD", "logs/HEAD"].into_iter().filter_map(|file| git(&["rev-parse", "--git-path", file]));
    // A file that is not there would have this run each time.
    for path in files.map(|path| top.join(path)).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    git(&["rev-parse", "HEAD"])
}
