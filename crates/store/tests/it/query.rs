//! What is asked for is found, and the rest is not read.

use event::Direction;
use event::filter::Kinds;

use super::*;

/// Events whose peers and addresses change with time, so that each frame has others.
fn changing(count: u64) -> Vec<Record> {
    let records = (0..count).map(|index| {
        let peer = index / 50;
        let line = format!(
            r#"{{"time":"2026-01-31T12:00:00Z","node":"alice","run":7,"sequence":{},"source":"ebpf","kind":"message","body":{{"meta":{{"peer_id":{peer},"addr":"10.0.{}.{}:8333","conn_type":"Inbound","command":"ping","inbound":true,"size":8}},"ping":{{"value":{index}}}}}}}"#,
            index + 1,
            peer / 200,
            peer % 200 + 1,
        );
        let sample = from_json(&line, &mut NodeNames::default()).unwrap();
        let record = Record::new("alice".into(), 7, index + 1, NOW + index * 1_000_000, sample.body().unwrap().clone());
        Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap()
    });
    records.collect()
}

#[test]
fn frames_without_what_is_asked_for_are_not_read() {
    let directory = directory();
    let records = changing(20_000);
    let path = write(&options(directory.path()), &records);
    let frames = Archive::open(&path).unwrap().index().unwrap().frames.len() as u64;
    assert!(frames > 500, "{frames}");
    for (filter, most) in [
        (Filter { peers: vec![77], ..Filter::default() }, 20),
        (Filter { peers: vec![100_000], ..Filter::default() }, 15),
        (Filter { addrs: vec!["10.0.0.20".parse().unwrap()], ..Filter::default() }, 20),
        (Filter { addrs: vec!["10.0.1.7:8333".parse().unwrap()], ..Filter::default() }, 20),
        (Filter { addrs: vec!["10.0.1.0/24".parse().unwrap()], ..Filter::default() }, frames * 6 / 10),
        (Filter { since_ns: Some(NOW + 5_000_000_000), until_ns: Some(NOW + 5_100_000_000), ..Filter::default() }, 6),
        (Filter { nodes: vec!["bob".to_owned()], ..Filter::default() }, 0),
        (Filter { kinds: vec!["rpc".parse::<Kinds>().unwrap()], ..Filter::default() }, 0),
        (Filter { messages: vec!["inv".into()], ..Filter::default() }, 0),
        (Filter { direction: Some(Direction::Outbound), ..Filter::default() }, 0),
    ] {
        let expected: Vec<_> =
            records.iter().filter(|record| filter.matches(record)).map(|r| r.bytes().clone()).collect();
        let mut found = Archive::open(&path).unwrap().records(filter.clone());
        let events: Vec<_> = found.by_ref().map(|record| record.unwrap().bytes().clone()).collect();
        assert_eq!(events, expected, "{filter:?}");
        assert!(found.frames_read() <= most + 1, "{filter:?}: {} of {frames} frames", found.frames_read());
    }
}

/// Whatever the filter is, the index changes nothing but the time that it takes.
#[test]
fn the_same_is_found_as_without_the_index() {
    let directory = directory();
    let records = many(3 * samples().len());
    let path = write(&options(directory.path()), &records);
    let mut filters = vec![Filter::default()];
    for name in Kinds::names() {
        filters.push(Filter { kinds: vec![name.parse().unwrap()], ..Filter::default() });
    }
    for record in &records {
        let envelope = record.envelope();
        filters.extend(envelope.peer.map(|peer| Filter { peers: vec![peer], ..Filter::default() }));
        filters.extend(
            record.addr().and_then(|addr| addr.parse().ok()).map(|a| Filter { addrs: vec![a], ..Filter::default() }),
        );
        filters.extend(envelope.message_type.clone().map(|m| Filter { messages: vec![m], ..Filter::default() }));
        filters.push(Filter { direction: envelope.direction, nodes: vec!["bob".to_owned()], ..Filter::default() });
    }
    for filter in filters {
        let expected: Vec<_> =
            records.iter().filter(|record| filter.matches(record)).map(|r| r.bytes().clone()).collect();
        assert_eq!(read(&path, filter.clone()), (expected, Vec::new()), "{filter:?}");
    }
}

#[test]
fn the_index_has_the_numbers_of_the_file() {
    let directory = directory();
    let records = many(500);
    let path = write(&options(directory.path()), &records);
    let archive = Archive::open(&path).unwrap();
    let index = archive.index().unwrap();
    let counts = || index.frames.iter().flat_map(|frame| &frame.counts);
    assert_eq!(counts().map(|count| count.events).sum::<u64>(), 500);
    let header = archive.parts()[0];
    let content: u64 = index.frames.iter().map(|frame| frame.content).sum();
    assert_eq!(counts().map(|count| count.bytes).sum::<u64>(), content);
    assert_eq!(index.frames[0].offset, header.offset + header.size);
    let runs: u64 = index.frames.iter().flat_map(|frame| &frame.runs).map(|run| run.events).sum();
    assert_eq!(runs, 500);
    assert_eq!(archive.span_ns(), Some((NOW, NOW + 499_000_000)));
}
