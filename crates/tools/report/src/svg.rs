//! Charts as SVG, within the page: their colors are those of its style.

use std::fmt::Write;

use crate::document::{Chart, Table, TimeLine, plain};
use crate::html::escape;
use crate::story::{clock, number, time};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;
/// Room for the figures at the left, and for the times below.
const LEFT: f64 = 70.0;
const BELOW: f64 = 20.0;
const TOP: f64 = 18.0;
/// Marks at the axis of time.
const TICKS: usize = 6;
/// Height of a bar of the time line.
const BAR: f64 = 28.0;
/// Characters of a name in it.
const MAX_NAME: usize = 60;

impl Chart {
    /// The figures, without the steps in which nothing was.
    pub fn table(&self) -> Table {
        let (tied, others) = self.legend;
        let mut head = vec!["From"];
        if !tied.is_empty() {
            head.push("Tied to the incident #");
        }
        if others.is_some() {
            head.push(if tied.is_empty() { "At the nodes #" } else { "Others #" });
        }
        let row = |(step, [own, other]): (usize, &[u64; 2])| {
            let mut row = vec![plain(time(self.time_of(step)))];
            if !tied.is_empty() {
                row.push(plain(number(*own)));
            }
            if others.is_some() {
                row.push(plain(number(*other)));
            }
            row
        };
        let used = self.counts.iter().enumerate().filter(|(_, counts)| **counts != [0; 2]);
        Table { head, rows: used.map(row).collect() }
    }

    fn time_of(&self, step: usize) -> u64 {
        self.start_ns.saturating_add(self.step_ns.saturating_mul(step as u64))
    }

    /// What is drawn of a step.
    fn shown(&self, [tied, other]: [u64; 2]) -> [u64; 2] {
        [tied, if self.legend.1.is_some() { other } else { 0 }]
    }
}

/// Bars: what belongs to the incident below, the rest above it.
pub(crate) fn chart(chart: &Chart) -> String {
    let steps = chart.counts.len().max(1);
    let shown: Vec<[u64; 2]> = chart.counts.iter().map(|counts| chart.shown(*counts)).collect();
    let sum = |[tied, other]: [u64; 2]| tied.saturating_add(other);
    let most = ceiling(shown.iter().map(|counts| sum(*counts)).max().unwrap_or_default());
    let width = (WIDTH - LEFT) / steps as f64;
    let (base, scale) = (HEIGHT - BELOW, (HEIGHT - BELOW - TOP) / most as f64);
    let all: u64 = shown.iter().map(|counts| sum(*counts)).fold(0, u64::saturating_add);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"");
    let _ = writeln!(svg, "{}: {} in all, at most {} in a bar\">", escape(chart.title), number(all), number(most));
    for (class, span) in [("marked", Some(chart.marked_ns)), ("unread", chart.unread_ns)] {
        let Some((from, to)) = span else { continue };
        let (from, to) = (place(chart, from), place(chart, to).max(place(chart, from) + 2.0));
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            to - from,
            base - TOP
        );
    }
    for (value, y) in [(most, TOP), (most / 2, f64::midpoint(TOP, base)), (0, base)] {
        let _ = writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            number(value)
        );
    }
    for (step, counts) in shown.iter().enumerate() {
        let x = LEFT + width * step as f64;
        let mut y = base;
        for (class, count) in ["tied", "other"].into_iter().zip(counts).filter(|(_, count)| **count > 0) {
            let class = if chart.legend.0.is_empty() { "tied" } else { class };
            let height = (*count as f64 * scale).max(1.0);
            y -= height;
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{} \
                 {}</title></rect>",
                (width - 1.0).max(0.5),
                escape(&clock(chart.time_of(step))),
                number(*count)
            );
        }
    }
    for tick in 0..TICKS {
        let step = tick * steps / TICKS;
        let x = LEFT + width * step as f64;
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>", HEIGHT - 6.0, clock(chart.time_of(step)));
    }
    legend(&mut svg, chart);
    svg + "</svg>"
}

fn legend(svg: &mut String, chart: &Chart) {
    let (tied, others) = chart.legend;
    let mut x = LEFT;
    for (class, name) in [("tied", Some(tied)), ("other", others)] {
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        let class = if tied.is_empty() { "tied" } else { class };
        let _ = writeln!(svg, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"2\" width=\"10\" height=\"10\"/>");
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"11\">{}</text>", x + 14.0, escape(name));
        x += 30.0 + 7.0 * name.len() as f64;
    }
}

/// Where a time is.
fn place(chart: &Chart, time_ns: u64) -> f64 {
    let length = chart.step_ns.saturating_mul(chart.counts.len() as u64).max(1) as f64;
    let since = time_ns.saturating_sub(chart.start_ns) as f64;
    LEFT + (WIDTH - LEFT) * (since / length).clamp(0.0, 1.0)
}

/// The next number that is 1, 2, 4 or 10 times a power of ten.
fn ceiling(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 4] {
            let next = power.saturating_mul(factor);
            if next >= most && next >= 2 {
                return next;
            }
        }
        power = power.saturating_mul(10);
        if power == u64::MAX {
            return power;
        }
    }
}

/// A bar for each alert.
pub(crate) fn time_line(line: &TimeLine) -> String {
    let height = BAR * line.bars.len() as f64 + BELOW;
    let length = line.to_ns.saturating_sub(line.from_ns).max(1) as f64;
    let place = |time: u64| WIDTH * (time.saturating_sub(line.from_ns) as f64 / length).clamp(0.0, 1.0);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"When each alert went on\">\n");
    for (index, (name, severity, from, to)) in line.bars.iter().enumerate() {
        let y = BAR * index as f64;
        let (from, to) = (place(*from).min(WIDTH - 3.0), place(*to));
        let shown: String = name.chars().take(MAX_NAME).collect();
        let _ = writeln!(svg, "<text x=\"0\" y=\"{:.1}\">{}</text>", y + 11.0, escape(&shown));
        let _ = writeln!(
            svg,
            "<rect class=\"s{}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"5\"><title>{}</title></rect>",
            severity.min(&2),
            y + 16.0,
            (to - from).max(3.0),
            escape(name)
        );
    }
    let y = height - 4.0;
    let _ = writeln!(svg, "<text x=\"0\" y=\"{y:.1}\">{}</text>", time(line.from_ns));
    let _ = writeln!(svg, "<text x=\"{WIDTH}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", time(line.to_ns));
    svg + "</svg>"
}
