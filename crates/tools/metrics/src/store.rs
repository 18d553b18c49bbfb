//! The values of all series of a node, or of this process.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use smol_str::SmolStr;

use crate::gate::{Gate, Verdict};
use crate::label;
use crate::table::{Family, Id, Type, ids};

/// The value of a label that stands for all that have no series of their own.
pub const OTHER: &str = "other";

/// What keeps the page small, whoever connects to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Values that labels chosen by strangers have at the most, per family.
    pub values: usize,
    /// After so long without a change, series with such labels go away.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { values: 100, idle: Duration::from_secs(3_600) }
    }
}

/// Series of a family at the most, whatever its labels.
const MAX_SERIES: usize = 2_000;

/// Bounds up to which a search from the first on is the fastest.
const FEW_BOUNDS: usize = 20;

/// The values of all series of a node, or of this process.
///
/// Labels are given in the order of the table. A wrong number of labels, or a value of the wrong type, is a defect of the caller, found
/// by tests: it is counted nowhere.
#[derive(Debug)]
pub struct Store {
    families: Vec<Series>,
    limits: Limits,
    now_ns: u64,
}

/// All series of a family.
#[derive(Debug)]
struct Series {
    table: HashTable<One>,
    gate: Option<Gate>,
}

/// A series.
#[derive(Clone, Debug)]
pub struct One {
    /// Values of its labels.
    pub labels: Box<[SmolStr]>,
    /// What is shown.
    pub value: Value,
    /// Since when it counts, nanoseconds since the UNIX epoch.
    pub created_ns: u64,
    changed_ns: u64,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(Box<Histogram>),
}

/// Observations by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// How many fell between the previous bound and this one; the last is for what exceeds all bounds.
    pub counts: Box<[u64]>,
    /// Of all observations.
    pub sum: f64,
}

impl Histogram {
    fn new(bounds: &[f64]) -> Self {
        Self { counts: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    fn observe(&mut self, bounds: &[f64], value: f64, times: u64) {
        // Most values are small: where bounds are few, a search by halves is slower.
        let bucket = if bounds.len() > FEW_BOUNDS {
            bounds.partition_point(|bound| *bound < value)
        } else {
            bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
        };
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += times;
        }
        self.sum += value * times as f64;
    }
}

/// Hashes labels.
const HASHER: FixedState = FixedState::with_seed(0);

fn hash<L: AsRef<str>>(labels: &[L]) -> u64 {
    let mut hasher = HASHER.build_hasher();
    for label in labels {
        hasher.write(label.as_ref().as_bytes());
        hasher.write_u8(0xff); // occurs in no UTF-8
    }
    hasher.finish()
}

fn is(one: &One, labels: &[&str]) -> bool {
    one.labels.len() == labels.len() && one.labels.iter().zip(labels).all(|(own, given)| own == given)
}

impl Store {
    /// Without any values.
    pub fn new(limits: Limits) -> Self {
        let series = |id| {
            let gate = (!Family::of(id).strangers.is_empty()).then(|| Gate::new(limits.values));
            Series { table: HashTable::new(), gate }
        };
        Self { families: Family::ids().map(series).collect(), limits, now_ns: 0 }
    }

    /// Sets the time, nanoseconds since the UNIX epoch: when series are made, and age. It never goes back.
    pub fn set_time(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Adds 1 to a counter.
    pub fn inc(&mut self, id: Id, labels: &[&str]) {
        self.add(id, labels, 1.0);
    }

    /// Adds to a counter.
    pub fn add(&mut self, id: Id, labels: &[&str], amount: f64) {
        self.change(id, labels, |value, _| {
            if let Value::Number(number) = value {
                *number += amount;
            }
        });
    }

    /// Sets a gauge.
    pub fn set(&mut self, id: Id, labels: &[&str], to: f64) {
        self.change(id, labels, |value, _| *value = Value::Number(to));
    }

    /// Sets a counter to a total that something else counts. If that began anew, the series does, too.
    pub fn set_total(&mut self, id: Id, labels: &[&str], total: f64) {
        let now_ns = self.now_ns;
        self.change(id, labels, |value, created_ns| {
            if matches!(value, Value::Number(before) if total < *before) {
                *created_ns = now_ns;
            }
            *value = Value::Number(total);
        });
    }

    /// Adds an observation to a histogram.
    pub fn observe(&mut self, id: Id, labels: &[&str], observed: f64) {
        self.observe_many(id, labels, [(observed, 1)]);
    }

    /// Adds observations to a histogram: values, each with how often it was seen. It is there afterwards, even if there were none.
    pub fn observe_many(&mut self, id: Id, labels: &[&str], observed: impl IntoIterator<Item = (f64, u64)>) {
        let Type::Histogram(bounds) = Family::of(id).kind else { return };
        self.change(id, labels, |value, _| {
            if let Value::Histogram(histogram) = value {
                observed.into_iter().for_each(|(value, times)| histogram.observe(bounds, value, times));
            }
        });
    }

    /// Sets all series of a gauge: those that are not told go away. Of labels that strangers choose, the values with the largest numbers
    /// are kept, and the rest is summed.
    pub fn set_all<'a, L: AsRef<[&'a str]>>(&mut self, id: Id, all: impl IntoIterator<Item = (L, f64)>) {
        let family = Family::of(id);
        let mut all: Vec<(L, f64)> = all.into_iter().collect();
        if let Some(series) = self.families.get_mut(id.index()) {
            series.table.clear();
        }
        let room = if family.strangers.is_empty() { MAX_SERIES } else { self.limits.values };
        if all.len() > room {
            all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        }
        let folded = all.len().saturating_sub(room);
        for (index, (labels, value)) in all.iter().enumerate() {
            let labels = labels.as_ref();
            if index < room {
                let set = |old: &mut Value, _: &mut u64| *old = Value::Number(*value);
                match label::cleaned(labels, family.strangers) {
                    None => self.put(id, labels, set),
                    Some(clean) => self.put(id, &clean.iter().map(String::as_str).collect::<Vec<_>>(), set),
                }
            } else {
                self.put(id, &label::folded(labels, family.strangers), |sum, _| {
                    if let Value::Number(sum) = sum {
                        *sum += value;
                    }
                });
            }
        }
        if !family.strangers.is_empty() {
            self.put(ids::LABEL_VALUES_FOLDED, &[family.name], |value, _| *value = Value::Number(folded as f64));
        }
    }

