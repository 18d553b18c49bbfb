//! The store of all series of one node, or of this process.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use smol_str::SmolStr;

use crate::cardinality::{Admission, CardinalityLimit};
use crate::label;
use crate::table::{Family, Id, Type, ids};

/// The value of a label under which all values without a series of their own are counted.
pub const OTHER: &str = "other";

/// The limits that keep the page small, whoever connects to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many values the untrusted labels of a family have at most.
    pub values: usize,
    /// After this time without a change, series with untrusted labels are removed.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { values: 100, idle: Duration::from_secs(3_600) }
    }
}

/// How many series a family has at most, whatever its labels are.
const MAX_SERIES: usize = 2_000;

/// Up to this many bounds, a linear search for the bucket is the fastest.
const FEW_BOUNDS: usize = 20;

/// All series of one node, or of this process.
///
/// Callers give the labels in the order of the table. A wrong number of labels, or a value of the wrong type, is a defect of the caller that
/// tests find: nothing counts it.
#[derive(Debug)]
pub struct Store {
    /// By the index of the family's handle.
    families: Vec<FamilySeries>,
    limits: Limits,
    now_ns: u64,
    source: &'static str,
}

/// All series of one family.
#[derive(Debug)]
struct FamilySeries {
    table: HashTable<Series>,
    /// `None` if no label of the family is untrusted.
    limit: Option<CardinalityLimit>,
}

/// One series.
#[derive(Clone, Debug)]
pub struct Series {
    /// The values of its labels, in the order of the table.
    pub labels: Box<[SmolStr]>,
    /// Its current value.
    pub value: Value,
    /// When it began to count, in nanoseconds since the UNIX epoch.
    pub created_ns: u64,
    /// When it last changed, in nanoseconds since the UNIX epoch.
    changed_ns: u64,
    /// The extractor whose event changed it last; "" if it was none.
    source: &'static str,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The value of a counter or gauge.
    Number(f64),
    /// The buckets of a histogram.
    Histogram(Box<Histogram>),
}

/// Observations counted by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// How many observations fell between the previous bound and this one. The last counts those above all bounds.
    pub counts: Box<[u64]>,
    /// The sum of all observations.
    pub sum: f64,
}

