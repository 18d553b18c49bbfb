//! What a detector reports: that something is so, in numbers and in a sentence, and the events that show it.

use std::collections::VecDeque;

use event::pb::alerts::{Number, Reference, Text, TextKind};
use model::text::head;
use model::{Context, Observer};

use crate::detector::Me;
use crate::sink::Sink;
use crate::subject::Subject;

/// Events that are kept of the beginning, and as many of the end.
const MAX_EVIDENCE: usize = 8;
/// Bytes of a text at most.
const MAX_TEXT: usize = 256;

/// What a detector found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub(crate) subject: Subject,
    pub(crate) sentence: &'static str,
    pub(crate) numbers: Vec<Number>,
    pub(crate) texts: Vec<Text>,
    pub(crate) evidence: Evidence,
    /// When it began, if that was before it was noticed; nanoseconds since the UNIX epoch.
    pub(crate) since_ns: Option<u64>,
}

impl Finding {
    /// A sentence about a subject. In it `{subject}` stands for the subject, and `{name}` for the number or text of this name, added
    /// below; it must not have any value in itself, and no digits, so that it can be shown in public.
    pub fn new(subject: Subject, sentence: &'static str) -> Self {
        let (numbers, texts, evidence) = Default::default();
        Self { subject, sentence, numbers, texts, evidence, since_ns: None }
    }

    /// Adds a number. The unit is "" for a plain one, "share" for one from 0 to 1, "1/min" for one a minute.
    #[must_use]
    pub fn number(mut self, name: &str, value: f64, unit: &str) -> Self {
        self.numbers.push(Number { name: name.to_owned(), value, unit: unit.to_owned(), threshold: None });
        self
    }

    /// Adds a number, with what it is compared with.
    #[must_use]
    pub fn compared(mut self, name: &str, value: f64, unit: &str, threshold: f64) -> Self {
        self.numbers.push(Number { name: name.to_owned(), value, unit: unit.to_owned(), threshold: Some(threshold) });
        self
    }

    /// Adds a text: what others wrote, unless it is a word of this program.
    #[must_use]
    pub fn text(mut self, name: &str, kind: TextKind, value: &str) -> Self {
        let value = head(value, MAX_TEXT).to_owned();
        self.texts.push(Text { name: name.to_owned(), kind: kind.into(), value });
        self
    }

    /// Sets when it began, if that was before it was noticed: nanoseconds since the UNIX epoch.
    #[must_use]
    pub fn since(self, at_ns: u64) -> Self {
        Self { since_ns: Some(at_ns), ..self }
    }

    /// Adds events that show it, besides the one at hand.
    #[must_use]
    pub fn evidence(mut self, evidence: &Evidence) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

/// References to events that show something: the first ones, and the last ones.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    first: Vec<Reference>,
    last: VecDeque<Reference>,
}

impl Evidence {
    /// Adds an event.
    pub fn add(&mut self, reference: Reference) {
        let known = |other: &Reference| {
            (&other.node, other.run, other.sequence) == (&reference.node, reference.run, reference.sequence)
        };
        if self.first.iter().chain(&self.last).any(known) {
            return;
        }
        if self.first.len() < MAX_EVIDENCE {
            self.first.push(reference);
        } else {
            model::bounded::push(&mut self.last, reference, MAX_EVIDENCE);
        }
    }

    /// Adds the event at hand.
    pub fn note(&mut self, context: &Context<Sink>) {
        if let Some(reference) = reference(context) {
            self.add(reference);
        }
    }

    /// Adds all of another one.
    pub fn extend(&mut self, other: &Self) {
        other.iter().for_each(|reference| self.add(reference.clone()));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.first.iter().chain(&self.last)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.first.clear();
        self.last.clear();
    }
}

/// The event at hand; none if only time passed, or if its program counts none.
fn reference(context: &Context<Sink>) -> Option<Reference> {
    let Context { run, sequence, time_ns, .. } = *context;
    let node = context.sink.node().to_string();
    (run != 0 && sequence != 0).then_some(Reference { node, run, sequence, time_ns })
}

/// How detectors report: methods of the context that they get.
pub trait Report {
    /// Something is so. `score` is the value in relation to its threshold: from 1 on it is an alert, which lasts as long as at least
    /// [`crate::STAYS`] is reported within the detector's hold time. What is less is only for `--explain`. To be called again as long
    /// as it is so: from `tick`, or when the value changes. `finding` is called only where it matters.
    fn report(&mut self, me: Me, score: f64, finding: impl FnOnce() -> Finding);

    /// It is so no more: without waiting for the hold time.
    fn clear(&mut self, me: Me, subject: &Subject);

    /// Whether there is an open alert about the subject at this node: a baseline must not learn from it.
    fn is_open(&self, me: Me, subject: &Subject) -> bool;
}

impl Report for Context<'_, Sink> {
    fn report(&mut self, me: Me, score: f64, finding: impl FnOnce() -> Finding) {
        let reference = if score >= crate::STAYS { reference(self) } else { None };
        self.sink.report(me, score, self.time_ns, reference, finding);
    }

    fn clear(&mut self, me: Me, subject: &Subject) {
        self.sink.clear(me, subject);
    }

    fn is_open(&self, me: Me, subject: &Subject) -> bool {
        self.sink.is_open(me, subject)
    }
}

/// Silence after starts: detectors that count what happens would take the return of a node for an attack.
#[derive(Debug, Default)]
pub(crate) struct Starts;

impl<P> Observer<Sink, P> for Starts {
    fn change(&mut self, change: &model::Change, _: &mut model::Peers<P>, context: &mut Context<Sink>) {
        use model::{Change, SourceState};
        let begins = match change {
            Change::NodeRestarted { .. } | Change::TracepointsRestarted => true,
            // A node under attack may not answer for a while: that must not silence anything.
            Change::SourceState {
                source,
                from: Some(SourceState::Silent | SourceState::Ended),
                to: SourceState::Up,
            } => {
                matches!(source.as_str(), "ebpf" | "log")
            }
            _ => false,
        };
        if begins {
            context.sink.begins(context.time_ns);
        }
    }
}
