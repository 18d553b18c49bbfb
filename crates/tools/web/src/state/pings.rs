//! Round-trip times of pings: those of the p2p extractor show how far the node is behind, those of its peers how far away they are.

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

/// The maximum number of pings of the p2p extractor kept.
const MAX_OWN: usize = 200;
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
    /// Pings of the p2p extractor: time in nanoseconds since the UNIX epoch, and round-trip time in seconds.
    pub own: VecDeque<(u64, f64)>,
    pub own_series: Quantiles,
    pub peers: Quantiles,
    /// Whether tracepoints report messages.
    is_traced: bool,
}

impl Default for Pings {
    fn default() -> Self {
        Self { own: VecDeque::new(), own_series: Quantiles::new(1.0), peers: Quantiles::new(0.99), is_traced: false }
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
            self.peers.add(context.time_ns, answer.seconds);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::P2pExtractor(p2p)) => {
                if let Some(P2pEvent::PingDuration(ping)) = &p2p.p2p_event {
                    let seconds = ping.duration as f64 / SECOND as f64;
                    push(&mut self.own, (context.time_ns, seconds), MAX_OWN);
                    self.own_series.add(context.time_ns, seconds);
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
                self.peers.add(time_ns, info.ping_time);
            }
        }
    }
}
