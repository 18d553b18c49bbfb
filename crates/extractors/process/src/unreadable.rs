//! What can't be read, and what would help: each is logged once.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tracing::warn;

/// Something that is left out of the events since it can't be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// What is left out.
    what: &'static str,
    path: PathBuf,
    error: io::Error,
    /// The user that the node runs as.
    owner: Option<String>,
}

impl Unreadable {
    pub(crate) fn new(what: &'static str, path: &Path, error: io::Error, owner: Option<&str>) -> Self {
        Self { what, path: path.to_owned(), error, owner: owner.map(str::to_owned) }
    }
}

/// Logs what can't be read of a node, each once, whatever the node's runs.
pub(crate) struct Warnings {
    node: String,
    logged: HashSet<&'static str>,
}

impl Warnings {
    pub(crate) fn of(node: &str) -> Self {
        Self { node: node.to_owned(), logged: HashSet::new() }
    }

    pub(crate) fn log(&mut self, unreadable: impl IntoIterator<Item = Unreadable>) {
        for Unreadable { what, path, error, owner } in unreadable {
            if !self.logged.insert(what) {
                continue;
            }
            let owner = owner.as_deref().unwrap_or("of the node");
            let remedy = match error.kind() {
                ErrorKind::PermissionDenied | ErrorKind::NotFound => {
                    format!("; run as user {owner} or as root to have it")
                }
                _ => String::new(),
            };
            let path = path.display();
            warn!("node {}: {what} is left out, since {path} can't be read: {error}{remedy} (logged once)", self.node);
        }
    }
}
