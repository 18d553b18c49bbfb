//! Round-trip times of pings: our own show how far the node is behind, those of its peers how far away they are.

use std::collections::VecDeque;

use event::message::Message;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::PeerInfos;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::requests::RequestKind;
use event::{Body, Record};
use model::Observer;
use model::bounded::push;
use model::bounds::MAX_OPEN;

use super::node::{Context, Peers};
use super::peer::{Details, Peer, first_answer};
use super::rate::quantile_of;
use super::series::{SECOND, Series};
use super::types::Types;

/// The maximum number of our own pings kept: those of ten minutes.
const MAX_OWN: usize = 600;
/// The maximum number of pings in one step that quantiles are computed from.
const MAX_OF_STEP: usize = 4_096;
/// Length of a step of the series, in nanoseconds.
const STEP_NS: u64 = 10 * SECOND;

/// Time series of two quantiles.
#[derive(Debug)]
pub(crate) struct Quantiles {
    step: u64,
    values: Vec<f32>,
    high: f64,
    pub median: Series,
    pub top: Series,
}

impl Quantiles {
    /// The series of the median and of another quantile, `high`.
    pub fn new(high: f64) -> Self {
        Self { step: 0, values: Vec::new(), high, median: Series::gauge(), top: Series::gauge() }
    }

    /// Adds a value.
    pub fn add(&mut self, time_ns: u64, value: f64) {
        let step = time_ns / STEP_NS;
        if step > self.step {
            self.values.clear();
            self.step = step;
        }
        if self.values.len() < MAX_OF_STEP {
            self.values.push(value as f32);
        }
        // Quantiles are computed for each of the first 64 values, then for every 64th, to save time.
        if self.values.len() <= 64 || self.values.len().is_multiple_of(64) {
            self.settle(time_ns);
        }
    }

    fn settle(&mut self, time_ns: u64) {
        self.values.sort_unstable_by(f32::total_cmp);
        if let (Some(median), Some(top)) = (quantile_of(&self.values, 0.5), quantile_of(&self.values, self.high)) {
            self.median.set(time_ns, median);
            self.top.set(time_ns, top);
        }
    }
}

/// Pings of one node.
#[derive(Debug)]
pub(crate) struct Pings {
    /// Our own pings: time of the pong in nanoseconds since the UNIX epoch, and round-trip time in seconds.
    pub own: VecDeque<(u64, f64)>,
    pub own_median: Quantiles,
    pub own_longest: Series,
    /// When the one of our own pings was sent that has no answer yet, nanoseconds since the UNIX epoch.
    pub waiting_ns: Option<u64>,
    /// Those of the peers, without our own connection.
    pub peers: Quantiles,
    /// Whether tracepoints report messages.
    is_traced: bool,
}

impl Default for Pings {
    fn default() -> Self {
        Self {
            own: VecDeque::new(),
            own_median: Quantiles::new(1.0),
            own_longest: Series::gauge(),
            waiting_ns: None,
            peers: Quantiles::new(0.99),
            is_traced: false,
        }
    }
}

impl Observer<Types, Details> for Pings {
    fn message(&mut self, _: &Message, peer: &mut Peer, context: &mut Context) {
        self.is_traced = true;
        if let Some(answer) = first_answer(context.changes)
            && answer.request.kind == RequestKind::Ping
            && answer.by_peer()
        {
            peer.details.ping(context.time_ns, answer.seconds);
            if !peer.own {
                self.peers.add(context.time_ns, answer.seconds);
            }
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::P2pExtractor(p2p)) => {
                if let Some(event) = &p2p.p2p_event {
                    self.own(event, context.time_ns);
                }
            }
            Some(Body::RpcExtractor(rpc)) => {
                if let Some(RpcEvent::PeerInfos(infos)) = &rpc.rpc_event {
                    self.polled(infos, peers, context.time_ns);
                }
            }
            _ => {}
        }
    }
}

impl Pings {
    /// Handles what our own connection reports.
    fn own(&mut self, event: &P2pEvent, time_ns: u64) {
        match event {
            P2pEvent::PingDuration(ping) => {
                let seconds = ping.duration as f64 / SECOND as f64;
                push(&mut self.own, (time_ns, seconds), MAX_OWN);
                self.own_median.add(time_ns, seconds);
                self.own_longest.raise(time_ns, seconds);
                self.waiting_ns = None;
            }
            // There is one at a time.
            P2pEvent::MessageSeen(seen) if seen.sent && seen.message_type == "ping" => {
                self.waiting_ns.get_or_insert(time_ns);
            }
            P2pEvent::ConnectionOpened(_) | P2pEvent::ConnectionEnded(_) => self.waiting_ns = None,
            _ => {}
        }
    }

    /// Median, 99th percentile and maximum of our own pings that are kept.
    pub fn own_quantiles(&self) -> [Option<f64>; 3] {
        let mut sorted: Vec<f32> = self.own.iter().map(|(_, seconds)| *seconds as f32).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        [0.5, 0.99, 1.0].map(|quantile| quantile_of(&sorted, quantile))
    }

    /// Handles a response of getpeerinfo. Its pings are used if tracepoints do not report them.
    fn polled(&mut self, infos: &PeerInfos, peers: &mut Peers, time_ns: u64) {
        for info in infos.infos.iter().take(MAX_OPEN) {
            let Some(peer) = peers.get_mut(info.id.into()) else { continue };
            let before = std::mem::replace(&mut peer.details.polled_ping, info.ping_time);
            let is_news = info.ping_time > 0.0 && info.ping_time.to_bits() != before.to_bits();
            if is_news && peer.details.traced.is_none() {
                peer.details.ping(time_ns, info.ping_time);
            }
        }
        if !self.is_traced {
            for info in infos.infos.iter().filter(|info| info.ping_time > 0.0) {
                if peers.get(info.id.into()).is_none_or(|peer| !peer.own) {
                    self.peers.add(time_ns, info.ping_time);
                }
            }
        }
    }
}
