//! What may go wrong.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use store::archive::ArchiveError;
use thiserror::Error;

/// Why there is no export.
#[derive(Debug, Error)]
pub enum ExportError {
    /// An archive cannot be read at all.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The system does not do what was asked.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was to be done: "create", "write", ...
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why it could not be done.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// The store does not do what was asked.
    #[cfg(feature = "s3")]
    #[error(transparent)]
    Remote(#[from] store::remote::RemoteError),
    /// It has something else than what was sent.
    #[cfg(feature = "s3")]
    #[error("what the store has of {0} after the upload is not what was sent; what was sent is given up")]
    Untrue(store::remote::ObjectUrl),
    /// What is noted of a folder that is followed cannot be used.
    #[error("cannot use what is noted in {0}: {1}; remove it to begin anew")]
    Noted(String, String),
    /// There is no such table.
    #[error("there is no table {0:?}; there are {1}")]
    UnknownTable(String, String),
}

impl ExportError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        move |source| Self::Parquet { path: path.to_owned(), source }
    }
}
