//! What was measured, as lines of JSON and as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use testbed::Strength;

use super::measure::{Found, Outcome};

/// Lines of JSON: one for each detector and attack, and one for what was no attack.
pub fn lines(outcomes: &[Outcome]) -> Vec<String> {
    let mut lines = Vec::new();
    for outcome in outcomes {
        let label = &outcome.label;
        for detector in label.case.must {
            let must = label.case.must(label.strength).contains(detector);
            let (seconds, share) = match outcome.found(detector) {
                Found::After(seconds, share) => (Some(round(seconds)), share.map(round)),
                Found::Missed => (None, None),
            };
            let line = json!({
                "bench": "detect", "detector": detector, "case": label.case.name(), "form": label.form(), "seed": label.seed,
                "must": must, "found": seconds.is_some(), "seconds": seconds, "within": label.case.within,
                "share_before": share,
            });
            lines.push(line.to_string());
        }
        for alarm in outcome.false_alarms() {
            let after = round((alarm.time_ns as f64 - label.began_ns as f64) / 1e9);
            let line = json!({
                "bench": "detect", "false": alarm.detector, "case": label.case.name(), "form": label.form(), "seed": label.seed,
                "seconds": after, "sentence": alarm.text,
            });
            lines.push(line.to_string());
        }
    }
    let hours: f64 = outcomes.iter().map(|outcome| outcome.benign_seconds() / 3600.0).sum();
    let alarms: usize = outcomes.iter().map(|outcome| outcome.benign_alarms().values().sum::<usize>()).sum();
    let line = json!({
        "bench": "detect", "benign_hours": round(hours), "false_alerts": alarms, "false_alerts_per_hour": round(alarms as f64 / hours.max(1e-9)),
    });
    lines.push(line.to_string());
    lines
}

/// Of a detector.
#[derive(Default)]
struct Row {
    cases: Vec<&'static str>,
    strong: Vec<Found>,
    weak: Vec<Found>,
    /// Those of the weak ones that need not be found.
    optional: bool,
}

/// A table in Markdown, a row for each detector.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for outcome in outcomes {
        let label = &outcome.label;
        for detector in label.case.must {
            let row = rows.entry(detector).or_default();
            if !row.cases.contains(&label.case.name()) {
                row.cases.push(label.case.name());
            }
            let found = outcome.found(detector);
            match label.strength {
                Strength::Strong => row.strong.push(found),
                Strength::Weak => {
                    row.optional |= !label.case.weak.contains(detector);
                    row.weak.push(found);
                }
            }
        }
    }
    let mut out = String::from(
        "| detector | case | strong: found, seconds, share before | weak: found, seconds, share before |\n|---|---|---|---|\n",
    );
    for (detector, row) in rows {
        let (strong, weak) = (cell(&row.strong, false), cell(&row.weak, row.optional));
        let _ = writeln!(out, "| `{detector}` | {} | {strong} | {weak} |", row.cases.join(", "));
    }
    out
}

/// How many of how many were found; the longest time, and the largest share.
fn cell(found: &[Found], optional: bool) -> String {
    let times: Vec<(f64, Option<f64>)> = found
        .iter()
        .filter_map(|found| match found {
            Found::After(seconds, share) => Some((*seconds, *share)),
            Found::Missed => None,
        })
        .collect();
    if found.is_empty() {
        return "-".to_owned();
    }
    let mut text = format!("{} of {}", times.len(), found.len());
    if let Some(slowest) = times.iter().map(|(seconds, _)| *seconds).reduce(f64::max) {
        let _ = write!(text, ", {slowest:.0} s");
    }
    if let Some(most) = times.iter().filter_map(|(_, share)| *share).reduce(f64::max) {
        let _ = write!(text, ", {:.0} %", 100.0 * most);
    }
    if optional && times.len() < found.len() {
        text += " (below its threshold)";
    }
    text
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
