//! The tables of docs/export.md are those that are declared.

use std::path::Path;
use std::{env, fs};

use export::{COMMON, TABLES, manual};

#[test]
fn the_manual_has_all_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/export.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- tables: ").unwrap();
    let (comment, rest) = rest.split_once(" -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of tables -->").unwrap();
    let current = format!("{before}<!-- tables: {comment} -->\n\n{}<!-- end of tables -->{after}", manual());
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert!(
        current == fs::read_to_string(&path).unwrap(),
        "docs/export.md is not current: UPDATE=1 cargo test -p export manual"
    );
}

#[test]
fn columns_have_names_of_their_own() {
    for table in TABLES {
        let mut names: Vec<_> = COMMON.iter().chain(table.columns).map(|column| column.name).collect();
        let count = names.len();
        names.push("date"); // of the folders
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count + 1, "{}", table.name);
        assert!(table.all_columns().all(|column| !column.meaning.is_empty()));
    }
}
