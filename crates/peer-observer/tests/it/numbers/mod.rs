//! A number is right, or it is absent.
//!
//! web.txt and metrics.txt list every number that is shown: with a second source that it is compared with on a real node, or with the reason
//! why it cannot be. A number that is new is in neither, which the first tests find. Of a node without tracepoints, or without a BITCOIND that
//! has them, what only tracepoints report must be absent.

mod connectivity;
mod own;
mod scene;
mod second;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use scene::Scene;
use second::{Second, path};

/// How long numbers may take to become those of the second source: time series show whole steps of ten seconds.
const SETTLED: Duration = Duration::from_secs(60);

/// A row of a table.
struct Row {
    name: &'static str,
    /// What reports it: `rpc`, `log`, `process`, or `ebpf`.
    needs: &'static str,
    place: &'static str,
    second: &'static str,
    tolerance: f64,
}

/// The rows that are checked, and the names of all.
fn rows(table: &'static str) -> (Vec<Row>, BTreeSet<&'static str>) {
    let (mut rows, mut names) = (Vec::new(), BTreeSet::new());
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        names.insert(columns[0]);
        match columns[..] {
            [_, reason] => assert!(reason.starts_with("exempt: "), "{line}"),
            [name, needs, place, second] => rows.push(Row { name, needs, place, second, tolerance: 0.0 }),
            [name, needs, place, second, tolerance] => {
                rows.push(Row { name, needs, place, second, tolerance: tolerance.parse().unwrap() });
            }
            _ => panic!("{line}"),
        }
    }
    (rows, names)
}

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// Whether a schema has numbers in it: also in lists, maps and time series.
fn is_number(schema: &Value) -> bool {
    let is = |name: &str| match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(all) => all.iter().any(|one| one == name),
        _ => false,
    };
    is("integer")
        || is("number")
        || is("array") && (is_number(&schema["items"]) || schema["items"]["$ref"] == "#/components/schemas/Step")
        || is("object") && is_number(&schema["additionalProperties"])
        || schema["anyOf"].as_array().is_some_and(|all| all.iter().any(is_number))
}

#[test]
fn every_number_of_the_api_is_in_the_table() {
    let document: Value = serde_json::from_str(&document("openapi.json")).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let numbers = |schema: &str| {
        let fields = schemas[schema]["properties"].as_object().into_iter().flatten();
        fields.filter(|(_, of)| is_number(of)).map(|(field, _)| field.clone()).collect::<BTreeSet<_>>()
    };
    // One is the other, and more.
    let within = |schema: &str| match schema {
        "PeerInFull" => numbers("Peer"),
        "IncidentInFull" => numbers("AlertIncident"),
        _ => BTreeSet::new(),
    };
    let mut expected = BTreeSet::new();
    for schema in schemas.keys() {
        let known = within(schema);
        let fields = numbers(schema).into_iter().filter(|field| !known.contains(field));
        expected.extend(fields.map(|field| format!("{schema}.{field}")));
    }
    let (_, names) = rows(include_str!("web.txt"));
    assert_eq!(names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_family_of_metrics_is_in_the_table() {
    let document = document("metrics.md");
    let cells = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let families = cells.map(|(name, _)| name);
    let prefixes = ["peerobserver_", "process_", "connectivitycheck_"];
    let families: BTreeSet<_> =
        families.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect();
    let (_, names) = rows(include_str!("metrics.txt"));
    assert_eq!(names, families);
}

/// Values of a page of metrics: the sum over the series with these labels. None if there is no such series.
fn on_page(page: &str, family: &str, place: &str) -> Option<f64> {
    let mut words = place.split(' ').filter(|word| !word.is_empty()).peekable();
    let suffix = words.next_if(|word| word.starts_with('_')).unwrap_or_default();
    let labels: Vec<String> = words
        .flat_map(|word| word.split(','))
        .map(|label| label.split_once('=').map(|(name, value)| format!("{name}=\"{value}\"")).unwrap())
        .collect();
    let name = format!("{family}{suffix}");
    let series = page.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (found, of) = series.split_once('{').unwrap_or((series, ""));
        let of: Vec<&str> = of.trim_end_matches('}').split(',').collect();
        (found == name && labels.iter().all(|label| of.contains(&label.as_str())))
            .then(|| value.parse::<f64>().unwrap())
    });
    series.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// What is shown at a place of the API.
fn in_api(answers: &BTreeMap<&'static str, Value>, place: &str) -> Option<f64> {
    let (request, pointer) = place.split_once(' ').unwrap();
    path(answers.get(request).unwrap_or_else(|| panic!("{request} is not asked")), pointer)
}

/// Compares both tables with a node, until all is equal.
async fn compare(scene: &Scene) {
    let (mut api, _) = rows(include_str!("web.txt"));
    let (mut series, _) = rows(include_str!("metrics.txt"));
    let begun = Instant::now();
    loop {
        // What changes meanwhile lies between both.
        let before = Second::read(scene).await;
        let (answers, page) = (scene.answers().await, scene.page().await);
        let after = Second::read(scene).await;
        let mut wrong = Vec::new();
        let mut check = |row: &Row, shown: Option<f64>| {
            let result = judge(row, shown, &before, &after, scene.traced);
            if let Err(reason) = &result {
                wrong.push(format!("{} {}: {reason}", row.name, row.place));
            }
            result.is_err()
        };
        api.retain(|row| check(row, in_api(&answers, row.place)));
        series.retain(|row| check(row, on_page(&page, row.name, row.place)));
        if wrong.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SETTLED, "{} numbers are wrong:\n{}", wrong.len(), wrong.join("\n"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether what is shown is what the second source has.
fn judge(row: &Row, shown: Option<f64>, before: &Second, after: &Second, traced: bool) -> Result<(), String> {
    if row.needs == "ebpf" && !traced {
        return shown.map_or(Ok(()), |shown| Err(format!("{shown} is shown, and nothing reports it")));
    }
    let (least, most) = match (before.get(row.second), after.get(row.second), shown) {
        (None, None, None) => return Ok(()),
        (Some(a), Some(b), _) => (a.min(b), a.max(b)),
        (a, b, _) => return Err(format!("{shown:?} is shown, and {} is {a:?}, then {b:?}", row.second)),
    };
    let tolerance = row.tolerance.max(most.abs() * 1e-6);
    match shown {
        Some(shown) if (least - tolerance..=most + tolerance).contains(&shown) => Ok(()),
        shown => Err(format!("{shown:?} is shown, and {} is {least} to {most}", row.second)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_those_of_the_second_source_or_absent() {
    let Some(scene) = Scene::play().await else { return };
    compare(&scene).await;
    scene.end().await;
}
