//! The book of all alerts: what detectors report becomes alerts that open, go on and are resolved, each once, whatever node and however
//! often.

mod case;
mod incidents;

use std::collections::BTreeMap;
use std::sync::Arc;

use event::pb::alerts::Alert;
use networks::Enrichment;
use smol_str::SmolStr;
use tracing::warn;

pub(crate) use case::{Case, Phase};

use crate::detector::Me;
use crate::settings::Settings;
use crate::sink::{Reported, What};

/// Subjects of a detector that are remembered: alerts, and what may become one.
pub const MAX_SUBJECTS: usize = 256;
/// So long after it was resolved, the same thing opens the same alert again.
const REOPENS_NS: u64 = 600 * model::bounds::SECOND;

/// An alert that opened or closed at a node: what detectors may ask for.
#[derive(Debug, PartialEq)]
pub(crate) struct Turned {
    pub node: Arc<str>,
    pub me: Me,
    pub key: SmolStr,
    pub open: bool,
}

/// Something that was so, but not for long enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    /// The largest score.
    pub score: f64,
    /// When it began, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    /// For how long it was so, nanoseconds.
    pub lasted_ns: u64,
    /// What it was about.
    pub subject: SmolStr,
}

/// All alerts.
#[derive(Debug)]
pub(crate) struct Book {
    settings: Arc<Settings>,
    cases: BTreeMap<(Me, SmolStr), Case>,
    /// How many subjects of a detector had no room.
    more: BTreeMap<Me, u64>,
    /// Of each detector, what came nearest to lasting for long enough.
    brief: BTreeMap<Me, Brief>,
    /// What changed, since it was taken.
    changed: Vec<(SmolStr, Alert)>,
    turned: Vec<Turned>,
}

impl Book {
    pub fn new(settings: Arc<Settings>) -> Self {
        let (cases, more, brief, changed, turned) = Default::default();
        Self { settings, cases, more, brief, changed, turned }
    }

    /// Takes over an alert that was open when the process ended. One of a detector that there is no more is left out.
    pub fn restore(&mut self, key: SmolStr, alert: Alert) {
        if let Some(me) = self.settings.find(&alert.detector) {
            self.cases.insert((me, key), Case::restored(alert));
        }
    }

    /// Another one with the alerts that are open in this one.
    pub fn with_open(&self) -> Self {
        let mut other = Self::new(Arc::clone(&self.settings));
        let open = self.cases.iter().filter(|(_, case)| case.phase == Phase::Open);
        open.for_each(|((_, key), case)| other.restore(key.clone(), case.alert.clone()));
        other
    }

    /// What changed since the last call: a state of each alert, with the key of its subject.
    pub fn take_changed(&mut self) -> Vec<(SmolStr, Alert)> {
        std::mem::take(&mut self.changed)
    }

    /// Alerts that opened and closed at nodes since the last call.
    pub fn take_turned(&mut self) -> Vec<Turned> {
        std::mem::take(&mut self.turned)
    }

    /// Of each detector, what was so for the longest time without becoming an alert.
    pub fn brief(&self) -> impl Iterator<Item = (&Me, &Brief)> {
        self.brief.iter()
    }

    /// Alerts that are open at a node.
    pub fn open_at<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a (Me, SmolStr)> {
        let open = self.cases.iter().filter(|(_, case)| case.phase == Phase::Open);
        open.filter(move |(_, case)| case.nodes().any(|at| at == node)).map(|(place, _)| place)
    }

    /// Takes what a detector reported at a node.
    pub fn take(&mut self, node: &Arc<str>, reported: Reported, enrichment: &Enrichment) {
        let Reported { me, key, time_ns, what } = reported;
        let place = (me, key);
        let (score, finding) = match what {
            What::Found { score, finding } => (score, finding),
            What::Cleared => {
                if let Some(case) = self.cases.get_mut(&place) {
                    case.clear(node);
                }
                return;
            }
        };
        if !self.cases.contains_key(&place) && (score < 1.0 || !self.make_room(me)) {
            return;
        }
        let Some(detector) = self.settings.get(me) else { return };
        let key = place.1.clone();
        let case = self.cases.entry(place.clone()).or_insert_with(|| Case::new(detector, &finding, node, time_ns));
        let is_new_node = case.note(detector, node, score, time_ns, *finding);
        let mut opened = false;
        match case.phase {
            Phase::Pending if case.is_due(time_ns, detector.timing.after_ns) => {
                case.open(&key);
                opened = true;
            }
            Phase::Closed if score >= 1.0 => {
                case.reopen();
                opened = true;
            }
            Phase::Open if is_new_node => {}
            _ => return,
        }
        let turned = case.turned(me, &key);
        self.turned.extend(turned);
        if opened {
            self.join(&place, enrichment);
        }
        self.publish(&place, time_ns);
    }

    /// Makes room for one more subject of a detector, in place of what never became an alert, or is over. Returns false, and counts the
    /// subject, if there is none.
    fn make_room(&mut self, me: Me) -> bool {
        let of_it = || self.cases.range((me, SmolStr::default())..(Me(me.0.saturating_add(1)), SmolStr::default()));
        if of_it().count() < MAX_SUBJECTS {
            return true;
        }
        let oldest = of_it().filter(|(_, case)| case.phase != Phase::Open).min_by_key(|(_, case)| case.alert.last_ns);
        if let Some(place) = oldest.map(|(place, _)| place.clone()) {
            self.cases.remove(&place);
            return true;
        }
        let more = self.more.entry(me).or_default();
        *more += 1;
        if *more == 1
            && let Some(detector) = self.settings.get(me)
        {
            let name = detector.row.name;
            warn!("detector {name} has {MAX_SUBJECTS} open alerts; further subjects are counted, but not reported");
        }
        false
    }

    /// Lets time pass: resolves what is over, and publishes what goes on. `now` is the time at a node, if anything came from there.
    pub fn settle(&mut self, now: &impl Fn(&str) -> Option<u64>) {
        let mut due = Vec::new();
        let mut over = Vec::new();
        for (place, case) in &mut self.cases {
            let Some(detector) = self.settings.get(place.0) else { continue };
            let Some(now_ns) = case.nodes().filter_map(now).max() else { continue };
            let goes_on = case.goes_on(detector, now);
            match case.phase {
                Phase::Open if !goes_on => {
                    case.resolve(now_ns);
                    self.turned.extend(case.turned(place.0, &place.1));
                    due.push((place.clone(), now_ns));
                }
                Phase::Open if case.is_update_due(now_ns) => due.push((place.clone(), now_ns)),
                Phase::Pending if !goes_on => {
                    over.push(place.clone());
                    let brief = case.brief(&place.1);
                    if self.brief.get(&place.0).is_none_or(|known| known.lasted_ns <= brief.lasted_ns) {
                        self.brief.insert(place.0, brief);
                    }
                }
                Phase::Closed if now_ns > case.resolved_ns().saturating_add(REOPENS_NS) => over.push(place.clone()),
                Phase::Open | Phase::Pending | Phase::Closed => {}
            }
        }
        for place in over {
            self.cases.remove(&place);
        }
        for (place, now_ns) in due {
            self.publish(&place, now_ns);
        }
    }

    fn publish(&mut self, place: &(Me, SmolStr), now_ns: u64) {
        let more = self.more.get(&place.0).copied();
        if let Some(case) = self.cases.get_mut(place) {
            self.changed.push((place.1.clone(), case.published(now_ns, more)));
            if case.phase == Phase::Closed {
                self.more.remove(&place.0);
            }
        }
    }
}
