//! Complete files go to a real S3-compatible store, and are removed here only when they are there.

use archive::Upload;
use bus::counters::{ARCHIVE_UPLOAD_WAITING, ARCHIVE_UPLOADS};
use store::remote::{Client, Options as Account};
use testbed::S3Server;

use super::*;

fn upload(account: Account, remove: bool) -> Option<Upload> {
    Some(Upload { folder: Client::new(account).folder(&"s3://bucket/archive".parse().unwrap()).unwrap(), remove })
}

impl Running {
    fn count(&self, result: &'static str) -> f64 {
        self.bus.accounts().count(&ARCHIVE_UPLOADS, [result]).get()
    }

    fn waiting(&self) -> f64 {
        self.bus.accounts().count(&ARCHIVE_UPLOAD_WAITING, []).get()
    }

    /// Publishes some events, so many that there are several files.
    async fn publish_some(&self, sequences: std::ops::RangeInclusive<u64>) {
        let end = *sequences.end();
        for sequence in sequences {
            self.publish(event(sequence, 4000)).await;
            self.until("durability", |running| running.durable() >= sequence.saturating_sub(10)).await;
        }
        self.until("durability", |running| running.durable() == end).await;
    }
}

/// The archives in the store: copies of them, for what the tests ask of files.
fn stored(server: &S3Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for key in server.keys() {
        if let Some(name) = key.strip_prefix("archive/") {
            std::fs::copy(server.path(&key), folder.path().join(name)).unwrap();
        }
    }
    folder
}

fn notes(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".uploaded")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_to_the_store_also_those_of_a_run_before_and_stay_here() {
    let (server, directory) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    // This run has no store.
    let running = Running::start(Options { max_file_bytes: 50_000, ..options(directory.path()) });
    running.publish_some(1..=40).await;
    running.end().await;
    let before = paths(directory.path()).len() as f64;
    assert!(before > 1.0);
    // This one's is away: nothing else waits for it.
    server.set_away(true);
    let with_store = |remove| Options {
        max_file_bytes: 50_000,
        upload: upload(server.account(), remove),
        ..options(directory.path())
    };
    let running = Running::start(with_store(false));
    running.publish_some(1..=40).await;
    running.until("failure", |running| running.count("failed") > 0.0 && running.waiting() >= before).await;
    assert_eq!((server.keys().len(), notes(directory.path())), (0, 0));
    server.set_away(false);
    running.until("upload", |running| running.waiting() == 0.0 && running.count("uploaded") > before).await;
    running.end().await;
    let local = paths(directory.path());
    assert_eq!(notes(directory.path()), local.len());
    let there = stored(&server);
    for path in &local {
        let object = there.path().join(path.file_name().unwrap());
        assert!(std::fs::read(path).unwrap() == std::fs::read(object).unwrap(), "{path:?}");
    }
    // Nothing is sent again. What was changed there meanwhile is, before anything is removed here.
    let changed = server.path(&format!("archive/{}", local[0].file_name().unwrap().to_str().unwrap()));
    let content = std::fs::read(&changed).unwrap();
    std::fs::write(&changed, &content[1..]).unwrap();
    let running = Running::start(with_store(true));
    running.until("removal", |_| local.iter().all(|path| !path.exists())).await;
    assert_eq!((running.count("uploaded"), notes(directory.path())), (1.0, 0));
    assert!(std::fs::read(&changed).unwrap() == content);
    running.end().await;
    let mut found = sequences(&all(stored(&server).path()));
    found.sort_unstable();
    assert_eq!(found, (1..=40).flat_map(|sequence| [sequence, sequence]).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_verified_is_not_removed() {
    let (server, directory) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let running = Running::start(options(directory.path()));
    running.publish_some(1..=5).await;
    running.end().await;
    let path = paths(directory.path()).remove(0);
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();

    // With a wrong key: it is kept, whatever its age.
    let wrong = Account { secret_access_key: Some("wrong".to_owned()), ..server.account() };
    let refused = Options {
        upload: upload(wrong, true),
        keep_age: Some(Duration::from_millis(1)),
        max_file_bytes: 4000,
        ..options(directory.path())
    };
    let running = Running::start(refused.clone());
    running.publish_some(1..=6).await;
    running.until("next file", |_| paths(directory.path()).len() > 2).await;
    running.until("failure", |running| running.count("failed") > 0.0).await;
    running.end().await;
    assert!(path.exists() && server.keys().is_empty());

    // Of the same name and size, but of another archiver: neither is touched.
    let object = server.path(&format!("archive/{name}"));
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    let other = vec![7; path.metadata().unwrap().len() as usize];
    std::fs::write(&object, &other).unwrap();
    let allowed = Options { upload: upload(server.account(), true), ..options(directory.path()) };
    let running = Running::start(allowed);
    running.until("uploads of the others", |running| running.waiting() == 1.0 && running.count("failed") == 1.0).await;
    running.end().await;
    assert_eq!(std::fs::read(&object).unwrap(), other);
    assert!(path.exists());

    // Only the size of all makes files go that are nowhere else.
    let full = Options { keep_bytes: Some(1), ..refused };
    let running = Running::start(full);
    running.publish_some(1..=6).await;
    running.until("removal", |_| !path.exists()).await;
    running.end().await;
}

/// What an archive in the store says when it is read there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_read_from_there() {
    let (server, directory) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let running = Running::start(Options { upload: upload(server.account(), true), ..options(directory.path()) });
    running.publish_some(1..=5).await;
    running.end().await;
    assert_eq!(server.keys().iter().filter(|key| key.ends_with(".bin.zst")).count(), 1, "the end waits for it");
    let client = Client::new(server.account());
    let find = move || client.archives(&"s3://bucket/archive".parse().unwrap()).unwrap();
    let place = tokio::task::spawn_blocking(find).await.unwrap().remove(0);
    let info = archive::Info::read(&Archive::open(place).unwrap(), true);
    assert_eq!((info.status, info.events, info.missing.len()), ("complete", 5, 0));
    assert!(info.file.starts_with("s3://bucket/archive"), "{:?}", info.file);
}
