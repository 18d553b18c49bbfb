//! The P2P connection of our own: the node seen from outside.

use event::message::AddressNetwork;
use event::names;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{AddressAnnouncement, ConnectionOpened, MessageSeen, NodeVersion, Way};
use event::{Body, Record, Source};
use model::SourceState;

use super::{SECOND, boolean};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::Store;

/// The P2P connection of our own.
#[derive(Debug, Default)]
pub(super) struct OwnConnection {
    /// Whether it is open, as its extractor reported last; None if that reports no such thing.
    open: Option<bool>,
}

/// Messages by which blocks are announced.
const ANNOUNCEMENTS: [&str; 3] = ["inv", "headers", "cmpctblock"];

impl Observer<Store> for OwnConnection {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin == Origin::OwnConnection {
            store.add(ids::OWN_VERSION_CHANGES, &[], 0.0);
            store.observe_many(ids::OWN_CONNECTION_LIFETIME, &[], []);
            ANNOUNCEMENTS.iter().for_each(|name| store.add(ids::OWN_BLOCK_ANNOUNCEMENTS, &[name], 0.0));
            [true, false].into_iter().for_each(|have| store.add(ids::OWN_STALE_TIPS, &[boolean(have)], 0.0));
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::P2pExtractor(p2p)) = record.body() else { return };
        let time_ns = context.time_ns;
        let store = &mut *context.sink;
        match &p2p.p2p_event {
            Some(P2pEvent::ConnectionExpected(_)) => self.set(false, store),
            Some(P2pEvent::ConnectionOpened(connection)) => {
                self.set(true, store);
                opened(connection, store);
            }
            Some(P2pEvent::ConnectionEnded(ended)) => {
                self.set(false, store);
                store.observe(ids::OWN_CONNECTION_LIFETIME, &[], ended.duration_ns as f64 / SECOND as f64);
            }
            Some(P2pEvent::MessageSeen(seen)) => message(seen, store),
            Some(P2pEvent::PingDuration(ping)) => {
                store.observe(ids::OWN_PING, &[], ping.duration as f64 / SECOND as f64);
            }
            Some(P2pEvent::NodeVersion(version)) => node_version(version, store),
            Some(P2pEvent::OwnAddress(own)) => {
                let network = names::network_of_address(own.address.network());
                store.inc(ids::OWN_ADDRESS_ANNOUNCEMENTS, &[network]);
            }
            Some(P2pEvent::AddressAnnouncement(announced)) => addresses(announced, time_ns, store),
            Some(P2pEvent::BlockAnnouncement(announced)) => {
                let name = ANNOUNCEMENTS.into_iter().find(|name| *name == announced.message_type);
                store.inc(ids::OWN_BLOCK_ANNOUNCEMENTS, &[name.unwrap_or(names::UNKNOWN)]);
            }
            Some(P2pEvent::BlockServed(served)) => {
                store.observe(ids::OWN_BLOCK_VALIDATION, &[], served.duration_ns as f64 / SECOND as f64);
            }
            Some(P2pEvent::DataRequest(request)) => store.inc(ids::OWN_DATA_REQUESTS, &[&request.message_type]),
            Some(P2pEvent::FeatureOffered(feature)) => store.inc(ids::OWN_FEATURES, &[&feature.feature_id]),
            Some(P2pEvent::StaleTips(tips)) => store.inc(ids::OWN_STALE_TIPS, &[boolean(tips.have_block)]),
            // The original's series have them.
            Some(P2pEvent::InventoryAnnouncement(_) | P2pEvent::FeefilterAnnouncement(_)) | None => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        // With its extractor, the connection is gone, too: whether that could say so or not.
        let source = context.liveness.source(Source::P2p.name());
        let is_gone =
            source.is_some_and(|source| matches!(source.condition.state, SourceState::Ended | SourceState::Silent));
        if let Some(open) = self.open {
            context.sink.set(ids::OWN_CONNECTION_UP, &[], f64::from(u8::from(open && !is_gone)));
        }
    }
}

impl OwnConnection {
    fn set(&mut self, open: bool, store: &mut Store) {
        self.open = Some(open);
        store.clear(ids::OWN_CONNECTION_INFO);
        store.set(ids::OWN_CONNECTION_UP, &[], f64::from(u8::from(open)));
    }
}

fn opened(opened: &ConnectionOpened, store: &mut Store) {
    let way = match Way::try_from(opened.way) {
        Ok(Way::Listening) => "listening",
        Ok(Way::Dialling) => "dialling",
        Err(_) => names::UNKNOWN,
    };
    let transport = ["v1", "v2"].into_iter().find(|known| *known == opened.transport).unwrap_or(names::UNKNOWN);
    store.set(ids::OWN_CONNECTION_INFO, &[way, transport], 1.0);
    store.inc(ids::OWN_CONNECTIONS_OPENED, &[way, transport]);
}

fn message(seen: &MessageSeen, store: &mut Store) {
    // As the node sees it.
    let direction = names::direction(seen.sent);
    store.inc(ids::OWN_MESSAGES, &[&seen.message_type, direction]);
    store.add(ids::OWN_MESSAGE_BYTES, &[&seen.message_type, direction], seen.size as f64);
    store.add(ids::OWN_WIRE_BYTES, &[direction], seen.wire_size as f64);
}

fn node_version(version: &NodeVersion, store: &mut Store) {
    store.set(ids::OWN_CLOCK_OFFSET, &[], version.clock_offset as f64);
    store.add(ids::OWN_VERSION_CHANGES, &[], f64::from(u8::from(version.changed)));
}

fn addresses(announced: &AddressAnnouncement, time_ns: u64, store: &mut Store) {
    const REPEATS: [&str; 3] = ["first", "repeated", "unknown"];
    let mut counts = [[0_u32; REPEATS.len()]; AddressNetwork::ALL.len()];
    let times = announced.times.iter().copied().map(Some).chain(std::iter::repeat(None));
    for (address, times) in announced.addresses.iter().zip(times) {
        let repeat = match times {
            Some(1) => 0,
            Some(0) | None => 2,
            Some(_) => 1,
        };
        if let Some(count) = counts.get_mut(address.network() as usize).and_then(|counts| counts.get_mut(repeat)) {
            *count += 1;
        }
        let age = (time_ns / SECOND).saturating_sub(address.timestamp.into());
        store.observe(ids::OWN_ADDRESS_AGE, &[], age as f64);
    }
    for (network, counts) in AddressNetwork::ALL.iter().zip(counts) {
        for (repeat, count) in REPEATS.iter().zip(counts).filter(|(_, count)| *count > 0) {
            store.add(ids::OWN_ADDRESSES, &[names::network_of_address(*network), repeat], count.into());
        }
    }
}
