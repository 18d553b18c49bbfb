//! P2P messages.

use bytes::Bytes;

use super::host::Host;
use super::own::Own;
use super::{Gossip, Redactor, agent, coarse, same, words};
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{
    Address, BlockHeader, InventoryItem, PrefilledTransaction, Transaction, UnknownItem,
};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{
    Addr, AddrV2, Alert, AncPkgInfo, Block, BlockTxn, CFilter, CfCheckpt, CfHeaders, CompactBlock, Feature, FeeFilter,
    FilterAdd, FilterLoad, GetBlockTxn, GetBlocks, GetCFilter, GetCfCheckpt, GetCfHeaders, GetData, GetHeaders,
    GetPkgTxns, Headers, Inv, MerkleBlock, MessageEvent, Metadata, NotFound, Ping, PkgTxns, Pong, Reject, SendCompact,
    SendPackages, SendTxRcncl, Tx, Unknown, Version,
};

/// Hash functions that a bloom filter may have (BIP 37).
const MAX_HASH_FUNCS: u32 = 50;

impl Redactor {
    /// Learns the address that a peer has for the node, and names in the node's own user agent.
    pub(super) fn learn_from_message(&mut self, message: &MessageEvent) {
        if let Some(Msg::Version(version)) = &message.msg {
            let meta = &message.meta;
            if meta.inbound {
                let called = version.receiver.text().map(Host::of);
                let (voice, _) = Host::parse(&meta.addr);
                self.own.called(&self.node, meta.peer_id, &voice, called);
            } else {
                agent::comments(&version.user_agent).for_each(|comment| self.own.learn_reported_name(comment));
            }
        }
    }

    pub(super) fn message(&mut self, message: &MessageEvent) -> Option<MessageEvent> {
        let MessageEvent { meta, msg } = message;
        let Metadata { peer_id, addr, conn_type, command, inbound, size, conn_type_name, captured } = meta;
        let gossip = if *inbound { Gossip::FromPeer(*peer_id) } else { Gossip::ToPeer(*peer_id) };
        self.sender = inbound.then(|| Host::parse(addr).0);
        let msg = self.payload(msg.as_ref()?, gossip);
        self.sender = None;
        let known = words::message_type(command);
        let meta = Metadata {
            peer_id: *peer_id,
            addr: self.addr(addr),
            conn_type: *conn_type,
            command: known.to_owned(),
            inbound: *inbound,
            size: if known == words::UNKNOWN_TYPE { coarse::digits(*size, 1) } else { coarse::size(*size) },
            conn_type_name: words::connection_type(conn_type_name.as_deref()),
            captured: captured.map(coarse::size),
        };
        Some(MessageEvent { meta, msg: Some(msg) })
    }

