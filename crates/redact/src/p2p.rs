//! Events of our own P2P connection.

use super::message::inventory;
use super::own::Own;
use super::{Gossip, Redactor, agent, coarse, same, words};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{
    AddressAnnouncement, BlockAnnouncement, BlockServed, ConnectionEnded, ConnectionExpected, ConnectionOpened,
    DataRequest, InventoryAnnouncement, MessageSeen, OwnAddress, P2p, PingDuration, StaleTips,
};

impl Redactor {
    pub(super) fn learn_from_p2p(&mut self, p2p: &P2p) {
        match &p2p.p2p_event {
            Some(P2pEvent::OwnAddress(OwnAddress { address })) => {
                if let Some(own) = address.text() {
                    self.own.learn_reported(own);
                }
            }
            Some(P2pEvent::ConnectionOpened(opened)) => self.own.learn_reported(&opened.node_address),
            Some(P2pEvent::NodeVersion(version)) => {
                agent::comments(&version.user_agent).for_each(|comment| self.own.learn_reported_name(comment));
            }
            _ => {}
        }
    }

    pub(super) fn p2p(&mut self, p2p: &P2p) -> Option<P2p> {
        let P2p { p2p_event } = p2p;
        let own = &self.own;
        let event = match p2p_event.as_ref()? {
            P2pEvent::PingDuration(ping) => P2pEvent::PingDuration(same!(ping => PingDuration { duration })),
            P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses, times }) => {
                let shown = self.addresses(addresses, Gossip::ToUs);
                // They are in the order of the addresses, of which some may be missing now.
                let times = if shown.len() == addresses.len() { times.clone() } else { Vec::new() };
                P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses: shown, times })
            }
            P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory: items }) => {
                P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory: inventory(own, items) })
            }
            P2pEvent::FeefilterAnnouncement(rate) => P2pEvent::FeefilterAnnouncement(coarse::fee_rate(*rate)),
            P2pEvent::ConnectionExpected(ConnectionExpected { way, our_address: _ }) => {
                P2pEvent::ConnectionExpected(ConnectionExpected { way: *way, our_address: None })
            }
            P2pEvent::ConnectionOpened(opened) => P2pEvent::ConnectionOpened(connection_opened(opened)),
            P2pEvent::ConnectionEnded(ConnectionEnded { reason: _, duration_ns }) => {
                P2pEvent::ConnectionEnded(ConnectionEnded { reason: String::new(), duration_ns: *duration_ns })
            }
            P2pEvent::MessageSeen(seen) => {
                let seen = same!(seen => MessageSeen { message_type, size, wire_size, sent });
                P2pEvent::MessageSeen(MessageSeen {
                    message_type: words::message_type(&seen.message_type).to_owned(),
                    ..seen
                })
            }
            // What the node is, which few others are.
            P2pEvent::NodeVersion(_) | P2pEvent::FeatureOffered(_) => return None,
            P2pEvent::OwnAddress(OwnAddress { address: _ }) => return None,
            P2pEvent::BlockAnnouncement(BlockAnnouncement { block_hash, message_type, height }) => {
                P2pEvent::BlockAnnouncement(BlockAnnouncement {
                    block_hash: own.hash(block_hash),
                    message_type: words::message_type(message_type).to_owned(),
                    height: *height,
                })
            }
            P2pEvent::BlockServed(BlockServed { block_hash, duration_ns }) => {
                P2pEvent::BlockServed(BlockServed { block_hash: own.hash(block_hash), duration_ns: *duration_ns })
            }
            P2pEvent::DataRequest(DataRequest { message_type, inventory: items }) => {
                P2pEvent::DataRequest(DataRequest {
                    message_type: words::message_type(message_type).to_owned(),
                    inventory: inventory(own, items),
                })
            }
            P2pEvent::StaleTips(tips) => P2pEvent::StaleTips(stale_tips(own, tips)),
        };
        Some(P2p { p2p_event: Some(event) })
    }
}

fn connection_opened(opened: &ConnectionOpened) -> ConnectionOpened {
    let ConnectionOpened { way, our_address: _, node_address: _, transport, session_id: _, our_nonce: _ } = opened;
    ConnectionOpened {
        way: *way,
        our_address: None,
        node_address: String::new(),
        transport: words::one_of(transport, &["v1", "v2"]).to_owned(),
        session_id: None,
        our_nonce: 0,
    }
}

fn stale_tips(own: &Own, tips: &StaleTips) -> StaleTips {
    let StaleTips { fork_point, block_hashes, have_block } = tips;
    StaleTips { fork_point: own.hash(fork_point), block_hashes: own.hashes(block_hashes), have_block: *have_block }
}
