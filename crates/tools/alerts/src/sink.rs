//! What detectors write to: one for each node.

use std::collections::HashSet;
use std::sync::Arc;

use event::pb::alerts::Reference;
use smol_str::SmolStr;

use crate::detector::Me;
use crate::facts::Facts;
use crate::finding::Finding;
use crate::fleet::Fleet;
use crate::settings::Settings;
use crate::subject::Subject;

/// From this score on an alert that is open stays open: less than the threshold, so that it does not come and go.
pub const STAYS: f64 = 0.7;

/// What a detector reported.
#[derive(Debug)]
pub(crate) struct Reported {
    pub me: Me,
    pub key: SmolStr,
    pub time_ns: u64,
    pub what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Found { score: f64, finding: Box<Finding> },
    Cleared,
}

/// How near a detector came to an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nearest {
    /// The highest score below 1; or any during silence after a start.
    pub score: f64,
    /// When, nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// What it was about.
    pub subject: SmolStr,
    /// Why it did not count although it was high enough.
    pub silent: bool,
}

/// A detector at this node.
#[derive(Debug, Default)]
struct Slot {
    enabled: bool,
    warm_up_ns: u64,
    nearest: Nearest,
}

/// What detectors write to.
#[derive(Debug)]
pub struct Sink {
    node: Arc<str>,
    slots: Vec<Slot>,
    begun_ns: u64,
    /// What was reported since the book took it.
    pub(crate) reported: Vec<Reported>,
    /// Subjects of alerts that are open at this node.
    pub(crate) open: HashSet<(Me, SmolStr)>,
    /// What the node says of itself.
    pub facts: Facts,
    /// The chains of all nodes, as they were a few seconds ago.
    pub(crate) fleet: Fleet,
}

impl Sink {
    pub(crate) fn new(node: Arc<str>, settings: &Settings) -> Self {
        let slot = |settings: &crate::settings::Detector| Slot {
            enabled: settings.enabled,
            warm_up_ns: settings.timing.warm_up_ns,
            nearest: Nearest::default(),
        };
        let slots = settings.detectors().map(slot).collect();
        let (reported, open, facts, fleet) = Default::default();
        Self { node, slots, begun_ns: 0, reported, open, facts, fleet }
    }

    /// Name of the node.
    pub fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// The node, or what is seen of it, begins anew.
    pub(crate) fn begins(&mut self, time_ns: u64) {
        self.begun_ns = time_ns;
    }

    /// For how long what is seen of the node has been whole, nanoseconds.
    pub fn since_start_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.begun_ns)
    }

    #[inline]
    pub(crate) fn report(
        &mut self,
        me: Me,
        score: f64,
        time_ns: u64,
        reference: Option<Reference>,
        finding: impl FnOnce() -> Finding,
    ) {
        let Some(slot) = self.slots.get_mut(me.index()) else { return };
        if !slot.enabled || score.is_nan() || score <= 0.0 {
            return;
        }
        let silent = time_ns.saturating_sub(self.begun_ns) < slot.warm_up_ns;
        let is_near = (score < 1.0 || silent) && score > slot.nearest.score * 1.05;
        if !is_near && (score < STAYS || silent) {
            return;
        }
        let mut finding = finding();
        let key = finding.subject.key(&self.node);
        if is_near {
            slot.nearest = Nearest { score, time_ns, subject: key.clone(), silent };
        }
        if score < STAYS || silent {
            return;
        }
        if let Some(reference) = reference {
            finding.evidence.add(reference);
        }
        let what = What::Found { score, finding: Box::new(finding) };
        self.reported.push(Reported { me, key, time_ns, what });
    }

    pub(crate) fn clear(&mut self, me: Me, subject: &Subject) {
        let key = subject.key(&self.node);
        self.reported.push(Reported { me, key, time_ns: 0, what: What::Cleared });
    }

    pub(crate) fn is_open(&self, me: Me, subject: &Subject) -> bool {
        !self.open.is_empty() && self.open.contains(&(me, subject.key(&self.node)))
    }

    /// How near each detector came, in the order of the table.
    pub(crate) fn nearest(&self) -> impl Iterator<Item = &Nearest> {
        self.slots.iter().map(|slot| &slot.nearest)
    }
}
