//! Makes archives of what was recorded otherwise: of debug.log files in bulk, and of other programs' archives.
//!
//! A file is read piece by piece by whichever thread is free. Pieces are decoded and compressed at the same time, also those of one file; what they
//! need to know of those before them (places in a run, and little of the decoder) they get in the order of the file, and in that they are written.
//! Events get the same place each time that a file is read, so what a directory has already is not written again.

mod budget;
mod decoded;
mod frames;
mod log;
mod numbering;
mod output;
mod plan;
mod records;
mod source;
mod totals;
mod turns;
mod work;

pub use totals::{Imported, LeftOut};
pub use work::{ImportOptions, Progress, import};
