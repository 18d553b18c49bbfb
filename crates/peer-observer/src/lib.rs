//! peer-observer watches Bitcoin nodes from the inside and shows people when their network is attacked or behaves oddly.
//!
//! The program is [`main`] with all [`Parts`]. A program of your own may have more of them: docs/development.md shows how.

mod allocator;
mod commands;
mod config;
mod confine;
mod doctor;
mod extractor;
mod extractors;
mod filter;
mod input;
mod kept;
mod logging;
mod observation;
mod options;
mod original;
mod output;
mod parts;
mod player;
mod problems;
mod public;
mod publishers;
mod replay;
mod runtime;
mod selections;
mod service_manager;
mod session;
mod supervisor;
mod survey;
mod tool;
mod tools;
mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use tracing::{error, info, warn};

pub use crate::config::manual::manual;
pub use crate::extractor::{Attached, Extractor, ExtractorEntry, FollowedNode, ForAll, Node, PerNode, Running};
pub use crate::logging::Color;
pub use crate::options::{Check, Context, Options, OwnFlags, Part};
pub use crate::parts::Parts;
pub use crate::publishers::Publishers;
pub use crate::tool::{History, Place, Queue, Scene, Service, Starts, Stdout, Tool, ToolEntry};
pub use crate::values::{Bytes, Interval, ListenAddress, Span, ValueError};

use crate::logging::LoggingArgs;

/// The program with these parts, from its command line to its exit code: 0, 1 if the answer is no, 2 if something could not be done.
#[must_use]
pub fn main(parts: &Parts) -> ExitCode {
    let hangup = runtime::survive_hangup();
    let given: Vec<OsString> = std::env::args_os().collect();
    let ours = commands::command_line(parts);
    let original = original::translate(&ours, &given).unwrap_or_else(|error| error.exit());
    let matches = ours.try_get_matches_from(original.as_ref().map_or(&given, |original| &original.arguments));
    let matches = matches.unwrap_or_else(|error| {
        if let Some(original) = &original {
            eprintln!("{} is run as: {}", original.name, original.shown());
        }
        error.exit()
    });
    let logging = LoggingArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    logging::start(&logging);
    allocator::stop_threads();
    if let Err(cause) = hangup {
        error!("{cause:#}");
    }
    if let Some(original) = original {
        info!("{} is run as: {}", original.name, original.shown());
        original.notes.iter().for_each(|note| warn!("{note}"));
    }
    commands::run(parts, &matches, logging.color).unwrap_or_else(|cause| {
        problems::each(cause).iter().for_each(|cause| error!("{cause:#}"));
        ExitCode::from(2)
    })
}
