//! The files of a fleet.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::process::end_of;

#[tokio::test]
async fn files_are_made_once_and_say_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (list, to) = (folder.path().join("fleet.toml"), folder.path().join("fleet"));
    let (list_arg, to_arg) = (list.to_str().unwrap().to_owned(), to.to_str().unwrap().to_owned());
    let made = end_of(&["fleet", "init", &list_arg]).await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(end_of(&["fleet", "init", &list_arg]).await.code, 2, "a list that is there stays");
    let write =
        async |more: &[&str]| end_of(&[&["fleet", "write", &list_arg, "--to", &to_arg][..], more].concat()).await;

    assert_eq!(write(&["--dry-run"]).await.code, 1);
    assert!(!to.exists());
    let first = write(&[]).await;
    assert!(first.code == 0 && first.stdout.contains("new: ") && first.stdout.contains("tokyo/nats-server.conf"));
    for folder in [&to, &to.join("tokyo"), &to.join("hub")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }
    assert_eq!(write(&[]).await.stdout, "nothing changed\n");
    let key = fs::read(to.join("tokyo/leaf.key")).unwrap();
    let hub = fs::read_to_string(to.join("hub/nats-server.conf")).unwrap();

    // Another host; a setting; a host that is gone, whose password the hub forgets.
    let text = fs::read_to_string(&list).unwrap();
    let (before, _) = text.split_once("[[host]]\nname = \"paris\"").unwrap();
    let changed = before.replace("keep = \"2GiB\"", "keep = \"3GiB\"")
        + "[[host]]\nname = \"lima\"\n[[host.node]]\nname = \"lima1\"\nchain = \"signet\"\nextract = [\"rpc\", \"p2p\"]\n";
    fs::write(&list, changed).unwrap();
    let second = write(&[]).await;
    for line in ["removed: ", "paris/leaf.key", "lima/leaf.key", "-jetstream {", "+jetstream {"] {
        assert!(second.stdout.contains(line), "{line}: {}", second.stdout);
    }
    assert!(!to.join("paris").exists());
    assert_eq!(fs::read(to.join("tokyo/leaf.key")).unwrap(), key, "keys are kept");
    let now = fs::read_to_string(to.join("hub/nats-server.conf")).unwrap();
    let password = |text: &str, host: &str| {
        let from = text.split_once(&format!("user: \"{host}\", password: \""))?.1;
        Some(from.split('"').next()?.to_owned())
    };
    assert_eq!(password(&now, "tokyo"), password(&hub, "tokyo"));
    assert!(password(&hub, "paris").is_some() && password(&now, "paris").is_none() && !now.contains("paris"));
    assert!(!second.stdout.contains(&password(&hub, "paris").unwrap()), "no secret is shown");

    let conf = fs::read_to_string(to.join("lima/bitcoin-lima1.conf")).unwrap();
    assert!(conf.contains("rpcwhitelist=peer-observer:getpeerinfo,"), "{conf}");
    assert!(conf.contains("signet.addnode=127.0.0.2:28333"), "{conf}");
    let check =
        end_of(&["run", "--print-config", "--config", to.join("tokyo/peer-observer.toml").to_str().unwrap()]).await;
    assert_eq!(check.code, 0, "{}", check.stderr);

    // Rotation: of one host only.
    let rotated = write(&["--rotate", "lima"]).await;
    let changed: Vec<&str> = rotated.stdout.lines().filter(|line| line.starts_with("changed: ")).collect();
    assert!(!changed.is_empty() && !changed.iter().any(|line| line.contains("tokyo")), "{}", rotated.stdout);
    for (wrong, words) in [
        ("[hub]\naddress = \"h\"\n", "there are 0 hosts"),
        ("[hub]\naddress = \"h\"\n[[host]]\nname = \"a.b\"\n", "a.b"),
        ("[hub]\naddress = \"h\"\n[[host]]\nname = \"a\"\n[[host.node]]\nname = \"n\"\nextract = [\"ebfp\"]\n", "ebfp"),
        ("[hub]\naddress = \"h\"\n[[host]]\nname = \"hub\"\n", "is taken"),
        ("[hub]\nadress = \"h\"\n", "adress"),
    ] {
        fs::write(&list, wrong).unwrap();
        let refused = write(&[]).await;
        assert!(refused.code == 2 && refused.stderr.contains(words), "{wrong}: {}", refused.stderr);
    }
}
