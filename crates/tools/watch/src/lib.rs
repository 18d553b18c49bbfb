//! The tool `watch`: prints events as they come, and reads printed ones back.

mod input;
mod print;
mod status;

pub use input::{Input, InputError, read};
pub use print::{Format, Options, WatchError, run};
