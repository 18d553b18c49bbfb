//! The tables of options in docs/configuration.md are those of the structs, and every key in them is one.

use std::path::Path;
use std::{env, fs};

use peer_observer::{Parts, manual};

use super::process::end_of;

#[test]
fn the_manual_lists_all_options() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- options: ").unwrap();
    let (comment, rest) = rest.split_once(" -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of options -->").unwrap();
    let made = manual(&Parts::all());
    let current = format!("{before}<!-- options: {comment} -->\n\n{made}<!-- end of options -->{after}");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert!(
        current == fs::read_to_string(&path).unwrap(),
        "docs/configuration.md is not current: UPDATE=1 cargo test -p peer-observer manual"
    );
}

/// A list of dates is no value of any option: what is refused is the value, and not the key.
#[tokio::test]
async fn every_key_of_the_manual_is_known() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let mut heading = String::new();
    let mut keys = 0;
    // The second one is of keys that have a choice of values.
    let refusals = ["invalid type", "wanted string or table"];
    for line in manual(&Parts::all()).lines() {
        if let Some(title) = line.strip_prefix("### ") {
            heading = title.strip_prefix('`').map(|title| title.trim_end_matches('`').to_owned()).unwrap_or_default();
        }
        let Some(key) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) else { continue };
        fs::write(path, format!("{heading}\n{key} = [1979-05-27]\n")).unwrap();
        let ended = end_of(&["run", "--config", path, "--print-config"]).await;
        assert!(
            ended.code == 2
                && ended.stderr.contains("line 2")
                && refusals.iter().any(|refusal| ended.stderr.contains(refusal)),
            "{heading} {key}: {}",
            ended.stderr
        );
        keys += 1;
    }
    assert!(keys > 50, "{keys}");
}

/// What people begin their configuration file with sets nothing, and each default in it can be set.
#[tokio::test]
async fn the_configuration_file_with_all_options_can_be_used() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let outcome = async |text: &str| {
        fs::write(path, text).unwrap();
        end_of(&["run", "--config", path, "--print-config"]).await
    };
    let sample = end_of(&["config"]).await.stdout;
    assert!(sample.lines().all(|line| line.is_empty() || line.starts_with('#')), "{sample}");
    assert_eq!(outcome(&sample).await.stdout, outcome("").await.stdout);

    let (mut heading, mut set) = ("", String::new());
    let mut settings = 0;
    for line in sample.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' ')) {
        let Some((_, value)) = line.split_once(" = ") else {
            heading = line;
            continue;
        };
        // It stands for a value.
        if value.trim_start_matches(['[', '"']).starts_with(|c: char| c.is_ascii_uppercase()) {
            continue;
        }
        if !heading.is_empty() {
            set += &format!("{}\n", std::mem::take(&mut heading));
        }
        set += &format!("{line}\n");
        settings += 1;
    }
    assert!(settings > 50, "{set}");
    let ended = outcome(&set).await;
    assert_eq!(ended.code, 0, "{}: {set}", ended.stderr);
}
