//! Pings that the node received.

use event::message::{Message, Payload};
use networks::subnet;
use smol_str::format_smolstr;

use super::{begin_each_at_0, host};
use crate::fold::{Context, Observer, Origin, Peer};
use crate::store::Store;
use crate::table::ids::{P2P_OLDPING_SUBNET, P2P_PING_INBOUND_VALUE};

/// What pings show about who sends them: nodes draw a nonce from all 64-bit numbers.
#[derive(Default)]
pub(super) struct Pings;

/// The smallest type that holds a nonce.
fn class(nonce: u64) -> &'static str {
    match nonce {
        0 => "0",
        1..=0xff => "u8",
        0x100..=0xffff => "u16",
        0x1_0000..=0xffff_ffff => "u32",
        _ => "u64",
    }
}

impl Observer<Store> for Pings {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Messages {
            return;
        }
        begin_each_at_0(store, &[P2P_PING_INBOUND_VALUE], ["0", "u8", "u16", "u32", "u64"]);
    }

    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        if !message.inbound {
            return;
        }
        match (message.payload, peer.ip) {
            (Payload::Ping(nonce), _) => context.sink.inc(P2P_PING_INBOUND_VALUE, &[class(nonce)]),
            (Payload::OldPing, Some(ip)) => {
                context.sink.inc(P2P_OLDPING_SUBNET, &[&format_smolstr!("{}", subnet(ip))]);
            }
            // The address of a proxy is not the peer's.
            (Payload::OldPing, None) if event::filter::ip_of(&peer.addr).is_some() => {
                context.sink.inc(P2P_OLDPING_SUBNET, &[peer.network]);
            }
            (Payload::OldPing, None) => context.sink.inc(P2P_OLDPING_SUBNET, &[host(&peer.addr)]),
            _ => {}
        }
    }
}
