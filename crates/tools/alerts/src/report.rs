//! What is printed: each alert as it opens and ends, and at the end of archives all of them, and why others did not come.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use event::pb::alerts::{Alert, State};
use event::text::{Sentence, severity_name};
use event::time::{rfc3339, rfc3339_micros};
use serde_json::{Value, json};

use crate::book::Brief;
use crate::engine::Engine;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// How alerts are printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Print {
    /// The form.
    pub form: Form,
    /// At the end, how near each detector came to an alert that it did not raise.
    pub explain: bool,
}

/// Prints alerts.
#[derive(Debug)]
pub(crate) struct Printer {
    pub print: Print,
    /// The last state of each alert, by its beginning and id.
    alerts: BTreeMap<(u64, String), Alert>,
}

/// Alerts of which the last state is remembered for the table at the end.
pub(crate) const MAX_LISTED: usize = 10_000;

impl Printer {
    pub fn new(print: Print) -> Self {
        Self { print, alerts: BTreeMap::new() }
    }

    /// Prints an alert that opened, went on or is over. Lines for people leave out that it goes on.
    pub fn alert(&mut self, alert: &Alert, out: &mut impl Write) -> io::Result<()> {
        let place = (alert.since_ns, alert.id.clone());
        let known = self.alerts.get(&place).map(Alert::state);
        if self.alerts.len() < MAX_LISTED || known.is_some() {
            self.alerts.insert(place, alert.clone());
        }
        match self.print.form {
            Form::Json => writeln!(out, "{}", json_of(alert)),
            Form::Text if known == Some(alert.state()) => Ok(()),
            Form::Text => {
                let at_ns = alert.resolved_ns.unwrap_or(alert.last_ns);
                let nodes = alert.nodes.join(",");
                let what = match alert.state() {
                    State::Open => severity_name(alert.severity()),
                    State::Resolved => "over",
                };
                let when = rfc3339_micros(at_ns);
                let nodes = event::quote::Plain(&nodes);
                writeln!(out, "{when} {nodes} {what} {}: {} [{}]", alert.detector, Sentence(alert), alert.id)
            }
        }?;
        out.flush()
    }

    /// Prints what is to be said when all events of archives have been read.
    pub fn end(&self, engine: &Engine, out: &mut impl Write) -> io::Result<()> {
        if self.print.form == Form::Text {
            write!(out, "{}", self.table(engine))?;
        }
        if self.print.explain {
            self.explain(engine, out)?;
        }
        out.flush()
    }

    fn table(&self, engine: &Engine) -> String {
        let mut table = String::new();
        let incidents: std::collections::BTreeSet<&str> =
            self.alerts.values().map(|alert| alert.incident.as_str()).collect();
        let (events, repeated) = (engine.events(), engine.repeated());
        let _ = write!(table, "\n{events} events");
        if repeated > 0 {
            let _ = write!(table, ", {repeated} more that came twice or too late");
        }
        let _ = writeln!(table, ": {} alerts, {} incidents", self.alerts.len(), incidents.len());
        let mut counts: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        for alert in self.alerts.values() {
            let (count, score) = counts.entry(&alert.detector).or_default();
            *count += 1;
            *score = score.max(alert.score);
        }
        for (detector, (count, score)) in counts {
            let _ = writeln!(table, "  {detector:<24} {count:>6} alerts, up to {score:.1} times the threshold");
        }
        table
    }

    fn explain(&self, engine: &Engine, out: &mut impl Write) -> io::Result<()> {
        let briefest = engine.briefest();
        if self.print.form == Form::Text {
            writeln!(out, "\nHow near each detector came to an alert that it did not raise (1 is its threshold):")?;
        }
        for (detector, nearest) in engine.nearest() {
            match (self.print.form, nearest) {
                (Form::Json, Some((node, near))) => {
                    let line = json!({
                        "detector": detector, "node": &*node, "score": near.score, "subject": near.subject,
                        "time": rfc3339(near.time_ns), "after_a_start": near.silent,
                    });
                    writeln!(out, "{line}")?;
                }
                (Form::Json, None) => writeln!(out, "{}", json!({ "detector": detector, "score": 0.0 }))?,
                (Form::Text, Some((node, near))) => {
                    let when = rfc3339_micros(near.time_ns);
                    let why = if near.silent { " (silent after a start)" } else { "" };
                    let (subject, node) = (event::quote::Plain(&near.subject), event::quote::Plain(&node));
                    writeln!(out, "  {detector:<24} {:.2} at {when}, {node}: {subject}{why}", near.score)?;
                }
                (Form::Text, None) => writeln!(out, "  {detector:<24} nothing came near")?,
            }
            if self.print.form == Form::Text {
                also(detector, briefest.get(detector), engine.known(detector), out)?;
            }
        }
        Ok(())
    }
}

/// What else explains that a detector did not raise an alert.
fn also(name: &str, brief: Option<&Brief>, known: Option<(usize, usize)>, out: &mut impl Write) -> io::Result<()> {
    if let Some(Brief { score, since_ns, lasted_ns, subject }) = brief {
        let (when, seconds) = (rfc3339_micros(*since_ns), *lasted_ns as f64 / 1e9);
        let subject = event::quote::Plain(subject);
        writeln!(out, "  {:24} {score:.2} at {when}: {subject}, for {seconds:.0} s: too short ({name}.after)", "")?;
    }
    if let Some((known, all)) = known {
        writeln!(out, "  {:24} what is usual is known of {known} of {all} that are watched", "")?;
    }
    Ok(())
}

/// An alert as one line of JSON: as events have it, with the sentence as people read it.
pub(crate) fn json_of(alert: &Alert) -> String {
    value_of(alert).to_string()
}

/// The same as a value.
pub(crate) fn value_of(alert: &Alert) -> Value {
    let mut value = serde_json::to_value(alert).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("text".to_owned(), Sentence(alert).to_string().into());
    }
    value
}