    fn payload(&mut self, msg: &Msg, gossip: Gossip) -> Msg {
        let own = &self.own;
        match msg {
            Msg::Ping(Ping { value: _ }) => Msg::Ping(Ping { value: 0 }),
            Msg::Pong(Pong { value: _ }) => Msg::Pong(Pong { value: 0 }),
            Msg::Inv(Inv { items }) => Msg::Inv(Inv { items: inventory(own, items) }),
            Msg::Getdata(GetData { items }) => Msg::Getdata(GetData { items: inventory(own, items) }),
            Msg::Tx(Tx { tx }) => Msg::Tx(Tx { tx: transaction(own, tx) }),
            Msg::Headers(Headers { headers }) => {
                Msg::Headers(Headers { headers: headers.iter().map(|head| header(own, head)).collect() })
            }
            Msg::Addr(Addr { addresses }) => Msg::Addr(Addr { addresses: self.addresses(addresses, gossip) }),
            Msg::Addrv2(AddrV2 { addresses }) => Msg::Addrv2(AddrV2 { addresses: self.addresses(addresses, gossip) }),
            Msg::Feefilter(FeeFilter { fee }) => Msg::Feefilter(FeeFilter { fee: coarse::fee_rate(*fee) }),
            Msg::Getheaders(GetHeaders { version, locator_hashes, stop_hash }) => Msg::Getheaders(GetHeaders {
                version: coarse::version(*version),
                locator_hashes: locator(own, locator_hashes, gossip),
                stop_hash: locator_hash(own, stop_hash, gossip),
            }),
            Msg::Getblocks(GetBlocks { version, locator_hashes, stop_hash }) => Msg::Getblocks(GetBlocks {
                version: coarse::version(*version),
                locator_hashes: locator(own, locator_hashes, gossip),
                stop_hash: locator_hash(own, stop_hash, gossip),
            }),
            Msg::Version(message) => Msg::Version(self.version(message, gossip)),
            Msg::Notfound(NotFound { items }) => Msg::Notfound(NotFound { items: inventory(own, items) }),
            Msg::Reject(Reject { rejected_command, reason, reason_details, hash }) => Msg::Reject(Reject {
                rejected_command: words::message_type(rejected_command).to_owned(),
                reason: *reason,
                reason_details: words::reason(reason_details),
                hash: own.hash(hash),
            }),
            // Nonce and short ids are the sender's own: who got the same message from the node would know it by them.
            Msg::Compactblock(CompactBlock { header: head, nonce: _, short_ids, transactions }) => {
                let prefilled = |prefilled: &PrefilledTransaction| {
                    let PrefilledTransaction { diff_index, tx } = prefilled;
                    PrefilledTransaction { diff_index: *diff_index, tx: transaction(own, tx) }
                };
                Msg::Compactblock(CompactBlock {
                    header: header(own, head),
                    nonce: 0,
                    short_ids: vec![Bytes::from_static(&[0; 6]); short_ids.len()],
                    transactions: transactions.iter().map(prefilled).collect(),
                })
            }
            Msg::Sendcompact(SendCompact { send_compact, version }) => Msg::Sendcompact(SendCompact {
                send_compact: *send_compact,
                version: if *version <= 2 { *version } else { 0 },
            }),
            Msg::Block(Block { header: head, transactions, transaction_count }) => Msg::Block(Block {
                header: header(own, head),
                transactions: transactions.iter().map(|tx| transaction(own, tx)).collect(),
                transaction_count: *transaction_count,
            }),
            Msg::Getblocktxn(GetBlockTxn { block_hash, tx_indexes }) => {
                Msg::Getblocktxn(GetBlockTxn { block_hash: own.hash(block_hash), tx_indexes: tx_indexes.clone() })
            }
            Msg::Blocktxn(BlockTxn { block_hash, transactions, transaction_count }) => Msg::Blocktxn(BlockTxn {
                block_hash: own.hash(block_hash),
                transactions: transactions.iter().map(|tx| transaction(own, tx)).collect(),
                transaction_count: *transaction_count,
            }),
            Msg::Alert(Alert { alert: _ }) => Msg::Alert(Alert { alert: Bytes::new() }),
            Msg::Filteradd(FilterAdd { filter: _ }) => Msg::Filteradd(FilterAdd { filter: Bytes::new() }),
            Msg::Filterload(FilterLoad { filter: _, hash_funcs, tweak: _, flags }) => Msg::Filterload(FilterLoad {
                filter: Bytes::new(),
                hash_funcs: (*hash_funcs).min(MAX_HASH_FUNCS),
                tweak: 0,
                flags: *flags,
            }),
            Msg::Getcfcheckpt(GetCfCheckpt { filter_type, stop_hash }) => Msg::Getcfcheckpt(GetCfCheckpt {
                filter_type: byte(*filter_type),
                stop_hash: locator_hash(own, stop_hash, gossip),
            }),
            Msg::Cfheaders(message) => {
                let CfHeaders { filter_type, stop_hash, previous_filter_header, filter_hashes } = message;
                Msg::Cfheaders(CfHeaders {
                    filter_type: byte(*filter_type),
                    stop_hash: own.hash(stop_hash),
                    previous_filter_header: own.hash(previous_filter_header),
                    filter_hashes: own.hashes(filter_hashes),
                })
            }
            Msg::Cfilter(CFilter { filter_type, block_hash, filter: _ }) => Msg::Cfilter(CFilter {
                filter_type: byte(*filter_type),
                block_hash: own.hash(block_hash),
                filter: Bytes::new(),
            }),
            Msg::Cfcheckpt(CfCheckpt { filter_type, stop_hash, filter_headers }) => Msg::Cfcheckpt(CfCheckpt {
                filter_type: byte(*filter_type),
                stop_hash: own.hash(stop_hash),
                filter_headers: own.hashes(filter_headers),
            }),
            Msg::Getcfheaders(GetCfHeaders { filter_type, start_height, stop_hash }) => {
                Msg::Getcfheaders(GetCfHeaders {
                    filter_type: byte(*filter_type),
                    start_height: coarse_height(*start_height),
                    stop_hash: locator_hash(own, stop_hash, gossip),
                })
            }
            Msg::Getcfilter(GetCFilter { filter_type, start_height, stop_hash }) => Msg::Getcfilter(GetCFilter {
                filter_type: byte(*filter_type),
                start_height: coarse_height(*start_height),
                stop_hash: locator_hash(own, stop_hash, gossip),
            }),
            // The chosen transactions reveal the filter of the peer that requested them.
            Msg::Merkleblock(MerkleBlock { header: head, num_transactions, bits: _, hashes: _ }) => {
                Msg::Merkleblock(MerkleBlock {
                    header: header(own, head),
                    num_transactions: *num_transactions,
                    bits: Vec::new(),
                    hashes: Vec::new(),
                })
            }
            Msg::Unknown(Unknown { command, payload: _ }) => {
                Msg::Unknown(Unknown { command: words::message_type(command).to_owned(), payload: Bytes::new() })
            }
            Msg::Verack(_) => Msg::Verack(true),
            Msg::Sendheaders(_) => Msg::Sendheaders(true),
            Msg::Getaddr(_) => Msg::Getaddr(true),
            Msg::Mempool(_) => Msg::Mempool(true),
            Msg::Wtxidrelay(_) => Msg::Wtxidrelay(true),
            Msg::Sendaddrv2(_) => Msg::Sendaddrv2(true),
            Msg::Filterclear(_) => Msg::Filterclear(true),
            Msg::Emptyaddrv2(_) => Msg::Emptyaddrv2(true),
            Msg::Oldping(_) => Msg::Oldping(true),
            Msg::Sendtxrcncl(SendTxRcncl { version, salt: _ }) => {
                Msg::Sendtxrcncl(SendTxRcncl { version: (*version).min(1), salt: 0 })
            }
            Msg::Feature(Feature { feature_id: _, data: _ }) => {
                Msg::Feature(Feature { feature_id: "other".to_owned(), data: Bytes::new() })
            }
            Msg::Sendpackages(SendPackages { versions }) => Msg::Sendpackages(SendPackages { versions: *versions & 1 }),
            Msg::Ancpkginfo(AncPkgInfo { wtxids }) => Msg::Ancpkginfo(AncPkgInfo { wtxids: own.hashes(wtxids) }),
            Msg::Getpkgtxns(GetPkgTxns { wtxids }) => Msg::Getpkgtxns(GetPkgTxns { wtxids: own.hashes(wtxids) }),
            Msg::Pkgtxns(PkgTxns { transactions }) => {
                Msg::Pkgtxns(PkgTxns { transactions: transactions.iter().map(|tx| transaction(own, tx)).collect() })
            }
        }
    }

