//! Rates, levels and shares that are not as usual, whatever they are of.
//!
//! All of it is counted once, minute by minute, by the time of the events. What is not known, because what reports it is silent, has
//! started a short time ago, or has lost events, is left out: it is no 0.

mod counts;
mod level_changed;
mod rate_changed;
mod share_changed;
pub(crate) mod watch;
mod watched;

use event::Record;
use event::message::Message;
use model::bounds::SECOND;
use model::{Change, Context, Loss, Observer, Peer, Peers};
use smol_str::SmolStr;

use crate::detector::{Detector as _, Row};
use crate::detectors::Details;
use crate::settings::Next;
use crate::sink::Sink;
use crate::statistics::Turn;

/// Minutes of a year.
const YEAR_MINUTES: f64 = 365.25 * 1_440.0;
const MINUTE_NS: u64 = 60 * SECOND;
/// After a start of the node or of an extractor, nothing is as it usually is.
const SETTLES_NS: u64 = 600 * SECOND;

/// Detectors of changes, and what is counted for them.
pub(crate) struct Statistical {
    counts: counts::Counts,
    /// Events of the minute at hand were lost.
    is_torn: bool,
    rates: rate_changed::RateChanged,
    levels: level_changed::LevelChanged,
    shares: share_changed::ShareChanged,
}

impl Statistical {
    pub(crate) const ROWS: &'static [Row] =
        &[rate_changed::RateChanged::ROW, level_changed::LevelChanged::ROW, share_changed::ShareChanged::ROW];

    /// The next detectors of the table.
    pub(crate) fn new(next: &mut Next) -> Self {
        let (counts, rates, levels, shares) = (Default::default(), next.make(), next.make(), next.make());
        Self { counts, is_torn: false, rates, levels, shares }
    }

    /// Of how many series of a detector it is known what is usual, and how many it watches.
    pub(crate) fn known(&self, detector: &str) -> Option<(usize, usize)> {
        match detector {
            "rate_changed" => Some(watched::known(&self.rates.rates)),
            "level_changed" => Some(watched::known(&self.levels.levels)),
            "share_changed" => Some(watched::known(&self.shares.shares)),
            _ => None,
        }
    }

    /// What is known of all that is watched, by name, for the next start.
    pub(crate) fn baselines(&self) -> impl Iterator<Item = (SmolStr, Vec<u8>)> {
        let rates = watched::save(&self.rates.rates);
        rates.chain(watched::save(&self.levels.levels)).chain(watched::save(&self.shares.shares))
    }

    /// Takes over what was known of something at the last end.
    pub(crate) fn restore(&mut self, name: &str, baseline: &[u8]) {
        watched::restore(&mut self.rates.rates, name, baseline);
        watched::restore(&mut self.levels.levels, name, baseline);
        watched::restore(&mut self.shares.shares, name, baseline);
    }
}

impl Observer<Sink, Details> for Statistical {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        self.counts.message(message, peer, context.time_ns);
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        self.counts.event(record, context);
    }

    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        self.counts.change(change, peers);
        let inbound = |id: &u64| peers.get(*id).filter(|peer| peer.inbound == Some(true) && !peer.own);
        match change {
            Change::NodeRestarted { .. } => {
                self.rates.restarted(context.time_ns);
                self.levels.restarted(context.time_ns);
            }
            Change::PeerIntroduced { id } => {
                if let Some(agent) = inbound(id).and_then(|peer| peer.user_agent.as_deref()) {
                    self.shares.add(watch::Share::UserAgents, agent);
                }
            }
            Change::PeerOpened { id } => {
                if let Some(peer) = inbound(id) {
                    self.shares.add(watch::Share::Networks, share_changed::network(peer.network));
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let now_ns = context.time_ns;
        if !now_ns.is_multiple_of(MINUTE_NS) {
            return;
        }
        let is_settled = context.sink.since_start_ns(now_ns) >= SETTLES_NS
            && context.liveness.node().state.is_alive()
            && context.blocks.has_caught_up(now_ns) != Some(false);
        if is_settled && !self.is_torn {
            self.rates.minute(&self.counts, context);
            self.shares.minute(&self.counts);
        }
        if !is_settled {
            self.shares.forget();
        } else if now_ns.is_multiple_of(10 * MINUTE_NS) {
            self.levels.look(&self.counts, peers, context);
            self.shares.look(context);
        }
        self.is_torn = false;
        self.counts.next();
    }

    fn lost(&mut self, _: &Loss, _: &mut Context<Sink>) {
        self.is_torn = true;
    }
}

/// How long a change has lasted, in minutes.
fn lasting(turn: &Turn, now_ns: u64) -> f64 {
    (now_ns.saturating_sub(turn.since_ns) as f64 / MINUTE_NS as f64).round()
}
