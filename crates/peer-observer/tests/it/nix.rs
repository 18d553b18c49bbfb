//! `deploy/nix/`. There is no Nix here: the files are parsed, and no more.

use std::path::{Path, PathBuf};

fn nix_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { nix_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "nix")).collect()
}

#[test]
fn files_are_nix() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nix");
    let files = nix_files(&folder);
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let parsed = rnix::Root::parse(&text);
        assert!(parsed.errors().is_empty(), "{}: {:?}", file.display(), parsed.errors());
    }
    assert!(!rnix::Root::parse("{ a = [ 1 ; }").errors().is_empty());
}
