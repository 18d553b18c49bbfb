//! Golden files of the forms, and what must hold in them whatever peers write.

use std::time::Duration;

use event::pb::alerts::{Number, SubjectKind, Text, TextKind};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use report::Tlp;

use crate::scene::{self, alert, fixed, incident, subject};

/// The page without its style, which is a file of its own.
fn page() -> String {
    let html = fixed(None).html();
    let (before, rest) = html.split_once("<style>").unwrap();
    format!("{before}<style>{}", rest.split_once("</style>").unwrap().1)
}

#[test]
fn the_forms_of_a_fixed_incident() {
    let report = fixed(None);
    insta::assert_snapshot!("html", page());
    insta::assert_snapshot!("markdown", report.markdown());
    insta::assert_snapshot!("stix", report.stix(Tlp::Green).unwrap());
    insta::assert_snapshot!("ocsf", report.ocsf());
    let bans = report.bans().unwrap();
    insta::assert_snapshot!("bans", bans.networks(&report.heading()));
    insta::assert_snapshot!("setban", bans.commands(&report.heading(), Duration::from_secs(86_400)));
}

#[test]
fn an_archive_that_is_still_written_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = scene::archive(folder.path(), false);
    let report = scene::report(incident(), &[path], None);
    assert_eq!(report.markdown(), fixed(None).markdown());
    let nothing = scene::report(incident(), &[], None);
    assert!(nothing.bans().is_none() && nothing.markdown().contains("No archive was read"));
}

#[test]
fn innocents_are_not_banned() {
    let report = fixed(None);
    let nets: Vec<_> = report.bans().unwrap().list.iter().map(|ban| (ban.net.to_string(), ban.connections)).collect();
    assert_eq!(nets, [("8.8.4.0/24".to_owned(), 12), ("8.8.5.66/32".to_owned(), 1)]);
    let text = report.bans().unwrap().networks("");
    assert!(text.contains("a ban of 8.8.5.0/24 would hit 2 others"), "{text}");
    // An alert about those who were disconnected blames nobody, and a subnet is not to blame for who in it relays.
    let mut others = incident();
    others.alerts = vec![
        alert("c3", "connections", "as_drop", subject(SubjectKind::Subnet, "8.8.4.0/24"), (60, 117)),
        alert("d4", "connections", "subnet_flood", subject(SubjectKind::Subnet, "8.8.5.0/24"), (60, 117)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let report = scene::report(others, &[scene::archive(folder.path(), true)], None);
    let nets: Vec<_> = report.bans().unwrap().list.iter().map(|ban| ban.net.to_string()).collect();
    assert_eq!(nets, ["8.8.5.66/32"]);
}

/// What Markdown makes of a text: all but text, code and what the report itself has.
fn active(markdown: &str) -> Vec<String> {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_GFM);
    let is_active = |event: &Event| match event {
        Event::Html(_) | Event::InlineHtml(_) => true,
        Event::Start(tag) => matches!(
            tag,
            pulldown_cmark::Tag::Link { .. } | pulldown_cmark::Tag::Image { .. } | pulldown_cmark::Tag::HtmlBlock
        ),
        // Names and issues are found in text, and not in code.
        Event::Text(_) => false,
        _ => false,
    };
    parser.filter(is_active).map(|event| format!("{event:?}")).collect()
}

/// The words outside of code.
fn words(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_GFM);
    let mut in_block = false;
    let mut words = String::new();
    for event in parser {
        match event {
            Event::Start(pulldown_cmark::Tag::CodeBlock(_)) => in_block = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
            Event::Text(text) if !in_block => words += &text,
            _ => {}
        }
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn whatever_peers_write_is_text(text in "[ -~]{0,40}|\\PC{0,20}", number in "[a-z`|]{0,8}") {
        // A mark that shows where the text went.
        let text = format!("q<zq>zq@zq{text}zq`{text}|");
        let mut of_peer = alert("a1", "protocol", "ping_spam", subject(SubjectKind::Agent, &text), (60, 117));
        of_peer.sentence = format!("{{subject}} wrote {{free}}.{text}");
        of_peer.texts = vec![Text { name: "free".to_owned(), kind: TextKind::Free.into(), value: text.clone() }];
        of_peer.numbers = vec![Number { name: number, value: 1.0, unit: text.clone(), threshold: Some(2.0) }];
        of_peer.nodes = vec![text.clone()];
        of_peer.detector.clone_from(&text);
        let mut incident = incident();
        incident.alerts = vec![of_peer];
        incident.notes[0].text = text.as_str().into();
        let report = scene::report(incident, &[], None);
        let (html, markdown) = (report.html(), report.markdown());
        let is_harmless = !html.contains("<zq") && !html.contains('\u{202e}');
        prop_assert!(is_harmless, "{}", html);
        prop_assert_eq!(active(&markdown), Vec::<String>::new());
        // The sentence itself is of the detector; what it names is code, where no name is looked for.
        let sentence_free = words(&markdown);
        prop_assert!(sentence_free.matches("zq@zq").count() <= 8, "{}", sentence_free);
        for line in report.ocsf().lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok());
        }
        prop_assert!(serde_json::from_str::<serde_json::Value>(&report.stix(Tlp::Red).unwrap()).is_ok());
    }
}
