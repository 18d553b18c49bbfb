//! Warnings about troubles that pass by themselves or last for long: each is logged once.

use std::time::{Duration, Instant};

use tracing::warn;

/// Logs the present trouble of one kind with a node once, however often it is reported, and only if it lasts: a node that
/// starts, or a file that is being rotated, passes through several troubles within a moment.
#[derive(Debug)]
pub struct WarnOnce {
    settled: Duration,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    text: String,
    since: Instant,
    logged: bool,
}

impl WarnOnce {
    /// No trouble yet. A trouble is logged when it is reported again after `settled` with the same text.
    #[must_use]
    pub fn after(settled: Duration) -> Self {
        Self { settled, trouble: None }
    }

    /// Reports a trouble with the node of this name. Call it again while the trouble lasts.
    pub fn trouble(&mut self, node: &str, text: String) {
        match &mut self.trouble {
            Some(trouble) if trouble.text == text => {
                if !trouble.logged && trouble.since.elapsed() >= self.settled {
                    trouble.logged = true;
                    warn!("node {node}: {text} (logged once; retrying)");
                }
            }
            other => *other = Some(Trouble { text, since: Instant::now(), logged: false }),
        }
    }

    /// Reports that the trouble is over: if it comes back, it is logged again.
    pub fn over(&mut self) {
        self.trouble = None;
    }
}
