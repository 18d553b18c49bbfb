//! A report as a document, before it has a form. What others wrote is kept apart from what this program says, so that each form escapes it in
//! its way.

use crate::series::Series;

/// A piece of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Span {
    /// Words of this program.
    Text(String),
    /// The same, which matters.
    Strong(String),
    /// Names, addresses and texts that others chose: untrusted.
    Foreign(String),
}

/// Text in a line.
pub(crate) type Spans = Vec<Span>;

/// Words of this program.
pub(crate) fn plain(text: impl Into<String>) -> Spans {
    vec![Span::Text(text.into())]
}

/// What others wrote.
pub(crate) fn foreign(text: impl Into<String>) -> Spans {
    vec![Span::Foreign(text.into())]
}

/// A part of a section.
#[derive(Debug)]
pub(crate) enum Block {
    Paragraph(Spans),
    List(Vec<Spans>),
    Table(Table),
    /// Something to copy.
    Code {
        language: &'static str,
        text: String,
    },
    /// Lines that others wrote.
    Lines(Vec<String>),
    /// How much there was when.
    Chart(Chart),
    /// When each alert began and ended.
    Spans(TimeLine),
}

/// Rows and columns.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// A column whose name ends in " #" has numbers.
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<Spans>>,
}

/// Counts by time.
#[derive(Debug)]
pub(crate) struct Chart {
    pub title: &'static str,
    /// When the first step begins, and how long each is, in nanoseconds.
    pub start_ns: u64,
    pub step_ns: u64,
    /// What belongs to the incident, and the rest, in each step.
    pub counts: Vec<[u64; 2]>,
    /// What the two are; the second one is none if it is not known.
    pub legend: (&'static str, Option<&'static str>),
    /// When the incident began and was last seen.
    pub marked_ns: (u64, u64),
    /// What was not read.
    pub unread_ns: Option<(u64, u64)>,
}

/// When each alert began and ended.
#[derive(Debug)]
pub(crate) struct TimeLine {
    pub from_ns: u64,
    pub to_ns: u64,
    /// Name, severity (0 to 2), beginning and end.
    pub bars: Vec<(String, usize, u64, u64)>,
}

/// A part of a report with a heading.
#[derive(Debug)]
pub(crate) struct Section {
    pub title: String,
    pub blocks: Vec<Block>,
}

/// A report.
#[derive(Debug)]
pub(crate) struct Document {
    pub title: String,
    /// Whether it is a matter of hours, of a day, or can wait: the highest severity, and whether it goes on.
    pub badge: (usize, String),
    /// What it is about, in a line: where it is shown below the title.
    pub facts: Vec<(&'static str, Spans)>,
    pub sections: Vec<Section>,
    /// How it was made.
    pub footer: Spans,
}

impl Chart {
    /// A chart of counts that there are.
    pub fn of(series: &Series, measure: crate::series::Measure) -> Self {
        Self {
            title: measure.title(),
            start_ns: series.start_ns,
            step_ns: series.step_ns,
            counts: series.of(measure).collect(),
            legend: ("", None),
            marked_ns: (0, 0),
            unread_ns: None,
        }
    }
}
