//! The tool `websocket`: events in the JSON form of the original peer-observer's websocket, for its pages and for the programs of others that
//! read it.
//!
//! A client gets nothing until it subscribes. There is an endpoint for each node, since events in this form do not name theirs. Whoever reads
//! too slowly misses events; nobody else waits for it.

mod client;
mod hub;
mod server;
mod subscription;

pub use server::{Error, LISTEN, Options, Server};
