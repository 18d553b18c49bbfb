//! `alerts.atom`: the incidents as an Atom feed (RFC 4287), for feed readers. An entry is updated when one of its
//! alerts opens or is resolved, and not while they only go on.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use event::pb::alerts::State as AlertState;
use event::quote::Markup;
use event::text::{Sentence, SubjectText, severity_name};
use event::time::rfc3339;
use parking_lot::Mutex;

use crate::state::{self, alerts::Incident};

/// Incidents in the feed at most.
const MAX_ENTRIES: usize = 50;

/// What ids of entries begin with: a tag URI (RFC 4151), so that they are the same at whatever address they are read.
const TAG: &str = "tag:peer-observer,2026:";

/// Answers with the feed.
pub(crate) async fn feed(State(state): State<Arc<Mutex<state::State>>>) -> Response {
    let feed = document(&state.lock());
    (
        [(CONTENT_TYPE, "application/atom+xml; charset=utf-8"), (CACHE_CONTROL, "no-cache"), (VARY, "accept-encoding")],
        feed,
    )
        .into_response()
}

/// The feed, in XML.
fn document(state: &state::State) -> String {
    let mut incidents = state.alerts.incidents();
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.changed_ns()));
    let updated_ns = incidents.first().map_or(state.started_ns, Incident::changed_ns);
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>{TAG}alerts</id>\n<title>peer-observer: alerts</title>\n<updated>{}</updated>\n\
         <author><name>peer-observer</name></author>\n<link rel=\"self\" href=\"alerts.atom\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"./#/alerts\"/>\n",
        rfc3339(updated_ns)
    );
    for incident in incidents.iter().take(MAX_ENTRIES) {
        // Writing to a string does not fail.
        let _ = entry(&mut feed, incident);
    }
    feed + "</feed>\n"
}

fn entry(feed: &mut String, incident: &Incident) -> fmt::Result {
    let worst = &incident.worst.alert;
    let (severity, nodes) = (severity_name(worst.severity()).to_uppercase(), incident.nodes().join(", "));
    let over = if incident.is_open() { "" } else { "over: " };
    let subject = SubjectText(&worst.subject);
    let title = format!("{over}{severity} {} at {nodes}: {subject}", worst.detector);
    let lines = incident.all().map(|alert| {
        let state = if alert.state() == AlertState::Open { "" } else { "over: " };
        format!("{state}{}: {}", alert.detector, Sentence(alert))
    });
    let id: String = form_urlencoded::byte_serialize(incident.id.as_bytes()).collect();
    writeln!(feed, "<entry>\n<id>{TAG}incident:{id}</id>\n<title>{}</title>", xml(&title))?;
    writeln!(feed, "<published>{}</published>", rfc3339(incident.first.alert.since_ns))?;
    writeln!(feed, "<updated>{}</updated>", rfc3339(incident.changed_ns()))?;
    writeln!(feed, "<link rel=\"alternate\" type=\"text/html\" href=\"./#/alerts?id={id}\"/>")?;
    writeln!(feed, "<category term=\"{}\"/>", xml(&worst.family))?;
    writeln!(feed, "<content type=\"text\">{}</content>\n</entry>", xml(&lines.collect::<Vec<_>>().join("\n")))
}

/// A text in XML: what has a meaning there is escaped, and what may not be there at all is replaced.
fn xml(text: &str) -> String {
    let is_illegal = |c: char| matches!(c, '\0'..' ' | '\u{fffe}' | '\u{ffff}') && !matches!(c, '\t' | '\n');
    Markup(&text.replace(is_illegal, "\u{fffd}")).to_string()
}
