//! The dashboards as they are in the repository: current, and such that Grafana and people can work with them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dashboards::style::unit;
use metrics::table::{Family, Type};
use serde_json::Value;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn dashboards() -> Vec<Value> {
    dashboards::all().iter().map(dashboards::dashboard::Dashboard::json).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is no list"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row")
}

#[test]
fn the_files_are_current() {
    let files = dashboards::files().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    for (path, text) in &files {
        let committed = fs::read_to_string(Path::new(HERE).join(path)).unwrap_or_default();
        assert!(committed == *text, "{} is not current: cargo run -p dashboards", path.display());
    }
    let made: BTreeSet<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    for folder in ["dashboards", "playlist"] {
        for entry in fs::read_dir(Path::new(HERE).join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(made.contains(&path), "{} is made by nothing: remove it", path.display());
        }
    }
}

#[test]
fn every_panel_can_be_read() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{}: {}", text(&dashboard, "uid"), text(panel, "title"));
            assert!(!text(panel, "title").is_empty(), "{place}");
            assert!(text(panel, "description").ends_with(['.', '?']), "{place}: description");
            assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{place}: unit");
            assert!(!list(panel, "targets").is_empty(), "{place}: targets");
            let mut refs = BTreeSet::new();
            for target in list(panel, "targets") {
                let legend = text(target, "legendFormat");
                assert!(!legend.trim().is_empty(), "{place}: legend of {}", text(target, "expr"));
                assert!(refs.insert(text(target, "refId")), "{place}: refId");
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{place}");
            }
        }
    }
}

#[test]
fn ids_and_titles_are_unique_and_nothing_overlaps() {
    let (mut uids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for dashboard in dashboards() {
        let uid = text(&dashboard, "uid").to_owned();
        assert!(uid.len() <= 40, "{uid} is too long for Grafana");
        assert!(titles.insert(text(&dashboard, "title").to_owned()), "{uid}");
        let mut ids = BTreeSet::new();
        let mut in_row = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in list(&dashboard, "panels") {
            let title = text(panel, "title");
            if panel["type"] == "row" {
                in_row.clear();
            } else {
                assert!(in_row.insert(title), "{uid}: {title} twice in a row");
            }
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{uid}: {title}");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(w > 0 && h > 0 && x + w <= 24, "{uid}: {title} does not fit");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{uid}: {title} overlaps at {cell:?}");
            }
        }
        assert!(uids.insert(uid));
    }
    let expected = [
        "overview",
        "node",
        "connections",
        "messages",
        "addr",
        "tx",
        "blocks",
        "mempool",
        "addrman",
        "as",
        "attacks",
        "sets",
        "log",
        "p2p",
        "process",
        "health",
    ];
    assert_eq!(uids, expected.map(dashboards::dashboard::uid).into());
}

/// What has a dimension says so; only counts are "short".
#[test]
fn units_fit_the_series() {
    use unit::*;
    // Of what an expression must have in it, the first that fits decides.
    let table: [(&[&str], &[&str]); 24] = [
        (&["$__range"], &[COUNT]),
        (&["[1h]"], &[COUNT, BYTES]),
        (&[" * 3600"], &[PER_HOUR]),
        (&[" * 60"], &[PER_MINUTE]),
        (&["nanoseconds"], &[NANOSECONDS]),
        (&["cpu_seconds", "rate("], &[CPU]),
        (&["time() - "], &[SECONDS]),
        (&["_vbytes", "rate("], &[VBYTES_RATE]),
        (&["_bytes", "rate("], &[BYTES_RATE]),
        (&["_bytes"], &[BYTES]),
        (&["size_on_disk"], &[BYTES]),
        (&["_memoryinfo_"], &[BYTES]),
        (&["rate("], &[RATE, MESSAGES, EVENTS]),
        (&["_tx_rate{"], &[RATE]),
        (&["_feerate{"], &[FEERATE]),
        (&["_ratio{"], &[SHARE]),
        (&["ping_m"], &[MILLISECONDS]),
        (&["divserity"], &[SHARE]),
        (&["verification_progress"], &[SHARE]),
        (&["time_offset"], &[SECONDS]),
        (&["clock_offset"], &[SECONDS]),
        (&["age_seconds{"], &[SECONDS]),
        (&["uptime"], &[SECONDS, COUNT]),
        (&["latest_connection_time"], &[MICROSECONDS, SECONDS]),
    ];
    let mut faults = Vec::new();
    for dashboard in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] != "table") {
            let own = text(&panel["fieldConfig"]["defaults"], "unit");
            for expr in list(panel, "targets").iter().map(|target| text(target, "expr")) {
                let fits: &[&str] = match table.iter().find(|(parts, _)| parts.iter().all(|part| expr.contains(part))) {
                    _ if panel["type"] == "heatmap"
                        || expr.contains("histogram_quantile")
                        || expr.contains("_sum{") =>
                    {
                        &[SECONDS, BYTES, COUNT, NONE]
                    }
                    _ if expr.contains(" / ") => &[SHARE, SECONDS],
                    Some((_, fits)) => fits,
                    None => &[COUNT, NONE, BTC, VBYTES],
                };
                if !fits.contains(&own) {
                    faults.push(format!("{}: {own} for {expr}", text(panel, "title")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Each name in an expression is that of a series; and dashboards use most series there are.
#[test]
fn expressions_name_what_exists() {
    let mut series = BTreeSet::from(["ALERTS".to_owned(), "up".to_owned()]);
    for id in Family::ids() {
        let family = Family::of(id);
        match family.kind {
            Type::Histogram(_) => {
                series.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name)));
            }
            Type::Counter | Type::Gauge => {
                series.insert(family.name.to_owned());
            }
        }
    }
    let mut used = BTreeSet::new();
    for dashboard in dashboards() {
        for target in panels(&dashboard).flat_map(|panel| list(panel, "targets")) {
            let expr = text(target, "expr");
            for (at, _) in expr.match_indices('{') {
                let name = expr[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                assert!(series.contains(name), "{name} in {expr}");
                used.insert(name.to_owned());
            }
            assert_eq!(expr.matches('(').count(), expr.matches(')').count(), "{expr}");
        }
    }
    let unused: Vec<&str> = Family::ids()
        .map(|id| Family::of(id).name)
        .filter(|name| {
            !used.iter().any(|used| {
                used.strip_prefix(*name).is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
            })
        })
        .collect();
    assert!(unused.len() <= 35, "{} series are on no dashboard: {}", unused.len(), unused.join(" "));
}

#[test]
fn variables_are_those_that_expressions_ask_for() {
    for dashboard in dashboards() {
        let names: BTreeSet<&str> =
            list(&dashboard["templating"], "list").iter().map(|variable| text(variable, "name")).collect();
        let all = dashboard.to_string();
        for (at, _) in all.match_indices("=~\\\"$") {
            let name: String = all[at + 5..].chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(names.contains(name.as_str()), "{}: ${name}", text(&dashboard, "uid"));
        }
        for name in names {
            assert!(
                all.contains(&format!("${name}")) || all.contains(&format!("${{{name}}}")),
                "{name} is asked for nowhere"
            );
        }
    }
}

/// Grafana makes dashboards of a folder, and finds the data source by the type alone.
#[test]
fn provisioning_names_the_folder() {
    let read = |path: &str| fs::read_to_string(Path::new(HERE).join("provisioning").join(path)).unwrap();
    assert!(read("dashboards/peer-observer.yml").contains("path: /var/lib/grafana/dashboards/peer-observer\n"));
    assert!(read("datasources/peer-observer.yml").contains("type: prometheus\n"));
}
