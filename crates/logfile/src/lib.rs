//! Files with a node's log as people keep them: plain text, or compressed by what rotates logs. What a file is shows in its first bytes, whatever
//! its name. What is no log is refused by name, with what helps.

mod content;
mod unpack;

pub use content::{Form, SAMPLE, UTF8_MARK, refusal, refusal_to_follow};
pub use unpack::{Unpacked, zstd_window};
