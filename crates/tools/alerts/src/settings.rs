//! Which detectors look, and by which parameters.

use event::pb::alerts::Severity;
use event::similar::instead;
use model::bounds::SECOND;

use crate::detector::{Detector as Make, Me, Parameter, Row};
use crate::detectors::rows;
use crate::detectors::statistical::watch::{self, Watch};

/// What each detector of the table is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    detectors: Vec<Detector>,
    watched: Vec<Watch>,
}

/// What a detector is set to.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    pub row: Row,
    pub enabled: bool,
    pub severity: Severity,
    pub timing: TimingNs,
    values: Vec<f64>,
}

/// When alerts begin and end, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimingNs {
    pub after_ns: u64,
    pub hold_ns: u64,
    pub warm_up_ns: u64,
}

impl Detector {
    /// As its row says.
    fn new(row: Row) -> Self {
        let timing = TimingNs {
            after_ns: u64::from(row.timing.after) * SECOND,
            hold_ns: u64::from(row.timing.hold) * SECOND,
            warm_up_ns: u64::from(row.timing.warm_up) * SECOND,
        };
        let values = row.parameters.iter().map(|parameter| parameter.default).collect();
        Self { row, enabled: true, severity: row.severity, timing, values }
    }
}

/// A value that a configuration gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Whether a detector looks.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A name.
    Text(String),
}

/// What can be set of every detector, besides its own parameters.
pub const COMMON: [(&str, &str); 5] = [
    ("enabled", "false: it does not look"),
    ("severity", "info, warning or critical"),
    ("after", "seconds for which it must be so before it is an alert"),
    ("hold", "seconds without a report after which it is over"),
    ("warm_up", "seconds after a start of the node, or of an extractor of it, in which nothing is reported"),
];

impl Default for Settings {
    fn default() -> Self {
        Self { detectors: rows().map(Detector::new).collect(), watched: watch::default() }
    }
}

impl Settings {
    /// Sets something of a detector.
    ///
    /// # Errors
    /// There is no such detector or parameter, or the value cannot be: a sentence that names it and what would be right.
    pub fn set(&mut self, detector: &str, parameter: &str, value: &Value) -> Result<(), String> {
        let place = format!("alerts.{detector}.{parameter}");
        let Some(found) = self.detectors.iter_mut().find(|known| known.row.name == detector) else {
            let meant = instead(detector, rows().map(|row| row.name).collect::<Vec<_>>());
            return Err(format!("alerts.{detector}: there is no such detector; {meant}"));
        };
        match (parameter, value) {
            ("enabled", Value::Bool(enabled)) => found.enabled = *enabled,
            ("enabled", _) => return Err(format!("{place}: write true or false")),
            ("severity", value) => {
                let named = match value {
                    Value::Text(name) => Severity::from_str_name(&name.to_ascii_uppercase()),
                    _ => None,
                };
                found.severity =
                    named.ok_or_else(|| format!("{place}: write \"info\", \"warning\" or \"critical\""))?;
            }
            ("after" | "hold" | "warm_up", value) => {
                let seconds = number(&place, value, (0.0, 1e7), "seconds")?;
                let ns = (seconds * 1e9) as u64;
                match parameter {
                    "after" => found.timing.after_ns = ns,
                    "hold" => found.timing.hold_ns = ns,
                    _ => found.timing.warm_up_ns = ns,
                }
            }
            (name, value) => {
                let parameters = found.row.parameters;
                let known = parameters.iter().zip(&mut found.values).find(|(parameter, _)| parameter.name == name);
                let Some((Parameter { range, unit, .. }, place_of_it)) = known else {
                    let names = COMMON.iter().map(|(name, _)| *name).chain(parameters.iter().map(|known| known.name));
                    let meant = instead(name, names.collect::<Vec<_>>());
                    return Err(format!("{place}: detector {detector} has no such parameter; {meant}"));
                };
                *place_of_it = number(&place, value, *range, unit)?;
            }
        }
        Ok(())
    }

    /// Sets what a text says: `DETECTOR.PARAMETER=VALUE`.
    ///
    /// # Errors
    /// As for [`Self::set`].
    pub fn set_text(&mut self, text: &str) -> Result<(), String> {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.trim().split_once('.')?, value.trim())));
        let Some(((detector, parameter), value)) = parts else {
            return Err(format!("{text:?}: write DETECTOR.PARAMETER=VALUE, such as inbound_flood.per_minute=60"));
        };
        let value = match (value.parse(), value.parse()) {
            (Ok(value), _) => Value::Bool(value),
            (_, Ok(value)) => Value::Number(value),
            _ => Value::Text(value.to_owned()),
        };
        self.set(detector, parameter, &value)
    }

    /// Sets what is watched for a change: names, or "default".
    ///
    /// # Errors
    /// There is nothing of such a name: a sentence that says what there is.
    pub fn watch(&mut self, names: &[String]) -> Result<(), String> {
        self.watched = watch::named(names)?;
        Ok(())
    }

    pub(crate) fn detectors(&self) -> impl Iterator<Item = &Detector> {
        self.detectors.iter()
    }

    pub(crate) fn get(&self, me: Me) -> Option<&Detector> {
        self.detectors.get(me.index())
    }

    /// The detector of a name.
    pub(crate) fn find(&self, name: &str) -> Option<Me> {
        let index = self.detectors.iter().position(|detector| detector.row.name == name)?;
        u16::try_from(index).ok().map(Me)
    }
}

fn number(place: &str, value: &Value, (least, most): (f64, f64), unit: &str) -> Result<f64, String> {
    let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
    match value {
        Value::Number(number) if (least..=most).contains(number) => Ok(*number),
        Value::Number(number) => Err(format!("{place} = {number}: it must be from {least} to {most}{unit}")),
        _ => Err(format!("{place}: write a number from {least} to {most}{unit}")),
    }
}

/// Values of the parameters of a detector, and what else is set.
#[derive(Debug)]
pub struct Values<'a> {
    detector: &'a Detector,
    watched: &'a [Watch],
}

impl Values<'_> {
    /// The value of a parameter that the detector has.
    pub fn get(&self, name: &str) -> f64 {
        let Detector { row, values, .. } = self.detector;
        let found = row.parameters.iter().zip(values).find(|(parameter, _)| parameter.name == name);
        found.map_or(f64::NAN, |(_, value)| *value)
    }

    /// So long after a start nothing is reported, nanoseconds.
    pub(crate) fn warm_up_ns(&self) -> u64 {
        self.detector.timing.warm_up_ns
    }

    /// What is watched for a change.
    pub(crate) fn watched(&self) -> &[Watch] {
        self.watched
    }
}

/// Makes the detectors of a node, in the order of the table.
pub(crate) struct Next<'a> {
    settings: &'a Settings,
    next: usize,
}

impl<'a> Next<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, next: 0 }
    }

    /// The next one. The table has a row for each that is made, as one macro makes both.
    pub(crate) fn make<D: Make>(&mut self) -> D {
        let me = Me(u16::try_from(self.next).unwrap_or(u16::MAX));
        self.next += 1;
        let watched = &*self.settings.watched;
        match self.settings.get(me) {
            Some(detector) => D::new(me, &Values { detector, watched }),
            None => D::new(me, &Values { detector: &Detector::new(D::ROW), watched }),
        }
    }
}
