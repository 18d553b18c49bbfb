//! Names of nodes. A name is a token of NATS subjects, a metric label and a directory name.

use std::collections::HashMap;

/// The longest name.
const MAX: usize = 64;

/// A name that can't be used for a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node name {0:?} can't be used: take 1 to {MAX} of the characters A-Z a-z 0-9 _ -")]
pub struct NameError(String);

/// Checks a node's name: 1 to 64 of `A-Z a-z 0-9 _ -`.
///
/// # Errors
/// The name is empty, longer, or has another character.
pub fn validate_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX || !name.bytes().all(allowed) {
        // Whole, however long, it would only hide the sentence.
        return Err(NameError(name.chars().take(2 * MAX).collect()));
    }
    Ok(())
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// `text` with each run of other characters replaced by one `-`; empty if nothing is left.
fn sanitized(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars().take(MAX) {
        if c.is_ascii() && allowed(c as u8) {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}

/// Default names for the nodes of one machine, each given as its chain's name and its data directory's last part: the
/// machine's name for a single one, with the chain or the directory added for several. Unique, and the same for the same input.
pub(crate) fn default_names(hostname: &str, nodes: &[(String, String)]) -> Vec<String> {
    let host = Some(sanitized(hostname)).filter(|h| !h.is_empty()).unwrap_or_else(|| "node".to_owned());
    if nodes.len() < 2 {
        return nodes.iter().map(|_| host.clone()).collect();
    }
    let mut used = HashMap::<String, usize>::new();
    let unique_chain = |chain: &str| nodes.iter().filter(|(c, _)| c == chain).count() == 1;
    let mut names = Vec::new();
    for (chain, directory) in nodes {
        let own = sanitized(directory);
        let own = if unique_chain(chain) || own.is_empty() { sanitized(chain) } else { own };
        // The host is cut, not what makes the name unique.
        let room = MAX.saturating_sub(own.len() + 5);
        let name = format!("{}-{own}", host.get(..room).unwrap_or(&host));
        let name: String = name.chars().take(MAX - 4).collect();
        let mut candidate = name.clone();
        while let Some(count) = used.get_mut(&candidate) {
            *count += 1;
            candidate = format!("{name}-{count}");
        }
        used.insert(candidate.clone(), 1);
        names.push(candidate);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(host: &str, nodes: &[(&str, &str)]) -> Vec<String> {
        let nodes: Vec<_> = nodes.iter().map(|(c, d)| ((*c).to_owned(), (*d).to_owned())).collect();
        default_names(host, &nodes)
    }

    #[test]
    fn default_names_are_valid_and_unique() {
        assert_eq!(names("vps.example.org", &[("main", ".bitcoin")]), ["vps-example-org"]);
        assert_eq!(names("", &[("main", "")]), ["node"]);
        assert_eq!(names("h", &[("main", ".bitcoin"), ("signet", ".bitcoin")]), ["h-main", "h-signet"]);
        assert_eq!(
            names("h", &[("regtest", "a b"), ("regtest", "a.b"), ("regtest", ""), ("main", "x")]),
            ["h-a-b", "h-a-b-2", "h-regtest", "h-main"]
        );
        let long = "x".repeat(300);
        for host in [&long, "a.b", "日本"] {
            let got = names(
                host,
                &[("regtest", &long), ("regtest", &long), ("regtest", "n"), ("regtest", "n-2"), ("regtest", "n")],
            );
            for (i, name) in got.iter().enumerate() {
                validate_name(name).unwrap();
                assert!(!got[..i].contains(name), "{got:?}");
            }
        }
    }

    #[test]
    fn names_that_are_no_subject_token_are_refused() {
        for name in ["", "a.b", "a b", "*", ">", "ü", "a\n", &"x".repeat(65)] {
            assert!(validate_name(name).is_err(), "{name:?}");
        }
        validate_name("Node_1-a").unwrap();
    }
}
