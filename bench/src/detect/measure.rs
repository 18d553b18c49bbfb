//! Runs detectors on a recording, and compares what they report with its label.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alerts::{Engine, Settings, rows};
use anyhow::{Context, Result, anyhow};
use event::Filter;
use event::filter::ip_of;
use event::pb::alerts::State;
use networks::{Enrichment, Files};
use store::archive;
use testbed::internet;

use super::label::Label;
use super::record::EVENTS;

/// Of the silence after a start so much is left to the recording's beginning, in which nodes and extractors start.
const START_SECONDS: u64 = 45;

/// An alert that opened.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// The detector.
    pub detector: String,
    /// When it was published, nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// Its sentence with its values.
    pub text: String,
}

/// What came of a recording.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was played.
    pub label: Label,
    /// All alerts, in the order in which they opened.
    pub alarms: Vec<Alarm>,
    /// Times of messages and connections of the attack's peers, by its addresses; none if it has no peers.
    pub volume: Vec<u64>,
    /// Events that were read.
    pub events: u64,
    /// Seconds from the first event to the last one.
    pub seconds: f64,
}

/// Runs all detectors, by these settings, on a recording.
///
/// # Errors
/// It cannot be read.
pub fn measure(folder: &Path, settings: &[String]) -> Result<Outcome> {
    let label = Label::read(folder)?;
    let asmap = tempfile::NamedTempFile::new()?;
    std::fs::write(asmap.path(), internet::asmap())?;
    let files = Files { sets: Vec::new(), asmap: Some(asmap.path().to_owned()) };
    let enrichment = Enrichment::read(&files, None).map_err(|error| anyhow!(error))?;
    let mut engine = Engine::new(set(&label, settings)?, enrichment, Vec::new());
    let (mut alarms, mut known) = (Vec::new(), BTreeSet::new());
    let (mut volume, mut events, mut first_ns, mut last_ns) = (Vec::new(), 0, None, 0);
    for record in archive::merge(archive::files([folder.join(EVENTS)])?, Filter::default())? {
        let record = record.map_err(|(_, damage)| anyhow!("{damage}"))?;
        let time_ns = record.envelope().time_ns;
        if time_ns > label.ended_ns {
            break; // then the node is stopped, and its peers go
        }
        events += 1;
        first_ns.get_or_insert(time_ns);
        last_ns = last_ns.max(time_ns);
        let owned = |addr| ip_of(addr).is_some_and(|ip| label.case.scenario.owns(ip));
        if time_ns >= label.began_ns && record.addr().is_some_and(owned) {
            volume.push(time_ns);
        }
        engine.fold(&record);
        for (_, alert) in engine.take_changed() {
            if alert.state() == State::Open && known.insert(alert.id.clone()) {
                let text = event::text::Sentence(&alert).to_string();
                alarms.push(Alarm { detector: alert.detector, time_ns, text });
            }
        }
    }
    let seconds = last_ns.saturating_sub(first_ns.context("the recording is empty")?) as f64 / 1e9;
    Ok(Outcome { label, alarms, volume, events, seconds })
}

/// The settings, and no longer silence after a start than a recording has before anything happens.
fn set(label: &Label, settings: &[String]) -> Result<Settings> {
    let mut all = Settings::default();
    let lead = label.began_ns.saturating_sub(label.observed_ns) / 1_000_000_000;
    let silence = lead.saturating_sub(START_SECONDS);
    let longer = rows().filter(|row| u64::from(row.timing.warm_up) > silence);
    let shortened = longer.map(|row| format!("{}.warm_up={silence}", row.name));
    shortened
        .chain(settings.iter().cloned())
        .try_for_each(|text| all.set_text(&text))
        .map_err(|error| anyhow!(error))?;
    Ok(all)
}

/// Whether a detector found what it must.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// After so many seconds; and of the attack's messages and connections that share had come by then, if it has peers.
    After(f64, Option<f64>),
    /// Not at all.
    Missed,
}

impl Outcome {
    /// Whether a detector found it, and when.
    pub fn found(&self, detector: &str) -> Found {
        let began = self.label.began_ns;
        let mut alarms = self.alarms.iter().filter(|alarm| alarm.detector == detector && alarm.time_ns >= began);
        let Some(alarm) = alarms.next() else { return Found::Missed };
        let before = self.volume.iter().filter(|time| **time <= alarm.time_ns).count();
        let share = (!self.volume.is_empty()).then(|| before as f64 / self.volume.len() as f64);
        Found::After(alarm.time_ns.saturating_sub(began) as f64 / 1e9, share)
    }

    /// Alerts that nothing in the recording is a reason for.
    pub fn false_alarms(&self) -> impl Iterator<Item = &Alarm> {
        let case = &self.label.case;
        self.alarms.iter().filter(|alarm| {
            let expected = case.must.iter().chain(case.weak).chain(case.may).any(|name| *name == alarm.detector);
            alarm.time_ns < self.label.began_ns || !expected
        })
    }

    /// Seconds in which there was no attack.
    pub fn benign_seconds(&self) -> f64 {
        let case = &self.label.case;
        if case.must.is_empty() {
            return self.seconds;
        }
        self.label.began_ns.saturating_sub(self.label.observed_ns) as f64 / 1e9
    }

    /// False alerts in the time in which there was no attack, by detector.
    pub fn benign_alarms(&self) -> BTreeMap<&str, usize> {
        let attack = !self.label.case.must.is_empty();
        let mut counts = BTreeMap::new();
        for alarm in self.false_alarms().filter(|alarm| !attack || alarm.time_ns < self.label.began_ns) {
            *counts.entry(alarm.detector.as_str()).or_default() += 1;
        }
        counts
    }
}
