//! When the node was started, and how often it was restarted.

use model::Change;
use model::bounds::SECOND;

use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::Store;

/// Starts of a node.
#[derive(Debug, Default)]
pub(super) struct Restarts;

impl Observer<Store> for Restarts {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if !matches!(origin, Origin::Uptime | Origin::Log | Origin::Process) {
            return;
        }
        store.add(ids::NODE_RESTARTS, &[], 0.0);
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        match change {
            Change::NodeStarted { .. } => show(context),
            Change::NodeRestarted { .. } => context.sink.inc(ids::NODE_RESTARTS, &[]),
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        show(context);
    }
}

fn show(context: &mut Context) {
    if let Some(started_ns) = context.restarts.started_ns {
        context.sink.set(ids::NODE_START_TIME, &[], (started_ns / SECOND) as f64);
    }
}
