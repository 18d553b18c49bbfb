//! The configuration: files, then the environment, then the command line; checked once. Nothing deeper checks it again.

pub mod checked;
pub mod files;
pub mod nats;
pub mod networks;
pub mod nodes;
pub mod raw;
