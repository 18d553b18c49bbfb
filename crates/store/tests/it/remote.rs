//! Files in a real S3-compatible store: what is put there is compared, and of archives only what is asked for is fetched.

use event::pb::log_extractor::log::LogEvent;
use event::{Body, pb};
use store::archive::{Damage, merge};
use store::remote::{Client, Digest, ObjectUrl, Options as Account, State};
use testbed::S3Server;

use super::*;

fn url(key: &str) -> ObjectUrl {
    format!("s3://{}/{key}", S3Server::BUCKET).parse().unwrap()
}

fn random(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(bytes).collect()
}

/// A file of some megabytes.
fn large(directory: &Path) -> (PathBuf, Vec<Record>) {
    let mut random = fastrand::Rng::with_seed(7);
    let records = (0..8_000u64).map(|index| {
        let text: String = std::iter::repeat_with(|| random.alphanumeric()).take(1000).collect();
        let log_event = Some(LogEvent::UnknownLogMessage(pb::log_extractor::UnknownLogMessage { raw_message: text }));
        let body = Body::LogExtractor(pb::log_extractor::Log { log_event, ..Default::default() });
        let record = Record::new("alice".into(), 7, index + 1, NOW + index * 1_000_000, body);
        Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap()
    });
    let records: Vec<_> = records.collect();
    (write(&Options { frame_bytes: Some(100_000), ..options(directory) }, &records), records)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_compared_and_large_files_go_in_parts() {
    let (server, directory) = (S3Server::start().unwrap(), directory());
    let client = Client::new(server.account());
    let folder = client.folder(&url("some/where")).unwrap();
    let never = std::future::pending::<()>;
    for (name, size) in [("empty", 0), ("small", 1000), ("one", 8 << 20), ("large", (20 << 20) + 1)] {
        let file = directory.path().join(name);
        std::fs::write(&file, random(size)).unwrap();
        let (digest, at) = (Digest::of(&file).unwrap(), folder.at(name).unwrap());
        assert_eq!(digest.e_tag.ends_with("-3"), name == "large");
        assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Missing);
        folder.put(&at, &file, &digest, never()).await.unwrap();
        // By the ETag, without reading it; where that says nothing, by reading it.
        let served = server.served();
        assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Same, "{name}");
        assert_eq!(server.served(), served);
        server.hide_hashes(true);
        assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Same, "{name}");
        assert_eq!(server.served(), served + size as u64);
        server.hide_hashes(false);
    }
    let (digest, at) = (Digest::of(&directory.path().join("small")).unwrap(), folder.at("small").unwrap());
    // Another content of the same size, as if the disk had done it.
    std::fs::write(server.path("some/where/small"), vec![0; 1000]).unwrap();
    server.hide_hashes(true);
    assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Damaged);
    server.hide_hashes(false);
    folder.put_small(&at, vec![0; 1000]).await.unwrap();
    assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Other);
    assert_eq!(folder.get_small(&at).await.unwrap().unwrap(), vec![0; 1000]);
    assert_eq!(folder.list(folder.url()).await.unwrap().len(), 4);
    folder.remove(&at).await.unwrap();
    assert_eq!(folder.verify(&at, &digest).await.unwrap(), State::Missing);
    // One that is given up leaves nothing.
    let (file, at) = (directory.path().join("large"), folder.at("given-up").unwrap());
    let digest = Digest::of(&file).unwrap();
    folder.put(&at, &file, &digest, std::future::ready(())).await.unwrap_err();
    assert!(!server.keys().iter().any(|key| key.contains("given-up")), "{:?}", server.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_object_and_the_remedy_and_no_secret() {
    let server = S3Server::start().unwrap();
    let wrong = Account { secret_access_key: Some("very secret".to_owned()), ..server.account() };
    assert!(!format!("{wrong:?}").contains("secret"));
    let ask = |account: Account| async move {
        Client::new(account).folder(&url("x")).unwrap().get_small(&url("x")).await.unwrap_err()
    };
    let error = ask(wrong).await;
    let text = format!("{error} {error:?}");
    assert!(text.contains("s3://bucket/x") && text.contains("check the keys"), "{text}");
    assert!(!text.contains("very secret") && !error.is_passing(), "{text}");
    server.set_away(true);
    let error = ask(server.account()).await;
    assert!(error.is_passing(), "{error}");
    assert!(!format!("{error} {error:?}").contains(S3Server::SECRET_KEY));
    let http = Account { allow_http: false, ..server.account() };
    let error = ask(http).await;
    assert!(error.to_string().contains("s3://bucket/x"), "{error}");
}

#[test]
fn of_an_indexed_archive_only_what_is_asked_for_is_fetched() {
    let (server, directory) = (S3Server::start().unwrap(), directory());
    let (path, records) = large(directory.path());
    let size = std::fs::metadata(&path).unwrap().len();
    let name = path.file_name().unwrap().to_str().unwrap();
    for key in [format!("archive/{name}"), "archive/other.txt".to_owned(), format!("archive/below/{name}")] {
        std::fs::create_dir_all(server.path(&key).parent().unwrap()).unwrap();
        std::fs::copy(&path, server.path(&key)).unwrap();
    }
    let client = Client::new(server.account());
    let places = client.archives(&url("archive")).unwrap();
    assert_eq!(places[0].to_string(), format!("s3://bucket/archive/{name}"));
    assert_eq!(places.len(), 1);
    assert_eq!(client.archives(&url(&format!("archive/{name}"))).unwrap().len(), 1);
    for (none, why) in [("nothing", "there is no archive"), ("archive/below/x", "there is no archive")] {
        assert!(client.archives(&url(none)).unwrap_err().to_string().contains(why));
    }

    let start = server.served();
    let some = Filter { since_ns: Some(NOW + 4_000_000_000), until_ns: Some(NOW + 4_050_000_000), ..Filter::default() };
    let found: Vec<_> =
        Archive::open(places[0].clone()).unwrap().records(some.clone()).map(|r| r.unwrap().bytes().clone()).collect();
    let expected: Vec<_> = records.iter().filter(|record| some.matches(record)).map(|r| r.bytes().clone()).collect();
    assert_eq!(found, expected);
    let fetched = server.served() - start;
    assert!(fetched < size / 8, "{fetched} of {size}");

    let (start, requests) = (server.served(), server.requests());
    let all: Result<Vec<_>, _> = merge(places.clone(), Filter::default()).unwrap().collect();
    assert_eq!(bytes(&all.unwrap()), bytes(&records));
    let (fetched, requests) = (server.served() - start, server.requests() - requests);
    // Opened twice, by what is at its end; and read ahead in ever larger pieces.
    assert!(fetched < size + (1 << 20) && requests < 16, "{fetched} of {size} in {requests} requests");

    // What is gone, or was replaced, is reported where it is missing.
    let archive = Archive::open(places[0].clone()).unwrap();
    std::fs::remove_file(server.path(&format!("archive/{name}"))).unwrap();
    let missing: Vec<Damage> = archive.records(Filter::default()).filter_map(Result::err).collect();
    assert!(!missing.is_empty());
}
