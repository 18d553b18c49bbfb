//! Two settings side by side, over the same events: what both find, and what only one of them does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use bus::Delivery;
use event::pb::alerts::{Alert, Subject};
use event::quote::Plain;
use event::text::Sentence;
use event::time::rfc3339_micros;
use networks::Enrichment;
use serde_json::json;
use smol_str::SmolStr;

use crate::engine::Engine;
use crate::report::{Form, MAX_LISTED, value_of};
use crate::settings::Settings;

/// Alerts about the same, of which one begins so long after the other one's end, are the same: as long as the book remembers.
const APART_NS: u64 = 600 * model::bounds::SECOND;

/// Alerts by the first settings, and by the second ones.
pub(crate) struct Comparison {
    second: Engine,
    by_first: Found,
    by_second: Found,
}

/// Alerts, by their ids.
#[derive(Default)]
struct Found {
    alerts: BTreeMap<String, (u64, Alert)>,
    left_out: bool,
}

impl Found {
    /// Notes the last state of each alert, and when it opened.
    fn note(&mut self, changed: &[(SmolStr, Alert)]) {
        for (_, alert) in changed {
            if let Some((_, known)) = self.alerts.get_mut(&alert.id) {
                *known = alert.clone();
            } else if self.alerts.len() < MAX_LISTED {
                self.alerts.insert(alert.id.clone(), (alert.last_ns, alert.clone()));
            } else {
                self.left_out = true;
            }
        }
    }
}

/// An alert, and when it opened by either settings.
struct Line<'a> {
    alert: &'a Alert,
    first_ns: Option<u64>,
    second_ns: Option<u64>,
}

impl Line<'_> {
    fn by(&self) -> &'static str {
        match (self.first_ns, self.second_ns) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "first",
            _ => "second",
        }
    }

    fn opened_ns(&self) -> u64 {
        [self.first_ns, self.second_ns].into_iter().flatten().min().unwrap_or_default()
    }
}

impl Comparison {
    pub fn new(settings: Settings, enrichment: Enrichment) -> Self {
        let (by_first, by_second) = Default::default();
        Self { second: Engine::new(settings, enrichment, Vec::new()), by_first, by_second }
    }

    /// Hands an event to the second engine.
    pub fn take(&mut self, item: &Delivery) {
        match item {
            Delivery::Event(record) => self.second.fold(record),
            Delivery::Lost(loss) => self.second.lost(loss),
            _ => {}
        }
    }

    /// Notes what changed by the first settings, and by the second ones.
    pub fn note(&mut self, changed: &[(SmolStr, Alert)]) {
        self.by_first.note(changed);
        self.by_second.note(&self.second.take_changed());
    }

    /// All alerts by when they opened. Each is compared with those about the same at about the same time.
    fn lines(&self) -> Vec<Line<'_>> {
        let mut others: BTreeMap<_, Vec<&(u64, Alert)>> = BTreeMap::new();
        for found in self.by_second.alerts.values() {
            others.entry(about(&found.1)).or_default().push(found);
        }
        let mut lines = Vec::new();
        for (opened_ns, alert) in self.by_first.alerts.values() {
            let same = others.get_mut(&about(alert)).and_then(|others| {
                let place = others.iter().position(|(_, other)| overlap(alert, other))?;
                Some(others.swap_remove(place).0)
            });
            lines.push(Line { alert, first_ns: Some(*opened_ns), second_ns: same });
        }
        let rest = others.into_values().flatten();
        lines.extend(rest.map(|(opened_ns, alert)| Line { alert, first_ns: None, second_ns: Some(*opened_ns) }));
        lines.sort_by_key(|line| (line.opened_ns(), &line.alert.id));
        lines
    }

    /// Prints all of it.
    pub fn print(&self, form: Form, out: &mut impl Write) -> io::Result<()> {
        let lines = self.lines();
        for line in &lines {
            match form {
                Form::Json => writeln!(out, "{}", json_of(line))?,
                Form::Text => writeln!(out, "{}", text_of(line))?,
            }
        }
        if form == Form::Text {
            write!(out, "{}", table(&lines))?;
        }
        if self.by_first.left_out || self.by_second.left_out {
            tracing::warn!(
                "there are more than {MAX_LISTED} alerts by one of both settings; further ones are not compared"
            );
        }
        out.flush()
    }
}

/// What an alert is about.
fn about(alert: &Alert) -> (&str, i32, &str, Option<&str>) {
    let Subject { kind, text, node, .. } = &alert.subject;
    (&alert.detector, *kind, text, node.as_deref())
}

fn overlap(one: &Alert, other: &Alert) -> bool {
    let end = |alert: &Alert| alert.resolved_ns.unwrap_or(alert.last_ns).saturating_add(APART_NS);
    one.since_ns <= end(other) && other.since_ns <= end(one)
}

fn text_of(line: &Line) -> String {
    let Line { alert, first_ns, second_ns } = line;
    let by = if line.by() == "both" { "both".to_owned() } else { format!("only {}", line.by()) };
    let (when, nodes) = (rfc3339_micros(line.opened_ns()), alert.nodes.join(","));
    let mut text = format!("{when} {by:<11} {} {}: {}", Plain(&nodes), alert.detector, Sentence(alert));
    if let (Some(first), Some(second)) = (first_ns, second_ns)
        && first != second
    {
        let seconds = first.abs_diff(*second) as f64 / 1e9;
        let _ = write!(text, " (the {} {seconds:.1} s later)", if first > second { "first" } else { "second" });
    }
    text
}

fn json_of(line: &Line) -> String {
    let mut value = value_of(line.alert);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("found_by".to_owned(), line.by().into());
        for (name, at_ns) in [("first_opened_ns", line.first_ns), ("second_opened_ns", line.second_ns)] {
            at_ns.map(|at_ns| fields.insert(name.to_owned(), json!(at_ns.to_string())));
        }
    }
    value.to_string()
}

fn table(lines: &[Line]) -> String {
    let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for line in lines {
        let [both, first, second] = counts.entry(&line.alert.detector).or_default();
        *match line.by() {
            "both" => both,
            "first" => first,
            _ => second,
        } += 1;
    }
    let mut text = format!("\n  {:<24} {:>6} {:>10} {:>11}\n", "alerts by", "both", "only first", "only second");
    let mut all = [0; 3];
    for (detector, of) in &counts {
        all.iter_mut().zip(of).for_each(|(all, of)| *all += of);
        let [both, first, second] = of;
        let _ = writeln!(text, "  {detector:<24} {both:>6} {first:>10} {second:>11}");
    }
    let [both, first, second] = all;
    let _ = writeln!(text, "  {:<24} {both:>6} {first:>10} {second:>11}", "all");
    text
}
