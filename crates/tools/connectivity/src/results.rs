//! Where results go: into the database, to the bus, and into the CSV file.

use std::sync::Arc;

use event::time::now_ns;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::engine::Shared;
use crate::heard::Heard;
use crate::report;
use crate::store::Finding;

impl Shared {
    /// Writes the results that are not written yet. Whether all are.
    pub(crate) async fn save(self: &Arc<Self>) -> bool {
        let _saving = self.saving.lock().await;
        if self.state.lock().unsaved.is_empty() {
            return true;
        }
        let shared = Arc::clone(self);
        spawn_blocking(move || shared.save_now()).await.unwrap_or(false)
    }

    /// The same. Blocks.
    pub(crate) fn save_now(&self) -> bool {
        let unsaved = std::mem::take(&mut self.state.lock().unsaved);
        let mut rest = unsaved.into_iter();
        while let Some((place, finding)) = rest.next() {
            if let Err(error) = self.store.note(&place, &finding) {
                self.warn_once(&format!("{error}; nothing is tried until it can be written"));
                self.state.lock().unsaved.extend(std::iter::once((place, finding)).chain(rest));
                return false;
            }
        }
        true
    }

    /// Passes on a result. `cached` if the attempt was made for somebody else, or before.
    pub(crate) async fn publish(&self, heard: &Heard, finding: &Finding, cached: bool) {
        let asn = heard.endpoint.host.ip().and_then(|ip| self.enrichment.lock().asn_of(ip));
        let attempt = report::attempt(heard, finding, asn, cached);
        if let Some(csv) = self.csv.clone() {
            let attempt = attempt.clone();
            if let Ok(Err(error)) = spawn_blocking(move || csv.append(&attempt)).await {
                self.warn_once(&format!("the CSV file cannot be written: {error}"));
            }
        }
        let publisher = self.state.lock().nodes.get(&heard.by.node).map(|node| node.publisher.clone());
        if let Some(publisher) = publisher {
            publisher.publish(now_ns(), report::body(attempt)).await;
        }
    }

    /// Logs what is wrong, unless it was the last that was.
    pub(crate) fn warn_once(&self, what: &str) {
        let mut warned = self.warned.lock();
        if warned.as_deref() != Some(what) {
            warn!("connectivity: {what}");
            *warned = Some(what.to_owned());
        }
    }
}
