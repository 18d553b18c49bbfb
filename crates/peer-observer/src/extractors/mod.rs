//! The extractors: what gives events. A row each, in the order in which `--help` lists them.

mod ebpf;
mod ipc;
mod log;
pub mod logs;
pub mod p2p;
mod process;
mod rpc;
mod tracepoint_options;

use crate::extractor::ExtractorEntry;

/// All extractors.
pub const EXTRACTORS: &[ExtractorEntry] =
    &[ebpf::ENTRY, rpc::ENTRY, log::ENTRY, logs::ENTRY, process::ENTRY, p2p::ENTRY, ipc::ENTRY];
