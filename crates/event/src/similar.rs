//! Which known name may have been meant by one that is not known: what every error about a name says in the end.

/// How alike two names must be, as Jaro similarity, to be taken for one another: the same as clap demands for its suggestions.
const ALIKE: f64 = 0.7;

/// The known name that is most like another one; none if none is like it.
pub fn similar<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let rated = known.into_iter().map(|name| (strsim::jaro(&given, &name.to_lowercase()), name));
    let alike = rated.filter(|(alike, _)| *alike > ALIKE);
    alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

/// The end of a sentence about a name that is not known: the one that may have been meant, or else all that there are.
pub fn instead<'a>(given: &str, known: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> String {
    let known = known.into_iter();
    match similar(given, known.clone()) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_meant() {
        let tools = ["watch", "metrics", "web"];
        for (given, meant) in [("wach", "watch"), ("metric", "metrics"), ("wep", "web"), ("Watch", "watch")] {
            assert_eq!(instead(given, tools), format!("did you mean \"{meant}\"?"));
        }
        for given in ["", "archive", "\u{202e}"] {
            assert_eq!(instead(given, tools), "there are: watch, metrics, web", "{given}");
        }
        assert_eq!(similar("x", []), None);
    }
}
