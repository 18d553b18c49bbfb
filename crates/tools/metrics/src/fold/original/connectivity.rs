//! Whether gossiped addresses can be reached.

use event::pb::connectivity::Attempt;
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::{Body, Record};
use model::connectivity::{is_reachable, outcome, source};

use super::begin_at_0;
use crate::fold::own::{SECOND, boolean};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids;

/// Attempts to reach addresses.
#[derive(Default)]
pub(super) struct Connectivity;

impl Observer<Store> for Connectivity {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin == Origin::Connectivity {
            begin_at_0(
                store,
                &[ids::CONNECTIVITYCHECK_TRIED_TOR_EXIT, ids::CONNECTIVITYCHECK_SUCCESSFUL_CONNECTION_TOR_EXIT],
            );
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
    let network = attempt.address.network().name();
    let addr_version = if attempt.addrv2 { "addrv2" } else { "addr" };
    let reachable = is_reachable(outcome(attempt));
    let tried = if attempt.cached { ids::CONNECTIVITYCHECK_ADDR_CACHED } else { ids::CONNECTIVITYCHECK_ADDR_TRIED };
    store.inc(tried, &[network, addr_version]);
    let result = if reachable {
        ids::CONNECTIVITYCHECK_ADDR_SUCCESSFUL_CONNECTION
    } else {
        ids::CONNECTIVITYCHECK_ADDR_UNSUCCESSFUL_CONNECTION
    };
    store.inc(result, &[network, addr_version, &source(attempt)]);
    let (heard, time) = (attempt.heard_ns / SECOND, u64::from(attempt.address.timestamp));
    let offset = if time <= heard { "past" } else { "future" };
    store.observe(
        ids::CONNECTIVITYCHECK_ADDR_TIMESTAMP_OFFSET_SECONDS,
        &[network, addr_version, offset, boolean(reachable)],
        heard.abs_diff(time) as f64,
    );
    if attempt.source_tor_exit == Some(true) {
        store.inc(ids::CONNECTIVITYCHECK_TRIED_TOR_EXIT, &[]);
        store.add(ids::CONNECTIVITYCHECK_SUCCESSFUL_CONNECTION_TOR_EXIT, &[], f64::from(u8::from(reachable)));
    }
}
