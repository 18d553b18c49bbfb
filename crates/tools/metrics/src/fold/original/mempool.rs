//! Changes of the mempool.

use event::Record;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event;

use super::{begin_at_0, ebpf};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids::{
    MEMPOOL_ADDED, MEMPOOL_ADDED_VBYTES, MEMPOOL_REJECTED, MEMPOOL_REMOVED, MEMPOOL_REPLACED, MEMPOOL_REPLACED_VBYTES,
};

/// Transactions that come and go.
#[derive(Default)]
pub(super) struct Mempool;

impl Observer<Store> for Mempool {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Mempool {
            return;
        }
        begin_at_0(store, &[MEMPOOL_ADDED, MEMPOOL_ADDED_VBYTES, MEMPOOL_REPLACED, MEMPOOL_REPLACED_VBYTES]);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(EbpfEvent::Mempool(mempool)) = ebpf(record) else { return };
        let store = &mut *context.sink;
        match &mempool.event {
            Some(Event::Added(added)) => {
                store.inc(MEMPOOL_ADDED, &[]);
                store.add(MEMPOOL_ADDED_VBYTES, &[], f64::from(added.vsize.max(0)));
            }
            Some(Event::Replaced(replaced)) => {
                store.inc(MEMPOOL_REPLACED, &[]);
                store.add(MEMPOOL_REPLACED_VBYTES, &[], f64::from(replaced.replaced_vsize.max(0)));
            }
            Some(Event::Removed(removed)) => store.inc(MEMPOOL_REMOVED, &[&removed.reason]),
            Some(Event::Rejected(rejected)) => store.inc(MEMPOOL_REJECTED, &[&rejected.reason]),
            None => {}
        }
    }
}
