//! What passes between the tool and people by the database: that it looks, and what they decided.

use alert_state::Watching;
use event::time::now_ns;
use tokio::task::spawn_blocking;
use tracing::debug;

use crate::Alerts;

impl Alerts {
    /// Notes that it looks.
    pub(crate) async fn watches(&self, since_ns: u64) {
        let Some(store) = self.store.clone() else { return };
        let watching = Watching { detectors: self.engine.detectors(), since_ns, last_ns: now_ns() };
        if let Ok(Err(error)) = spawn_blocking(move || store.watches(&watching)).await {
            debug!("that alerts are looked for is not noted: {error}");
        }
    }

    /// Reads what people have decided. While that cannot be read, what they decided before holds.
    pub(crate) async fn decide(&self) {
        let Some(store) = self.store.clone() else { return };
        match spawn_blocking(move || store.decisions(now_ns())).await {
            Ok(Ok(decisions)) => self.receivers.decide(decisions),
            Ok(Err(error)) => debug!("what people decided cannot be read: {error}"),
            Err(_) => {}
        }
    }
}
