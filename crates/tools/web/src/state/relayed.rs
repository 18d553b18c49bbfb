//! Addresses that the node sends to our own P2P connection.

use std::collections::VecDeque;

use event::message::AddressNetwork;
use event::pb::bitcoin_primitives::Address;
use event::pb::p2p_extractor::AddressAnnouncement;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Record};
use model::Observer;
use model::bounded::push;
use model::bounds::MAX_ADDR;
use model::text::cut;
use networks::HyperLogLog;
use smol_str::SmolStr;

use super::addresses::AGES;
use super::node::{Context, Peers};
use super::peer::Details;
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// The maximum number of recent addresses kept.
const MAX_RECENT: usize = 100;
/// The maximum number of addresses kept of one message.
const MAX_OF_MESSAGE: usize = 10;
/// The maximum number of the node's own addresses kept: one for each network, and some that changed.
const MAX_OWN: usize = 8;
/// A timestamp that is ahead by more seconds counts as in the future. Bitcoin Core corrects those.
const AHEAD_SECONDS: i64 = 600;

/// Addresses that one node sent to us.
#[derive(Debug)]
pub(crate) struct Relayed {
    /// The period in which our own connection reported anything.
    pub coverage: Coverage,
    pub messages: u64,
    /// By network.
    pub networks: [u64; AddressNetwork::ALL.len()],
    /// Those that the node had not sent before, those that it had, and those of which that is not known any more.
    pub repeats: [u64; 3],
    pub ages: [u64; AGES.len()],
    pub future: u64,
    pub unique: HyperLogLog,
    pub series: Series,
    pub recent: VecDeque<Recent>,
    /// The node's own addresses, as it announces them, the last one last.
    pub own: VecDeque<Own>,
}

/// An address that the node sent.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    pub at_ns: u64,
    pub addr: SmolStr,
    pub network: AddressNetwork,
    pub services: u64,
    pub timestamp: u32,
    /// How often it has sent it, this time included; None if that is not known.
    pub times: Option<u32>,
}

/// An address of the node's own.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub addr: SmolStr,
    pub last_ns: u64,
}

impl Default for Relayed {
    fn default() -> Self {
        Self {
            coverage: Coverage::default(),
            messages: 0,
            networks: [0; AddressNetwork::ALL.len()],
            repeats: [0; 3],
            ages: [0; AGES.len()],
            future: 0,
            unique: HyperLogLog::default(),
            series: Series::sum(),
            recent: VecDeque::new(),
            own: VecDeque::new(),
        }
    }
}

impl Observer<Types, Details> for Relayed {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::P2pExtractor(p2p)) = record.body() else { return };
        self.coverage.note(context.time_ns);
        match &p2p.p2p_event {
            Some(P2pEvent::AddressAnnouncement(announcement)) => self.announced(announcement, context.time_ns),
            Some(P2pEvent::OwnAddress(own)) => self.own(&own.address, context.time_ns),
            _ => {}
        }
    }
}

impl Relayed {
    fn announced(&mut self, announcement: &AddressAnnouncement, time_ns: u64) {
        self.messages += 1;
        self.series.add(time_ns, announcement.addresses.len() as f64);
        let times = announcement.times.iter().copied().map(Some).chain(std::iter::repeat(None));
        for (index, (address, times)) in announcement.addresses.iter().zip(times).enumerate() {
            let times = times.filter(|times| *times > 0);
            let recent = Recent {
                at_ns: time_ns,
                addr: cut(&address.text_with_port(), MAX_ADDR),
                network: address.network(),
                services: address.services,
                timestamp: address.timestamp,
                times,
            };
            self.count(&recent);
            if index < MAX_OF_MESSAGE {
                push(&mut self.recent, recent, MAX_RECENT);
            }
        }
    }

    fn count(&mut self, address: &Recent) {
        if let Some(count) = self.networks.get_mut(address.network as usize) {
            *count += 1;
        }
        let repeat = match address.times {
            Some(1) => 0,
            Some(_) => 1,
            None => 2,
        };
        if let Some(count) = self.repeats.get_mut(repeat) {
            *count += 1;
        }
        self.unique.add(&address.addr);
        let now = i64::try_from(address.at_ns / SECOND).unwrap_or(i64::MAX);
        let age = now.saturating_sub(address.timestamp.into());
        if age < -AHEAD_SECONDS {
            self.future += 1;
        } else if let Some(count) = AGES.iter().position(|(most, _)| age < *most).and_then(|at| self.ages.get_mut(at)) {
            *count += 1;
        }
    }

    fn own(&mut self, address: &Address, time_ns: u64) {
        let addr = cut(&address.text_with_port(), MAX_ADDR);
        self.own.retain(|own| own.addr != addr);
        push(&mut self.own, Own { addr, last_ns: time_ns }, MAX_OWN);
    }
}
