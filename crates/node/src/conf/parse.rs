//! The forms in which a node is given its options: command line, bitcoin.conf, bitcoin_rw.conf, settings.json.

use std::collections::BTreeMap;

/// The value of one occurrence of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `foo=text`; a lone `-foo` has empty text.
    Text(String),
    /// `nofoo=1`: the option is off, and earlier occurrences in the same source don't count.
    Negated,
}

/// The occurrences of each option in one source, in order.
pub(super) type Values = BTreeMap<String, Vec<Value>>;

/// Something in a configuration file that the node would refuse or ignore.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// From 1.
    pub(super) line: usize,
    /// What is wrong and what to write instead.
    pub(super) what: String,
}

/// The number at the start of `text`, as C's `atoi` has it: 0 if there is none.
pub(super) fn atoi(text: &str) -> i64 {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = text.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let saturated = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    match text.get(..end) {
        None | Some("" | "-") => 0,
        Some(number) => number.parse().unwrap_or(saturated),
    }
}

/// An option that is on unless its text is a zero, by the node's rules.
pub(super) fn truth(text: &str) -> bool {
    text.is_empty() || atoi(text) != 0
}

/// Section (may be empty), option and value of `key` and `text`: `test.noport` is the negated option `port` of section `test`.
fn interpret(key: &str, text: &str) -> (String, String, Value) {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let (name, value) = match name.strip_prefix("no") {
        // A double negative such as -nolisten=0.
        Some(name) if !truth(text) => (name, Value::Text("1".to_owned())),
        Some(name) => (name, Value::Negated),
        None => (name, Value::Text(text.to_owned())),
    };
    (section.to_owned(), name.to_owned(), value)
}

/// The options among the arguments of a command line, which don't include the program's name.
pub(super) fn command_line(args: &[String]) -> Values {
    let mut values = Values::new();
    for arg in args {
        let Some(option) = arg.strip_prefix('-') else { break };
        let option = option.strip_prefix('-').unwrap_or(option);
        let (key, text) = option.split_once('=').unwrap_or((option, ""));
        let (section, name, value) = interpret(key, text);
        if section.is_empty() && !name.is_empty() {
            values.entry(name).or_default().push(value);
        }
    }
    values
}

/// Adds the options in the text of a bitcoin.conf to `sections` (the default one has the empty name), and returns what is wrong
/// with other lines.
pub(super) fn config_file(text: &str, sections: &mut BTreeMap<String, Values>) -> Vec<Problem> {
    options(text, |section, name, value| sections.entry(section).or_default().entry(name).or_default().push(value))
}

/// The options in the text of Bitcoin Knots' bitcoin_rw.conf, and what is wrong with other lines. The file belongs to one chain: Knots
/// reads the lines of all its sections as though there were none.
pub(super) fn read_write_file(text: &str) -> (Values, Vec<Problem>) {
    let mut values = Values::new();
    let problems = options(text, |_, name, value| values.entry(name).or_default().push(value));
    (values, problems)
}

/// The section that a line of a configuration file begins, if it is such a line.
pub(super) fn section_header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    line.strip_prefix('[')?.strip_suffix(']')
}

/// Passes section, name and value of each option in the text of a configuration file to `add`, and returns what is wrong with other
/// lines.
fn options(text: &str, mut add: impl FnMut(String, String, Value)) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut prefix = String::new();
    for (index, raw) in text.lines().enumerate() {
        let line = raw.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Some(section) = section_header(line) {
            prefix = format!("{section}.");
            continue;
        }
        match option(line, &prefix, raw.contains('#')) {
            Ok((section, name, value)) => add(section, name, value),
            Err(what) => problems.push(Problem { line: index + 1, what }),
        }
    }
    problems
}

/// The option of a line in the section of `prefix`, or what is wrong with it.
fn option(line: &str, prefix: &str, commented: bool) -> Result<(String, String, Value), String> {
    // The first word only: what follows may be a password.
    let word: String = line.split([' ', '\t', '=']).next().unwrap_or_default().chars().take(40).collect();
    if line.starts_with('-') {
        return Err(format!("options in a configuration file have no leading dash: {word:?}"));
    }
    let Some((key, text)) = line.split_once('=') else {
        let hint = if word.starts_with("no") { format!("; to switch it off write {word}=1") } else { String::new() };
        return Err(format!("no name=value: {word:?}{hint}"));
    };
    let key = key.trim();
    if commented && key.contains("rpcpassword") {
        return Err("a # in rpcpassword is ambiguous: take another password".to_owned());
    }
    Ok(interpret(&format!("{prefix}{key}"), text.trim()))
}

