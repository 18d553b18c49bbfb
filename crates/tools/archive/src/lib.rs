//! The tool `archive`: writes events to files.

mod archiver;
mod consumer;
mod counts;
mod files;
mod gaps;
mod known;
mod pending;
mod reporting;
mod selection;
#[path = "no_upload.rs"]
mod upload;
mod work;

pub use archiver::{ArchiveError, Archiver, Options};
pub use consumer::consumer;
pub use selection::{Select, Selection, SelectionError};
pub use upload::Upload;
