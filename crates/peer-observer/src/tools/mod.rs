//! The tools: what uses events. A row each, in the order in which `--help` lists them.

mod access;
mod alerts;
mod archive;
mod chain;
mod connectivity;
mod metrics;
mod share;
pub mod state;
mod top;
mod watch;
mod web;
mod websocket;

pub use self::alerts::{AlertsOptions, NO_PLACE};
pub use self::archive::frame_bytes;
pub use self::metrics::own_numbers;
pub use self::share::ShareOptions;
pub use self::watch::{OutputFormat, printer};

use crate::tool::ToolEntry;

/// All tools.
pub const TOOLS: &[ToolEntry] = &[
    watch::ENTRY,
    top::ENTRY,
    metrics::ENTRY,
    web::ENTRY,
    websocket::ENTRY,
    chain::ENTRY,
    connectivity::ENTRY,
    archive::ENTRY,
    alerts::ENTRY,
    share::ENTRY,
];
