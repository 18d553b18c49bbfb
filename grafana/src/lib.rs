//! Grafana's dashboards as code. Panels ask for series by the handles of [`metrics::ids`], so that none can name a series that does not
//! exist; where a panel has no description of its own, it has that of the series.

mod boards;
pub mod dashboard;
mod draw;
pub mod panel;
pub mod query;
pub mod style;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use boards::all;
use dashboard::Dashboard;

/// What the wall display shows, one after the other: what tells most from afar.
const PLAYLIST: [&str; 6] = ["overview", "connections", "messages", "tx", "blocks", "addr"];

/// How long each of them is shown.
const INTERVAL: &str = "30s";

/// All files that are made, by their path below this crate's folder, and what they hold.
///
/// # Errors
/// What is wrong with the dashboards, one line each: such as labels that a series does not have.
pub fn files() -> Result<Vec<(PathBuf, String)>, Vec<String>> {
    let dashboards = all();
    let faults: Vec<String> = dashboards.iter().flat_map(Dashboard::faults).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut files: Vec<(PathBuf, Value)> = dashboards
        .iter()
        .map(|dashboard| (Path::new("dashboards").join(format!("{}.json", dashboard.name)), dashboard.json()))
        .collect();
    files.push((Path::new("playlist").join("playlist.json"), playlist()));
    files.push((Path::new("playlist").join("playlist-legacy.json"), playlist_legacy(&dashboards)));
    Ok(files.into_iter().map(|(path, value)| (path, format!("{value:#}\n"))).collect())
}

/// The playlist as the API of Grafana 12.4 and later takes it.
fn playlist() -> Value {
    let item = |name| json!({"type": "dashboard_by_uid", "value": dashboard::uid(name)});
    json!({
        "apiVersion": "playlist.grafana.app/v1",
        "kind": "Playlist",
        "metadata": {"name": "peer-observer"},
        "spec": {"title": "peer-observer", "interval": INTERVAL, "items": PLAYLIST.map(item)},
    })
}

/// The playlist as the API of earlier ones takes it.
fn playlist_legacy(dashboards: &[Dashboard]) -> Value {
    let item = |name: &str| {
        let title = dashboards.iter().find(|dashboard| dashboard.name == name).map(|dashboard| dashboard.title);
        json!({"type": "dashboard_by_uid", "value": dashboard::uid(name), "title": title})
    };
    json!({"name": "peer-observer", "interval": INTERVAL, "items": PLAYLIST.map(item)})
}
