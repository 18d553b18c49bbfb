//! Where entries begin and end.

use decode::log::{MAX_ENTRY_BYTES, Splitter, Tail};

const TIME: &str = "2026-06-23T16:19:13Z";

/// The entries of a piece, and what is left over.
fn split<'a>(splitter: &mut Splitter, piece: &'a str, tail: Tail) -> (Vec<&'a str>, &'a str) {
    let mut entries = splitter.entries(piece.as_bytes(), tail);
    let found = entries.by_ref().map(|entry| std::str::from_utf8(entry.bytes).unwrap()).collect();
    (found, &piece[entries.consumed()..])
}

#[test]
fn entries_of_several_lines() {
    let log = "\n\n\n\n\nT a\nT b\nb2\r\n\nb3\n[*] T (mocktime: T) c\n[net] c2\nTime\nT d".replace('T', TIME);
    let (entries, rest) = split(&mut Splitter::default(), &log, Tail::Ends);
    let expected = ["T a\n", "T b\nb2\r\n\nb3\n", "[*] T (mocktime: T) c\n[net] c2\nTime\n", "T d"];
    let expected = expected.map(|entry| entry.replace('T', TIME));
    assert_eq!((entries, rest), (expected.iter().map(String::as_str).collect(), ""));
}

#[test]
fn lines_are_entries_until_one_has_a_time() {
    let log = format!("a\n[net] b\n\nc\n{TIME} d\nd2\nd3\n\n\n\n\n\n[net] e\nf\n");
    let (entries, _) = split(&mut Splitter::default(), &log, Tail::Ends);
    let last = format!("{TIME} d\nd2\nd3\n\n\n\n");
    assert_eq!(entries, ["a\n", "[net] b\n\n", "c\n", &last, "[net] e\n", "f\n"]);
}

#[test]
fn the_last_entry_waits_for_what_may_follow() {
    let log = format!("{TIME} a\n{TIME} b\nb2\n{TIME}");
    let complete = format!("{TIME} b\nb2\n");
    let splitter = &mut Splitter::default();
    let (entries, rest) = split(splitter, &log, Tail::Follows);
    assert_eq!((entries, rest), (vec![&*format!("{TIME} a\n")], &*format!("{complete}{TIME}")));
    let (entries, rest) = split(splitter, rest, Tail::Waits);
    assert_eq!((entries, rest), (vec![&*complete], TIME));
    let rest = format!("{rest} c\nc2");
    let (entries, rest) = split(splitter, &rest, Tail::Waits);
    assert_eq!((entries, rest), (vec![&*format!("{TIME} c\n")], "c2"));
    // Too late: the entry was returned already.
    let (entries, rest) = split(splitter, rest, Tail::Ends);
    assert_eq!((entries, rest), (vec!["c2"], ""));
}

#[test]
fn endless_entries_are_cut() {
    for line in ["x".repeat(3 * MAX_ENTRY_BYTES), "x\n".repeat(3 * MAX_ENTRY_BYTES / 2)] {
        let log = format!("{TIME} {line}x\n{TIME} b\n");
        let (entries, rest) = split(&mut Splitter::default(), &log, Tail::Waits);
        assert!(entries.iter().all(|entry| entry.len() <= MAX_ENTRY_BYTES));
        assert_eq!(entries.concat().replace('\n', ""), log.replace('\n', ""));
        assert_eq!((entries.len(), *entries.last().unwrap(), rest), (5, &*format!("{TIME} b\n"), ""));
    }
}
