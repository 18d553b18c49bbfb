//! Tables: columns that are left out where there is no room, rows that are sorted, filtered and selected.

use std::cmp::Ordering;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::format::ABSENT;

/// How something looks. Colors are those of the terminal, of which there are 16 at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Normal,
    Strong,
    Dim,
    Good,
    Warning,
    Bad,
}

/// A column.
pub struct Column {
    pub title: &'static str,
    /// What it means, for the help.
    pub about: &'static str,
    /// Whether it is aligned to the right.
    pub right: bool,
    /// Columns of the highest rank are left out first; those of rank 0 never; [`HIDDEN`] are never in the table.
    pub rank: u8,
}

/// The rank of a column that is shown only in the details of a row.
pub const HIDDEN: u8 = u8::MAX;

/// By what a cell is sorted.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Comes last, in either direction.
    Absent,
    Number(f64),
    Text(String),
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    pub key: Key,
    pub tone: Tone,
}

impl Cell {
    /// A value that is sorted by a number; a dash if it is not known.
    pub fn number<T: Copy>(value: Option<T>, number: impl FnOnce(T) -> f64, text: impl FnOnce(T) -> String) -> Self {
        match value {
            Some(value) => Self { text: text(value), key: Key::Number(number(value)), tone: Tone::Normal },
            None => Self::absent(),
        }
    }

    /// A text; a dash if it is not known.
    pub fn text(value: Option<impl Into<String>>) -> Self {
        match value.map(Into::into) {
            Some(text) => Self { key: Key::Text(text.clone()), text, tone: Tone::Normal },
            None => Self::absent(),
        }
    }

    fn absent() -> Self {
        Self { text: ABSENT.to_owned(), key: Key::Absent, tone: Tone::Dim }
    }

    /// The same in another tone.
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// Which row it is, however they are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId {
    pub node: Arc<str>,
    pub peer: Option<u64>,
    pub message_type: SmolStr,
}

/// A row, with a cell for each column.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: RowId,
    pub cells: Vec<Cell>,
    /// All of it is old.
    pub is_old: bool,
}

impl Row {
    /// Whether the cell of a column has no value.
    pub fn is_absent(&self, column: usize) -> bool {
        self.cells.get(column).is_none_or(|cell| cell.key == Key::Absent)
    }

    /// Whether a word, in lower case, is in any of its cells.
    pub fn contains(&self, word: &str) -> bool {
        word.is_empty() || self.cells.iter().any(|cell| cell.text.to_lowercase().contains(word))
    }
}

/// Sorts rows by a column; equal ones by what they are.
pub fn sort(rows: &mut [&Row], column: usize, descending: bool) {
    rows.sort_by(|a, b| {
        let [of_a, of_b] = [a, b].map(|row| row.cells.get(column).map_or(&Key::Absent, |cell| &cell.key));
        order(of_a, of_b, descending).then_with(|| a.id.cmp(&b.id))
    });
}

fn order(a: &Key, b: &Key, descending: bool) -> Ordering {
    let turned = |order: Ordering| if descending { order.reverse() } else { order };
    match (a, b) {
        (Key::Absent, Key::Absent) => Ordering::Equal,
        (Key::Absent, _) => Ordering::Greater,
        (_, Key::Absent) => Ordering::Less,
        (Key::Number(a), Key::Number(b)) => turned(a.total_cmp(b)),
        (Key::Text(a), Key::Text(b)) => turned(a.cmp(b)),
        (Key::Number(_), Key::Text(_)) => Ordering::Less,
        (Key::Text(_), Key::Number(_)) => Ordering::Greater,
    }
}

/// The columns that there is room for, each with its width. The last one takes what is left. Those of `without` are left out.
pub fn fit(columns: &[Column], rows: &[&Row], width: usize, without: &[usize]) -> Vec<(usize, usize)> {
    let widest = |(index, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.cells.get(index)).map(|cell| cell.text.chars().count());
        (index, cells.chain([column.title.len()]).max().unwrap_or_default())
    };
    let wanted = |(index, column): &(usize, &Column)| column.rank != HIDDEN && !without.contains(index);
    let mut fitting: Vec<(usize, usize)> = columns.iter().enumerate().filter(wanted).map(widest).collect();
    let rank = |index: usize| columns.get(index).map_or(0, |column| column.rank);
    let is_right = |index: usize| columns.get(index).is_some_and(|column| column.right);
    // What is left of a text that is cut is still of use.
    let least = |index: usize, wide: usize| if is_right(index) { wide } else { wide.min(12) };
    loop {
        let others: usize = fitting.iter().rev().skip(1).map(|(_, width)| width + 1).sum();
        let Some((index, wide)) = fitting.last_mut() else { break };
        if others + least(*index, *wide) <= width {
            *wide = if is_right(*index) { *wide } else { width - others };
            break;
        }
        let Some((place, _)) = fitting.iter().enumerate().max_by_key(|(_, (index, _))| rank(*index)) else { break };
        if fitting.len() == 1 || fitting.get(place).is_none_or(|(index, _)| rank(*index) == 0) {
            if let Some((_, wide)) = fitting.last_mut() {
                *wide = width.saturating_sub(others);
            }
            break;
        }
        fitting.remove(place);
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(title: &'static str, rank: u8) -> Column {
        Column { title, about: "", right: false, rank }
    }

    fn row(name: &str, number: Option<f64>) -> Row {
        let number = Cell::number(number, |value| value, |value| value.to_string());
        let id = RowId { node: name.into(), ..RowId::default() };
        Row { id, cells: vec![Cell::text(Some(name)), number, Cell::text(Some("some text"))], is_old: false }
    }

    #[test]
    fn what_is_not_known_comes_last() {
        let rows = [row("a", None), row("b", Some(1.0)), row("c", Some(2.0))];
        let sorted = |column, descending| {
            let mut rows: Vec<&Row> = rows.iter().collect();
            sort(&mut rows, column, descending);
            rows.iter().map(|row| row.id.node.to_string()).collect::<String>()
        };
        assert_eq!([sorted(1, false), sorted(1, true), sorted(0, true)], ["bca", "cba", "cba"]);
    }

    #[test]
    fn columns_that_matter_least_are_left_out() {
        let columns = [column("name", 0), column("number", 2), column("text", 1), column("more", HIDDEN)];
        let row = row("alice", Some(1.0));
        let fit = |width| fit(&columns, &[&row], width, &[]);
        assert_eq!(fit(30), [(0, 5), (1, 6), (2, 17)]);
        assert_eq!(fit(22), [(0, 5), (1, 6), (2, 9)]);
        assert_eq!(fit(21), [(0, 5), (2, 15)]);
        assert_eq!(fit(10), [(0, 10)]);
        assert_eq!(fit(3), [(0, 3)]);
        assert_eq!(super::fit(&columns, &[&row], 22, &[1]), [(0, 5), (2, 16)]);
    }
}
