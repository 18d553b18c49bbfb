//! What can't be read, and what would help: each said once.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tracing::warn;

/// Something that is not told since it can't be read.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What is not told.
    what: &'static str,
    path: PathBuf,
    error: io::Error,
    /// The user that the node runs as.
    owner: Option<String>,
}

impl Trouble {
    pub(crate) fn new(what: &'static str, path: &Path, error: io::Error, owner: Option<&str>) -> Self {
        Self { what, path: path.to_owned(), error, owner: owner.map(str::to_owned) }
    }
}

/// Those that were said of a node, in any run of it.
pub(crate) struct Troubles {
    node: String,
    said: HashSet<&'static str>,
}

impl Troubles {
    pub(crate) fn of(node: &str) -> Self {
        Self { node: node.to_owned(), said: HashSet::new() }
    }

    pub(crate) fn tell(&mut self, troubles: impl IntoIterator<Item = Trouble>) {
        for Trouble { what, path, error, owner } in troubles {
            if !self.said.insert(what) {
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
            warn!("node {}: {what} is not told, since {path} can't be read: {error}{remedy} (said once)", self.node);
        }
    }
}
