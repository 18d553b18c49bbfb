//! Runs the tool: folds events into the state, and shows it until somebody leaves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bus::Subscription;
use parking_lot::Mutex;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::screen;
use crate::state::State;

/// Gives the last line that the program logged about itself while the screen has the terminal. None if there is none, or if it went
/// elsewhere.
pub type Log = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The error with which the tool ends.
#[derive(Debug, Error)]
#[error("cannot draw on the terminal: {0}")]
pub struct TopError(#[from] io::Error);

/// How often time passes in the state.
const TICK: Duration = Duration::from_secs(1);

/// Columns and rows of the terminal; none if there is none.
pub fn terminal_size() -> Option<(usize, usize)> {
    ratatui::crossterm::terminal::size().ok().map(|(width, height)| (width.into(), height.into()))
}

/// Shows the nodes until somebody leaves, which ends the process by the token, or until the token is cancelled or the subscription ends.
/// The screen is drawn by a thread of its own, so that a slow terminal holds up nothing else.
///
/// # Errors
/// The terminal cannot be drawn on. That it went away is no error.
pub async fn run(
    mut events: Subscription,
    state: State,
    color: bool,
    log: Log,
    shutdown: CancellationToken,
) -> Result<(), TopError> {
    let state = Arc::new(Mutex::new(state));
    let ended = CancellationToken::new();
    let mut showing = tokio::task::spawn_blocking({
        let (state, ended, shutdown) = (Arc::clone(&state), ended.clone(), shutdown.clone());
        move || screen::show(&state, color, &log, || ended.is_cancelled() || shutdown.is_cancelled())
    });
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            items = events.next_many() => {
                if items.is_empty() {
                    ended.cancel();
                    break;
                }
                let mut state = state.lock();
                items.iter().for_each(|item| state.fold(item));
            }
            _ = ticks.tick() => state.lock().tick(),
            shown = &mut showing => {
                shutdown.cancel();
                return outcome(shown);
            }
        }
    }
    outcome(showing.await)
}

fn outcome(shown: Result<io::Result<()>, tokio::task::JoinError>) -> Result<(), TopError> {
    /// The terminal hung up.
    const EIO: i32 = 5;
    match shown {
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO) => Ok(()),
        Ok(shown) => Ok(shown?),
        Err(panicked) => Err(io::Error::other(panicked).into()),
    }
}
