//! What comes of attempts to reach gossiped addresses, and who gossiped them.

use event::pb::connectivity::Attempt;
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::{Body, Record};
use model::connectivity::{Claim, claim, is_reachable, outcome, outcome_name, source};

use super::{SECOND, boolean};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::Store;

/// Attempts to reach addresses.
#[derive(Debug, Default)]
pub(super) struct Connectivity;

impl Observer<Store> for Connectivity {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin == Origin::Connectivity {
            Claim::ALL.iter().for_each(|claim| store.add(ids::CONNECTIVITY_CLAIMS, &[claim.name()], 0.0));
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(Body::Connectivity(connectivity)) = record.body()
            && let Some(ConnectivityEvent::Attempt(attempt)) = &connectivity.connectivity_event
        {
            count(attempt, context.sink);
        }
    }
}

fn count(attempt: &Attempt, store: &mut Store) {
    let outcome = outcome(attempt);
    store.inc(ids::CONNECTIVITY_GOSSIPED, &[&source(attempt), boolean(is_reachable(outcome))]);
    if attempt.cached {
        return;
    }
    let name = outcome_name(outcome);
    store.inc(ids::CONNECTIVITY_ATTEMPTS, &[event::names::network_of_address(attempt.address.network()), name]);
    store.observe(ids::CONNECTIVITY_DURATION, &[name], attempt.duration_ns as f64 / SECOND as f64);
    if let Some(claim) = claim(attempt) {
        store.inc(ids::CONNECTIVITY_CLAIMS, &[claim.name()]);
    }
    if let Some(version) = &attempt.version {
        let clock = if version.clock_offset < 0 { "behind" } else { "ahead" };
        store.observe(ids::CONNECTIVITY_CLOCK_OFFSET, &[clock], version.clock_offset.unsigned_abs() as f64);
    }
}
