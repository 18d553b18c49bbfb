//! The summary as lines of text, and how they are repainted in place on a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use model::NodeState;

use crate::format::{age, count, cut, or_dash, plain, rate};
use crate::state::State;
use crate::summary::{Level, Summary};

/// Characters of a node's name.
pub(crate) const MAX_NAME: usize = 20;

/// The columns, and whether each is aligned to the right. The last one takes what is left.
const COLUMNS: [(&str, bool); 9] = [
    ("node", false),
    ("state", false),
    ("in", true),
    ("out", true),
    ("msg/s", true),
    ("height", true),
    ("last block", true),
    ("mempool", true),
    ("what is odd", false),
];

/// All nodes, a line for each below a line with titles. No line is wider than `width` characters.
pub fn lines(state: &State, width: usize, color: bool) -> Vec<String> {
    let summaries = state.summaries();
    let titles = COLUMNS.map(|(title, _)| title.to_owned());
    let rows: Vec<[String; COLUMNS.len()]> = std::iter::once(titles).chain(summaries.iter().map(cells)).collect();
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let styles = std::iter::once([Style::new().bold(); COLUMNS.len()]).chain(summaries.iter().map(styles));
    let line = |(row, styles): (&[String; COLUMNS.len()], [Style; COLUMNS.len()])| {
        let (mut text, mut left) = (String::new(), width);
        let last = COLUMNS.len() - 1;
        for (column, ((cell, style), (_, right))) in row.iter().zip(styles).zip(COLUMNS).enumerate() {
            let wide = if column == last { 0 } else { widths.get(column).copied().unwrap_or_default() };
            let cell = if right { format!("{cell:>wide$}") } else { format!("{cell:<wide$}") };
            let shown = cut(&cell, left);
            left = left.saturating_sub(shown.chars().count());
            let style = if color { style } else { Style::new() };
            text += &format!("{style}{shown}{style:#}");
            let gap = left.min(2);
            text += &" ".repeat(gap);
            left -= gap;
        }
        text.trim_end().to_owned()
    };
    rows.iter().zip(styles).map(line).collect()
}

fn cells(node: &Summary) -> [String; COLUMNS.len()] {
    [
        plain(&node.name, MAX_NAME),
        node.state_text(),
        or_dash(node.peers, |(inbound, _)| inbound.to_string()),
        or_dash(node.peers, |(_, outbound)| outbound.to_string()),
        or_dash(node.rates, |(received, sent)| rate(received + sent)),
        or_dash(node.height, |height| height.to_string()),
        or_dash(node.block_seconds, |seconds| format!("{} ago", age(seconds))),
        or_dash(node.mempool, |(transactions, _)| count(transactions)),
        node.odd_text(),
    ]
}

fn styles(node: &Summary) -> [Style; COLUMNS.len()] {
    let state = match node.state {
        NodeState::Up => AnsiColor::Green.on_default(),
        NodeState::Starting => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Red.on_default(),
    };
    let odd = match node.level() {
        Some(Level::Bad) => AnsiColor::Red.on_default(),
        Some(Level::Warning) => AnsiColor::Yellow.on_default(),
        Some(Level::Note) | None => Style::new().dimmed(),
    };
    let value = if node.is_current() { Style::new() } else { Style::new().dimmed() };
    [Style::new().bold(), state, value, value, value, value, value, value, odd]
}

/// Lines at the bottom of a terminal that are repainted in place. What is printed besides goes above them, and stays.
#[derive(Debug)]
pub struct Live<W> {
    out: W,
    painted: usize,
}

impl<W: Write> Live<W> {
    /// Nothing is painted yet.
    pub fn new(out: W) -> Self {
        Self { out, painted: 0 }
    }

    /// Paints lines where the last ones were. No line may be wider than the terminal, and there must be fewer of them than it has.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn paint(&mut self, above: &[String], lines: &[String]) -> io::Result<()> {
        if self.painted > 0 {
            write!(self.out, "\x1b[{}A\r\x1b[J", self.painted)?;
        }
        above.iter().chain(lines).try_for_each(|line| writeln!(self.out, "{line}"))?;
        self.painted = lines.len();
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_stays_and_the_rest_is_repainted() {
        let mut live = Live::new(Vec::new());
        live.paint(&[], &["a".into(), "b".into()]).unwrap_or_default();
        live.paint(&["log".into()], &["c".into()]).unwrap_or_default();
        live.paint(&[], &[]).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&live.out), "a\nb\n\x1b[2A\r\x1b[Jlog\nc\n\x1b[1A\r\x1b[J");
    }
}
