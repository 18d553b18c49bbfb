//! What may go wrong with a file as a whole.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be written or read at all.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The system does not do what was asked.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io {
        /// What was to be done: "open", "write", ...
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it could not be done.
        cause: io::Error,
    },
    /// Another process writes the file.
    #[error("{} is being written by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

impl ArchiveError {
    /// An error of the system while something is done with a file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { doing, path: path.to_owned(), cause }
    }

    /// There is no space for what was to be written: on the disk, of the user's quota, or below the limit of a file's size.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Io { cause, .. } if matches!(cause.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}
