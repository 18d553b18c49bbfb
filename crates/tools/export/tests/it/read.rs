//! Rows of exported files, read with the crate `parquet`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

/// The files of a table, in the order of their paths.
pub fn parts(folder: &Path, table: &str) -> Vec<PathBuf> {
    let mut parts = Vec::new();
    let mut folders = vec![folder.join(format!("table={table}"))];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { parts.push(path) }
        }
    }
    parts.sort();
    parts
}

pub fn rows_of(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

/// All rows of a table.
pub fn rows(folder: &Path, table: &str) -> Vec<Row> {
    parts(folder, table).iter().flat_map(|path| rows_of(path)).collect()
}

/// A field of a row by its name.
pub fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(column, _)| *column == name).unwrap_or_else(|| panic!("no {name}: {row}")).1
}

pub fn text(row: &Row, name: &str) -> Option<String> {
    match field(row, name) {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        other => panic!("{name}: {other}"),
    }
}

pub fn micros(row: &Row) -> i64 {
    let Field::TimestampMicros(micros) = field(row, "time") else { panic!("{row}") };
    *micros
}

/// A hash as explorers show it.
pub fn hash(row: &Row, name: &str) -> Option<String> {
    match field(row, name) {
        Field::Null => None,
        Field::Bytes(bytes) => Some(bytes.data().iter().map(|byte| format!("{byte:02x}")).collect()),
        other => panic!("{name}: {other}"),
    }
}
