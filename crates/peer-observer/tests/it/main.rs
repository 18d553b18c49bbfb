//! The program as people use it: started as a process, with real nodes and a real nats-server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod addrman;
mod alerts;
mod archive;
mod bad_input;
mod banlist;
mod chain;
mod cli;
mod connectivity;
mod dead;
mod demo;
mod deploy;
#[cfg(feature = "export")]
mod export;
mod fleet;
mod hangup;
mod hub;
mod import;
mod logs;
mod manual;
mod metrics;
mod nix;
mod node;
mod numbers;
mod original;
mod own_connection;
mod past;
mod process;
mod replay;
mod report;
#[cfg(feature = "s3")]
mod s3;
mod security;
mod share;
mod stream;
mod structure;
mod top;
mod tracepoints;
mod tutorial;
mod versions;
mod wall;
mod web;
