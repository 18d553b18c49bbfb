//! The Grafana dashboards as code. Panels name series by the handles of [`metrics::ids`], so that none can name a series that does not
//! exist. A panel without a description of its own has that of its series.

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

/// The dashboards that a wall display shows, one after the other: those that can be read from afar.
const PLAYLIST: [&str; 6] = ["overview", "connections", "messages", "tx", "blocks", "addr"];

/// How long each of them is shown.
const INTERVAL: &str = "30s";

/// All generated files: their paths below this crate's folder, and their content.
///
/// # Errors
/// The mistakes in the dashboards, one line each, such as labels that a series does not have.
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

/// The playlist in the format that Grafana 12.4 and later import.
fn playlist() -> Value {
    let item = |name| json!({"type": "dashboard_by_uid", "value": dashboard::uid(name)});
    json!({
        "apiVersion": "playlist.grafana.app/v1",
        "kind": "Playlist",
        "metadata": {"name": "peer-observer"},
        "spec": {"title": "peer-observer", "interval": INTERVAL, "items": PLAYLIST.map(item)},
    })
}

/// The playlist in the format that earlier versions import.
fn playlist_legacy(dashboards: &[Dashboard]) -> Value {
    let item = |name: &str| {
        let title = dashboards.iter().find(|dashboard| dashboard.name == name).map(|dashboard| dashboard.title);
        json!({"type": "dashboard_by_uid", "value": dashboard::uid(name), "title": title})
    };
    json!({"name": "peer-observer", "interval": INTERVAL, "items": PLAYLIST.map(item)})
}
