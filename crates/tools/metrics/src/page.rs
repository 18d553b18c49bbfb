//! The page: all series as text, in the two formats that Prometheus reads.
//!
//! It is written here because `prometheus-client` (0.26) appends `_total` to the name of every OpenMetrics counter, writes no `_created`, and neither
//! limits nor expires the series of a family: with our own store kept, only the writing of single lines would be left to it.

use std::fmt::Write;

use smol_str::SmolStr;

use crate::store::{Histogram, Series, Store, Value};
use crate::table::{Family, Id, Type};

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0. It has a sample `_created` with the time at which a counter began to count. Counters whose names do not end in `_total`,
    /// which existing dashboards rely on, are of type `unknown` in it. The bounds of buckets are written with a decimal point.
    OpenMetrics,
}

impl Format {
    /// The format that an HTTP client prefers according to its Accept header. Without a preference, it is the text format.
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

    /// The media type, for the Content-Type header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes all series of the stores. The series of a store with a name get it as label `node`.
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

/// A series, with what its lines need from elsewhere.
#[derive(Clone, Copy)]
struct Shown<'a> {
    family: &'a Family,
    /// The value of the label `node`, if the page tells several nodes apart.
    node: Option<&'a str>,
    series: &'a Series,
}

impl Page {
    /// Writes a family, if any store has a series of it.
    fn family(&mut self, id: Id, stores: &[(Option<&str>, &Store)]) {
        let family = Family::of(id);
        let mut has_header = false;
        for (node, store) in stores {
            for series in store.series(id) {
                if !has_header {
                    self.header(family);
                    has_header = true;
                }
                self.series(Shown { family, node: *node, series });
            }
        }
    }

    /// Writes the lines HELP and TYPE.
    fn header(&mut self, family: &Family) {
        let mut name = family.name;
        let mut kind = family.kind.to_string();
        if self.format == Format::OpenMetrics && family.kind == Type::Counter {
            match name.strip_suffix("_total") {
                Some(stem) => name = stem,
                None => kind = "unknown".to_owned(),
            }
        }
        let _ = write!(self.out, "# HELP {name} ");
        // The text format escapes quotation marks in the values of labels, but not in the help.
        self.escape(family.help, self.format == Format::OpenMetrics);
        let _ = write!(self.out, "\n# TYPE {name} {kind}\n");
    }

    fn series(&mut self, shown: Shown) {
        let Shown { family, series, .. } = shown;
        match &series.value {
            Value::Number(number) => {
                self.sample(shown, family.name, "", None, *number);
                if family.kind == Type::Counter && family.name.ends_with("_total") {
                    self.created(shown);
                }
            }
            Value::Histogram(histogram) => self.histogram(shown, histogram),
        }
    }

    fn histogram(&mut self, shown: Shown, histogram: &Histogram) {
        let Family { name, kind: Type::Histogram(bounds), .. } = shown.family else { return };
        let mut count = 0;
        for (bound, in_bucket) in bounds.iter().copied().chain([f64::INFINITY]).zip(&histogram.counts) {
            count += in_bucket;
            self.sample(shown, name, "_bucket", Some(bound), count as f64);
        }
        self.sample(shown, name, "_sum", None, histogram.sum);
        self.sample(shown, name, "_count", None, count as f64);
        self.created(shown);
    }

    /// Writes when the series began to count, if the format has a sample for it.
    fn created(&mut self, shown: Shown) {
        if self.format == Format::OpenMetrics {
            let seconds = (shown.series.created_ns / 1_000_000) as f64 / 1_000.0;
            let stem = shown.family.name.strip_suffix("_total").unwrap_or(shown.family.name);
            self.sample(shown, stem, "_created", None, seconds);
        }
    }

    /// Writes one line: name and suffix, labels with the bound of a bucket, and value.
    fn sample(&mut self, shown: Shown, name: &str, suffix: &str, bound: Option<f64>, value: f64) {
        let Shown { family, node, series } = shown;
        self.out.push_str(name);
        self.out.push_str(suffix);
        let mut separator = '{';
        let named = family.labels.iter().copied().zip(series.labels.iter().map(SmolStr::as_str));
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
    fn the_client_chooses_the_format() {
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
