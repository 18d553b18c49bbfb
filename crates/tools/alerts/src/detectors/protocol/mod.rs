//! What peers send against the rules of the protocol, or without any sense.

mod bogus_services;
mod bogus_v2;
mod empty_addrv2;
mod getdata_loop;
mod inv_blocks;
mod malformed_message;
mod old_ping;
mod oversized_message;
mod ping_spam;
mod rule;
mod sendcmpct_misuse;
mod unrequested_data;

use crate::detector::detectors;
use rule::{PerPeer, Slot};

/// What the detectors of the protocol keep of a peer.
#[derive(Debug, Default)]
pub(crate) struct OfPeer {
    bogus_services: Slot,
    empty_addrv2: Slot,
    getdata_loop: Slot,
    inv_blocks: Slot,
    malformed_message: Slot,
    old_ping: Slot,
    oversized_message: Slot,
    ping_spam: Slot,
    sendcmpct_misuse: Slot,
    unrequested_data: Slot,
    /// Beginnings of the hashes of the blocks that it requested last.
    last_blocks: [u64; getdata_loop::LAST],
}

detectors! {
    /// Detectors of the protocol.
    Protocol {
        ping_spam: PerPeer<ping_spam::PingSpam>,
        old_ping: PerPeer<old_ping::OldPing>,
        empty_addrv2: PerPeer<empty_addrv2::EmptyAddrV2>,
        unrequested_data: PerPeer<unrequested_data::UnrequestedData>,
        getdata_loop: PerPeer<getdata_loop::GetdataLoop>,
        oversized_message: PerPeer<oversized_message::OversizedMessage>,
        malformed_message: PerPeer<malformed_message::MalformedMessage>,
        inv_blocks: PerPeer<inv_blocks::InvBlocks>,
        bogus_services: PerPeer<bogus_services::BogusServices>,
        bogus_v2: bogus_v2::BogusV2,
        sendcmpct_misuse: PerPeer<sendcmpct_misuse::SendcmpctMisuse>,
    }
}
