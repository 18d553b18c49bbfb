//! What outlives the process: archive files, here and in object stores, kept logs, and databases.
//!
//! [`archive`] has the format, which other peer-observer programs share, its writer, and readers that also take what is cut, damaged or of
//! other programs.
//!
//! Reading one file: [`archive::Archive::open`] finds its parts and its index, [`archive::Archive::records`] gives the events that a
//! [`event::Filter`] lets pass, in the order of the file. What cannot be read of the file comes as an `Err` with a [`archive::Damage`] in the
//! place where it is missing; the iterator goes on after it. Frames without any such event are not read, if the file has an index. Both
//! iterators own their files and are [`Send`].
//!
//! ```no_run
//! use event::Filter;
//! use store::archive::Archive;
//!
//! let archive = Archive::open("archive.20260910-120000-007.bin.zst")?;
//! for record in archive.records(Filter { peers: vec![7], ..Filter::default() }) {
//!     match record {
//!         Ok(record) => println!("{}", event::json::to_json(&record)),
//!         Err(damage) => eprintln!("{}: {damage}", archive.path().display()),
//!     }
//! }
//! # Ok::<(), store::archive::ArchiveError>(())
//! ```
//!
//! Reading several files by time, of any number of nodes: [`archive::merge`], whose files come from [`archive::files`], or from a store: each is a
//! [`archive::Place`].
//!
//! ```no_run
//! use event::Filter;
//! use store::archive::{files, merge};
//!
//! for record in merge(files(["/var/lib/peer-observer/archive"])?, Filter::default())? {
//!     match record {
//!         Ok(record) => println!("{}", record.envelope().time_ns),
//!         Err((place, damage)) => eprintln!("{place}: {damage}"),
//!     }
//! }
//! # Ok::<(), store::archive::ArchiveError>(())
//! ```

pub mod archive;
pub mod logs;
pub mod public;
#[cfg(feature = "s3")]
pub mod remote;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::path::{Path, PathBuf};

/// Where it is noted that a file was put elsewhere, too: a hidden file beside it.
pub fn note_path(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.uploaded", path.file_name().unwrap_or_default().to_string_lossy()))
}
