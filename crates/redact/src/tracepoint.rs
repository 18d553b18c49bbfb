//! Events of the other tracepoints and of the IPC interface.

use super::own::Own;
use super::{Redactor, same, words};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::block::block_event::Event as BlockArm;
use event::pb::ebpf_extractor::block::{BlockEvent, BlockHeader, BlockReconstructed};
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
use event::pb::ipc_extractor::{BlockTip, InitialBlockDownload, Ipc};

impl Redactor {
    pub(super) fn learn_from_ebpf(&mut self, ebpf: &Ebpf) {
        match &ebpf.ebpf_event {
            Some(EbpfEvent::Message(message)) => self.learn_from_message(message),
            Some(
                EbpfEvent::Connection(_)
                | EbpfEvent::Mempool(_)
                | EbpfEvent::Validation(_)
                | EbpfEvent::Block(_)
                | EbpfEvent::Utxocache(_),
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
                EbpfEvent::Mempool(MempoolEvent { event: Some(self.mempool(event.as_ref()?)) })
            }
            EbpfEvent::Validation(ValidationEvent { event }) => {
                let ValidationArm::BlockConnected(block) = event.as_ref()?;
                let block =
                    same!(block => BlockConnected { hash, height, transactions, inputs, sigops, connection_time });
                let block = BlockConnected { hash: own.hash(&block.hash), ..block };
                EbpfEvent::Validation(ValidationEvent { event: Some(ValidationArm::BlockConnected(block)) })
            }
            EbpfEvent::Block(BlockEvent { event }) => {
                let event = match event.as_ref()? {
                    BlockArm::Header(header) => {
                        let header = same!(header => BlockHeader { hash, height, peer_id, compact_block });
                        BlockArm::Header(BlockHeader { hash: own.hash(&header.hash), ..header })
                    }
                    BlockArm::Reconstructed(block) => {
                        let block = same!(block => BlockReconstructed {
                            hash, peer_id, prefilled, from_mempool, from_extra_pool, requested, requested_bytes,
                        });
                        BlockArm::Reconstructed(BlockReconstructed { hash: own.hash(&block.hash), ..block })
                    }
                };
                EbpfEvent::Block(BlockEvent { event: Some(event) })
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
                ConnectionArm::Closed(ClosedConnection {
                    conn,
                    time_established: self.since_seconds(*time_established),
                })
            }
            ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established }) => {
                let conn = self.connection(conn);
                let time_established = self.since_seconds(*time_established);
                ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established })
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

    fn mempool(&self, event: &MempoolArm) -> MempoolArm {
        let own = &self.own;
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
                entry_time: self.at_seconds(*entry_time),
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
                    replaced_entry_time: self.at_seconds(replaced.replaced_entry_time),
                    ..replaced
                })
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
}

fn coin(own: &Own, coin: &Coin) -> Coin {
    let coin = same!(coin => Coin { txid, index, height, value, is_coinbase });
    Coin { txid: own.hash(&coin.txid), ..coin }
}

pub(super) fn ipc(own: &Own, ipc: &Ipc) -> Option<Ipc> {
    let Ipc { ipc_event } = ipc;
    let event = match ipc_event.as_ref()? {
        IpcEvent::BlockTip(BlockTip { height, hash }) => {
            IpcEvent::BlockTip(BlockTip { height: *height, hash: own.hash(hash) })
        }
        IpcEvent::InitialBlockDownload(download) => {
            IpcEvent::InitialBlockDownload(same!(download => InitialBlockDownload { active }))
        }
    };
    Some(Ipc { ipc_event: Some(event) })
}
