//! Addresses are gossiped with times that are still to come.

use event::message::Message;
use event::pb::alerts::Severity;
use model::bounds::SECOND;
use model::{Change, Context, Observer, Peer, Peers};

use super::asked::gossip;
use crate::counting::Sliding;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Share of addresses with a time in the future, of all that are gossiped within the window.
    share: 0.1, "share", 0.001..=1.0, "In July 2021 the times were up to nine minutes ahead (arXiv 2108.00815); otherwise only nodes with wrong clocks have such, a few of a hundred.";
    /// How many they must be.
    least: 100.0, "addresses", 1.0..=1e9, "One peer with a wrong clock sends a few.";
    /// How far a time must be in the future.
    ahead: 120.0, "s", 1.0..=86_400.0, "Clocks of honest nodes are off by seconds.";
    /// The window.
    window: 600.0, "s", 60.0..=86_400.0, "Nodes hear of about one address a second.";
}

/// Finds gossip of addresses that were seen in the future.
pub(crate) struct FutureAddresses {
    me: Me,
    parameters: Parameters,
    all: Sliding,
    future: Noted,
}

impl Detector for FutureAddresses {
    const ROW: Row = Row {
        name: "future_addresses",
        family: "addresses",
        severity: Severity::Warning,
        title: "addresses are gossiped with times in the future",
        sees: "The times of addresses in addr and addrv2 that are later than the event's, as a share of all that are gossiped within \
               ten minutes: an address with such a time is passed on for longer than others.",
        misses: "Times that are invented but not in the future. Where the clock of the observed machine is behind, those of \
                 honest peers look so, too.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["address_flood", "unique_addresses"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let (all, future) = (Sliding::new(parameters.window), Noted::new(parameters.window));
        Self { me, parameters, all, future }
    }
}

impl Observer<Sink, Details> for FutureAddresses {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some(addresses) = gossip(message, peer) else { return };
        let from = context.time_ns / SECOND + self.parameters.ahead as u64;
        let (mut all, mut future) = (0.0, 0.0);
        for address in addresses {
            all += 1.0;
            future += f64::from(u8::from(u64::from(address.timestamp) > from));
        }
        self.all.add(context.time_ns, all);
        if future > 0.0 {
            self.future.add(future, context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.all.clear();
            self.future.clear();
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share: threshold, least, ahead, window } = self.parameters;
        let (all, future) = (self.all.sum(context.time_ns), self.future.sum(context.time_ns));
        let share = share_of(future, all);
        let evidence = &self.future.evidence;
        context.report(self.me, (share / threshold).min(future / least), || {
            Finding::new(
                Subject::Node,
                "Peers of {subject} gossiped {future} whose time is more than {ahead} in the future within {window}, {share} of all.",
            )
            .compared("future", future, "addresses", least)
            .compared("share", share, "share", threshold)
            .number("ahead", ahead, "s")
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
