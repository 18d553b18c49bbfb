//! Waiting for what another program does and does not announce.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// How often a condition is looked at. Short against what a node does, long against what looking costs.
const INTERVAL: Duration = Duration::from_millis(20);

/// Asks `check` until it gives a value.
///
/// # Errors
/// `what` did not happen within `timeout`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: impl std::fmt::Display,
    timeout: Duration,
    mut check: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(value) = check().await {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {timeout:?}");
        }
        sleep(INTERVAL).await;
    }
}
