//! The tables as the manual has them.

use std::fmt::Write;

use crate::table::{COMMON, Column, Table};
use crate::tables::TABLES;

/// A list of the columns that all tables have, and one for each table, in Markdown.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from("### All tables\n\n");
    columns(&mut text, &COMMON);
    for Table { name, meaning, columns: own, .. } in TABLES {
        let _ = writeln!(text, "\n### `{name}`\n\n{meaning}\n");
        columns(&mut text, own);
    }
    text.push('\n');
    text
}

fn columns(text: &mut String, columns: &[Column]) {
    text.push_str("| column | type | meaning |\n|---|---|---|\n");
    for Column { name, kind, meaning } in columns {
        let _ = writeln!(text, "| `{name}` | {} | {} |", kind.parquet(), meaning.replace('|', "\\|"));
    }
}
