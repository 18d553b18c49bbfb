//! Events of the other tracepoints, of the IPC interface and of our own P2P connection.

use super::message::inventory;
use super::own::Own;
use super::{Gossip, Redactor, coarse, same, words};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::connection::{
    ClosedConnection, Connection, ConnectionEvent, EvictedInboundConnection, InboundConnection, MisbehavingConnection,
    OutboundConnection,
};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolArm;
use event::pb::ebpf_extractor::mempool::{Added, MempoolEvent, Rejected, Removed, Replaced};
use event::pb::ebpf_extractor::utxocache::utxo_cache_event::Event as UtxoCacheArm;
use event::pb::ebpf_extractor::utxocache::{Coin, Flush, UtxoCacheEvent};
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationArm;
use event::pb::ebpf_extractor::validation::{BlockConnected, ValidationEvent};
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::ipc_extractor::{BlockTip, Ipc};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{AddressAnnouncement, InventoryAnnouncement, P2p, PingDuration};

impl Redactor {
    pub(super) fn learn_from_ebpf(&mut self, ebpf: &Ebpf) {
        match &ebpf.ebpf_event {
            Some(EbpfEvent::Message(message)) => self.learn_from_message(message),
            Some(
                EbpfEvent::Connection(_) | EbpfEvent::Mempool(_) | EbpfEvent::Validation(_) | EbpfEvent::Utxocache(_),
            )
            | None => {}
        }
    }

    pub(super) fn ebpf(&mut self, ebpf: &Ebpf) -> Option<Ebpf> {
        let Ebpf { ebpf_event } = ebpf;
        let own = &self.own;
        let event = match ebpf_event.as_ref()? {
            EbpfEvent::Message(message) => EbpfEvent::Message(self.message(message)?),
            EbpfEvent::Connection(ConnectionEvent { event }) => {
                let event = Some(self.connection_event(event.as_ref()?));
                EbpfEvent::Connection(ConnectionEvent { event })
            }
            EbpfEvent::Mempool(MempoolEvent { event }) => {
                EbpfEvent::Mempool(MempoolEvent { event: Some(mempool(own, event.as_ref()?)) })
            }
            EbpfEvent::Validation(ValidationEvent { event }) => {
                let ValidationArm::BlockConnected(block) = event.as_ref()?;
                let block =
                    same!(block => BlockConnected { hash, height, transactions, inputs, sigops, connection_time });
                let block = BlockConnected { hash: own.hash(&block.hash), ..block };
                EbpfEvent::Validation(ValidationEvent { event: Some(ValidationArm::BlockConnected(block)) })
            }
            EbpfEvent::Utxocache(UtxoCacheEvent { event }) => {
                let event = match event.as_ref()? {
                    UtxoCacheArm::Flush(flush) => UtxoCacheArm::Flush(
                        same!(flush => Flush { duration_us, mode, coins_count, coins_mem_usage, for_prune }),
                    ),
                    UtxoCacheArm::Add(added) => UtxoCacheArm::Add(coin(own, added)),
                    UtxoCacheArm::Spent(spent) => UtxoCacheArm::Spent(coin(own, spent)),
                    UtxoCacheArm::Uncache(uncached) => UtxoCacheArm::Uncache(coin(own, uncached)),
                };
                EbpfEvent::Utxocache(UtxoCacheEvent { event: Some(event) })
            }
        };
        Some(Ebpf { ebpf_event: Some(event) })
    }

    fn connection_event(&mut self, event: &ConnectionArm) -> ConnectionArm {
        match event {
            ConnectionArm::Closed(ClosedConnection { conn, time_established }) => {
                let conn = self.connection(conn);
                ConnectionArm::Closed(ClosedConnection { conn, time_established: *time_established })
            }
            ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established }) => {
                let conn = self.connection(conn);
                ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established: *time_established })
            }
            ConnectionArm::Inbound(InboundConnection { conn, existing_connections }) => {
                let conn = self.connection(conn);
                ConnectionArm::Inbound(InboundConnection { conn, existing_connections: *existing_connections })
            }
            ConnectionArm::Outbound(OutboundConnection { conn, existing_connections }) => {
                let conn = self.connection(conn);
                ConnectionArm::Outbound(OutboundConnection { conn, existing_connections: *existing_connections })
            }
            ConnectionArm::Misbehaving(MisbehavingConnection { id, message }) => {
                ConnectionArm::Misbehaving(MisbehavingConnection { id: *id, message: self.text(message) })
            }
        }
    }

    fn connection(&mut self, connection: &Connection) -> Connection {
        let Connection { peer_id, addr, conn_type, network, conn_type_name } = connection;
        Connection {
            peer_id: *peer_id,
            addr: self.addr(addr),
            conn_type: *conn_type,
            network: *network,
            conn_type_name: words::connection_type(conn_type_name.as_deref()),
        }
    }

    pub(super) fn p2p(&mut self, p2p: &P2p) -> Option<P2p> {
        let P2p { p2p_event } = p2p;
        let event = match p2p_event.as_ref()? {
            P2pEvent::PingDuration(ping) => P2pEvent::PingDuration(same!(ping => PingDuration { duration })),
            P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses }) => {
                let addresses = self.addresses(addresses, Gossip::ToUs);
                P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses })
            }
            P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory: items }) => {
                P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory: inventory(&self.own, items) })
            }
            P2pEvent::FeefilterAnnouncement(rate) => P2pEvent::FeefilterAnnouncement(coarse::fee_rate(*rate)),
        };
        Some(P2p { p2p_event: Some(event) })
    }
}

fn mempool(own: &Own, event: &MempoolArm) -> MempoolArm {
    match event {
        MempoolArm::Added(added) => {
            let added = same!(added => Added { txid, vsize, fee });
            MempoolArm::Added(Added { txid: own.hash(&added.txid), ..added })
        }
        MempoolArm::Removed(Removed { txid, reason, vsize, fee, entry_time }) => MempoolArm::Removed(Removed {
            txid: own.hash(txid),
            reason: words::reason(reason),
            vsize: *vsize,
            fee: *fee,
            entry_time: *entry_time,
        }),
        MempoolArm::Rejected(Rejected { txid, reason }) => {
            MempoolArm::Rejected(Rejected { txid: own.hash(txid), reason: words::reason(reason) })
        }
        MempoolArm::Replaced(replaced) => {
            let replaced = same!(replaced => Replaced {
                replaced_txid, replaced_vsize, replaced_fee, replaced_entry_time,
                replacement_id, replacement_vsize, replacement_fee, replaced_by_transaction,
            });
            MempoolArm::Replaced(Replaced {
                replaced_txid: own.hash(&replaced.replaced_txid),
                replacement_id: own.hash(&replaced.replacement_id),
                ..replaced
            })
        }
    }
}

fn coin(own: &Own, coin: &Coin) -> Coin {
    let coin = same!(coin => Coin { txid, index, height, value, is_coinbase });
    Coin { txid: own.hash(&coin.txid), ..coin }
}

pub(super) fn ipc(own: &Own, ipc: &Ipc) -> Option<Ipc> {
    let Ipc { ipc_event } = ipc;
    let IpcEvent::BlockTip(BlockTip { height, hash }) = ipc_event.as_ref()?;
    let tip = BlockTip { height: *height, hash: own.hash(hash) };
    Some(Ipc { ipc_event: Some(IpcEvent::BlockTip(tip)) })
}
