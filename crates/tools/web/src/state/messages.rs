//! P2P messages by type and direction, for all peers together and for each.

use event::message::{Message, Payload};
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos};
use event::{Body, Record};
use model::Observer;
use model::bounds::{MAX_OPEN, SECOND};
use model::peers::seconds_ns;

use super::node::{Context, Peers};
use super::past_message::{Items, PastMessage, Summary, clamp};
use super::peer::{Details, Peer, first_answer};
use super::rate::Rate;
use super::series::{Coverage, Series};
use super::types::{Type, Types};

/// Messages of one type in one direction.
#[derive(Debug)]
pub(crate) struct Row {
    pub kind: Type,
    pub inbound: bool,
    pub count: u64,
    pub bytes: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub byte_rate: Rate,
    pub counts: Series,
    pub sizes: Series,
}

/// Messages by type and direction, as reported by one source.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    rows: Vec<Row>,
    /// For each type and direction, the position in `rows` plus 1, or 0 if it has no row.
    places: Vec<u8>,
    pub coverage: Coverage,
}

impl Messages {
    /// Counts messages of a type.
    #[inline]
    pub fn add(&mut self, kind: Type, inbound: bool, count: u64, bytes: u64, time_ns: u64) {
        self.coverage.note(time_ns);
        let place = usize::from(kind) * 2 + usize::from(inbound);
        if self.places.len() <= place {
            self.places.resize(place + 1, 0);
        }
        let Some(at) = self.places.get_mut(place) else { return };
        if *at == 0 {
            self.rows.push(Row {
                kind,
                inbound,
                count: 0,
                bytes: 0,
                last_ns: 0,
                rate: Rate::default(),
                byte_rate: Rate::default(),
                counts: Series::sum(),
                sizes: Series::sum(),
            });
            *at = self.rows.len() as u8;
        }
        let Some(row) = self.rows.get_mut(usize::from(*at) - 1) else { return };
        row.count += count;
        row.bytes = row.bytes.saturating_add(bytes);
        row.last_ns = row.last_ns.max(time_ns);
        row.rate.add(time_ns, count);
        row.byte_rate.add(time_ns, bytes);
        row.counts.add(time_ns, count as f64);
        row.sizes.add(time_ns, bytes as f64);
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Messages as reported by tracepoints.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    pub messages: Messages,
    /// Rates of messages and bytes: inbound, outbound.
    pub rates: [[Rate; 2]; 2],
}

impl Observer<Types, Details> for Traced {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        let (time_ns, inbound) = (context.time_ns, message.inbound);
        let kind = context.sink.number(message.message_type);
        self.messages.add(kind, inbound, 1, message.size, time_ns);
        add_rate(&mut self.rates, inbound, message.size, time_ns);
        let answer = first_answer(context.changes);
        if let Some(answer) = answer {
            peer.details.answered(answer);
        }
        let past = PastMessage {
            at_ns: time_ns,
            sequence: context.sequence,
            reply_to: answer.map(|answer| (answer.sequence, answer.seconds as f32)),
            size: u32::try_from(message.size).unwrap_or(u32::MAX),
            kind,
            inbound,
            summary: Summary::of(message, items(message.payload)),
        };
        peer.details.traced.get_or_insert_default().add(past, message.size);
    }
}

fn add_rate(rates: &mut [[Rate; 2]; 2], inbound: bool, size: u64, time_ns: u64) {
    if let Some([messages, bytes]) = rates.get_mut(usize::from(!inbound)) {
        messages.add(time_ns, 1);
        bytes.add(time_ns, size);
    }
}

/// Messages as reported by debug.log: the same ones as by tracepoints, without their contents.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub messages: Messages,
    /// Rates of messages and bytes: inbound, outbound.
    pub rates: [[Rate; 2]; 2],
}

impl Observer<Types, Details> for Logged {
    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        let Some(Body::LogExtractor(line)) = record.body() else { return };
        let (message, inbound) = match &line.log_event {
            Some(LogEvent::MessageReceived(received)) => (received, true),
            Some(LogEvent::MessageSent(sent)) => (sent, false),
            _ => return,
        };
        let (time_ns, size) = (context.time_ns, message.size);
        let kind = context.sink.number(&message.message_type);
        self.messages.add(kind, inbound, 1, size, time_ns);
        add_rate(&mut self.rates, inbound, size, time_ns);
        // Of a peer whose messages tracepoints report, more is known by them.
        if let Some(peer) = peers.find_mut(message.peer_id).filter(|peer| peer.details.traced.is_none()) {
            let past = PastMessage {
                at_ns: time_ns,
                sequence: context.sequence,
                reply_to: None,
                size: u32::try_from(size).unwrap_or(u32::MAX),
                kind,
                inbound,
                summary: Summary::Nothing,
            };
            peer.details.logged.get_or_insert_default().add(past, size);
        }
    }
}

/// The number of entries of the list in a message, by type.
fn items(payload: Payload) -> Items {
    let mut items = Items::default();
    match payload {
        Payload::Inv(all) | Payload::GetData(all) | Payload::NotFound(all) => all.for_each(|(item, _)| items.add(item)),
        Payload::Addr(entries) | Payload::AddrV2(entries) => items.others = clamp(entries.count()),
        _ => {}
    }
    items
}

/// Bytes of messages by getpeerinfo.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    pub messages: Messages,
}

impl Observer<Types, Details> for Polled {
    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        if let Some(Body::RpcExtractor(rpc)) = record.body()
            && let Some(RpcEvent::PeerInfos(infos)) = &rpc.rpc_event
        {
            self.polled(infos, peers, context);
        }
    }
}

impl Polled {
    fn polled(&mut self, infos: &PeerInfos, peers: &mut Peers, context: &mut Context) {
        let (time_ns, before_ns) = (context.time_ns, peers.polled_before_ns());
        for info in infos.infos.iter().take(MAX_OPEN) {
            let Some(peer) = peers.get_mut(info.id.into()) else { continue };
            let now = by_type(info, context.sink);
            let before = peer.details.polled_bytes.replace(now.clone());
            // What went by before we looked for the first time is no news.
            let is_older = |since_ns: u64| since_ns.saturating_add(SECOND) < before_ns;
            if before.is_none() && (before_ns == 0 || seconds_ns(info.connection_time).is_none_or(is_older)) {
                continue;
            }
            let before = before.unwrap_or_default();
            for (kind, sent, received) in now {
                let known = before.iter().find(|(known, ..)| *known == kind).copied();
                let (_, sent_before, received_before) = known.unwrap_or_default();
                for (inbound, bytes) in
                    [(false, sent.saturating_sub(sent_before)), (true, received.saturating_sub(received_before))]
                {
                    if bytes > 0 {
                        self.messages.add(kind, inbound, 0, bytes, time_ns);
                    }
                }
            }
        }
        self.messages.coverage.note(time_ns);
    }
}

/// Bytes by type of message: sent, received.
fn by_type(info: &PeerInfo, types: &mut Types) -> Vec<(Type, u64, u64)> {
    let mut by_type: Vec<(Type, u64, u64)> = Vec::new();
    let sent = info.bytes_sent_per_message.iter().map(|(name, bytes)| (name, *bytes, 0));
    let received = info.bytes_received_per_message.iter().map(|(name, bytes)| (name, 0, *bytes));
    for (name, sent, received) in sent.chain(received).take(256) {
        let kind = types.number(name);
        match by_type.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, out, into)) => {
                *out = out.saturating_add(sent);
                *into = into.saturating_add(received);
            }
            None => by_type.push((kind, sent, received)),
        }
    }
    by_type
}
