//! Blocks that became part of the active chain.

use event::Record;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event;

use super::{begin_at_0, ebpf};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids::{
    VALIDATION_BLOCK_CONNECTED_CONNECTION_TIME, VALIDATION_BLOCK_CONNECTED_LATEST_CONNECTION_TIME,
    VALIDATION_BLOCK_CONNECTED_LATEST_HEIGHT, VALIDATION_BLOCK_CONNECTED_LATEST_INPUTS,
    VALIDATION_BLOCK_CONNECTED_LATEST_SIGOPS, VALIDATION_BLOCK_CONNECTED_LATEST_TRANSACTIONS,
};

/// The last block, and the time that all of them took.
#[derive(Default)]
pub(super) struct Blocks;

impl Observer<Store> for Blocks {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Validation {
            return;
        }
        begin_at_0(store, &[VALIDATION_BLOCK_CONNECTED_CONNECTION_TIME]);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(EbpfEvent::Validation(validation)) = ebpf(record) else { return };
        let Some(Event::BlockConnected(block)) = &validation.event else { return };
        let store = &mut *context.sink;
        let microseconds = block.connection_time as f64 / 1_000.0;
        store.set(VALIDATION_BLOCK_CONNECTED_LATEST_HEIGHT, &[], block.height.into());
        store.set(VALIDATION_BLOCK_CONNECTED_LATEST_CONNECTION_TIME, &[], microseconds);
        store.set(VALIDATION_BLOCK_CONNECTED_LATEST_SIGOPS, &[], block.sigops as f64);
        store.set(VALIDATION_BLOCK_CONNECTED_LATEST_INPUTS, &[], block.inputs.into());
        store.set(VALIDATION_BLOCK_CONNECTED_LATEST_TRANSACTIONS, &[], block.transactions as f64);
        store.add(VALIDATION_BLOCK_CONNECTED_CONNECTION_TIME, &[], microseconds);
    }
}
