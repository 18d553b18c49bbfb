//! `logs`: lines of kept logs. It is outside of `api/`: it is read from files, not from the state.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use event::quote::Quoted;
use event::time::{now_ns, parse_when};
use serde::Serialize;
use serde_json::json;
use store::logs::{Found, Gap, Query, files, search};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::api::{self, ApiError, Arguments, Parameter, ParameterKind, Time};

/// So many searches go on at once; others wait.
const AT_ONCE: usize = 2;
/// How long a search may take: what was found until then is the answer.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of a line that are answered at most.
const MAX_LINE: usize = 2_000;

const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: ParameterKind::Text, about }
}

const PARAMETERS: &[Parameter] = &[
    text("node", "The name of a node; all nodes if it is absent."),
    text("since", "From this time on."),
    text("until", "Up to this time."),
    text("peer", "Lines with peer=ID."),
    text("addr", "Lines with this address, or one of this network."),
    text("text", "Lines with this text."),
    LIMIT,
];
const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Number(1, 5_000, 500), about: "Lines at most: the first ones." };

/// Where logs are kept, and who reads there.
#[derive(Clone)]
struct Logs {
    directory: Option<PathBuf>,
    permits: Arc<Semaphore>,
}

/// A line of a kept log.
#[derive(Serialize)]
struct Line {
    node: String,
    /// Null if no line up to it has a time.
    time: Option<Time>,
    line: String,
}

/// Lines of a time in which some may be missing.
#[derive(Serialize)]
struct Missing {
    node: String,
    since: Time,
    until: Time,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    lines: Vec<Line>,
    /// There may be more: the limit was reached, or the time was over.
    more: bool,
    /// The time was over.
    late: bool,
    gaps: Vec<Missing>,
    damaged: usize,
    /// Parts of files: those that were read, and all.
    read: u64,
    parts: u64,
    bytes: u64,
    /// The nodes whose logs are kept.
    nodes: Vec<String>,
}

/// The search, at `logs`.
pub(crate) fn router(prefix: &str, directory: Option<PathBuf>) -> Router {
    let logs = Logs { directory, permits: Arc::new(Semaphore::new(AT_ONCE)) };
    serve::compressed_and_cached(Router::new().route(&format!("{prefix}/logs"), get(find)).with_state(logs))
}

async fn find(State(logs): State<Logs>, RawQuery(asked): RawQuery) -> Response {
    let Some(directory) = logs.directory else {
        let reason = "no logs are kept here: set directory in [logs], or logs in [web]";
        return api::error(StatusCode::NOT_FOUND, reason);
    };
    let arguments = Arguments::read(&asked.unwrap_or_default(), PARAMETERS, Vec::new());
    let wanted = arguments.and_then(|arguments| Ok((query(&arguments)?, arguments.number(LIMIT))));
    let (query, limit) = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return api::error(error.status, &error.text),
    };
    let Ok(_permit) = logs.permits.acquire().await else {
        return api::error(StatusCode::SERVICE_UNAVAILABLE, "this server is ending");
    };
    match spawn_blocking(move || answer(&directory, &query, limit)).await {
        Ok(Ok(answer)) => api::json(json!(answer).to_string().into()),
        Ok(Err(reason)) => api::error(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        Err(_) => api::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error while logs were searched"),
    }
}

/// What is asked for.
fn query(arguments: &Arguments) -> Result<Query, ApiError> {
    let cannot =
        |name: &str, value: &str, why: &str| ApiError::query(format!("{name} cannot be {}: {why}", Quoted(value)));
    let now_ns = now_ns();
    let time = |name| match arguments.text(name) {
        None => Ok(None),
        Some(text) => parse_when(text, now_ns).map(Some).map_err(|why| cannot(name, text, &why)),
    };
    let list = |name| arguments.text(name).into_iter().flat_map(|text| text.split(',')).map(str::trim);
    let peer =
        |text: &str| text.parse().map_err(|_| cannot("peer", text, "give the node's number of a peer, such as 7"));
    let addr =
        |text: &str| text.parse().map_err(|error: event::filter::FilterError| cannot("addr", text, &error.to_string()));
    Ok(Query {
        nodes: arguments.text("node").map(str::to_owned).into_iter().collect(),
        since_ns: time("since")?,
        until_ns: time("until")?,
        peers: list("peer").map(peer).collect::<Result<_, _>>()?,
        addrs: list("addr").map(addr).collect::<Result<_, _>>()?,
        texts: arguments.text("text").map(str::to_owned).into_iter().collect(),
    })
}

fn answer(directory: &std::path::Path, query: &Query, limit: u64) -> Result<Answer, String> {
    let files = files(directory).map_err(|error| error.to_string())?;
    let mut nodes: Vec<String> = files.iter().map(|file| file.node.clone()).collect();
    nodes.dedup();
    let (begun, mut lines) = (Instant::now(), Vec::new());
    let found = search(&files, query, &|| begun.elapsed() < LONGEST, &mut |found| {
        if lines.len() as u64 >= limit {
            return ControlFlow::Break(());
        }
        let bytes = found.line.trim_ascii_end();
        lines.push(Line {
            node: found.node.to_owned(),
            time: (found.time_ns > 0).then_some(Time(found.time_ns)),
            line: String::from_utf8_lossy(bytes.get(..MAX_LINE).unwrap_or(bytes)).into_owned(),
        });
        ControlFlow::Continue(())
    });
    let Found { frames, read, bytes, gaps, damaged, stopped, .. } = found;
    let missing = |Gap { node, since_ns, until_ns }| Missing { node, since: Time(since_ns), until: Time(until_ns) };
    let late = stopped && (lines.len() as u64) < limit;
    let gaps = gaps.into_iter().map(missing).collect();
    Ok(Answer { lines, more: stopped, late, gaps, damaged: damaged.len(), read, parts: frames, bytes, nodes })
}
