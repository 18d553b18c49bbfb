//! Transactions whose parents the node lacks, by getorphantxs.

use event::Record;
use event::pb::rpc_extractor::OrphanTx;
use event::pb::rpc_extractor::rpc::RpcEvent;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{begin_at_0, rpc, show};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids;

/// Orphans, and which of them came and went since the previous poll.
#[derive(Default)]
pub(super) struct Orphans {
    /// Bytes by wtxid: several orphans can have one txid.
    previous: Option<HashMap<Box<str>, u64, RandomState>>,
}

impl Observer<Store> for Orphans {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::OrphanTxs {
            return;
        }
        begin_at_0(
            store,
            &[
                ids::RPC_GETORPHANTXS_ADDED_BYTES,
                ids::RPC_GETORPHANTXS_ADDED_COUNT,
                ids::RPC_GETORPHANTXS_REMOVED_BYTES,
                ids::RPC_GETORPHANTXS_REMOVED_COUNT,
            ],
        );
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(RpcEvent::OrphanTxs(orphans)) = rpc(record) else { return };
        let (store, orphans) = (&mut *context.sink, &*orphans.orphans);
        let sum = |of: fn(&OrphanTx) -> u64| orphans.iter().map(|orphan| of(orphan) as f64).sum();
        store.set(ids::RPC_GETORPHANTXS_COUNT, &[], orphans.len() as f64);
        store.set(ids::RPC_GETORPHANTXS_BYTES, &[], sum(|orphan| orphan.bytes));
        store.set(ids::RPC_GETORPHANTXS_VSIZE, &[], sum(|orphan| orphan.vsize));
        store.set(ids::RPC_GETORPHANTXS_WEIGHT, &[], sum(|orphan| orphan.weight));
        // Of no orphans there is neither mean nor extreme.
        let from = || orphans.iter().map(|orphan| orphan.from.len());
        let mean = (!orphans.is_empty()).then(|| from().sum::<usize>() as f64 / orphans.len() as f64);
        show(store, ids::RPC_GETORPHANTXS_FROM_MEAN, &[], mean);
        show(store, ids::RPC_GETORPHANTXS_FROM_MIN, &[], from().min().map(|least| least as f64));
        show(store, ids::RPC_GETORPHANTXS_FROM_MAX, &[], from().max().map(|most| most as f64));

        let now = orphans.iter().map(|orphan| (orphan.wtxid.as_str().into(), orphan.bytes)).collect();
        if let Some(before) = self.previous.replace(now)
            && let Some(now) = &self.previous
        {
            let [added, removed] = [(now, &before), (&before, now)].map(|(in_this, not_in)| {
                let bytes = in_this.iter().filter(|(wtxid, _)| !not_in.contains_key(*wtxid)).map(|(_, bytes)| *bytes);
                bytes.fold((0.0, 0.0), |(count, sum), bytes| (count + 1.0, sum + bytes as f64))
            });
            store.add(ids::RPC_GETORPHANTXS_ADDED_COUNT, &[], added.0);
            store.add(ids::RPC_GETORPHANTXS_ADDED_BYTES, &[], added.1);
            store.add(ids::RPC_GETORPHANTXS_REMOVED_COUNT, &[], removed.0);
            store.add(ids::RPC_GETORPHANTXS_REMOVED_BYTES, &[], removed.1);
        }
    }
}
