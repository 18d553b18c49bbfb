//! The node's clock is wrong.

use event::pb::alerts::Severity;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Kind, Record};
use model::{Change, Context, Observer, Peer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, exchanged};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::median;
use crate::subject::Subject;

parameters! {
    /// How far the clock is off.
    off: 60.0, "s", 1.0..=1e6, "Clocks that are set by NTP are off by less than a second; from 70 minutes on a node refuses honest blocks.";
    /// Outbound peers whose clocks are known, at least.
    peers: 4.0, "peers", 1.0..=1e3, "The median of four is not that of one liar.";
}

/// Finds clocks that are wrong.
pub(crate) struct ClockOff {
    me: Me,
    parameters: Parameters,
    /// By the clocks of its peers, seconds.
    by_peers: f64,
    /// By our clock, seconds.
    by_us: f64,
}

impl Detector for ClockOff {
    const ROW: Row = Row {
        name: "clock_off",
        family: "log",
        severity: Severity::Warning,
        title: "the node's clock is wrong",
        sees: "The median of how far the clocks of outbound peers are off, by getpeerinfo, and how far the node's own clock is \
               from ours on our own P2P connection.",
        misses: "A clock that is off by less than a minute. Whether it is ours that is wrong.",
        timing: Timing { after: 10, hold: 120, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &["node_warning"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), by_peers: 0.0, by_us: 0.0 }
    }
}

impl Observer<Sink, Details> for ClockOff {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            (self.by_peers, self.by_us) = (0.0, 0.0);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, _: &mut Context<Sink>) {
        if record.envelope().kind == Kind::PeerInfos {
            let offset = |peer: &Peer<Details>| {
                let polled = peer.polled.as_ref().filter(|_| peer.inbound == Some(false) && !peer.own)?;
                (peer.version.unwrap_or_default() > 0).then_some(polled.time_offset as f64)
            };
            let offsets: Vec<f64> = peers.open().filter_map(offset).collect();
            self.by_peers = if (offsets.len() as f64) < self.parameters.peers { 0.0 } else { median(offsets) };
            return;
        }
        match exchanged(record) {
            Some(P2pEvent::NodeVersion(version)) => self.by_us = version.clock_offset as f64,
            Some(P2pEvent::ConnectionEnded(_)) => self.by_us = 0.0,
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let off = self.by_peers.abs().max(self.by_us.abs());
        let threshold = self.parameters.off;
        context.report(self.me, off / threshold, || {
            Finding::new(Subject::Node, "The clock of {subject} is off by {off}.").compared("off", off, "s", threshold)
        });
    }
}
