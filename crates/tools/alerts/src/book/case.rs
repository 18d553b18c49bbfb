//! One thing that goes on: from the first report to some time after its end.

use std::sync::Arc;

use event::pb::alerts::{Alert, State};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::{Brief, Turned};
use crate::detector::Me;
use crate::finding::{Evidence, Finding};
use crate::settings::Detector;

/// Nodes of an alert at most.
const MAX_NODES: usize = 64;
/// An alert that goes on is published again after this time.
const UPDATE_NS: u64 = 60 * model::bounds::SECOND;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is no alert yet: it must be so for some time.
    Pending,
    /// It is an alert.
    Open,
    /// It was one.
    Closed,
}

/// One thing that goes on.
#[derive(Debug)]
pub(crate) struct Case {
    pub phase: Phase,
    /// As it is published; `nodes` are those at which it was ever seen.
    pub alert: Alert,
    evidence: Evidence,
    at: Vec<At>,
    published_ns: u64,
}

/// What is so at a node.
#[derive(Debug)]
struct At {
    node: Arc<str>,
    /// When it was last reported; none if it was cleared since.
    last_ns: Option<u64>,
    /// It was restored: it is given time until the node has been seen for so long.
    restored: bool,
    seen_ns: Option<u64>,
}

impl Case {
    pub fn new(detector: &Detector, finding: &Finding, node: &Arc<str>, time_ns: u64) -> Self {
        let alert = Alert {
            detector: detector.row.name.to_owned(),
            family: detector.row.family.to_owned(),
            severity: detector.severity.into(),
            state: State::Open.into(),
            subject: finding.subject.named(node),
            since_ns: finding.since_ns.unwrap_or(time_ns).min(time_ns),
            last_ns: time_ns,
            ..Alert::default()
        };
        Self { phase: Phase::Pending, alert, evidence: Evidence::default(), at: Vec::new(), published_ns: 0 }
    }

    /// One that was open when the process ended.
    pub fn restored(alert: Alert) -> Self {
        let at = |node: &String| At {
            node: node.as_str().into(),
            last_ns: Some(alert.last_ns),
            restored: true,
            seen_ns: None,
        };
        let mut evidence = Evidence::default();
        alert.evidence.iter().for_each(|reference| evidence.add(reference.clone()));
        let at = alert.nodes.iter().map(at).collect();
        Self { phase: Phase::Open, at, evidence, published_ns: alert.last_ns, alert }
    }

    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.at.iter().map(|at| &*at.node)
    }

    pub fn resolved_ns(&self) -> u64 {
        self.alert.resolved_ns.unwrap_or_default()
    }

    /// Takes over what was reported. Returns whether it was not known of this node.
    pub fn note(&mut self, detector: &Detector, node: &Arc<str>, score: f64, time_ns: u64, finding: Finding) -> bool {
        let alert = &mut self.alert;
        alert.last_ns = alert.last_ns.max(time_ns);
        alert.severity = detector.severity.into();
        // An end begins with what is less: the numbers are those of the worst time, or close to it.
        if score >= alert.score * 0.9 {
            alert.sentence = finding.sentence.to_owned();
            (alert.numbers, alert.texts) = (finding.numbers, finding.texts);
        }
        alert.score = alert.score.max(score);
        self.evidence.extend(&finding.evidence);
        if let Some(at) = self.at.iter_mut().find(|at| at.node == *node) {
            at.last_ns = Some(at.last_ns.map_or(time_ns, |last_ns| last_ns.max(time_ns)));
            at.restored = false;
            return false;
        }
        if self.at.len() >= MAX_NODES {
            return false;
        }
        self.at.push(At { node: Arc::clone(node), last_ns: Some(time_ns), restored: false, seen_ns: None });
        alert.nodes.push(node.to_string());
        true
    }

    /// It is so no more at a node.
    pub fn clear(&mut self, node: &Arc<str>) {
        self.at.iter_mut().filter(|at| at.node == *node).for_each(|at| at.last_ns = None);
    }

    /// Whether it has been so for long enough.
    pub fn is_due(&self, now_ns: u64, after_ns: u64) -> bool {
        self.alert.score >= 1.0 && now_ns.saturating_sub(self.alert.since_ns) >= after_ns
    }

    /// What it was, if it was no alert.
    pub fn brief(&self, key: &SmolStr) -> Brief {
        let Alert { score, since_ns, last_ns, .. } = self.alert;
        Brief { score, since_ns, lasted_ns: last_ns.saturating_sub(since_ns), subject: key.clone() }
    }

    /// Whether it is still so at any of the nodes.
    pub fn goes_on(&mut self, detector: &Detector, now: &impl Fn(&str) -> Option<u64>) -> bool {
        let hold_ns = detector.timing.hold_ns;
        let mut goes_on = false;
        for at in &mut self.at {
            let Some(last_ns) = at.last_ns else { continue };
            // Of a node that was not seen yet nothing is known.
            let Some(now_ns) = now(&at.node) else {
                goes_on |= at.restored;
                continue;
            };
            let seen_ns = *at.seen_ns.get_or_insert(now_ns);
            let until_ns = if at.restored { seen_ns.saturating_add(detector.timing.warm_up_ns) } else { last_ns };
            goes_on |= now_ns <= until_ns.saturating_add(hold_ns);
        }
        goes_on
    }

    /// It becomes an alert.
    pub fn open(&mut self, key: &SmolStr) {
        self.phase = Phase::Open;
        let mut hash = Sha256::new();
        for part in [self.alert.detector.as_bytes(), key.as_bytes(), &self.alert.since_ns.to_be_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        self.alert.id = hex::encode(hash.first_chunk::<8>().unwrap_or(&[0; 8]));
        self.alert.incident = self.alert.id.clone();
    }

    /// It begins again.
    pub fn reopen(&mut self) {
        self.phase = Phase::Open;
        self.alert.state = State::Open.into();
        self.alert.resolved_ns = None;
    }

    /// It is over.
    pub fn resolve(&mut self, now_ns: u64) {
        self.phase = Phase::Closed;
        self.alert.state = State::Resolved.into();
        self.alert.resolved_ns = Some(now_ns);
    }

    /// At which nodes it is open, or over.
    pub fn turned(&self, me: Me, key: &SmolStr) -> Vec<Turned> {
        let open = self.phase == Phase::Open;
        self.at.iter().map(|at| Turned { node: Arc::clone(&at.node), me, key: key.clone(), open }).collect()
    }

    /// Whether it was reported since it was published, some time ago.
    pub fn is_update_due(&self, now_ns: u64) -> bool {
        self.alert.last_ns > self.published_ns && now_ns >= self.published_ns.saturating_add(UPDATE_NS)
    }

    /// As it is published now.
    pub fn published(&mut self, now_ns: u64, more: Option<u64>) -> Alert {
        self.alert.evidence = self.evidence.iter().cloned().collect();
        self.alert.more_subjects = more;
        let alert = self.alert.clone();
        self.alert.updates = self.alert.updates.saturating_add(1);
        self.published_ns = now_ns;
        alert
    }
}
