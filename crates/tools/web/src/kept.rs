//! What is kept of alerts in the database: it is read at the start, and again now and then, since the alerts of another
//! process, or of the time before this one, came by no event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alert_state::{Acknowledgement, DatabaseError, Decisions, Note, Store};
use event::time::now_ns;
use parking_lot::Mutex;
use smol_str::SmolStr;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::state::State;
use crate::state::alerts::MAX_ALERTS;

/// How often alerts are read.
const EVERY: Duration = Duration::from_secs(20);

/// Keeps the alerts of the state as the database has them.
pub(crate) async fn follow(store: Store, state: Arc<Mutex<State>>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warned = false;
    loop {
        ticks.tick().await;
        let (store, state) = (store.clone(), Arc::clone(&state));
        let read = move || -> Result<(), DatabaseError> {
            let (alerts, watching) = (store.latest_alerts(MAX_ALERTS as u32)?, store.watching()?);
            let mut state = state.lock();
            alerts.into_iter().for_each(|alert| state.alerts.take(alert));
            state.alerts.watching = watching;
            Ok(())
        };
        match spawn_blocking(read).await {
            Ok(Ok(())) => warned = false,
            Ok(Err(error)) if !warned => {
                warn!("web: alerts are shown as far as they came since the start: {error}");
                warned = true;
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

/// What people decided, as it was read for one answer.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Something can be decided.
    pub is_writable: bool,
    /// Silences, and what is acknowledged.
    pub decisions: Decisions,
    /// Who looks after which incident.
    pub acknowledged: BTreeMap<SmolStr, Acknowledgement>,
    /// How many notes there are of each incident.
    pub counts: BTreeMap<SmolStr, u64>,
    /// The notes of the incident that is asked for.
    pub notes: Vec<Note>,
}

impl Kept {
    /// Reads it, with the notes of one incident. Blocks.
    pub fn read(store: &Store, incident: Option<&str>) -> Result<Self, DatabaseError> {
        Ok(Self {
            is_writable: store.is_writable(),
            decisions: store.decisions(now_ns())?,
            acknowledged: store.acknowledgements()?,
            counts: store.note_counts()?,
            notes: incident.map(|id| store.notes(id)).transpose()?.unwrap_or_default(),
        })
    }
}
