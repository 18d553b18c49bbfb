//! The page on security names tests that show what it claims.

use std::fs;
use std::path::Path;

#[test]
fn each_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut file = None;
    let mut named = 0;
    // What is in backquotes: a file, then functions in it.
    for code in page.split('`').skip(1).step_by(2) {
        if code.ends_with(".rs") {
            let text = fs::read_to_string(root.join("crates").join(code));
            file = Some((code, text.unwrap_or_else(|error| panic!("{code}: {error}"))));
        } else if code.contains('_') && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            let (path, text) = file.as_ref().unwrap();
            assert!(text.contains(&format!("fn {code}(")), "{path} has no {code}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
