//! The manual's page is that of the table; nothing is missing in it.

use std::path::Path;
use std::{env, fs};

use metrics::table::{Family, Type};

#[test]
fn the_manual_is_current() {
    let page = metrics::manual::manual();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/metrics.md");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/metrics.md is not current: UPDATE=1 cargo test -p metrics manual");
}

#[test]
fn the_manual_tells_of_every_series() {
    let page = metrics::manual::manual();
    for id in Family::ids() {
        let family = Family::of(id);
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` | {}", family.name, family.kind)));
        let row = row.unwrap_or_else(|| panic!("nothing of {}", family.name));
        assert_eq!(row.matches(" | ").count(), 3, "{row}");
        for (at, label) in family.labels.iter().enumerate() {
            let shown = if family.untrusted.contains(&at) { format!("*`{label}`*") } else { format!(" `{label}`") };
            assert!(row.contains(&shown), "{label} in {row}");
        }
        if matches!(family.kind, Type::Histogram(_)) {
            assert!(row.contains("histogram: "), "no bounds of {}", family.name);
        }
    }
    for original in ["Messages, connections", "What RPCs answer", "Our own P2P connection", "Whether gossiped"] {
        let heading = page.lines().find(|line| line.starts_with(&format!("## {original}"))).unwrap();
        assert!(heading.ends_with(" (original)"), "{heading}");
    }
    assert_eq!(page.matches(" (original)\n").count(), 4, "a section is original and ours");
}
