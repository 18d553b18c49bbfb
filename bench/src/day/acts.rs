//! What happens at the node, and the events of it.

use event::pb::bitcoin_primitives::{InventoryItem, inventory_item};
use event::pb::ebpf_extractor::connection::{ClosedConnection, Connection, InboundConnection, connection_event};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::{Added, Rejected, Removed, mempool_event};
use event::pb::ebpf_extractor::validation::{BlockConnected, ValidationEvent, validation_event};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{InventoryAnnouncement, P2p, PingDuration};
use event::{Body, HashText};
use fastrand::Rng;

use super::store::{OUTBOUND, PEERS, Peer, Tx};
use super::{Act, CAPTURED, Day, From, GOSSIPED, SECOND, hash, inventory};
use crate::payloads::{self, vector};

impl Day {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Transaction => {
                let raw = payloads::transaction(&mut self.random);
                self.txs.add(Tx::new(&mut self.random, raw, self.now));
                self.plan(1.0 / 7.0, Act::Transaction);
            }
            Act::Hear(place) => self.hear(place),
            Act::Tell(place) => self.tell(place),
            Act::Arrive(place, txs) => self.arrive(place, &txs),
            Act::Serve(place, txs) => {
                self.inv(place, true, "getdata", &txs);
                for tx in txs {
                    let raw = self.txs.get(tx).map(|tx| tx.raw.clone());
                    raw.iter().for_each(|raw| self.message(place, false, "tx", raw));
                }
            }
            Act::Ping(place) => {
                let ours = self.random.bool();
                let nonce = self.random.u64(..).to_le_bytes();
                self.message(place, !ours, "ping", &nonce);
                self.plan_at(if ours { 0.09 } else { 0.0002 }, Act::Pong(place, ours, nonce));
                self.plan(60.0, Act::Ping(place));
            }
            Act::Pong(place, inbound, nonce) => self.message(place, inbound, "pong", &nonce),
            Act::Gossip => {
                let (place, turn) = (self.random.usize(..PEERS), self.random.usize(..GOSSIPED));
                if self.random.u8(..5) == 0 {
                    let fresh = payloads::addrv2_entry(&mut self.random);
                    self.gossip.get_mut(turn).into_iter().for_each(|entry| *entry = fresh.clone());
                }
                let payload = self.gossiped(4);
                self.message(place, true, "addrv2", &payload);
                self.plan(0.4, Act::Gossip);
            }
            Act::Relay => {
                let (place, payload) = (self.random.usize(..PEERS), self.gossiped(6));
                self.message(place, false, "addrv2", &payload);
                self.plan(0.3, Act::Relay);
            }
            Act::Connect => self.connect(),
            Act::Leave(place) => self.leave(place),
            Act::ServeBlock => {
                let (place, block, header) =
                    (self.random.usize(OUTBOUND..PEERS), hash(&mut self.random), self.header());
                self.message(place, true, "getdata", &inventory(0x4000_0002, &[block]));
                let mut captured = [header, vec![0xfd, 0xa0, 0x0f]].concat();
                captured.resize(CAPTURED, 0);
                let size = self.random.usize(900_000..2_000_000);
                self.message_of_size(place, false, "block", &captured, size);
                self.plan(5.0, Act::ServeBlock);
            }
            Act::Block => self.block(),
            Act::Rpc => {
                let bodies =
                    self.rpc.sample(&mut self.random, self.now, &self.peers, self.height, self.txs.in_mempool());
                bodies.into_iter().for_each(|body| self.emit(From::Rpc, body));
                self.plan_at(10.0, Act::Rpc);
            }
            Act::Addrman => {
                let body = self.rpc.addrman(&mut self.random, self.now);
                self.emit(From::Rpc, body);
                self.plan_at(300.0, Act::Addrman);
            }
            Act::OwnPing => {
                let duration = self.random.u64(300_000..900_000);
                self.own(P2pEvent::PingDuration(PingDuration { duration }));
                self.plan_at(1.0, Act::OwnPing);
            }
            Act::OwnInv => {
                let item = |tx: &Tx| InventoryItem { item: Some(inventory_item::Item::Wtx(tx.wtxid.to_vec().into())) };
                let inventory: Vec<_> = self.txs.fetched_since(self.now.saturating_sub(2 * SECOND)).map(item).collect();
                if !inventory.is_empty() {
                    self.own(P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory }));
                }
                self.plan_at(2.0, Act::OwnInv);
            }
            Act::Reject => {
                let reason = ["min relay fee not met", "txn-mempool-conflict", "bad-txns-inputs-missingorspent"];
                let reason = self.random.choice(reason).unwrap_or_default().to_owned();
                let txid = hash(&mut self.random).to_vec().into();
                self.mempool(mempool_event::Event::Rejected(Rejected { txid, reason }));
                self.plan(2.0, Act::Reject);
            }
        }
    }

    fn own(&mut self, event: P2pEvent) {
        self.emit(From::P2p, Body::P2pExtractor(P2p { p2p_event: Some(event) }));
    }

    /// Some of the gossiped addresses, as an addrv2.
    fn gossiped(&mut self, most: usize) -> Vec<u8> {
        let (count, gossip) = (self.random.usize(1..=most), &self.gossip);
        vector(&mut self.random, count, |random| random.choice(gossip).cloned().unwrap_or_default())
    }

    /// A peer announces what it has: what is older it has more likely.
    fn hear(&mut self, place: usize) {
        let (now, random) = (self.now, &mut self.random);
        let mut heard = Vec::new();
        let mut fetch = Vec::new();
        for (number, tx) in self.txs.since(now.saturating_sub(20 * SECOND)) {
            let age = now.saturating_sub(tx.time) as f64 / SECOND as f64;
            if !tx.knows(place) && random.f64() * 8.0 < age {
                tx.learn(place);
                heard.push(number);
                if !tx.asked {
                    tx.asked = true;
                    fetch.push(number);
                }
            }
        }
        if !heard.is_empty() {
            self.inv(place, true, "inv", &heard);
        }
        if !fetch.is_empty() {
            self.inv(place, false, "getdata", &fetch);
            self.plan_at(0.12, Act::Arrive(place, fetch));
        }
        self.plan(if place < OUTBOUND { 5.0 } else { 2.0 }, Act::Hear(place));
    }

    fn arrive(&mut self, place: usize, txs: &[u64]) {
        for number in txs {
            let (now, Some(tx)) = (self.now, self.txs.get_mut(*number)) else { continue };
            tx.fetched = Some(now);
            let (raw, txid, vsize, fee) = (tx.raw.clone(), tx.txid, tx.vsize(), tx.fee);
            self.message(place, true, "tx", &raw);
            self.mempool(mempool_event::Event::Added(Added { txid: txid.to_vec().into(), vsize, fee }));
        }
    }

    /// We announce what we have to those who do not.
    fn tell(&mut self, to: Option<usize>) {
        let places = to.map_or(OUTBOUND..PEERS, |place| place..place + 1);
        let since = self.now.saturating_sub(40 * SECOND);
        for place in places {
            let unknown = |(_, tx): &(u64, &mut Tx)| tx.fetched.is_some() && !tx.knows(place);
            let announced: Vec<u64> =
                self.txs.since(since).filter(unknown).map(|(number, tx)| (number, tx.learn(place)).0).collect();
            if announced.is_empty() {
                continue;
            }
            self.inv(place, false, "inv", &announced);
            let wanted: Vec<u64> = announced.into_iter().filter(|_| self.random.u32(..1000) < 40).collect();
            if !wanted.is_empty() {
                let delay = 0.05 + self.random.f64() * 0.3;
                self.plan_at(delay, Act::Serve(place, wanted));
            }
        }
        self.plan(if to.is_some() { 2.0 } else { 5.0 }, Act::Tell(to));
    }

    fn closed(&mut self, place: usize) {
        let Some(peer) = self.peers.get(place) else { return };
        let (conn, time_established) = (peer.connection(), peer.since_ns / SECOND);
        self.connection(connection_event::Event::Closed(ClosedConnection { conn, time_established }));
    }

    /// Another inbound peer comes in the place of one.
    fn connect(&mut self) {
        let place = self.random.usize(OUTBOUND..PEERS);
        self.closed(place);
        self.next_peer += 1;
        let mut peer = Peer::new(&mut self.random, self.next_peer, false);
        peer.since_ns = self.now;
        let conn: Connection = peer.connection();
        self.peers.get_mut(place).into_iter().for_each(|place| *place = peer.clone());
        let existing_connections = PEERS as u64 - 1;
        self.connection(connection_event::Event::Inbound(InboundConnection { conn, existing_connections }));
        let theirs = payloads::version(&mut self.random);
        self.message(place, true, "version", &theirs);
        let ours = payloads::version(&mut self.random);
        self.message(place, false, "version", &ours);
        let fee = 100_u64.to_le_bytes();
        for inbound in [false, true] {
            for message_type in ["wtxidrelay", "sendaddrv2", "verack"] {
                self.message(place, inbound, message_type, &[]);
            }
        }
        if self.random.bool() {
            return self.plan_at(0.4, Act::Leave(place)); // one that only looks
        }
        for inbound in [false, true] {
            self.message(place, inbound, "sendcmpct", &[0, 2, 0, 0, 0, 0, 0, 0, 0]);
            self.message(place, inbound, "feefilter", &fee);
        }
        self.message(place, true, "getaddr", &[]);
        let answer = std::mem::take(&mut self.answer);
        self.message(place, false, "addrv2", &answer);
        self.answer = answer;
        let locator = payloads::getheaders(&mut self.random);
        self.message(place, false, "getheaders", &locator);
        let headers = payloads::headers(&mut self.random);
        self.message(place, true, "headers", &headers);
        self.plan(4.0, Act::Connect);
    }

    /// One that only looked goes; the next one comes.
    fn leave(&mut self, place: usize) {
        self.closed(place);
        self.plan(4.0, Act::Connect);
    }

    fn header(&mut self) -> Vec<u8> {
        let random = payloads::bytes(&mut self.random, 32);
        [&[0, 0, 0, 0x20], self.tip.as_slice(), &random, &[0x10, 0x5a, 0x29, 0x69, 0x1d, 0xb4, 1, 0x17, 7, 7, 7, 7]]
            .concat()
    }

    fn block(&mut self) {
        self.height += 1;
        let header = self.header();
        self.tip = hash(&mut self.random);
        let tip = HashText(&self.tip).to_string();
        let txs = self.txs.take_mined(self.now.saturating_sub(30 * SECOND), 4_500);
        let coinbase = payloads::transaction(&mut self.random);
        let compact = |random: &mut Rng| {
            let mut out = [header.as_slice(), &payloads::bytes(random, 8)].concat();
            out.extend(vector(random, txs.len(), |random| payloads::bytes(random, 6)));
            out.extend([1, 0]);
            out.extend(&coinbase);
            out
        };
        for place in 0..3 {
            let payload = compact(&mut self.random);
            self.message(place, true, "cmpctblock", &payload);
        }
        self.log(&format!("Saw new cmpctblock header hash={tip} height={} peer=1", self.height));
        let payload = compact(&mut self.random);
        (OUTBOUND..OUTBOUND + 3).for_each(|place| self.message(place, false, "cmpctblock", &payload));
        let headers = [&[1], header.as_slice(), &[0]].concat();
        for place in 3..PEERS {
            let inbound = self.random.u8(..3) == 0;
            self.message(place, inbound, "headers", &headers);
        }
        for tx in &txs {
            let (txid, reason) = (tx.txid.to_vec().into(), "block".to_owned());
            let (vsize, fee, entry_time) = (tx.vsize(), tx.fee, tx.fetched.unwrap_or_default() / SECOND);
            self.mempool(mempool_event::Event::Removed(Removed { txid, reason, vsize, fee, entry_time }));
        }
        let connected = BlockConnected {
            hash: self.tip.to_vec().into(),
            height: self.height as i32,
            transactions: txs.len() as i64,
            inputs: 2 * txs.len() as i32,
            sigops: 20_000,
            connection_time: self.random.u64(40_000_000..200_000_000),
        };
        let event = Some(validation_event::Event::BlockConnected(connected));
        self.ebpf(EbpfEvent::Validation(ValidationEvent { event }));
        self.log(&format!(
            "UpdateTip: new best={tip} height={} version=0x20000000 log2_work=95.1 tx=1290000000 date='2026-11-28T00:00:00Z' \
             progress=1.000000 cache=310.2MiB(2100000txo)",
            self.height
        ));
        self.plan(600.0, Act::Block);
    }
}