impl Histogram {
    fn new(bounds: &[f64]) -> Self {
        Self { counts: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    fn observe(&mut self, bounds: &[f64], value: f64, times: u64) {
        // Most values are small: where bounds are few, a binary search is slower.
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

/// The hasher of labels. It needs no random seed: a family has at most [`MAX_SERIES`] of them.
const HASHER: FixedState = FixedState::with_seed(0);

fn hash<L: AsRef<str>>(labels: &[L]) -> u64 {
    let mut hasher = HASHER.build_hasher();
    for label in labels {
        hasher.write(label.as_ref().as_bytes());
        hasher.write_u8(0xff); // this byte occurs in no UTF-8 text
    }
    hasher.finish()
}

fn has_labels(series: &Series, labels: &[&str]) -> bool {
    series.labels.len() == labels.len() && series.labels.iter().zip(labels).all(|(own, given)| own == given)
}

impl Store {
    /// A store without any series.
    pub fn new(limits: Limits) -> Self {
        let series = |id| {
            let limit = (!Family::of(id).untrusted.is_empty()).then(|| CardinalityLimit::new(limits.values));
            FamilySeries { table: HashTable::new(), limit }
        };
        Self { families: Family::ids().map(series).collect(), limits, now_ns: 0, source: "" }
    }

    /// Sets the time, in nanoseconds since the UNIX epoch, at which the following changes happen. It never goes back.
    pub fn set_time(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Sets the extractor whose events cause the following changes; "" if it is none.
    pub fn set_source(&mut self, source: &'static str) {
        self.source = source;
    }

    /// Removes gauges by the extractor that set them last: what is gone has no values. Counters and the families of `but` stay.
    pub fn remove_gauges(&mut self, but: &[Id], is_gone: impl Fn(&str) -> bool) {
        for id in Family::ids().filter(|id| Family::of(*id).kind == Type::Gauge && !but.contains(id)) {
            let Some(FamilySeries { table, limit }) = self.families.get_mut(id.index()) else { continue };
            table.retain(|series| {
                let stays = !is_gone(series.source);
                if let (false, Some(limit)) = (stays, &mut *limit) {
                    limit.forget(&label::key(&series.labels, Family::of(id).untrusted));
                }
                stays
            });
        }
    }

    /// Adds 1 to a counter.
    pub fn inc(&mut self, id: Id, labels: &[&str]) {
        self.add(id, labels, 1.0);
    }

    /// Adds an amount to a counter.
    pub fn add(&mut self, id: Id, labels: &[&str], amount: f64) {
        self.change(id, labels, |value, _| {
            if let Value::Number(number) = value {
                *number += amount;
            }
        });
    }

    /// Sets a gauge to a value. The sum of no numbers, which is -0, is 0.
    pub fn set(&mut self, id: Id, labels: &[&str], to: f64) {
        self.change(id, labels, |value, _| *value = Value::Number(to + 0.0));
    }

    /// Sets a counter to a total that is counted elsewhere. If the total is smaller than before, the count began anew, and so does the series.
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

    /// Adds observations to a histogram: values, each with how often it was observed. The series exists afterwards, even without observations.
    pub fn observe_many(&mut self, id: Id, labels: &[&str], observed: impl IntoIterator<Item = (f64, u64)>) {
        let Type::Histogram(bounds) = Family::of(id).kind else { return };
        self.change(id, labels, |value, _| {
            if let Value::Histogram(histogram) = value {
                observed.into_iter().for_each(|(value, times)| histogram.observe(bounds, value, times));
            }
        });
    }

    /// Replaces all series of a gauge. Of untrusted labels, the values with the largest numbers are kept; the rest is summed in `other`.
    pub fn set_all<'a, L: AsRef<[&'a str]>>(&mut self, id: Id, all: impl IntoIterator<Item = (L, f64)>) {
        let family = Family::of(id);
        let mut all: Vec<(L, f64)> = all.into_iter().collect();
        if let Some(series) = self.families.get_mut(id.index()) {
            series.table.clear();
        }
        let room = if family.untrusted.is_empty() { MAX_SERIES } else { self.limits.values };
        if all.len() > room {
            all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        }
        let folded = all.len().saturating_sub(room);
        for (index, (labels, value)) in all.iter().enumerate() {
            let labels = labels.as_ref();
            if index < room {
                let set = |old: &mut Value, _: &mut u64| *old = Value::Number(*value);
                match label::cleaned(labels, family.untrusted) {
                    None => self.put(id, labels, set),
                    Some(clean) => self.put(id, &clean.iter().map(String::as_str).collect::<Vec<_>>(), set),
                }
            } else {
                self.put(id, &label::folded(labels, family.untrusted), |sum, _| {
                    if let Value::Number(sum) = sum {
                        *sum += value;
                    }
                });
            }
        }
        if !family.untrusted.is_empty() {
            self.put(ids::LABEL_VALUES_FOLDED, &[family.name], |value, _| *value = Value::Number(folded as f64));
        }
    }

    /// Removes the series with these labels.
    pub fn remove(&mut self, id: Id, labels: &[&str]) {
        let Some(series) = self.families.get_mut(id.index()) else { return };
        if let Ok(entry) = series.table.find_entry(hash(labels), |series| has_labels(series, labels)) {
            entry.remove();
        }
    }

    /// Removes all series of a family.
    pub fn clear(&mut self, id: Id) {
        if let Some(series) = self.families.get_mut(id.index()) {
            series.table.clear();
        }
    }

    /// The value of a counter or gauge, or the number of observations of a histogram. `None` if there is no such series.
    pub fn get(&self, id: Id, labels: &[&str]) -> Option<f64> {
        let family = self.families.get(id.index())?;
        let series = family.table.find(hash(labels), |series| has_labels(series, labels))?;
        Some(match &series.value {
            Value::Number(number) => *number,
            Value::Histogram(histogram) => histogram.counts.iter().sum::<u64>() as f64,
        })
    }

    /// All series of a family, ordered by their labels.
    pub fn series(&self, id: Id) -> Vec<&Series> {
        let mut all: Vec<&Series> =
            self.families.get(id.index()).map(|family| family.table.iter().collect()).unwrap_or_default();
        all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        all
    }

    /// The number of series.
    pub fn len(&self) -> usize {
        self.families.iter().map(|series| series.table.len()).sum()
    }

    /// Whether there are no series.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes the series with untrusted labels that have not changed for longer than [`Limits::idle`].
    pub fn expire(&mut self) {
        let oldest = self.now_ns.saturating_sub(self.limits.idle.as_nanos() as u64);
        for id in Family::ids() {
            let family = Family::of(id);
            let Some(FamilySeries { table, limit: Some(limit) }) = self.families.get_mut(id.index()) else { continue };
            table.retain(|series| {
                let stays = series.changed_ns >= oldest || label::is_known(&series.labels, family);
                if !stays {
                    limit.forget(&label::key(&series.labels, family.untrusted));
                }
                stays
            });
        }
    }

    /// Changes a series, or the series `other` if its labels have no series of their own.
    fn change(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        if family.untrusted.is_empty() || label::is_known(labels, family) {
            return self.put(id, labels, change);
        }
        match label::cleaned(labels, family.untrusted) {
            None => self.admit(id, labels, change),
            Some(clean) => self.admit(id, &clean.iter().map(String::as_str).collect::<Vec<_>>(), change),
        }
    }

    /// Changes a series with untrusted values if they are among the most frequent ones, else the series `other`.
    fn admit(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        let now_ns = self.now_ns;
        let Some(FamilySeries { table, limit: Some(limit) }) = self.families.get_mut(id.index()) else { return };
        match limit.admit(&label::key(labels, family.untrusted), now_ns) {
            Admission::Kept => self.put(id, labels, change),
            Admission::Replaces(gone) => {
                table.retain(|series| label::key(&series.labels, family.untrusted) != *gone);
                self.put(id, labels, change);
            }
            Admission::Other => {
                self.put(id, &label::folded(labels, family.untrusted), change);
                self.put(ids::LABELS_FOLDED, &[family.name], |value, _| {
                    if let Value::Number(folded) = value {
                        *folded += 1.0;
                    }
                });
            }
        }
    }

    /// Changes a series, which is made first if there is none with these labels.
    fn put(&mut self, id: Id, labels: &[&str], change: impl FnOnce(&mut Value, &mut u64)) {
        let family = Family::of(id);
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let (now_ns, source) = (self.now_ns, self.source);
        let Some(FamilySeries { table, .. }) = self.families.get_mut(id.index()) else { return };
        let hashed = hash(labels);
        if let Some(series) = table.find_mut(hashed, |series| has_labels(series, labels)) {
            series.changed_ns = now_ns;
            series.source = source;
            return change(&mut series.value, &mut series.created_ns);
        }
        if table.len() >= MAX_SERIES && labels.iter().any(|label| *label != OTHER) {
            return self.put(id, &vec![OTHER; labels.len()], change);
        }
        let mut value = match family.kind {
            Type::Histogram(bounds) => Value::Histogram(Box::new(Histogram::new(bounds))),
            Type::Counter | Type::Gauge => Value::Number(0.0),
        };
        let mut created_ns = now_ns;
        change(&mut value, &mut created_ns);
        let labels = labels.iter().map(SmolStr::new).collect();
        let series = Series { labels, value, created_ns, changed_ns: now_ns, source };
        table.insert_unique(hashed, series, |series| hash(&series.labels));
    }
}
