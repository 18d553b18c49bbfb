//! The pages: `/` leads to the page that shows the chains, or says what there is.

use std::fmt::{self, Write};

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::response::{IntoResponse, Response};
use event::quote::Markup;

use super::{Context, answer_of, refusal};
use crate::snapshot::Snapshot;

/// `GET /`.
pub(super) async fn index(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    if let Some(page) = &context.options.page {
        return redirect(&with_query(page, query.as_deref()));
    }
    answer_of("text/html; charset=utf-8", document(&context.published.latest()).into_bytes())
}

/// `GET /fullscreen` and the like.
pub(super) async fn page(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    match &context.options.page {
        Some(page) => redirect(&with_query(page, query.as_deref())),
        None => redirect("./"),
    }
}

/// `GET /<slug>`: the page of a network.
pub(super) async fn network(State(context): State<Context>, Path(slug): Path<String>) -> Response {
    let snapshot = context.published.latest();
    if snapshot.networks.values().any(|network| network.slug == slug) {
        let slug: String = form_urlencoded::byte_serialize(slug.as_bytes()).collect();
        return redirect(&format!("./?network={slug}"));
    }
    nothing().await
}

/// Anything else.
pub(super) async fn nothing() -> Response {
    refusal(StatusCode::NOT_FOUND, "there is nothing here; / says what there is")
}

/// The address of a page with the query of a request, which chooses a network.
fn with_query(page: &str, query: Option<&str>) -> String {
    match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("{page}{}{query}", if page.contains('?') { '&' } else { '?' }),
        None => page.to_owned(),
    }
}

fn redirect(to: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, to), (CACHE_CONTROL, "no-store")]).into_response()
}

/// A page that says what there is.
fn document(snapshot: &Snapshot) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Chains</title>\n<h1>Chains</h1>\n\
         <p>Programs get the <a href=\"api/networks.json\">networks</a> and <a href=\"api/changes\">changes</a> as they happen.\n",
    );
    // Writing to a string does not fail.
    let _ = networks(&mut page, snapshot);
    page + "</html>\n"
}

fn networks(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    for network in snapshot.networks.values() {
        let id = network.id;
        writeln!(page, "<h2>{}</h2>\n<p>{}\n<ul>", Markup(&network.name), Markup(&network.description))?;
        for (file, what) in [("data", "headers and nodes"), ("stale", "stale blocks"), ("activity", "activity")] {
            writeln!(page, "<li><a href=\"api/{id}/{file}.json\">{what}</a>")?;
        }
        for (file, what) in super::rss::FEEDS.map(|feed| (feed.name(), feed.title())) {
            writeln!(page, "<li><a href=\"rss/{id}/{file}.xml\">{what}</a> (RSS)")?;
        }
        writeln!(page, "</ul>")?;
    }
    Ok(())
}
