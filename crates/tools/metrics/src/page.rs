//! The page: all series as text, in the forms that Prometheus reads.

use std::fmt::Write;

use smol_str::SmolStr;

use crate::store::{Histogram, One, Store, Value};
use crate::table::{Family, Id, Type};

/// A form of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0. It tells since when counters count. Counters whose name does not end in `_total`, as existing dashboards want it,
    /// are of type `unknown` there; bounds of buckets are written with a decimal point.
    OpenMetrics,
}

impl Format {
    /// The form that an HTTP client prefers, by its Accept header; text if it does not care.
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0.0, Self::Text);
        for offer in accept.split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let format = match parts.next() {
                Some("application/openmetrics-text") => Self::OpenMetrics,
                Some("text/plain" | "text/*" | "*/*") => Self::Text,
                _ => continue,
            };
            let mut quality = 1.0;
            for part in parts {
                match part.split_once('=') {
                    Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                    Some(("version", "1.0.0" | "0.0.1" | "0.0.4")) | None => {}
                    Some(("version", _)) => quality = 0.0,
                    Some(_) => {}
                }
            }
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes all series of some stores. Those of a store with a name get it as label `node`.
pub fn page(stores: &[(Option<&str>, &Store)], format: Format) -> String {
    let mut page = Page { out: String::with_capacity(1 << 16), format };
    for id in Family::ids() {
        page.family(id, stores);
    }
    if format == Format::OpenMetrics {
        page.out.push_str("# EOF\n");
    }
    page.out
}

struct Page {
    out: String,
    format: Format,
}

impl Page {
    fn family(&mut self, id: Id, stores: &[(Option<&str>, &Store)]) {
        let family = Family::of(id);
        let mut announced = false;
        for (node, store) in stores {
            for one in store.series(id) {
                if !announced {
                    self.announce(family);
                    announced = true;
                }
                self.one(family, *node, one);
            }
        }
    }

    fn announce(&mut self, family: &Family) {
        let mut name = family.name;
        let mut kind = family.kind.to_string();
        if self.format == Format::OpenMetrics && family.kind == Type::Counter {
            match name.strip_suffix("_total") {
                Some(stem) => name = stem,
                None => kind = "unknown".to_owned(),
            }
        }
        let _ = write!(self.out, "# HELP {name} ");
        // In the text format, a quotation mark stands for itself here.
        self.escape(family.help, self.format == Format::OpenMetrics);
        let _ = write!(self.out, "\n# TYPE {name} {kind}\n");
    }

    fn one(&mut self, family: &Family, node: Option<&str>, one: &One) {
        match &one.value {
            Value::Number(number) => {
                self.sample(family, "", node, one, None, *number);
                if family.kind == Type::Counter && family.name.ends_with("_total") {
                    self.created(family, node, one);
                }
            }
            Value::Histogram(histogram) => self.histogram(family, node, one, histogram),
        }
    }

    fn histogram(&mut self, family: &Family, node: Option<&str>, one: &One, histogram: &Histogram) {
        let Type::Histogram(bounds) = family.kind else { return };
        let mut sum = 0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(&histogram.counts) {
            sum += count;
            self.sample(family, "_bucket", node, one, Some(bound), sum as f64);
        }
        self.sample(family, "_sum", node, one, None, histogram.sum);
        self.sample(family, "_count", node, one, None, sum as f64);
        self.created(family, node, one);
    }

    /// Since when it counts, in the form that tells that.
    fn created(&mut self, family: &Family, node: Option<&str>, one: &One) {
        if self.format == Format::OpenMetrics {
            let seconds = (one.created_ns / 1_000_000) as f64 / 1_000.0;
            let stem = family.name.strip_suffix("_total").unwrap_or(family.name);
            self.sample(&Family { name: stem, ..*family }, "_created", node, one, None, seconds);
        }
    }

    fn sample(&mut self, family: &Family, suffix: &str, node: Option<&str>, one: &One, bound: Option<f64>, value: f64) {
        self.out.push_str(family.name);
        self.out.push_str(suffix);
        let mut separator = '{';
        let named = family.labels.iter().copied().zip(one.labels.iter().map(SmolStr::as_str));
        for (label, value) in node.map(|node| ("node", node)).into_iter().chain(named) {
            self.out.push(separator);
            self.out.push_str(label);
            self.out.push_str("=\"");
            self.escape(value, true);
            self.out.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            let _ = write!(self.out, "{separator}le=\"");
            self.bound(bound);
            self.out.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
        self.out.push(' ');
        self.number(value);
        self.out.push('\n');
    }

    fn bound(&mut self, bound: f64) {
        let _ = match self.format {
            _ if bound.is_infinite() => write!(self.out, "+Inf"),
            Format::Text => write!(self.out, "{bound}"),
            Format::OpenMetrics => write!(self.out, "{bound:?}"),
        };
    }

    fn number(&mut self, number: f64) {
        let _ = match number {
            _ if number.is_nan() => write!(self.out, "NaN"),
            f64::INFINITY => write!(self.out, "+Inf"),
            f64::NEG_INFINITY => write!(self.out, "-Inf"),
            _ => write!(self.out, "{number}"),
        };
    }

    fn escape(&mut self, text: &str, quotes: bool) {
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '"' if quotes => self.out.push_str("\\\""),
                _ => self.out.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_the_form() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let table = [
            ("", Format::Text),
            ("*/*", Format::Text),
            (prometheus, Format::OpenMetrics),
            ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.9", Format::Text),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Format::Text),
            ("text/html, image/png", Format::Text),
        ];
        for (accept, expected) in table {
            assert_eq!(Format::accepted(accept), expected, "{accept}");
        }
    }
}
