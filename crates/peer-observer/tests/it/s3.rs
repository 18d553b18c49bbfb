//! Places in a store in place of files, with a real S3-compatible server.

use event::NodeNames;
use store::archive::{self, Writer};
use testbed::{NatsServer, S3Server, eventually};
use tokio::process::Command;

use super::cli::SAMPLES;
use super::process::{Ended, PATIENCE, Running, command, end_of_command};
use super::web::url_of;

/// An hour before now.
fn begin_ns() -> u64 {
    event::time::now_ns() - 3_600_000_000_000
}

/// A command that knows the store.
fn with(server: &S3Server, args: &[&str]) -> Command {
    let mut command = command(args);
    command.envs(server.env());
    command
}

async fn end_of(server: &S3Server, args: &[&str]) -> Ended {
    end_of_command(with(server, args), b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_goes_to_a_store_and_is_read_from_there() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = Writer::create(&archive::Options::new(folder.path()), begin_ns()).unwrap();
    let mut names = NodeNames::default();
    for line in SAMPLES.lines() {
        writer.append(&event::json::from_json(line, &mut names).unwrap()).unwrap();
    }
    let from = writer.path().to_str().unwrap().to_owned();
    writer.finish().unwrap();
    let directory = folder.path().join("archive");
    let here = || archive::files([&directory]).unwrap().len();
    let to_store = ["--archive-directory", directory.to_str().unwrap(), "--archive-upload", "s3://bucket/archive"];
    let args = [&["archive", &from][..], &to_store, &["--archive-remove-uploaded"]].concat();
    let ended = end_of(&server, &args).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for _ in 0..10 {
        // What the end of one did not wait for, the next start does.
        if here() > 0 {
            end_of(&server, &[&["archive", "--stdin"][..], &to_store, &["--archive-remove-uploaded"]].concat()).await;
        }
    }
    assert_eq!(here(), 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("verified, and removed here"), "{}", ended.stderr);

    let ended = end_of(&server, &["watch", "s3://bucket/archive", "-o", "json"]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, SAMPLES.lines().count()), "{}", ended.stderr);
    let ended = end_of(&server, &["watch", "s3://bucket/archive", "-o", "json", "--kind", "status"]).await;
    assert!(ended.stdout.lines().count() > 0 && ended.stdout.lines().all(|line| line.contains(r#""kind":"status""#)));
    let ended = end_of(&server, &["archive", "check", "s3://bucket/archive"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = end_of(&server, &["archive", "info", "s3://bucket/archive", "-o", "json"]).await;
    assert!(ended.stdout.starts_with(r#"{"file":"s3://bucket/archive/archive."#), "{}", ended.stdout);
    let merged = folder.path().join("merged").to_str().unwrap().to_owned();
    let ended = end_of(&server, &["archive", "merge", "s3://bucket/archive", "--to", &merged]).await;
    assert_eq!((ended.code, archive::files([&merged]).unwrap().len()), (0, 1), "{}", ended.stderr);

    let export = ["export", "s3://bucket/archive", "--to", "s3://bucket/export", "--tables", "messages,events"];
    let ended = end_of(&server, &export).await;
    assert!(ended.code == 0 && ended.stdout.contains("-init s3://bucket/export/tables.sql"), "{}", ended.stderr);
    let keys = server.keys();
    assert!(keys.iter().any(|key| key.starts_with("export/table=messages/date=2026-01-31/part-archive.")), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_named_and_secrets_are_not() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let info = ["archive", "info", "s3://bucket/archive"];
    let mut wrong = with(&server, &info);
    wrong.env("AWS_SECRET_ACCESS_KEY", "very secret");
    let ended = end_of_command(wrong, b"").await;
    assert!(ended.code == 2 && ended.stderr.contains("check the keys in [s3]"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("very secret"), "{}", ended.stderr);
    let mut plain = with(&server, &info);
    plain.env_remove("AWS_ALLOW_HTTP");
    let ended = end_of_command(plain, b"").await;
    assert!(ended.code == 2 && ended.stderr.contains("permit it with allow_http"), "{}", ended.stderr);
    for (args, why) in [
        (&info[..], "there is no archive"),
        (&["archive", "info", "s3:///archive"], "write s3://BUCKET"),
        (&["watch", "s3://nobucket/archive"], "no such object or bucket"),
        (&["run", "--archive-upload", "/somewhere", "--check"], "archive.upload is \"/somewhere\""),
    ] {
        let ended = end_of(&server, args).await;
        assert!(ended.code != 0 && ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }

    // In the configuration file.
    let config = folder.path().join("peer-observer.toml");
    let (key, secret) = (S3Server::ACCESS_KEY, S3Server::SECRET_KEY);
    std::fs::write(&config, section(&server)).unwrap();
    let config = config.to_str().unwrap();
    let without_env = |args: &[&str]| {
        let mut command = command(args);
        server.env().iter().for_each(|(name, _)| _ = command.env_remove(name));
        command
    };
    let ended = end_of_command(without_env(&["archive", "info", "s3://bucket/archive", "--config", config]), b"").await;
    assert!(ended.stderr.contains("there is no archive"), "{}", ended.stderr);
    let ended = end_of_command(without_env(&["run", "--print-config", "--config", config]), b"").await;
    assert!(ended.stdout.contains(key) && !ended.stdout.contains(secret), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_web_is_filled_from_a_store_that_the_configuration_names() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let nats = match NatsServer::start("").await {
        Ok(nats) => nats,
        Err(error) => return testbed::skipped(&error.to_string()),
    };
    let mut writer = Writer::create(&archive::Options::new(folder.path()), begin_ns()).unwrap();
    let body = event::json::from_json(SAMPLES.lines().next().unwrap(), &mut NodeNames::default()).unwrap();
    let record = event::Record::new("carol".into(), 7, 1, begin_ns(), body.body().unwrap().clone());
    writer.append(&record).unwrap();
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    let object = server.path(&format!("archive/{}", path.file_name().unwrap().to_str().unwrap()));
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    std::fs::copy(path, object).unwrap();
    let config = folder.path().join("peer-observer.toml");
    std::fs::write(&config, section(&server)).unwrap();
    let (url, config) = (nats.url(), config.to_str().unwrap());
    let history = ["--web-history", "s3://bucket/archive", "--config", config];
    let mut command = command(&[&["web", "--nats", &url, "--web-listen", "127.0.0.1:0"][..], &history].concat());
    server.env().iter().for_each(|(name, _)| _ = command.env_remove(name));
    let running = Running::start_command(command);
    let url = url_of(&running).await;
    let known = || async {
        let nodes = reqwest::get(format!("{url}api/nodes")).await.ok()?.text().await.ok()?;
        nodes.contains("carol").then_some(())
    };
    eventually("the node of the archive", PATIENCE, known).await.unwrap();
    running.signal("-TERM");
    running.end().await;
}

/// The section of the configuration file that names a store.
fn section(server: &S3Server) -> String {
    let (endpoint, key, secret) = (server.endpoint(), S3Server::ACCESS_KEY, S3Server::SECRET_KEY);
    let keys = format!("access_key_id = \"{key}\"\nsecret_access_key = \"{secret}\"\nallow_http = true\n");
    format!("[s3]\nendpoint = \"{endpoint}\"\n{keys}")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(feature = "export")]
async fn a_folder_is_followed_into_a_store_until_a_signal() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let options = archive::Options::new(folder.path());
    let mut writer = Writer::create(&options, begin_ns()).unwrap();
    let line = SAMPLES.lines().next().unwrap();
    let sample = event::json::from_json(line, &mut NodeNames::default()).unwrap();
    let at = |time_ns: u64| event::Record::new("alice".into(), 7, 1, time_ns, sample.body().unwrap().clone());
    writer.append(&at(begin_ns())).unwrap();
    writer.end_frame().unwrap();
    writer.append(&at(begin_ns() + 3_600_000_000_000)).unwrap();
    writer.end_frame().unwrap();
    let args = ["export", folder.path().to_str().unwrap(), "--follow", "--to", "s3://bucket/export"];
    let running = Running::start_command(with(&server, &args));
    running.wait_until_logged("1 events in").await;
    running.signal("-TERM");
    let (status, logged) = running.end().await;
    assert_eq!(status.code(), Some(0), "{logged}");
    assert!(server.keys().contains(&"export/follow.json".to_owned()), "{:?}", server.keys());
    let ended = end_of(&server, &["export", "s3://bucket/archive", "--follow", "--to", "s3://bucket/export"]).await;
    assert!(ended.code == 2 && ended.stderr.contains("one folder of this machine"), "{}", ended.stderr);
}
