//! What is read of a message without decoding it is what decoding gives.

use event::Record;
use event::message::{Address as AddressView, AddressNetwork, Header as HeaderView, ItemType, Message, Payload};
use event::pb::bitcoin_primitives::address::Address as AddressArm;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, BlockHeader, InventoryItem};
use event::pb::ebpf_extractor::message::MessageEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;

type Items = Vec<(ItemType, Vec<u8>)>;

fn items(items: &[InventoryItem]) -> Items {
    let read = |item: &InventoryItem| match item.item.clone().unwrap() {
        Item::Transaction(hash) => (ItemType::Tx, hash.to_vec()),
        Item::Block(hash) => (ItemType::Block, hash.to_vec()),
        Item::Wtx(hash) => (ItemType::WTx, hash.to_vec()),
        Item::WitnessTransaction(hash) => (ItemType::WitnessTx, hash.to_vec()),
        Item::WitnessBlock(hash) => (ItemType::WitnessBlock, hash.to_vec()),
        Item::CompactBlock(hash) => (ItemType::CompactBlock, hash.to_vec()),
        Item::Unknown(unknown) => (ItemType::Unknown, unknown.hash.to_vec()),
        Item::Error(_) => (ItemType::Error, Vec::new()),
    };
    items.iter().map(read).collect()
}

fn check_header(view: &HeaderView, header: &BlockHeader) {
    assert_eq!((view.hash, view.previous, view.time), (&header.hash[..], &header.prev_blockhash[..], header.time));
}

fn check_addresses(views: impl Iterator<Item = AddressView<'static>>, addresses: &[Address]) {
    let views: Vec<_> = views.collect();
    assert_eq!(views.len(), addresses.len());
    for (view, address) in views.iter().zip(addresses) {
        let (network, bytes) = match address.address.as_ref().unwrap() {
            AddressArm::Ipv4(text) => (AddressNetwork::Ipv4, text.as_bytes()),
            AddressArm::Ipv6(text) => (AddressNetwork::Ipv6, text.as_bytes()),
            AddressArm::Torv2(text) => (AddressNetwork::TorV2, text.as_bytes()),
            AddressArm::Torv3(text) => (AddressNetwork::TorV3, text.as_bytes()),
            AddressArm::I2p(text) => (AddressNetwork::I2p, text.as_bytes()),
            AddressArm::Cjdns(text) => (AddressNetwork::Cjdns, text.as_bytes()),
            AddressArm::Unknown(unknown) => (AddressNetwork::Unknown, &unknown.address[..]),
        };
        assert_eq!((view.network, view.bytes), (network, bytes));
        let rest = (view.timestamp, view.services, u32::from(view.port));
        assert_eq!(rest, (address.timestamp, address.services, address.port));
        let is_ip = matches!(network, AddressNetwork::Ipv4 | AddressNetwork::Ipv6 | AddressNetwork::Cjdns);
        assert_eq!(view.ip().is_some(), is_ip, "{address:?}");
    }
}

/// Holds what is read of a record equal to the message that it was made from.
pub fn check(record: Record, expected: &MessageEvent) {
    let record = Box::leak(Box::new(record)); // of a test
    let view = Message::of(record).unwrap();
    let meta = &expected.meta;
    assert_eq!((view.peer, view.addr, view.message_type), (meta.peer_id, &*meta.addr, &*meta.command));
    assert_eq!((view.conn_type, view.inbound, view.size), (meta.conn_type(), meta.inbound, meta.size));
    assert_eq!(view.conn_type_name, meta.conn_type_name.as_deref());
    let list = |items: event::message::Items| items.map(|(kind, hash)| (kind, hash.to_vec())).collect::<Items>();
    match (expected.msg.as_ref().unwrap(), view.payload) {
        (Msg::Ping(ping), Payload::Ping(nonce)) => assert_eq!(nonce, ping.value),
        (Msg::Pong(pong), Payload::Pong(nonce)) => assert_eq!(nonce, pong.value),
        (Msg::Inv(inv), Payload::Inv(read)) => assert_eq!(list(read), items(&inv.items)),
        (Msg::Getdata(getdata), Payload::GetData(read)) => assert_eq!(list(read), items(&getdata.items)),
        (Msg::Notfound(notfound), Payload::NotFound(read)) => assert_eq!(list(read), items(&notfound.items)),
        (Msg::Tx(tx), Payload::Tx(read)) => assert_eq!((read.txid, read.wtxid), (&tx.tx.txid[..], &tx.tx.wtxid[..])),
        (Msg::Headers(headers), Payload::Headers(read)) => {
            let read: Vec<_> = read.collect();
            assert_eq!(read.len(), headers.headers.len());
            read.iter().zip(&headers.headers).for_each(|(read, header)| check_header(read, header));
        }
        (Msg::Addr(addr), Payload::Addr(read)) => check_addresses(read, &addr.addresses),
        (Msg::Addrv2(addr), Payload::AddrV2(read)) => check_addresses(read, &addr.addresses),
        (Msg::Feefilter(filter), Payload::FeeFilter(fee)) => assert_eq!(fee, filter.fee),
        (Msg::Version(version), Payload::Version(read)) => {
            let read = (read.version, read.services, read.timestamp, read.user_agent, read.start_height, read.relay);
            let user_agent = &*version.user_agent;
            let expected =
                (version.version, version.services, version.timestamp, user_agent, version.start_height, version.relay);
            assert_eq!(read, expected);
        }
        (Msg::Reject(reject), Payload::Reject(read)) => {
            let read = (read.message_type, read.reason, read.details);
            assert_eq!(read, (&*reject.rejected_command, reject.reason, &*reject.reason_details));
        }
        (Msg::Compactblock(block), Payload::CompactBlock(read)) => {
            check_header(&read.header, &block.header);
            assert_eq!((read.short_ids, read.prefilled), (block.short_ids.len(), block.transactions.len()));
        }
        (Msg::Block(block), Payload::Block(read)) => check_header(&read, &block.header),
        (Msg::Getblocktxn(request), Payload::GetBlockTxn(hash, count)) => {
            assert_eq!((hash, count), (&request.block_hash[..], request.tx_indexes.len()));
        }
        (Msg::Blocktxn(given), Payload::BlockTxn(hash)) => assert_eq!(hash, &given.block_hash[..]),
        (Msg::Getheaders(_), Payload::GetHeaders)
        | (Msg::Getaddr(_), Payload::GetAddr)
        | (Msg::Emptyaddrv2(_), Payload::EmptyAddrV2)
        | (Msg::Oldping(_), Payload::OldPing) => {}
        (msg, Payload::Other) => {
            let read = "ping pong inv getdata notfound tx headers addr addrv2 feefilter version reject cmpctblock block \
                        getblocktxn blocktxn getheaders getaddr";
            let known = read.split(' ').any(|name| name == meta.command);
            assert!(!known || matches!(msg, Msg::Unknown(_)), "{msg:?}");
        }
        (msg, read) => panic!("{msg:?} is read as {read:?}"),
    }
}
