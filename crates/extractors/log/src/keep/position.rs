//! How far a log is kept: which bytes of which file are safe, and the place in the log behind the last line in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::resume::Resume;

/// Bytes of such a file at most.
const MAX_BYTES: u64 = 1 << 16;

/// How far a log is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Position {
    /// The name of the file that is being written; none if the last one is complete.
    pub file: Option<String>,
    /// Its bytes that belong to this.
    pub bytes: u64,
    /// The place in the log; none of a FIFO.
    pub log: Option<Resume>,
}

impl Position {
    pub fn path(directory: &Path, node: &str) -> PathBuf {
        directory.join(format!(".{node}.position"))
    }

    /// Reads it; none if it is not there, or makes no sense.
    pub fn read(path: &Path) -> Option<Self> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => {
                let position = serde_json::from_slice(&bytes);
                position.inspect_err(|error| warn!("{} makes no sense: {error}", path.display())).ok()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!("cannot read {}: {error}", path.display());
                None
            }
        }
    }

    /// Writes it: all of it, or nothing, whatever happens meanwhile.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_added_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}
