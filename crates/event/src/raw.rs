//! Removes the raw bytes of transactions from events: they are large, and the events are useful without them.

use crate::Body;
use crate::pb::bitcoin_primitives::Transaction;
use crate::pb::ebpf_extractor::ebpf::EbpfEvent;
use crate::pb::ebpf_extractor::message::message_event::Msg;
use crate::pb::rpc_extractor::rpc::RpcEvent;

/// Removes the raw bytes of all transactions from a body. Returns whether there were any.
pub(crate) fn strip(body: &mut Body) -> bool {
    let mut found = false;
    for_each_transaction(body, |transaction| found |= transaction.raw.take().is_some());
    found
}

/// Types of messages that carry transactions.
pub(crate) const MESSAGES: [&str; 5] = ["tx", "block", "blocktxn", "cmpctblock", "pkgtxns"];

/// Removes the transactions of a block from a body. Returns whether there were any.
pub(crate) fn strip_block(body: &mut Body) -> bool {
    let Body::EbpfExtractor(ebpf) = body else { return false };
    let Some(EbpfEvent::Message(message)) = &mut ebpf.ebpf_event else { return false };
    let Some(Msg::Block(block)) = &mut message.msg else { return false };
    !std::mem::take(&mut block.transactions).is_empty()
}

fn for_each_transaction(body: &mut Body, mut f: impl FnMut(&mut Transaction)) {
    match body {
        Body::EbpfExtractor(ebpf) => {
            let Some(EbpfEvent::Message(message)) = &mut ebpf.ebpf_event else {
                return;
            };
            match &mut message.msg {
                Some(Msg::Tx(message)) => f(&mut message.tx),
                Some(Msg::Block(message)) => message.transactions.iter_mut().for_each(f),
                Some(Msg::Blocktxn(message)) => message.transactions.iter_mut().for_each(f),
                Some(Msg::Pkgtxns(message)) => message.transactions.iter_mut().for_each(f),
                Some(Msg::Compactblock(message)) => {
                    message.transactions.iter_mut().for_each(|prefilled| f(&mut prefilled.tx));
                }
                _ => {}
            }
        }
        Body::RpcExtractor(rpc) => {
            if let Some(RpcEvent::OrphanTxs(orphans)) = &mut rpc.rpc_event {
                orphans.orphans.iter_mut().for_each(|orphan| f(&mut orphan.transaction));
            }
        }
        _ => {}
    }
}