    /// A peer's version message; of the node's own, no more than that it sent one.
    fn version(&self, message: &Version, gossip: Gossip) -> Version {
        if !matches!(gossip, Gossip::FromPeer(_)) {
            let timestamp = self.at_s(coarse::clock(message.timestamp, self.now));
            return Version { timestamp, ..Version::default() };
        }
        let Version { version, services, timestamp, receiver: _, sender: _, nonce: _, user_agent, start_height, relay } =
            message;
        Version {
            version: coarse::version(*version),
            services: coarse::services(*services),
            timestamp: self.at_s(coarse::clock(*timestamp, self.now)),
            receiver: Address::default(),
            sender: Address::default(),
            nonce: 0,
            user_agent: agent::user_agent(user_agent),
            start_height: i32::try_from(coarse::height((*start_height).into())).unwrap_or_default(),
            relay: *relay,
        }
    }
}

/// The entries of inv, getdata and notfound.
pub(super) fn inventory(own: &Own, items: &[InventoryItem]) -> Vec<InventoryItem> {
    let item = |InventoryItem { item }: &InventoryItem| {
        let item = match item.as_ref()? {
            Item::Transaction(hash) => Item::Transaction(own.hash(hash)),
            Item::Block(hash) => Item::Block(own.hash(hash)),
            Item::Wtx(hash) => Item::Wtx(own.hash(hash)),
            Item::WitnessTransaction(hash) => Item::WitnessTransaction(own.hash(hash)),
            Item::WitnessBlock(hash) => Item::WitnessBlock(own.hash(hash)),
            Item::CompactBlock(hash) => Item::CompactBlock(own.hash(hash)),
            Item::Unknown(UnknownItem { inv_type: _, hash: _ }) => {
                Item::Unknown(UnknownItem { inv_type: 0, hash: Bytes::new() })
            }
            Item::Error(_) => Item::Error(true),
        };
        Some(InventoryItem { item: Some(item) })
    };
    items.iter().filter_map(item).collect()
}

/// A transaction by its ids alone: its bytes have room for any text.
pub(super) fn transaction(own: &Own, transaction: &Transaction) -> Transaction {
    let Transaction { txid, wtxid, raw: _ } = transaction;
    Transaction { txid: own.hash(txid), wtxid: own.hash(wtxid), raw: None }
}

fn header(own: &Own, header: &BlockHeader) -> BlockHeader {
    let header = same!(header => BlockHeader { version, prev_blockhash, merkle_root, time, bits, nonce, hash });
    BlockHeader {
        prev_blockhash: own.hash(&header.prev_blockhash),
        merkle_root: own.hash(&header.merkle_root),
        hash: own.hash(&header.hash),
        ..header
    }
}

/// A locator. Of a peer's only the number of hashes is kept: the peer can choose them freely.
fn locator(own: &Own, hashes: &[Bytes], gossip: Gossip) -> Vec<Bytes> {
    hashes.iter().map(|hash| locator_hash(own, hash, gossip)).collect()
}

fn locator_hash(own: &Own, hash: &Bytes, gossip: Gossip) -> Bytes {
    match gossip {
        Gossip::FromPeer(_) => Bytes::from_static(&[0; 32]),
        Gossip::ToPeer(_) | Gossip::ToUs => own.hash(hash),
    }
}

fn byte(number: u32) -> u32 {
    number.min(u32::from(u8::MAX))
}

fn coarse_height(height: u32) -> u32 {
    u32::try_from(coarse::height(height.into())).unwrap_or_default()
}
