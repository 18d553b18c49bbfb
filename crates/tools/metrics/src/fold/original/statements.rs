//! What peers say of themselves and of us: user agents, fee filters, rejections.

use event::message::{Message, Payload, Reject};
use event::pb::ebpf_extractor::message::reject::RejectReason;
use smol_str::{SmolStr, format_smolstr};

use super::{direction, is_linkinglion};
use crate::fold::{Context, Observer, Peer};
use crate::store::Store;
use crate::table::ids::{P2P_FEEFILTER_FEERATE, P2P_REJECT_MESSAGE, P2P_VERSION_USERAGENT};

/// version and reject messages received, feefilter messages in both directions.
#[derive(Default)]
pub(super) struct Statements;

impl Observer<Store> for Statements {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        match message.payload {
            Payload::Version(version) if message.inbound => {
                // They draw theirs from a long list.
                let linkinglion = is_linkinglion(peer.sets, context.enrichment);
                let useragent = if linkinglion { "LinkingLion" } else { version.user_agent };
                context.sink.inc(P2P_VERSION_USERAGENT, &[useragent]);
            }
            Payload::FeeFilter(fee) => {
                context.sink.inc(P2P_FEEFILTER_FEERATE, &[direction(message.inbound), &format_smolstr!("{fee}")]);
            }
            Payload::Reject(reject) if message.inbound => {
                context.sink.inc(P2P_REJECT_MESSAGE, &[reject.message_type, &reason(reject)]);
            }
            _ => {}
        }
    }
}

/// The name of a reason (BIP 61), or its number.
fn reason(reject: Reject) -> SmolStr {
    match RejectReason::try_from(reject.reason) {
        Ok(reason) => SmolStr::new_static(reason.as_str_name()),
        Err(_) => format_smolstr!("{}", reject.reason),
    }
}
