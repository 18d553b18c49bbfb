//! The files of the program use each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// By module path (`config::raw`): the text of its file, without comments and tests.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.extend(module_of(&root, &path).map(|module| (module, code_of(&path))));
            }
        }
    }
    files
}

/// The path of the module that is in a file. None for tests, and for the program, which nobody uses.
fn module_of(root: &Path, file: &Path) -> Option<String> {
    let path: PathBuf = file.strip_prefix(root).unwrap().with_extension("");
    let mut names: Vec<_> = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    match names.last()?.as_str() {
        "tests" | "main" => return None,
        "mod" | "lib" => drop(names.pop()),
        _ => {}
    }
    Some(names.join("::"))
}

fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths in code, those of a group one by one: `super::{a, b}` is `super::a` and `super::b`.
fn paths(code: &str) -> Vec<String> {
    let (mut paths, mut groups, mut path) = (Vec::new(), Vec::new(), String::new());
    for c in code.chars() {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            path.push(c);
            continue;
        }
        let whole = format!("{}{path}", groups.last().map_or("", String::as_str));
        let begins_group = c == '{' && path.ends_with("::");
        if !begins_group && !path.is_empty() {
            paths.push(whole.clone());
        }
        match c {
            '{' => groups.push(if begins_group { whole } else { String::new() }),
            '}' => drop(groups.pop()),
            _ => {}
        }
        path.clear();
    }
    paths
}

/// The modules that a module uses.
fn used(module: &str, code: &str, modules: &BTreeSet<&str>) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut used = BTreeSet::new();
    let mut uses = |path: String| {
        // The longest part of the path that is a module.
        let mut path = path.trim_end_matches(':');
        while !path.is_empty() && !modules.contains(path) {
            path = path.rsplit_once("::").map_or("", |(parent, _)| parent);
        }
        if path != module && !path.is_empty() {
            used.insert(path.to_owned());
        }
    };
    for path in &paths(code) {
        let join = |base: &str, rest: &str| if base.is_empty() { rest.to_owned() } else { format!("{base}::{rest}") };
        if let Some(rest) = path.strip_prefix("crate::") {
            uses(rest.to_owned());
        } else if let Some(rest) = path.strip_prefix("super::") {
            uses(join(parent, rest));
        } else if path.contains("::") && code.contains(&format!("mod {};", path.split("::").next().unwrap())) {
            uses(join(module, path));
        } else if let Some(rest) = path.strip_prefix("self::") {
            uses(join(module, rest));
        }
    }
    used
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let files = files();
    let modules: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    let mut left: BTreeMap<&str, BTreeSet<String>> =
        files.iter().map(|(module, code)| (module.as_str(), used(module, code, &modules))).collect();
    assert!(left["config::raw"].contains("options") && left["tools"].contains("tools::watch"), "{left:#?}");
    // Those that use nothing that is left are taken away, again and again. What stays is in a circle, or uses one.
    loop {
        let free: Vec<&str> = left.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| *module).collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|module| drop(left.remove(module)));
        left.values_mut().for_each(|used| used.retain(|module| !free.contains(&module.as_str())));
    }
    assert!(left.is_empty(), "these use each other in a circle, or one that does: {left:#?}");
}
