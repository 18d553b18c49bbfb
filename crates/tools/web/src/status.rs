//! `status`: the nodes and what is wrong, in a page without scripts, for people and for programs that watch it.
//!
//! It has what anybody may know: neither versions, nor addresses, nor since when a node runs.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use event::pb::alerts::Severity;
use event::quote::{Markup, Plain};
use event::text::{Sentence, SubjectText, severity_name};
use event::time::{now_ns, rfc3339};
use model::NodeState;
use parking_lot::Mutex;

use crate::state;

/// Incidents that are listed.
const MAX_INCIDENTS: usize = 10;
/// Nodes that are listed.
const MAX_NODES: usize = 200;

/// How the page looks. Its style is a part of it: no other file is needed, but the policy of all pages allows styles from files
/// only, so it is `style/status.css`.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
    <title>Status · peer-observer</title>\n\
    <link rel=\"icon\" href=\"favicon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"style/status.css\">\n\
    <link rel=\"alternate\" type=\"application/atom+xml\" title=\"Alerts\" href=\"alerts.atom\">\n</head>\n<body>\n<main>\n";

/// Answers with the page.
pub(crate) async fn page(State(state): State<Arc<Mutex<state::State>>>) -> Response {
    let page = document(&state.lock(), now_ns());
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache"), (VARY, "accept-encoding")];
    (headers, page).into_response()
}

/// A node on the page.
struct Row<'a> {
    name: &'a str,
    state: NodeState,
    height: Option<u32>,
    tip_changed_ns: Option<u64>,
}

fn document(state: &state::State, now_ns: u64) -> String {
    let rows: Vec<Row> = state
        .nodes
        .iter()
        .take(MAX_NODES)
        .map(|(name, node)| Row {
            name,
            state: node.model.liveness.node().state,
            height: node.pages.about.height,
            tip_changed_ns: node.pages.about.tip_changed_ns,
        })
        .collect();
    let mut page = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = summary(&mut page, state, &rows);
    let _ = nodes(&mut page, &rows);
    let _ = incidents(&mut page, state);
    let _ = writeln!(
        page,
        "<p class=\"links\"><a href=\"./#/overview\">All pages</a> · <a href=\"alerts.atom\">Feed of alerts</a> · \
         <a href=\"api/openapi.json\">API</a></p>\n<p class=\"time\">As of {}.</p>\n</main>\n</body>\n</html>",
        seconds(now_ns)
    );
    page
}

/// A time without parts of a second.
fn seconds(time_ns: u64) -> String {
    let text = rfc3339(time_ns);
    text.split_once('.').map_or_else(|| text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn summary(page: &mut String, state: &state::State, rows: &[Row]) -> std::fmt::Result {
    let down = rows.iter().filter(|row| !row.state.is_alive()).count();
    let critical = state.alerts.open(Severity::Critical);
    let (class, text) = match (rows.len(), down, critical) {
        (0, ..) => ("unknown", "No node is observed.".to_owned()),
        (all, 1.., _) if down == all => ("bad", "No node is up.".to_owned()),
        (_, 1.., _) => ("bad", format!("{down} of {} nodes are not up.", rows.len())),
        (_, 0, Some(1..)) => ("bad", "Something needs attention now.".to_owned()),
        (_, 0, Some(0)) => ("good", "All nodes are up, and no critical alert is open.".to_owned()),
        (_, 0, None) => ("good", "All nodes are up. Nothing is known of alerts.".to_owned()),
    };
    writeln!(page, "<h1>Status</h1>\n<p class=\"summary {class}\">{text}</p>")
}

fn nodes(page: &mut String, rows: &[Row]) -> std::fmt::Result {
    page.push_str(
        "<table>\n<thead><tr><th>Node</th><th>State</th><th>Height</th><th>Last block</th></tr></thead>\n<tbody>\n",
    );
    for Row { name, state, height, tip_changed_ns } in rows {
        let class = if state.is_alive() { "good" } else { "bad" };
        let height = height.map_or("–".to_owned(), |height| height.to_string());
        let last = tip_changed_ns.map_or("–".to_owned(), seconds);
        writeln!(
            page,
            "<tr><th>{}</th><td class=\"{class}\">{}</td><td>{height}</td><td>{last}</td></tr>",
            Markup(&Plain(name).to_string()),
            state.name()
        )?;
    }
    page.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn incidents(page: &mut String, state: &state::State) -> std::fmt::Result {
    let mut incidents = state.alerts.incidents();
    if incidents.is_empty() {
        return Ok(());
    }
    incidents.sort_by_key(|incident| (!incident.is_open(), std::cmp::Reverse(incident.changed_ns())));
    page.push_str("<h2>Incidents</h2>\n<ul>\n");
    for incident in incidents.iter().take(MAX_INCIDENTS) {
        let worst = &incident.worst.alert;
        let over = if incident.is_open() { "" } else { "over: " };
        let title =
            format!("{over}{} {}: {}", severity_name(worst.severity()), worst.detector, SubjectText(&worst.subject));
        writeln!(
            page,
            "<li><strong>{}</strong> {} <span class=\"time\">{}</span></li>",
            Markup(&title),
            Markup(&Sentence(worst).to_string()),
            seconds(incident.changed_ns())
        )?;
    }
    page.push_str("</ul>\n");
    Ok(())
}
