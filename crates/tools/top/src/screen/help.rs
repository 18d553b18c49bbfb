//! The help: the keys, and what the columns of the table mean.

use super::app::View;
use super::table::{Column, HIDDEN};

const KEYS: &[(&str, &str)] = &[
    ("1 2 3 4, Tab", "nodes, peers, messages, events"),
    ("Up Down PgUp PgDn Home End", "move (also j k g G)"),
    ("Enter", "peers of the node; messages of the peer"),
    ("Esc", "back: the filter, then the peer, then the node"),
    ("n N", "next, previous node; all nodes"),
    ("< >", "sort by another column (also s S)"),
    ("r", "reverse the order"),
    ("/", "filter: show only what has this text"),
    ("Space", "pause and go on"),
    ("? q", "help, leave"),
];

/// Its lines: a word, and what it means.
pub fn lines(view: View, columns: &'static [Column]) -> Vec<(String, &'static str)> {
    let columns = columns.iter().filter(|column| column.rank != HIDDEN).map(|column| (column.title, column.about));
    let about = match view {
        View::Events => "The latest 1,000 events, as peer-observer watch prints them",
        _ => "Columns; a dash is what is not known",
    };
    let between = [(String::new(), ""), (" ".to_owned(), about)];
    aligned(KEYS.iter().copied()).into_iter().chain(between).chain(aligned(columns)).collect()
}

fn aligned(lines: impl Iterator<Item = (&'static str, &'static str)> + Clone) -> Vec<(String, &'static str)> {
    let width = lines.clone().map(|(word, _)| word.len()).max().unwrap_or_default();
    lines.map(|(word, about)| (format!(" {word:<width$}  "), about)).collect()
}
