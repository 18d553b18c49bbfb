//! Alerts as messages for people. What peers wrote is escaped by each receiver in the way of its form.

use event::pb::alerts::{Alert, Severity, State};
use event::quote::{Markup, Plain, Quoted};
use event::text::{NumberText, Part, Parts, SubjectText};
use event::time::rfc3339_micros;
use model::text::head;
use sha2::{Digest, Sha256};

/// Nodes of an alert that are named.
const MAX_NODES: usize = 5;
/// Bytes of a text of others that are shown, before it is escaped.
const MAX_TEXT: usize = 120;

/// Escapes a text for a form.
pub(super) type Escape = fn(&str) -> String;

/// How a form writes text.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// Text that must be shown as it is.
    pub plain: Escape,
    /// The same, which others may have written: so that nothing in it is taken for a link, a name or a command.
    pub foreign: Escape,
}

/// Without any form.
pub(super) const PLAIN: Form = Form { plain: str::to_owned, foreign: str::to_owned };

/// Text as HTML; what others wrote as code, in which nothing is a link or a name.
pub(super) const HTML: Form = Form { plain: html, foreign: |text| format!("<code>{}</code>", html(text)) };

fn html(text: &str) -> String {
    Markup(text).to_string()
}

/// "CRITICAL node_gone at alice".
pub(super) fn headline(alert: &Alert) -> String {
    let what = match alert.state() {
        State::Open => alert.severity().as_str_name().to_owned(),
        State::Resolved => "OVER".to_owned(),
    };
    let mut nodes =
        alert.nodes.iter().take(MAX_NODES).map(|node| Plain(node).to_string()).collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = alert.nodes.len().checked_sub(MAX_NODES) {
        nodes += &format!(" and {more} more");
    }
    format!("{what} {} at {nodes}", Plain(cut(&alert.detector)))
}

/// The sentence of an alert in a form.
pub(super) fn sentence(alert: &Alert, form: Form) -> String {
    let of = |part| match part {
        Part::Fixed(text) => (form.plain)(&Plain(text).to_string()),
        Part::Subject(subject) => {
            let mut subject = subject.clone();
            subject.text = cut(&subject.text).to_owned();
            (form.foreign)(&SubjectText(&subject).to_string())
        }
        Part::Number(number) => (form.plain)(&NumberText(number).to_string()),
        Part::Untrusted(kind, text) => {
            use event::pb::alerts::TextKind::{Free, UserAgent};
            let text = cut(text);
            let shown =
                if matches!(kind, UserAgent | Free) { Quoted(text).to_string() } else { Plain(text).to_string() };
            (form.foreign)(&shown)
        }
    };
    Parts::of(alert).map(of).collect()
}

/// Since when, and what to look for elsewhere.
pub(super) fn facts(alert: &Alert) -> String {
    let mut facts = format!("since {}", rfc3339_micros(alert.since_ns));
    if alert.state() == State::Resolved {
        facts += &format!(", last seen {}", rfc3339_micros(alert.last_ns));
    }
    if let Some(more) = alert.more_subjects.filter(|more| *more > 0) {
        facts += &format!(", and {more} more subjects");
    }
    facts += &format!(", alert {}", Plain(cut(&alert.id)));
    if alert.incident != alert.id {
        facts += &format!(", incident {}", Plain(cut(&alert.incident)));
    }
    facts
}

/// How soon a person should look: 0 if it is over, else from 1 to 3.
pub(super) fn urgency(alert: &Alert) -> usize {
    match (alert.state(), alert.severity()) {
        (State::Resolved, _) => 0,
        (State::Open, Severity::Info) => 1,
        (State::Open, Severity::Warning) => 2,
        (State::Open, Severity::Critical) => 3,
    }
}

/// The first alerts that have room in so many bytes, one after the other, and how many they are: one at least, of which only the headline
/// is left if it is too long.
pub(super) fn fit(alerts: &[&Alert], limit: usize, form: Form, render: impl Fn(&Alert) -> String) -> (String, usize) {
    let mut text = String::new();
    for (index, alert) in alerts.iter().enumerate() {
        let mut next = render(alert);
        if index == 0 && next.len() > limit {
            next = (form.plain)(&headline(alert));
        }
        let length = text.len() + next.len() + 2;
        if index > 0 && length > limit {
            return (text, index);
        }
        if index > 0 {
            text += "\n\n";
        }
        text += &next;
    }
    (text, alerts.len())
}

/// The title of a message about several alerts.
pub(super) fn title(alerts: &[&Alert]) -> String {
    let Some(first) = alerts.iter().max_by_key(|alert| urgency(alert)) else { return String::new() };
    match alerts.len() {
        1 => headline(first),
        count => format!("{} (and {} more)", headline(first), count - 1),
    }
}

/// The same for the same states of alerts, so that a message that comes twice is known.
pub(super) fn identity(alerts: &[&Alert]) -> String {
    let mut hash = Sha256::new();
    for alert in alerts {
        hash.update(format!("{} {} {}\n", alert.id, alert.state().as_str_name(), alert.updates));
    }
    hex::encode(hash.finalize())
}

fn cut(text: &str) -> &str {
    head(text, MAX_TEXT)
}
