//! What the program says about itself: on standard error, so that standard output holds data only.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::cli::LoggingArgs;

/// Starts logging. Without `--log` and PEER_OBSERVER_LOG, our own messages from level info on are
/// shown, and those of libraries from level warn on.
pub fn start(args: &LoggingArgs) {
    let filter = match args.log.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(_)) | None => EnvFilter::new("info,async_nats=error,hyper=warn,reqwest=warn"),
    };
    let color = args.color.decide(stderr().is_terminal());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(color);
    // That standard error is gone can't be told there.
    subscriber.log_internal_errors(false).with_target(false).init();
    if let Some(Err(error)) = args.log.as_deref().map(EnvFilter::try_new) {
        tracing::warn!("cannot read the log filter {:?}: {error}; write it like info or bus=debug", args.log);
    }
}
