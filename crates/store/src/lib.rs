//! What outlives the process: archive files.
//!
//! [`archive`] has the format, which other peer-observer programs share, and its writer.

pub mod archive;
