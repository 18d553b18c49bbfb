//! Rules of the protocol that a peer breaks by what it sends, and how often it may within some time.

use bus::Loss;
use event::message::Message;
use event::pb::alerts::TextKind;
use model::{Change, Context, Observer, Peer, Peers};

use super::OfPeer;
use crate::detector::{Detector, Me, Parameter, Row};
use crate::detectors::{Details, ids};
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// How often a peer broke a rule; none if it never did.
pub(super) type Slot = Option<Box<Noted>>;

/// A rule that peers may break.
pub(super) trait Rule: Default {
    /// The row of its detector; its parameters are a [`limit`] and a [`window`].
    const ROW: Row;
    /// What is counted.
    const UNIT: &'static str;
    /// The sentence, about `{subject}` with its `{agent}`: so many, `{count}`, within the `{window}`.
    const SENTENCE: &'static str;

    /// Where the peer's count is.
    fn slot(of: &mut OfPeer) -> &mut Slot;

    /// How often a message breaks the rule.
    fn count(&mut self, message: &Message, peer: &mut Peer<Details>, context: &Context<Sink>) -> f64;

    /// Whether what the node calls misbehaviour is that it breaks the rule: then one is enough.
    fn is_misbehaviour(_: &str) -> bool {
        false
    }

    /// What was seen may not be complete at this time.
    fn missed(&mut self, _now_ns: u64) {}
}

/// The parameter `limit`.
pub(super) const fn limit(what: &'static str, default: f64, unit: &'static str, why: &'static str) -> Parameter {
    Parameter { name: "limit", what, default, unit, range: (1.0, 1e9), why }
}

/// The parameter `window`.
pub(super) const fn window(default: f64, why: &'static str) -> Parameter {
    Parameter { name: "window", what: "The window.", default, unit: "s", range: (10.0, 86_400.0), why }
}

/// Finds peers that break a rule.
pub(crate) struct PerPeer<R> {
    me: Me,
    limit: f64,
    window: f64,
    rule: R,
}

impl<R: Rule> Detector for PerPeer<R> {
    const ROW: Row = R::ROW;

    fn new(me: Me, values: &Values) -> Self {
        Self { me, limit: values.get("limit"), window: values.get("window"), rule: R::default() }
    }
}

impl<R: Rule> PerPeer<R> {
    /// Counts what broke the rule.
    fn add(&self, amount: f64, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let slot = R::slot(&mut peer.details.protocol);
        let noted = slot.get_or_insert_with(|| Box::new(Noted::new(self.window)));
        let before = noted.sum(context.time_ns);
        noted.add(amount, context);
        // What goes on is reported by the tick.
        if before < self.limit && before + amount >= self.limit {
            self.judge(peer, context);
        }
    }

    fn judge(&self, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        if peer.own || R::slot(&mut peer.details.protocol).is_none() {
            return;
        }
        let subject = Subject::peer(peer);
        let Some(noted) = R::slot(&mut peer.details.protocol) else { return };
        let count = noted.sum(context.time_ns);
        context.report(self.me, count / self.limit, || {
            Finding::new(subject, R::SENTENCE)
                .compared("count", count, R::UNIT, self.limit)
                .number("window", self.window, "s")
                .text("agent", TextKind::UserAgent, peer.user_agent.as_deref().unwrap_or_default())
                .evidence(&noted.evidence)
        });
    }
}

impl<R: Rule> Observer<Sink, Details> for PerPeer<R> {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let amount = self.rule.count(message, peer, context);
        if amount > 0.0 && !peer.own {
            self.add(amount, peer, context);
        }
    }

    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::PeerMisbehaved { id, message } if R::is_misbehaviour(message) => {
                if let Some(peer) = peers.find_mut(*id).filter(|peer| !peer.own) {
                    self.add(self.limit, peer, context);
                }
            }
            Change::Unanswered { request, reason: model::Unanswered::Timeout }
                if !request.inbound && context.sequence > 0 =>
            {
                // There were more requests than the model keeps: it gave some up before their time.
                self.rule.missed(context.time_ns);
            }
            change if begins_anew(change) => self.rule.missed(context.time_ns),
            _ => {}
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        for id in ids(peers) {
            if let Some(peer) = peers.get_mut(id) {
                self.judge(peer, context);
            }
        }
    }

    fn lost(&mut self, _: &Loss, context: &mut Context<Sink>) {
        self.rule.missed(context.time_ns);
    }
}
