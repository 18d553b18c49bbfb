//! Kept logs: the lines of a node's debug.log, as they are, a file a day.
//!
//! A file is text that zstd compressed, in frames that stand alone (the seekable format 0.1.0), so that `zstdcat` and
//! `zstdgrep` read it. Behind each frame is a skippable one with its [`Frame`]: times, peers and addresses; at the end of a
//! complete file are those of all frames, and the table of frames. docs/logs.md describes the bytes.
//!
//! [`Writer`] writes a file, and goes on with one whose writer was killed. [`search`] finds lines in many.

mod file;
mod frame;
mod line;
mod name;
mod search;
mod writer;

pub use frame::Frame;
pub use line::LineFacts;
pub use name::{LogFile, files};
pub use search::{Found, Gap, Match, Query, search};
pub use writer::{Options, Writer};
