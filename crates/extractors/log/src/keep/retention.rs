//! Removes what is too old, or too much.

use std::fs;
use std::path::Path;
use std::time::Duration;

use store::logs::{LogFile, files};
use store::note_path;
use tracing::{info, warn};

use super::KeepOptions;

/// The files of a node, the oldest first.
pub(super) fn of_node(directory: &Path, node: &str) -> Vec<LogFile> {
    match files(directory) {
        Ok(mut files) => {
            files.retain(|file| file.node == node);
            files
        }
        Err(error) => {
            warn!("node {node}: {error}");
            Vec::new()
        }
    }
}

/// Removes the oldest files of a node until the others are few enough: those that are still to be put elsewhere are removed for
/// their size only. `current` is never removed.
pub(super) fn retain(options: &KeepOptions, node: &str, current: Option<&Path>) {
    if options.keep_bytes.is_none() && options.keep_age.is_none() {
        return;
    }
    let files = of_node(&options.directory, node);
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    for file in files.iter().filter(|file| Some(file.place.path()) != current) {
        let path = file.place.path();
        let is_safe = options.upload.is_none() || note_path(path).exists();
        let too_large = options.keep_bytes.is_some_and(|most| total > most);
        let too_old = is_safe && options.keep_age.is_some_and(|most| age(path).is_some_and(|age| age > most));
        if !too_large && !too_old {
            continue;
        }
        match fs::remove_file(path) {
            Ok(()) => {
                total = total.saturating_sub(file.bytes);
                let _ = fs::remove_file(note_path(path));
                let why = if too_old { "it is too old" } else { "all are too large" };
                let (path, upload) = (path.display(), if is_safe { "" } else { ", which was not put elsewhere yet" });
                info!("node {node}: removed the kept log {path}{upload}, since {why}");
            }
            Err(error) => warn!("node {node}: cannot remove the kept log {}: {error}", path.display()),
        }
    }
}

/// For how long nothing was written to a file.
fn age(path: &Path) -> Option<Duration> {
    path.metadata().ok()?.modified().ok()?.elapsed().ok()
}
