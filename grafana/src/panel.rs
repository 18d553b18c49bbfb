//! Panels: what is queried, and how the results are drawn.

use metrics::table::Family;

use crate::query::{Queries, Query, Selector};
use crate::style::unit;

/// How results are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Over time, as lines.
    Lines,
    /// Over time, as areas on top of each other.
    Stack,
    /// The last value, large.
    Stat,
    /// The last value between two limits.
    Gauge,
    /// The last values, by the one label that they have.
    Bars,
    /// How many observations there were of which size, over time.
    Heatmap,
    /// The last values, a row for each combination of labels and a column for each query.
    Table,
    /// Over time, as states.
    Timeline,
}

/// The thresholds from which on something is wrong.
#[derive(Clone, Copy, Debug)]
pub enum Steps {
    /// No value is better than another.
    Neutral,
    /// Large values are bad: from the first on, have a look; from the second on, do something.
    Rising(f64, f64),
    /// Small values are bad: below the first, have a look; below the second, do something.
    Falling(f64, f64),
    /// Have a look from here on.
    Warn(f64),
    /// Do something from here on.
    Bad(f64),
}

/// A query and how its values are shown. In a table, it is a column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) query: Query,
    pub(crate) unit: &'static str,
    pub(crate) steps: Steps,
}

/// The part of a dashboard that answers one question.
#[derive(Clone, Debug)]
pub struct Panel {
    pub(crate) kind: Kind,
    pub(crate) title: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) unit: &'static str,
    pub(crate) about: Option<&'static str>,
    pub(crate) hint: &'static str,
    pub(crate) steps: Steps,
    pub(crate) states: Option<[(&'static str, &'static str); 2]>,
    pub(crate) limits: (Option<f64>, Option<f64>),
    pub(crate) size: (u32, u32),
    pub(crate) interval: &'static str,
}

/// A panel of a kind, with its queries.
pub fn panel(kind: Kind, title: &'static str, unit: &'static str, queries: impl Queries) -> Panel {
    let size = match kind {
        Kind::Stat | Kind::Gauge => (4, 4),
        Kind::Timeline => (12, 6),
        Kind::Lines | Kind::Stack | Kind::Bars | Kind::Heatmap | Kind::Table => (12, 8),
    };
    let limits = match kind {
        Kind::Gauge => (Some(0.0), Some(1.0)),
        Kind::Lines | Kind::Stack | Kind::Bars => (Some(0.0), None),
        _ => (None, None),
    };
    let steps = Steps::Neutral;
    let columns = queries.list().into_iter().map(|query| Column { query, unit, steps }).collect();
    Panel { kind, title, columns, unit, about: None, hint: "", steps, states: None, limits, size, interval: "15s" }
}

/// Over time, as lines.
pub fn lines(title: &'static str, unit: &'static str, queries: impl Queries) -> Panel {
    panel(Kind::Lines, title, unit, queries)
}

/// Over time, as areas on top of each other.
pub fn stack(title: &'static str, unit: &'static str, queries: impl Queries) -> Panel {
    panel(Kind::Stack, title, unit, queries)
}

/// The last value, large.
pub fn stat(title: &'static str, unit: &'static str, query: Query) -> Panel {
    panel(Kind::Stat, title, unit, query)
}

/// A share as a gauge.
pub fn gauge(title: &'static str, query: Query) -> Panel {
    panel(Kind::Gauge, title, unit::SHARE, query)
}

/// The last values by a label, the largest first.
pub fn bars(title: &'static str, unit: &'static str, query: Query) -> Panel {
    panel(Kind::Bars, title, unit, query)
}

/// Observations by size over time. The unit is that of the sizes.
pub fn heatmap(title: &'static str, unit: &'static str, query: Query) -> Panel {
    panel(Kind::Heatmap, title, unit, query)
}

/// A table of one column of numbers, the largest first.
pub fn table(title: &'static str, unit: &'static str, query: Query) -> Panel {
    panel(Kind::Table, title, unit, query)
}

/// A table of how much counters grew in the time shown, by labels, the largest first.
pub fn tally(title: &'static str, heading: &str, series: Selector, by: &[&str]) -> Panel {
    let grown = series.grown("$__range").sum(by).above(0.0).top(50);
    table(title, unit::COUNT, grown.named(heading)).hint("In the time shown.")
}

/// States over time: what 0 and 1 mean, and their colours.
pub fn timeline(title: &'static str, query: Query) -> Panel {
    panel(Kind::Timeline, title, unit::NONE, query)
}

impl Panel {
    /// Another column of a table.
    pub fn column(mut self, query: Query, unit: &'static str, steps: Steps) -> Self {
        self.columns.push(Column { query, unit, steps });
        self
    }

    /// Sets a description in place of the help of the series.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = Some(about);
        self
    }

    /// Adds a sentence to the description that helps to understand it.
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// Sets the thresholds.
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Shows the values 0 and 1 as words, each with its colour.
    pub fn states(mut self, zero: (&'static str, &'static str), one: (&'static str, &'static str)) -> Self {
        self.states = Some([zero, one]);
        self
    }

    /// Sets the smallest and the largest value of the axis.
    pub fn limits(mut self, min: Option<f64>, max: Option<f64>) -> Self {
        self.limits = (min, max);
        self
    }

    /// Sets width (of 24 columns) and height.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Sets the smallest step of time, for what happens rarely or is polled rarely.
    pub fn every(mut self, interval: &'static str) -> Self {
        self.interval = interval;
        self
    }

    /// Width and height.
    pub(crate) fn area(&self) -> (u32, u32) {
        self.size
    }

    /// The mistakes in it.
    pub(crate) fn faults(&self) -> impl Iterator<Item = String> {
        self.columns
            .iter()
            .flat_map(|column| column.query.faults().iter().map(|fault| format!("{}: {fault}", self.title)))
    }

    /// The description: its own, or the help of its series, and the hint.
    pub(crate) fn description(&self) -> String {
        let mut sentences: Vec<&str> = Vec::new();
        match self.about {
            Some(about) => sentences.push(about),
            None => {
                for id in self.columns.iter().flat_map(|column| column.query.ids()) {
                    let help = Family::of(*id).help;
                    if !sentences.contains(&help) {
                        sentences.push(help);
                    }
                }
            }
        }
        sentences.extend((!self.hint.is_empty()).then_some(self.hint));
        sentences.join(" ")
    }
}