/// The options of a settings.json, which the node itself writes.
pub(super) fn settings_json(text: &str) -> Result<Values, serde_json::Error> {
    use serde_json::Value as Json;
    fn value(json: &Json) -> Option<Value> {
        match json {
            Json::Bool(false) => Some(Value::Negated),
            Json::Bool(true) => Some(Value::Text("1".to_owned())),
            Json::Number(number) => Some(Value::Text(number.to_string())),
            Json::String(text) => Some(Value::Text(text.clone())),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }
    let object: serde_json::Map<String, Json> = serde_json::from_str(text)?;
    let options = object.iter().map(|(name, json)| {
        let list = json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice);
        (name.clone(), list.iter().filter_map(value).collect::<Vec<_>>())
    });
    Ok(options.filter(|(_, values)| !values.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Value {
        Value::Text(t.to_owned())
    }

    #[test]
    fn numbers_as_the_node_reads_them() {
        for (input, number) in [
            ("", 0),
            ("1", 1),
            (" 12x", 12),
            ("-3", -3),
            ("+4", 4),
            ("x", 0),
            ("-", 0),
            ("99999999999999999999", i64::MAX),
        ] {
            assert_eq!(atoi(input), number, "{input:?}");
        }
        assert!(truth("") && truth("2") && !truth("0") && !truth("yes"));
    }

    #[test]
    fn lines_of_a_configuration_file() {
        let mut sections = BTreeMap::new();
        let problems = config_file(
            "# comment\nserver=1\n  rpcport = 1 # why\r\nnolisten=1\nnodnsseed=0\ndebug=\ntest.port=2\n[regtest]\nport=3\n\
             [main]\n-daemon=1\nnowallet\nrpcpassword=a#b\nrpcpassword hunter2\nrpcauth=u:1$2=3\n=x\n",
            &mut sections,
        );
        let main: &[(&str, Value)] = &[("rpcauth", text("u:1$2=3")), ("", text("x"))];
        let default: &[(&str, Value)] = &[
            ("server", text("1")),
            ("rpcport", text("1")),
            ("listen", Value::Negated),
            ("dnsseed", text("1")),
            ("debug", text("")),
        ];
        for (section, values) in
            [("", default), ("test", &[("port", text("2"))]), ("regtest", &[("port", text("3"))]), ("main", main)]
        {
            let expected: Values = values.iter().map(|(n, v)| ((*n).to_owned(), vec![v.clone()])).collect();
            assert_eq!(sections[section], expected, "{section}");
        }
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [11, 12, 13, 14]);
        assert!(problems[1].what.contains("nowallet=1"), "{problems:?}");
        assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    }

    #[test]
    fn a_command_line_ends_at_the_first_word_without_dash() {
        let args = ["--regtest", "-debug=net", "-debug=mempool", "-nolisten", "-test.port=1", "-", "x", "-rpcport=1"];
        let values = command_line(&args.map(str::to_owned));
        let expected = [
            ("regtest", vec![text("")]),
            ("debug", vec![text("net"), text("mempool")]),
            ("listen", vec![Value::Negated]),
        ];
        assert_eq!(values, expected.map(|(n, v)| (n.to_owned(), v)).into());
    }

    #[test]
    fn settings_json_of_any_shape() {
        let values =
            settings_json(r#"{"wallet":["a","b"],"prune":550,"listen":false,"server":true,"x":null,"y":{}}"#).unwrap();
        assert_eq!(values["wallet"], [text("a"), text("b")]);
        assert_eq!((&values["prune"][..], &values["listen"][..]), (&[text("550")][..], &[Value::Negated][..]));
        assert_eq!(values.len(), 4);
        assert!(settings_json("[]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(input in ".*") {
            config_file(&input, &mut BTreeMap::new());
            command_line(std::slice::from_ref(&input));
            let _ = (settings_json(&input), atoi(&input));
        }
    }
}
