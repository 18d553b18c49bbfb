//! Standard output, for answers that are made at once.

use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};
use clap::ValueEnum;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    #[default]
    Text,
    /// A JSON object a file, each on a line
    Json,
}

/// Prints a text. That its reader went away is no error.
///
/// # Errors
/// It cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}
