//! Announcements of transactions and blocks.

use event::message::{Message, Payload};

use super::{DIRECTIONS, ITEM_TYPES, ItemCounts, begin_at_0, begin_each_at_0, direction};
use crate::fold::{Context, Observer, Origin, Peer};
use crate::store::Store;
use crate::table::ids::{
    P2P_INV_ENTRIES, P2P_INV_ENTRIES_HISTOGRAM, P2P_INVS_HETEROGENEOUS, P2P_INVS_HOMOGENEOUS, P2P_INVS_OUTBOUND_LARGE,
};

/// What inv messages contain.
#[derive(Default)]
pub(super) struct Invs;

/// Entries of an inv message that is not yet large: nodes whose queue does not grow send as many in one go.
const NOT_LARGE: u64 = 35;

impl Observer<Store> for Invs {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Messages {
            return;
        }
        begin_at_0(store, &[P2P_INVS_OUTBOUND_LARGE]);
        begin_each_at_0(store, &[P2P_INVS_HOMOGENEOUS, P2P_INVS_HETEROGENEOUS], DIRECTIONS);
        for direction in DIRECTIONS {
            store.observe_many(P2P_INV_ENTRIES_HISTOGRAM, &[direction], []);
            ITEM_TYPES.iter().for_each(|kind| store.add(P2P_INV_ENTRIES, &[direction, kind.name()], 0.0));
        }
    }

    fn message(&mut self, message: &Message, _: &mut Peer, context: &mut Context) {
        let Payload::Inv(items) = message.payload else { return };
        let (store, direction) = (&mut *context.sink, direction(message.inbound));
        let mut counts = ItemCounts::default();
        items.for_each(|(kind, _)| counts.add(kind));
        for (kind, count) in counts.present() {
            store.add(P2P_INV_ENTRIES, &[direction, kind], count as f64);
        }
        store.observe(P2P_INV_ENTRIES_HISTOGRAM, &[direction], counts.total() as f64);
        match counts.present().count() {
            0 => {}
            1 => store.inc(P2P_INVS_HOMOGENEOUS, &[direction]),
            _ => store.inc(P2P_INVS_HETEROGENEOUS, &[direction]),
        }
        if !message.inbound && counts.total() > NOT_LARGE {
            store.inc(P2P_INVS_OUTBOUND_LARGE, &[]);
        }
    }
}
