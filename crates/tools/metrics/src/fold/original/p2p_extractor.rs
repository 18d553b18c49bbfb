//! What the node sends on a P2P connection of our own.

use event::message::{AddressNetwork, ItemType};
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Record};

use super::{ITEM_TYPES, ItemCounts, NetworkCounts, begin_at_0, begin_each_at_0};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids;

/// Answers to pings, addresses, announcements, fee filters.
#[derive(Default)]
pub(super) struct P2pExtractor {
    /// The node sends addresses in addr, not in addrv2, which it does all the time: the original does not know those.
    sends_addr: bool,
}

/// Entries of an addrv2 message up to which it is relayed on, not an answer to getaddr.
const FEW: usize = 10;

impl Observer<Store> for P2pExtractor {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::P2p {
            return;
        }
        begin_at_0(
            store,
            &[
                ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES,
                ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES_10_OR_LESS_ENTRIES,
                ids::P2PEXTRACTOR_INVS_MESSAGES,
                ids::P2PEXTRACTOR_FEEFILTER_MESSAGES,
            ],
        );
        let networks = AddressNetwork::ALL.map(AddressNetwork::name);
        begin_each_at_0(store, &[ids::P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES], networks);
        begin_each_at_0(store, &[ids::P2PEXTRACTOR_INVS_ITEMS], ITEM_TYPES.map(ItemType::name));
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::P2pExtractor(p2p)) = record.body() else { return };
        let store = &mut *context.sink;
        match &p2p.p2p_event {
            Some(P2pEvent::PingDuration(ping)) => {
                store.set(ids::P2PEXTRACTOR_PING_DURATION_NANOSECONDS, &[], ping.duration as f64);
            }
            Some(P2pEvent::MessageSeen(seen)) if !seen.sent => match seen.message_type.as_str() {
                "addr" => self.sends_addr = true,
                "addrv2" | "version" => self.sends_addr = false,
                _ => {}
            },
            Some(P2pEvent::AddressAnnouncement(announced)) if !self.sends_addr => {
                let mut networks = NetworkCounts::default();
                announced.addresses.iter().for_each(|address| networks.add(address.network()));
                for (network, count) in networks.present() {
                    store.add(ids::P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES, &[network], count as f64);
                }
                store.inc(ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES, &[]);
                if announced.addresses.len() <= FEW {
                    store.inc(ids::P2PEXTRACTOR_ADDRV2RELAY_MESSAGES_10_OR_LESS_ENTRIES, &[]);
                }
                store.set(ids::P2PEXTRACTOR_ADDRV2RELAY_SIZE, &[], announced.addresses.len() as f64);
            }
            Some(P2pEvent::InventoryAnnouncement(announced)) => {
                let mut types = ItemCounts::default();
                announced.inventory.iter().for_each(|item| types.add(item_type(item.item.as_ref())));
                for (kind, count) in types.present() {
                    store.add(ids::P2PEXTRACTOR_INVS_ITEMS, &[kind], count as f64);
                }
                store.inc(ids::P2PEXTRACTOR_INVS_MESSAGES, &[]);
                store.set(ids::P2PEXTRACTOR_INVS_SIZE, &[], announced.inventory.len() as f64);
            }
            Some(P2pEvent::FeefilterAnnouncement(fee)) => {
                store.inc(ids::P2PEXTRACTOR_FEEFILTER_MESSAGES, &[]);
                store.set(ids::P2PEXTRACTOR_FEEFILTER_LAST, &[], *fee as f64);
            }
            _ => {}
        }
    }
}

fn item_type(item: Option<&Item>) -> ItemType {
    match item {
        Some(Item::Transaction(_)) => ItemType::Tx,
        Some(Item::Block(_)) => ItemType::Block,
        Some(Item::Wtx(_)) => ItemType::WTx,
        Some(Item::WitnessTransaction(_)) => ItemType::WitnessTx,
        Some(Item::WitnessBlock(_)) => ItemType::WitnessBlock,
        Some(Item::CompactBlock(_)) => ItemType::CompactBlock,
        Some(Item::Unknown(_)) => ItemType::Unknown,
        Some(Item::Error(_)) | None => ItemType::Error,
    }
}
