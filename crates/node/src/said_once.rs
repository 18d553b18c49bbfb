//! What is said of troubles that pass by themselves or last for long: each once.

use std::time::{Duration, Instant};

use tracing::warn;

/// The present trouble of one kind with a node. Whoever tries on tells it here again and again; it is said once, and only
/// if it lasts: a node that starts, or a file that is being rotated, passes through several within a moment.
#[derive(Debug)]
pub struct SaidOnce {
    settled: Duration,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    text: String,
    since: Instant,
    told: bool,
}

impl SaidOnce {
    /// No trouble yet. One is said when it has lasted for `settled`.
    #[must_use]
    pub fn after(settled: Duration) -> Self {
        Self { settled, trouble: None }
    }

    /// There is a trouble with the node of this name; call it again while it lasts.
    pub fn trouble(&mut self, node: &str, text: String) {
        match &mut self.trouble {
            Some(trouble) if trouble.text == text => {
                if !trouble.told && trouble.since.elapsed() >= self.settled {
                    trouble.told = true;
                    warn!("node {node}: {text} (said once; trying on)");
                }
            }
            other => *other = Some(Trouble { text, since: Instant::now(), told: false }),
        }
    }

    /// There is none any more.
    pub fn over(&mut self) {
        self.trouble = None;
    }
}
