//! A view for each table, for DuckDB.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::error::ExportError;
use crate::table::Table;
use crate::tables::TABLES;
use crate::target::Target;

/// The name of the file.
const NAME: &str = "tables.sql";

/// Writes the views of what is there now. For others they have no name of a folder, and are read from the folder itself.
pub(crate) fn write(target: &Target, is_public: bool) -> Result<PathBuf, ExportError> {
    // So that the views can be read from any folder.
    let whole = if is_public { ".".to_owned() } else { target.whole_name()? };
    let mut text = String::from("SET TimeZone = 'UTC';\n");
    for table in TABLES {
        let select = select(table, &whole, target.has_parts(table)?);
        let _ = writeln!(text, "CREATE OR REPLACE VIEW {} AS {select};", table.name);
    }
    target.write(NAME, text.as_bytes())
}

/// What a view shows: the rows of all files, or no rows with the same columns if there are none.
fn select(table: &Table, folder: &str, has_parts: bool) -> String {
    if has_parts {
        let pattern = format!("{folder}/table={}/date=*/part-*.parquet", table.name).replace('\'', "''");
        return format!("SELECT * FROM read_parquet('{pattern}', hive_partitioning = true, union_by_name = true)");
    }
    let columns = table.all_columns().map(|column| format!("NULL::{} AS {}", column.kind.duckdb(), column.name));
    let columns: Vec<_> = columns.chain(["NULL::DATE AS date".to_owned()]).collect();
    format!("SELECT {} WHERE false", columns.join(", "))
}
