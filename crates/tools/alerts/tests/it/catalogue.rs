//! The catalogue is that of the table, and the table has what it must have.

use std::collections::HashSet;
use std::path::Path;
use std::{env, fs};

use alerts::rows;

#[test]
fn the_catalogue_is_current() {
    let page = alerts::catalogue::catalogue();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/detectors.md");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/detectors.md is not current: UPDATE=1 cargo test -p alerts catalogue");
}

#[test]
fn each_row_is_complete() {
    let names: HashSet<&str> = rows().map(|row| row.name).collect();
    assert_eq!(names.len(), rows().count(), "names are unique");
    for row in rows() {
        let is_name = |name: &str| {
            !name.is_empty() && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        assert!(is_name(row.name) && is_name(row.family), "{}: public names have letters only", row.name);
        assert!(row.sees.ends_with('.') && row.misses.ends_with('.'), "{}: whole sentences", row.name);
        assert!(!row.title.ends_with('.'), "{}: the title is no sentence", row.name);
        for related in row.related {
            assert!(names.contains(related), "{} is related to {related}, which there is not", row.name);
        }
        for parameter in row.parameters {
            let (least, most) = parameter.range;
            assert!((least..=most).contains(&parameter.default), "{}.{}", row.name, parameter.name);
            assert!(parameter.why.ends_with('.') && parameter.what.ends_with('.'), "{}.{}", row.name, parameter.name);
            assert!(!alerts::COMMON.iter().any(|(name, _)| *name == parameter.name), "{}.{}", row.name, parameter.name);
        }
    }
}