    /// Removes the series with these labels.
    pub fn remove(&mut self, id: Id, labels: &[&str]) {
        let Some(series) = self.families.get_mut(id.index()) else { return };
        if let Ok(found) = series.table.find_entry(hash(labels), |one| is(one, labels)) {
            found.remove();
        }
    }

    /// Removes all series of a family.
    pub fn clear(&mut self, id: Id) {
        if let Some(series) = self.families.get_mut(id.index()) {
            series.table.clear();
        }
    }

    /// The value of a counter or gauge; of a histogram how many observations there were.
    pub fn get(&self, id: Id, labels: &[&str]) -> Option<f64> {
        let series = self.families.get(id.index())?;
        let one = series.table.find(hash(labels), |one| is(one, labels))?;
        Some(match &one.value {
            Value::Number(number) => *number,
            Value::Histogram(histogram) => histogram.counts.iter().sum::<u64>() as f64,
        })
    }

    /// All series of a family, in the order of their labels.
    pub fn series(&self, id: Id) -> Vec<&One> {
        let mut all: Vec<&One> =
            self.families.get(id.index()).map(|series| series.table.iter().collect()).unwrap_or_default();
        all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        all
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.families.iter().map(|series| series.table.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets series with labels that strangers choose go away if they have not changed for long.
    pub fn expire(&mut self) {
        let oldest = self.now_ns.saturating_sub(self.limits.idle.as_nanos() as u64);
        for id in Family::ids() {
            let family = Family::of(id);
            let Some(Series { table, gate: Some(gate) }) = self.families.get_mut(id.index()) else { continue };
            table.retain(|one| {
                let stays = one.changed_ns >= oldest || label::is_known(&one.labels, family);
                if !stays {
                    gate.forget(&label::key(&one.labels, family.strangers));
                }
                stays
            });
        }
    }

    /// Changes a series, or the one that stands for it.
    fn change(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        if family.strangers.is_empty() || label::is_known(labels, family) {
            return self.put(id, labels, change);
        }
        match label::cleaned(labels, family.strangers) {
            None => self.admit(id, labels, change),
            Some(clean) => self.admit(id, &clean.iter().map(String::as_str).collect::<Vec<_>>(), change),
        }
    }

    /// Changes a series with values that strangers chose, if they are among the most frequent ones, or else that of the others.
    fn admit(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        let now_ns = self.now_ns;
        let Some(Series { table, gate: Some(gate) }) = self.families.get_mut(id.index()) else { return };
        match gate.admit(&label::key(labels, family.strangers), now_ns) {
            Verdict::Kept => self.put(id, labels, change),
            Verdict::Instead(gone) => {
                table.retain(|one| label::key(&one.labels, family.strangers) != *gone);
                self.put(id, labels, change);
            }
            Verdict::Other => {
                self.put(id, &label::folded(labels, family.strangers), change);
                self.put(ids::LABELS_FOLDED, &[family.name], |value, _| {
                    if let Value::Number(folded) = value {
                        *folded += 1.0;
                    }
                });
            }
        }
    }

    fn put(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let now_ns = self.now_ns;
        let Some(series) = self.families.get_mut(id.index()) else { return };
        let full = series.table.len() >= MAX_SERIES;
        let hashed = hash(labels);
        if let Some(one) = series.table.find_mut(hashed, |one| is(one, labels)) {
            one.changed_ns = now_ns;
            return change(&mut one.value, &mut one.created_ns);
        }
        if full && labels.iter().any(|label| *label != OTHER) {
            return self.put(id, &vec![OTHER; labels.len()], change);
        }
        let mut value = match family.kind {
            Type::Histogram(bounds) => Value::Histogram(Box::new(Histogram::new(bounds))),
            Type::Counter | Type::Gauge => Value::Number(0.0),
        };
        let mut created_ns = now_ns;
        change(&mut value, &mut created_ns);
        let labels = labels.iter().map(SmolStr::new).collect();
        let one = One { labels, value, created_ns, changed_ns: now_ns };
        series.table.insert_unique(hashed, one, |one| hash(&one.labels));
    }
}
