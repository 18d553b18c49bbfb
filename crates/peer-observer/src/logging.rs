//! What the program logs about itself: on standard error, so that standard output holds data only.

use std::io::{IsTerminal, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Options of all commands.
#[derive(Args, Debug)]
pub struct LoggingArgs {
    /// What peer-observer logs about itself on standard error: error, warn, info, debug, trace, or by module
    #[arg(long, global = true, env = "PEER_OBSERVER_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// Colors
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// When there are colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Whether there are colors on an output.
    #[must_use]
    pub fn decide(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// Starts logging. Without `--log` and PEER_OBSERVER_LOG, our own messages from level info on are shown, and those of libraries from level
/// warn on.
pub fn start(args: &LoggingArgs) {
    let filter = match args.log.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(_)) | None => EnvFilter::new("info,async_nats=error,hyper=warn,reqwest=warn"),
    };
    let color = args.color.decide(stderr().is_terminal());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(color);
    // That standard error is gone cannot be reported there.
    subscriber.log_internal_errors(false).with_target(false).init();
    if let Some(Err(error)) = args.log.as_deref().map(EnvFilter::try_new) {
        tracing::warn!("cannot read the log filter {:?}: {error}; write it like info or bus=debug", args.log);
    }
}
