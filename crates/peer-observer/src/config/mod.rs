//! The configuration: files, then the environment, then the command line; checked once. Nothing deeper checks it again.

pub mod banlist;
pub mod checked;
pub mod files;
pub mod manual;
pub mod nats;
pub mod networks;
pub mod nodes;
pub mod print;
pub mod raw;
pub mod s3;
pub mod sample;
pub mod sections;
pub mod text;
