//! Every expression of the rules and the dashboards, put to a real Prometheus: it is understood, and names only series that exist. And what
//! promtool says of our own names.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use metrics::{Family, Format, Limits, Store, Type, page};
use serde_json::Value;
use testbed::Monitor;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize().unwrap()
}

/// Names that there are: our series, those of Prometheus, and those that the rules record.
fn known() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["up", "ALERTS", "scrape_duration_seconds"].map(str::to_owned).into();
    for family in Family::ids().map(Family::of) {
        let parts: &[&str] = match family.kind {
            Type::Histogram(_) => &["_bucket", "_sum", "_count"],
            Type::Counter | Type::Gauge => &[""],
        };
        names.extend(parts.iter().map(|part| format!("{}{part}", family.name)));
    }
    names
}

/// Words of an expression that are names of series: not in strings, not in braces, not of labels, and no functions.
fn names_in(expression: &str) -> Vec<String> {
    let mut plain = String::new();
    let (mut quoted, mut depth) = (None, 0);
    for c in expression.chars() {
        match (quoted, c) {
            (Some(quote), _) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quoted = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            (None, _) if depth == 0 => plain.push(c),
            (None, _) => {}
        }
    }
    const OF_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
    const WORDS: [&str; 12] =
        ["and", "or", "unless", "bool", "offset", "sum", "min", "max", "avg", "count", "topk", "quantile"];
    let mut names = Vec::new();
    let mut rest = plain.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':' || c.is_ascii_digit()) {
        rest = &rest[start..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '.')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let after = after.trim_start();
        if OF_LABELS.contains(&word) && after.starts_with('(') {
            rest = after.split_once(')').map_or("", |(_, rest)| rest);
        } else if !after.starts_with('(') && !WORDS.contains(&word) && !word.starts_with(|c: char| c.is_ascii_digit()) {
            names.push(word.to_owned());
        }
    }
    names
}

#[test]
fn names_are_told_from_everything_else() {
    let expression = r#"sum by (le, x) (rate(a_total{b="c{d"}[5m] offset 1d)) / on (job) group_left () n:r:1 > 1e9 and absent(up{job='z'})"#;
    assert_eq!(names_in(expression), ["a_total", "n:r:1", "up"]);
}

/// Expressions of a dashboard, with values for Grafana's variables.
fn expressions_of(dashboard: &Value, into: &mut Vec<String>) {
    match dashboard {
        Value::Object(object) => {
            if let Some(Value::String(expression)) = object.get("expr") {
                into.push(expression.clone());
            }
            if let Some(Value::String(query)) = object.get("query")
                && let Some(arguments) = query.strip_prefix("label_values(")
            {
                into.extend(arguments.rsplit_once(',').map(|(series, _)| series.to_owned()));
            }
            object.values().for_each(|value| expressions_of(value, into));
        }
        Value::Array(all) => all.iter().for_each(|value| expressions_of(value, into)),
        _ => {}
    }
}

fn without_variables(expression: &str) -> String {
    let text = ["$__rate_interval", "$__range", "$__interval"]
        .iter()
        .fold(expression.to_owned(), |text, name| text.replace(name, "5m"));
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        plain.push_str(".*");
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '{' || c == '}');
    }
    plain + rest
}

#[tokio::test]
async fn every_expression_is_understood_and_names_what_exists() {
    if testbed::require_prometheus().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, format!("rule_files: ['{}/prometheus/rules/*.yml']\n", root().display())).unwrap();
    let prometheus = Monitor::prometheus(&config).await.unwrap();

    let mut known = known();
    let mut expressions = Vec::new();
    let mut alerts = Vec::new();
    let rules = prometheus.get("rules", &[]).await.unwrap();
    for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let name = rule["name"].as_str().unwrap().to_owned();
        if rule["type"] == "alerting" {
            alerts.push((name, rule.clone()));
        } else {
            known.insert(name);
        }
        expressions.push(rule["query"].as_str().unwrap().to_owned());
    }
    assert!(alerts.len() >= 22, "{}", alerts.len());
    let mut dashboards = 0;
    for file in fs::read_dir(root().join("grafana/dashboards")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        expressions_of(&serde_json::from_str(&text).unwrap(), &mut expressions);
        dashboards += 1;
    }
    assert!(dashboards >= 14, "{dashboards}");
    for expression in expressions {
        let plain = without_variables(&expression);
        prometheus.get("query", &[("query", &plain)]).await.unwrap();
        for name in names_in(&plain) {
            assert!(known.contains(&name), "there is no {name}: {expression}");
        }
    }

    let manual = fs::read_to_string(root().join("docs/prometheus.md")).unwrap();
    for (name, alert) in alerts {
        assert!(manual.contains(&format!("\n#### {name}\n")), "{name} is not in the manual");
        let anchor = format!("docs/prometheus.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["manual"], anchor.as_str());
        assert!(["info", "warning", "critical"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
    }
}

#[test]
fn promtool_has_nothing_against_our_names() {
    if testbed::require_prometheus().is_none() {
        return;
    }
    let mut store = Store::new(Limits::default());
    for id in Family::ids() {
        let family = Family::of(id);
        let labels = vec!["x"; family.labels.len()];
        match family.kind {
            Type::Histogram(_) => store.observe(id, &labels, 1.0),
            Type::Counter => store.inc(id, &labels),
            Type::Gauge => store.set(id, &labels, 1.0),
        }
    }
    let text = page(&[(Some("alice"), &store)], Format::Text);
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let ours = Family::ids().filter(|id| !Family::is_original(*id)).map(|id| Family::of(id).name);
    for name in ours {
        let complaints: Vec<&str> = said.lines().filter(|line| line.split_whitespace().next() == Some(name)).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
    assert!(!said.contains("error while linting"), "{said}");
}
