//! Queries to Prometheus: PromQL, built from handles of series.

use metrics::table::{Family, Id, Type};

/// The labels that tell nodes apart: where Prometheus found them, and the node's name if there are several on a page.
pub const NODE: [&str; 2] = ["instance", "node"];

/// The time over which rates are taken: Grafana knows how often Prometheus scrapes.
const RATE: &str = "$__rate_interval";

/// Selects series of a family.
#[derive(Clone, Debug)]
pub struct Selector {
    id: Id,
    matchers: Vec<String>,
    faults: Vec<String>,
}

/// The series of a family, of the nodes that the variables of the dashboard choose.
pub fn of(id: Id) -> Selector {
    let mut matchers = vec![r#"instance=~"$instance""#.to_owned()];
    if metrics::manual::has_node(id) {
        matchers.push(r#"node=~"$node""#.to_owned());
    }
    Selector { id, matchers, faults: Vec::new() }
}

/// The last value of each node: of gauges.
pub fn each(id: Id) -> Query {
    of(id).now().max(&NODE)
}

/// The last value of the node where it is largest: of gauges.
pub fn most(id: Id) -> Query {
    of(id).now().max(&[])
}

/// The last values of all nodes together: of gauges.
pub fn total(id: Id) -> Query {
    of(id).now().sum(&[])
}

/// How fast it grows at all nodes together, per second: of counters.
pub fn rate(id: Id) -> Query {
    of(id).rate().sum(&[])
}

/// How much it grew in the last hour at all nodes together: of counters.
pub fn last_hour(id: Id) -> Query {
    of(id).grown("1h").sum(&[])
}

/// The alerts that fire, as Prometheus records them.
pub fn alerts() -> Query {
    Query {
        expr: r#"ALERTS{alertstate="firing",instance=~"$instance|"}"#.to_owned(),
        by: ["alertname", "severity", "instance", "node"].map(str::to_owned).into(),
        ..Query::default()
    }
}

/// Whether Prometheus reaches the metrics page.
pub fn up() -> Query {
    Query { expr: r#"up{instance=~"$instance"}"#.to_owned(), by: vec!["instance".to_owned()], ..Query::default() }
}

/// One query, or several.
pub trait Queries {
    /// All of them.
    fn list(self) -> Vec<Query>;
}

impl Queries for Query {
    fn list(self) -> Vec<Query> {
        vec![self]
    }
}

impl<const N: usize> Queries for [Query; N] {
    fn list(self) -> Vec<Query> {
        self.into()
    }
}

impl Selector {
    /// Whose label has a value.
    pub fn is(self, label: &str, value: &str) -> Self {
        self.matching(label, "=", value)
    }

    /// Whose label has another value.
    pub fn not(self, label: &str, value: &str) -> Self {
        self.matching(label, "!=", value)
    }

    /// Whose label matches a regular expression.
    pub fn like(self, label: &str, regex: &str) -> Self {
        self.matching(label, "=~", regex)
    }

    /// Whose label does not match a regular expression.
    pub fn unlike(self, label: &str, regex: &str) -> Self {
        self.matching(label, "!~", regex)
    }

    fn matching(mut self, label: &str, operator: &str, value: &str) -> Self {
        self = self.check(&[label]);
        self.matchers.push(format!("{label}{operator}\"{value}\""));
        self
    }

    /// As they are: of gauges.
    pub fn now(self) -> Query {
        self.expect(&["gauge"]).query("", str::to_owned)
    }

    /// An aggregate of their values over time, such as `max` or `quantile` of a window: of gauges.
    pub fn over_time(self, function: &str, window: &str) -> Query {
        self.expect(&["gauge"]).query("", |series| format!("{function}_over_time({series}[{window}])"))
    }

    /// How fast they grow, per second: of counters, and of gauges that are counters of the node.
    pub fn rate(self) -> Query {
        self.expect(&["counter", "gauge"]).query("", |series| format!("rate({series}[{RATE}])"))
    }

    /// How fast they grow, per minute: of what happens a few times in an hour or more.
    pub fn per_minute(self) -> Query {
        self.rate().times(60.0)
    }

    /// How fast they grow, per hour: of what happens a few times in a day or more.
    pub fn per_hour(self) -> Query {
        self.rate().times(3_600.0)
    }

    /// How much they grew in a window: of counters.
    pub fn grown(self, window: &str) -> Query {
        self.expect(&["counter"]).query("", |series| format!("increase({series}[{window}])"))
    }

    /// How long ago their times were, in seconds: of gauges.
    pub fn ago(self) -> Query {
        self.expect(&["gauge"]).query("", |series| format!("time() - {series}"))
    }

    /// Their times, in milliseconds since the UNIX epoch as Grafana expects: of gauges.
    pub fn time(self) -> Query {
        self.expect(&["gauge"]).query("", |series| format!("{series} * 1000"))
    }

    /// A quantile of what was observed: of histograms.
    pub fn quantile(self, quantile: f64, by: &[&str]) -> Query {
        self.check(by).expect(&["histogram"]).query("_bucket", str::to_owned).quantile(quantile, by)
    }

    /// The mean of what was observed: of histograms.
    pub fn mean(self, by: &[&str]) -> Query {
        let count = self.clone().observations().sum(by);
        let sum = self.expect(&["histogram"]).query("_sum", |series| format!("rate({series}[{RATE}])"));
        sum.sum(by).over(count)
    }

    /// How many observations there were, per second: of histograms.
    pub fn observations(self) -> Query {
        self.expect(&["histogram"]).query("_count", |series| format!("rate({series}[{RATE}])"))
    }

    /// How many observations there were in each bucket, for a heatmap: of histograms.
    pub fn buckets(self) -> Query {
        let buckets = self.expect(&["histogram"]).query("_bucket", |series| format!("increase({series}[{RATE}])"));
        buckets.aggregated("sum", &["le"])
    }

    /// The selector in PromQL, for queries for the values of labels alone.
    pub fn text(&self) -> String {
        let family = Family::of(self.id);
        let suffix = if matches!(family.kind, Type::Histogram(_)) { "_count" } else { "" };
        format!("{}{suffix}{{{}}}", family.name, self.matchers.join(","))
    }

    fn expect(mut self, kinds: &[&str]) -> Self {
        let family = Family::of(self.id);
        if !kinds.contains(&family.kind.to_string().as_str()) {
            self.faults.push(format!("{} is a {}, queried as a {}", family.name, family.kind, kinds.join(" or ")));
        }
        self
    }

    fn check(mut self, labels: &[&str]) -> Self {
        let family = Family::of(self.id);
        for label in labels {
            if !family.labels.contains(label) && !NODE.contains(label) {
                self.faults.push(format!("{} has no label {label}", family.name));
            }
        }
        self
    }

    fn query(self, suffix: &str, function: impl FnOnce(&str) -> String) -> Query {
        let family = Family::of(self.id);
        let expr = function(&format!("{}{suffix}{{{}}}", family.name, self.matchers.join(",")));
        let mut labels: Vec<String> = vec!["instance".to_owned()];
        labels.extend(metrics::manual::has_node(self.id).then(|| "node".to_owned()));
        labels.extend(family.labels.iter().map(|label| (*label).to_owned()));
        labels.extend(matches!(family.kind, Type::Histogram(_)).then(|| "le".to_owned()));
        let is_operation = expr.contains(" - ") || expr.contains(" * ");
        Query { expr, by: labels, is_operation, ids: vec![self.id], faults: self.faults, legend: None }
    }
}

/// A question and what its answers are called.
#[derive(Clone, Debug, Default)]
pub struct Query {
    expr: String,
    /// The labels of the results.
    by: Vec<String>,
    /// Needs parentheses within another one.
    is_operation: bool,
    ids: Vec<Id>,
    faults: Vec<String>,
    legend: Option<String>,
}

impl Query {
    /// Sums up what has the same values of some labels.
    pub fn sum(self, by: &[&str]) -> Self {
        self.aggregated("sum", by)
    }

    /// The largest.
    pub fn max(self, by: &[&str]) -> Self {
        self.aggregated("max", by)
    }

    /// The smallest.
    pub fn min(self, by: &[&str]) -> Self {
        self.aggregated("min", by)
    }

    /// How many there are.
    pub fn count(self, by: &[&str]) -> Self {
        self.aggregated("count", by)
    }

    fn aggregated(mut self, function: &str, by: &[&str]) -> Self {
        for label in by {
            if !self.by.iter().any(|known| known == label) {
                self.faults.push(format!("no label {label} in {}", self.expr));
            }
        }
        let clause = if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) };
        self.expr = format!("{function}{clause}({})", self.expr);
        self.by = by.iter().map(|label| (*label).to_owned()).collect();
        self.is_operation = false;
        self
    }

    fn quantile(mut self, quantile: f64, by: &[&str]) -> Self {
        let le: Vec<&str> = by.iter().copied().chain(["le"]).collect();
        self.expr = format!("rate({}[{RATE}])", self.expr);
        let mut buckets = self.aggregated("sum", &le);
        buckets.expr = format!("histogram_quantile({quantile}, {})", buckets.expr);
        buckets.by = by.iter().map(|label| (*label).to_owned()).collect();
        buckets
    }

    /// The largest so many.
    pub fn top(mut self, number: usize) -> Self {
        self.expr = format!("topk({number}, {})", self.expr);
        self.is_operation = false;
        self
    }

    /// Those that are more than a number.
    pub fn above(self, number: f64) -> Self {
        self.scalar(">", number)
    }

    /// Those that are a number.
    pub fn equal(self, number: f64) -> Self {
        self.scalar("==", number)
    }

    /// Multiplied.
    pub fn times(self, factor: f64) -> Self {
        self.scalar("*", factor)
    }

    /// Divided by another one: a share.
    pub fn over(self, other: Self) -> Self {
        self.binary("/", other)
    }

    /// Added to another one.
    pub fn plus(self, other: Self) -> Self {
        self.binary("+", other)
    }

    /// Less another one.
    pub fn minus(self, other: Self) -> Self {
        self.binary("-", other)
    }

    /// Takes a number where there is no result.
    pub fn or_else(mut self, number: f64) -> Self {
        if !self.by.is_empty() {
            self.faults.push(format!("several answers have no default: {}", self.expr));
        }
        self.expr = format!("{} or vector({number})", self.operand());
        self.is_operation = true;
        self
    }

    /// Takes 0 where there is no result, if there are results of another one: what never happened has no series, and what is not known
    /// has none either.
    pub fn or_0_if(self, known: Self) -> Self {
        self.binary("or", known.times(0.0))
    }

    /// Sets the name of the results.
    pub fn named(mut self, name: &str) -> Self {
        self.legend = Some(name.to_owned());
        self
    }

    fn scalar(mut self, operator: &str, number: f64) -> Self {
        self.expr = format!("{} {operator} {number}", self.operand());
        self.is_operation = true;
        self
    }

    fn binary(mut self, operator: &str, other: Self) -> Self {
        let (own, others) = (&self.by, &other.by);
        let matching = if own.iter().collect::<std::collections::BTreeSet<_>>() == others.iter().collect() {
            String::new()
        } else if others.iter().all(|label| own.contains(label)) {
            format!(" on ({}) group_left ()", others.join(", "))
        } else {
            self.faults.push(format!("no label to match {} with {}", self.expr, other.expr));
            String::new()
        };
        self.expr = format!("{} {operator}{matching} {}", self.operand(), other.operand());
        self.is_operation = true;
        self.ids.extend(other.ids);
        self.faults.extend(other.faults);
        self
    }

    fn operand(&self) -> String {
        if self.is_operation { format!("({})", self.expr) } else { self.expr.clone() }
    }

    /// The labels of the results.
    pub fn labels(&self) -> &[String] {
        &self.by
    }

    /// The query in PromQL.
    pub fn expr(&self) -> &str {
        &self.expr
    }

    /// The families that it names.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// The mistakes in it.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The legend of the results: their name, or the values of their labels.
    pub fn legend(&self) -> String {
        let values = || self.labels().iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" ");
        self.legend.clone().unwrap_or_else(values)
    }
}
