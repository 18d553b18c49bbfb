//! What is said of troubles that pass by themselves or last for long: each once.

use std::time::{Duration, Instant};

use tracing::warn;

/// For how long a trouble must last to be said: a file that is being rotated is away for a moment.
const SETTLED: Duration = Duration::from_secs(1);

/// The present trouble of one kind.
#[derive(Default)]
pub(crate) struct Told(Option<Trouble>);

struct Trouble {
    text: String,
    since: Instant,
    told: bool,
}

impl Told {
    /// There is a trouble; call it again while it lasts.
    pub(crate) fn trouble(&mut self, node: &str, text: String) {
        match &mut self.0 {
            Some(trouble) if trouble.text == text => {
                if !trouble.told && trouble.since.elapsed() >= SETTLED {
                    trouble.told = true;
                    warn!("node {node}: {text} (said once; trying on)");
                }
            }
            other => *other = Some(Trouble { text, since: Instant::now(), told: false }),
        }
    }

    /// There is none any more.
    pub(crate) fn over(&mut self) {
        self.0 = None;
    }
}
