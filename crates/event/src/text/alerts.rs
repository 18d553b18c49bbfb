//! Alerts, and their sentences for people.

use std::fmt::{self, Display, Formatter};

use super::{CYAN, GREEN, Look, RED, YELLOW, list};
use crate::pb::alerts::{Alert, Number, Severity, State, Subject, SubjectKind, TextKind};
use crate::quote::{Plain, Quoted};

/// The name of a severity, as people read it: `info`, `warning`, `critical`.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

pub(super) fn line(f: &mut Formatter, look: Look, alert: &Alert) -> fmt::Result {
    let style = match (alert.state(), alert.severity()) {
        (State::Resolved, _) => GREEN,
        (State::Open, Severity::Critical) => RED,
        (State::Open, Severity::Warning) => YELLOW,
        (State::Open, Severity::Info) => CYAN,
    };
    let severity = severity_name(alert.severity());
    write!(f, "{} {severity} {}", look.mark(style, "!"), Plain(&alert.detector))?;
    if alert.state() == State::Resolved {
        let seconds = alert.last_ns.saturating_sub(alert.since_ns) / 1_000_000_000;
        write!(f, " is over after {seconds} s")?;
    }
    write!(f, ": {}", Sentence(alert))?;
    if alert.nodes.len() > 1 {
        f.write_str(" At")?;
        list(f, &alert.nodes, |f, node: &String| write!(f, "{}", Plain(node)))?;
        f.write_str(".")?;
    }
    if let Some(more) = alert.more_subjects.filter(|more| *more > 0) {
        write!(f, " (and {more} more)")?;
    }
    write!(f, " [{}", Plain(&alert.id))?;
    if alert.incident != alert.id {
        write!(f, ", incident {}", Plain(&alert.incident))?;
    }
    f.write_str("]")
}

/// The sentence of an alert, with its subject, numbers and texts in their places. What is untrusted in it is quoted for a terminal;
/// whoever shows it elsewhere takes its [`Parts`], and escapes those that are [`Part::Untrusted`].
#[derive(Clone, Copy)]
pub struct Sentence<'a>(pub &'a Alert);

impl Display for Sentence<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        Parts::of(self.0).try_for_each(|part| match part {
            Part::Fixed(text) => write!(f, "{}", Plain(text)),
            Part::Subject(subject) => write!(f, "{}", SubjectText(subject)),
            Part::Number(number) => write!(f, "{}", NumberText(number)),
            Part::Untrusted(TextKind::UserAgent | TextKind::Free, text) => write!(f, "{}", Quoted(text)),
            Part::Untrusted(_, text) => write!(f, "{}", Plain(text)),
        })
    }
}

/// A part of the sentence of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'a> {
    /// Text of this program.
    Fixed(&'a str),
    /// What the alert is about.
    Subject(&'a Subject),
    /// A number.
    Number(&'a Number),
    /// A text that others wrote, unless its kind is `Word`.
    Untrusted(TextKind, &'a str),
}

/// The parts of the sentence of an alert, in order. A name in braces that the alert has nothing for stays as it is.
#[derive(Clone)]
pub struct Parts<'a> {
    alert: &'a Alert,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    /// Those of an alert.
    pub fn of(alert: &'a Alert) -> Self {
        Self { alert, rest: &alert.sentence }
    }

    fn named(&self, name: &str) -> Option<Part<'a>> {
        if name == "subject" {
            return Some(Part::Subject(&self.alert.subject));
        }
        let number = self.alert.numbers.iter().find(|number| number.name == name).map(Part::Number);
        let text = || self.alert.texts.iter().find(|text| text.name == name);
        number.or_else(|| text().map(|text| Part::Untrusted(text.kind(), &text.value)))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let name = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        if let Some((name, rest)) = name
            && let Some(part) = self.named(name)
        {
            self.rest = rest;
            return Some(part);
        }
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let end = self.rest.get(first..).and_then(|rest| rest.find('{')).map_or(self.rest.len(), |end| end + first);
        let (fixed, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Part::Fixed(fixed))
    }
}

/// A subject for people: "peer 192.0.2.1:8333", "AS64500".
#[derive(Clone, Copy)]
pub struct SubjectText<'a>(pub &'a Subject);

impl Display for SubjectText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let subject = self.0;
        let text = Plain(&subject.text);
        match subject.kind() {
            SubjectKind::Network => f.write_str("the network"),
            SubjectKind::Node => write!(f, "node {text}"),
            SubjectKind::Peer if subject.text.is_empty() => {
                write!(f, "peer {}", subject.peer_id.unwrap_or_default())
            }
            SubjectKind::Peer => write!(f, "peer {text}"),
            SubjectKind::Subnet if subject.text.is_empty() => f.write_str("a subnet"),
            SubjectKind::Subnet => write!(f, "subnet {text}"),
            SubjectKind::As => write!(f, "{text}"),
            SubjectKind::Block => write!(f, "block {text}"),
            SubjectKind::Agent => write!(f, "user agent {}", Quoted(&subject.text)),
            SubjectKind::Part => write!(f, "{text}"),
            SubjectKind::Series => write!(f, "{}", Plain(&subject.text.replace('_', " "))),
        }?;
        match &subject.node {
            Some(node) if !node.is_empty() => write!(f, " of node {}", Plain(node)),
            _ => Ok(()),
        }
    }
}

/// The unit of a value for people. The names of units are plurals, other than those of seconds.
fn unit_of(value: f64, unit: &str) -> String {
    let unit = unit.replace('_', " ");
    let one = || match unit.strip_suffix("ies") {
        Some(stem) => Some(format!("{stem}y")),
        None => {
            unit.strip_suffix("es").filter(|stem| stem.ends_with("ss")).or(unit.strip_suffix('s')).map(str::to_owned)
        }
    };
    let is_one = value == 1.0 && unit.len() > 2;
    is_one.then(one).flatten().unwrap_or(unit)
}

/// A number for people, with its unit: "53 %", "40/min", "12 s", "1 peer".
#[derive(Clone, Copy)]
pub struct NumberText<'a>(pub &'a Number);

impl Display for NumberText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Number { value, unit, .. } = self.0;
        let (value, unit) = match unit.as_str() {
            "share" => (value * 100.0, " %".to_owned()),
            "" => (*value, String::new()),
            unit => {
                (*value, unit.strip_prefix('1').map_or_else(|| format!(" {}", unit_of(*value, unit)), str::to_owned))
            }
        };
        let places = if value.fract().abs() < 1e-9 || value.abs() >= 100.0 {
            0
        } else if value.abs() >= 10.0 {
            1
        } else {
            2
        };
        write!(f, "{value:.places$}{}", Plain(&unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_in_the_right_form() {
        for (value, unit, expected) in [
            (0.533, "share", "53.3 %"),
            (40.0, "1/min", "40/min"),
            (600.0, "s", "600 s"),
            (1.0, "s", "1 s"),
            (1.0, "messages", "1 message"),
            (2.0, "messages", "2 messages"),
            (1.0, "addresses", "1 address"),
            (1.0, "entries", "1 entry"),
            (3.0, "user_agents", "3 user agents"),
            (1.0, "bytes", "1 byte"),
            (7.0, "", "7"),
        ] {
            let number = Number { name: "n".to_owned(), value, unit: unit.to_owned(), threshold: None };
            assert_eq!(NumberText(&number).to_string(), expected);
        }
    }
}
