//! The tool `archive`: writes events to files, says what files have, and makes other files of them.

mod archiver;
mod consumer;
mod counts;
mod files;
mod gaps;
mod import;
mod info;
mod known;
mod pending;
mod reporting;
mod rewrite;
mod selection;
#[cfg_attr(not(feature = "s3"), path = "no_upload.rs")]
mod upload;
mod work;

pub use archiver::{ArchiveError, Archiver, Options};
pub use consumer::consumer;
pub use import::{ImportOptions, Imported, LeftOut, Progress, import};
pub use info::{Group, Info, MissingPart, Origin, RunRange, Selected, Totals};
pub use rewrite::{Choice, Rewritten, export, filter, merge, split};
pub use selection::{Select, Selection, SelectionError};
pub use upload::Upload;
