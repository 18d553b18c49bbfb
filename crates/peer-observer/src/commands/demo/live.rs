//! The live summary of the demo: repainted in place on a terminal, else printed every ten seconds.

use std::io::{self, ErrorKind, IsTerminal, Write, stdout};
use std::time::Duration;

use anyhow::{Context, Result};
use bus::Subscription;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use top::{Live, State};

use crate::logging;

/// How often it is repainted.
const REPAINT: Duration = Duration::from_secs(1);
/// How often it is printed.
const PRINT: Duration = Duration::from_secs(10);
/// Characters of a line that is printed, and the size of a terminal that does not say it.
const WIDTH: usize = 160;
const USUAL: (usize, usize) = (80, 24);

/// Shows the summary until the subscription ends. It is written by a thread of its own, so that a slow terminal holds up nothing else.
///
/// # Errors
/// Standard output cannot be written. That its reader went away, or the terminal, is no error.
pub async fn show(events: Subscription, state: State, is_terminal: bool, color: bool) -> Result<()> {
    let runtime = Handle::current();
    let showing = tokio::task::spawn_blocking(move || {
        if is_terminal { repaint(&runtime, events, state, color) } else { print(&runtime, events, state, color) }
    });
    match showing.await? {
        Err(error) if error.kind() == ErrorKind::BrokenPipe || is_terminal && !stdout().is_terminal() => Ok(()),
        shown => shown.context("cannot write the summary to standard output"),
    }
}

fn repaint(runtime: &Handle, mut events: Subscription, mut state: State, color: bool) -> io::Result<()> {
    let log = logging::hold();
    let mut live = Live::new(stdout());
    let mut goes_on = true;
    while goes_on {
        goes_on = fold_for(runtime, &mut events, &mut state, REPAINT);
        let (width, height) = top::terminal_size().unwrap_or(USUAL);
        let mut lines = top::lines(&state, width, color);
        lines.truncate(height.saturating_sub(1));
        live.paint(&log.take(), &lines)?;
    }
    Ok(())
}

fn print(runtime: &Handle, mut events: Subscription, mut state: State, color: bool) -> io::Result<()> {
    let (mut printed, mut gap) = (Instant::now(), "");
    while fold_for(runtime, &mut events, &mut state, REPAINT) {
        if printed.elapsed() >= PRINT {
            printed = Instant::now();
            // The text before the first summary ends with an empty line.
            writeln!(stdout(), "{gap}{}", top::lines(&state, WIDTH, color).join("\n"))?;
            gap = "\n";
        }
    }
    Ok(())
}

/// Folds all events of a time. False if no more will come.
fn fold_for(runtime: &Handle, events: &mut Subscription, state: &mut State, time: Duration) -> bool {
    let until = Instant::now() + time;
    while let Ok(items) = runtime.block_on(async { timeout_at(until, events.next_many()).await }) {
        if items.is_empty() {
            return false;
        }
        items.iter().for_each(|item| state.fold(item));
    }
    state.tick();
    true
}
