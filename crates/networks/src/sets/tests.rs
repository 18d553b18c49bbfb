use std::fs;

use proptest::prelude::*;

use super::*;

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn source(name: &str, path: PathBuf) -> SetSource {
    SetSource { name: name.to_owned(), path }
}

#[test]
fn what_is_built_in() {
    let sets = Sets::builtin();
    let of =
        |ip: &str| sets.of(ip.parse().unwrap()).indexes().map(|index| sets.names()[index].clone()).collect::<Vec<_>>();
    assert_eq!(of("143.20.137.9"), ["linkinglion"]);
    assert_eq!(of("::ffff:104.234.118.2"), ["linkinglion"]);
    assert_eq!(of("104.234.118.3"), [""; 0]);
    assert_eq!(of("2604:d500:4:1::77"), ["linkinglion_pre2026"]);
    assert_eq!(of("103.246.186.255"), ["bitprojects"]);
    assert_eq!(sets.sizes().map(|(_, size)| size).filter(|size| *size == 0).count(), 3);
}

#[test]
fn files_in_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let plain =
        write(folder, "plain.txt", "# comment\r\n1.2.3.4\r\n\n10.0.0.0/8 ; old\n::1/128 # x\nnonsense\n1.2.3.4/33\n");
    let tor = write(
        folder,
        "tor",
        "ExitNode 0011\nPublished 2026-01-01 00:00:00\nLastStatus 2026-01-01\nExitAddress 5.6.7.8 2026-01-01 00:00:00\n",
    );
    let entity = write(
        folder,
        "one.toml",
        "name = \"x\"\ntags = [\"tx-spy\"]\n[[networks]]\ncidr = \"7.7.0.0/16\"\nadded = 2026-01-01\n[[networks]]\ncidr = \"8.8.0.0/16\"\nremoved = 2026-02-02\n",
    );
    let old = write(
        folder,
        "entities.toml",
        "[[entity]]\nname = \"a\"\nips = [\"9.9.9.9\", \"bad\"]\n[[entity]]\nname = \"b\"\nips = [\"9.9.8.0/24\"]\n",
    );
    let sources =
        [source("plain", plain.clone()), source("tor_exit", tor), source("entities", entity), source("entities", old)];
    let (sets, warnings) = Sets::load(&sources, None).unwrap();
    let table = [
        ("1.2.3.4", "plain"),
        ("10.255.0.1", "plain"),
        ("::1", "plain"),
        ("5.6.7.8", "tor_exit"),
        ("7.7.1.1", "entities"),
        ("9.9.9.9", "entities"),
        ("9.9.8.1", "entities"),
    ];
    for (ip, name) in table {
        assert!(sets.of(ip.parse().unwrap()).has(sets.index(name).unwrap()), "{ip} {name}");
    }
    assert!(sets.of("8.8.8.8".parse().unwrap()).is_empty(), "given up");
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains("plain.txt:6: \"nonsense\""), "{warnings:?}");

    assert!(!sets.changed());
    fs::write(&plain, "4.4.4.4").unwrap();
    assert!(sets.changed());

    let (sets, _) = Sets::load(&[source("linkinglion", folder.to_owned())], None).unwrap();
    assert!(sets.of("4.4.4.4".parse().unwrap()).has(0), "a folder replaces what is built in");
    assert!(sets.of("143.20.137.9".parse().unwrap()).is_empty());
    fs::write(folder.join("new.list"), "6.6.6.6").unwrap();
    assert!(sets.changed());
    let gone = [source("linkinglion", folder.join("gone")), source("new", folder.join("new.list"))];
    let (sets, warnings) = Sets::load(&gone, Some(&sets)).unwrap();
    assert!(sets.of("4.4.4.4".parse().unwrap()).has(0), "what was there before stays");
    assert!(sets.of("6.6.6.6".parse().unwrap()).has(sets.index("new").unwrap()));
    assert!(warnings[0].text.ends_with("its networks of before stay in use") && !sets.changed());
    for (name, path) in [("Bad", "x"), ("gone", "/nowhere/at/all")] {
        assert!(
            Sets::load(&[source(name, path.into())], None).unwrap_err().to_string().contains(path) || name == "Bad"
        );
    }
}

/// Networks of one set from one path, and warnings.
fn read(path: PathBuf) -> (Vec<String>, Vec<String>) {
    let (sets, warnings) = Sets::load(&[source("here", path)], None).unwrap();
    let networks = sets.networks[sets.index("here").unwrap()].iter().map(ToString::to_string).collect();
    (networks, warnings.into_iter().map(|warning| warning.text).collect())
}

/// The cases lists-01 and lists-02: the form of banlist.cli.txt (nix-bitcoin), and a removed entity of bitcoin-noc/banlist with its list.
#[test]
fn lists_of_others() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (networks, warnings) = read(cases.join("lists-01/gmax_cli.txt"));
    assert_eq!(networks, ["192.0.2.64/32", "198.51.100.0/24"]);
    assert_eq!(warnings, [""; 0]);
    for (path, expected) in [("entities", &["198.51.100.0/24"][..]), ("entities/gone.ips.txt", &[])] {
        let (networks, warnings) = read(cases.join("lists-02").join(path));
        assert_eq!(networks, expected);
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn ban_lists_in_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("setban 192.0.2.1 add 1\nsetban \"192.0.2.4/30\" \"add\" 1\n", &["192.0.2.1/32", "192.0.2.4/30"][..]),
        ("#!/bin/sh\nbitcoin-cli -datadir=/d setban '192.0.2.1/32' add 1 true # why\n", &["192.0.2.1/32"]),
        ("sudo -u bitcoin bitcoin-cli setban 192.0.2.0/255.255.255.0 add; # why", &["192.0.2.0/24"]),
        ("setban 192.0.2.1 add\nsetban 192.0.2.3 add\nsetban 192.0.2.1 remove\n", &["192.0.2.3/32"]),
        ("bitcoin-cli setban 192.0.2.1 add\nbitcoin-cli clearbanned\nsetban 2001:db8::/32 add 5\n", &["2001:db8::/32"]),
        (
            "\u{feff}192.0.2.1\r\n192.0.2.3,\n\"192.0.2.5\",\"name\"\n",
            &["192.0.2.1/32", "192.0.2.3/32", "192.0.2.5/32"],
        ),
        (
            r#"{"banned_nets":[{"version":1,"ban_created":1,"banned_until":2,"address":"192.0.2.0/24"}]}"#,
            &["192.0.2.0/24"],
        ),
        (r#"[{"address":"192.0.2.7/32","ban_created":1,"banned_until":2,"ban_duration":1}]"#, &["192.0.2.7/32"]),
        ("@type tornode 1.0\nDownloaded 2026-01-01 00:00:00\nExitNode 0\nExitAddress 192.0.2.9 x\n", &["192.0.2.9/32"]),
        ("[]", &[]),
    ] {
        let (networks, warnings) = read(write(folder.path(), "list.txt", text));
        assert_eq!(networks, expected, "{text}");
        assert_eq!(warnings, [""; 0], "{text}");
    }
    let (networks, warnings) = read(write(folder.path(), "bad.txt", "setban nonsense add 1\nsetban\n{\n"));
    assert_eq!((networks.len(), warnings.len()), (0, 3), "{warnings:?}");
    assert!(warnings[0].contains("bad.txt:1: \"nonsense\" is no IP address"), "{warnings:?}");
}

#[test]
fn ends_of_bans() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("192.0.2.1 # until 2026-12-31T00:00:00Z; why\n", Some(1_798_675_200)),
        ("192.0.2.1 # some day until 2026-12-31T00:00:00Z\n", None),
        ("192.0.2.1 # until they stop\n", None),
        ("bitcoin-cli setban 192.0.2.1 add 1798675200 true # why\n", Some(1_798_675_200)),
        ("bitcoin-cli setban 192.0.2.1 add 31557600\n", None),
        (r#"[{"address":"192.0.2.1/32","ban_created":1,"banned_until":1798675200}]"#, Some(1_798_675_200)),
    ] {
        let sources = [source("here", write(folder.path(), "list.txt", text))];
        let (found, warnings) = entries(&sources, "here").unwrap();
        assert_eq!(found, [Entry { network: "192.0.2.1/32".parse().unwrap(), until_s: expected }], "{text}");
        assert_eq!(warnings, [], "{text}");
    }
    assert_eq!(entries(&[], "linkinglion").unwrap().0.len(), 6);
    let error = entries(&[], "linkinglions").unwrap_err().to_string();
    assert!(error.contains("bitprojects, ") && error.contains("--set linkinglions=FILE"), "{error}");
}

#[test]
fn what_a_ban_list_has_given_up_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let list = write(folder.path(), "a.ips.txt", "192.0.2.1\n");
    write(folder.path(), "ab.ips.txt", "192.0.2.3\n");
    for (entity, expected) in [
        ("removed = 2024-01-01\nips = [\"192.0.2.5\"]", &["192.0.2.3/32"][..]),
        ("removed = \"2024-01-01\"", &["192.0.2.3/32"]),
        ("removed = true", &["192.0.2.3/32"]),
        ("removed = false\nips = [\"192.0.2.5\"]", &["192.0.2.1/32", "192.0.2.3/32", "192.0.2.5/32"]),
        ("removed = \"\"", &["192.0.2.1/32", "192.0.2.3/32"]),
        (
            "[[ips]]\nip = \"192.0.2.5\"\nremoved = 2024-01-01\n[[ips]]\nip = \"192.0.2.7\"",
            &["192.0.2.1/32", "192.0.2.3/32", "192.0.2.7/32"],
        ),
    ] {
        write(folder.path(), "a.toml", entity);
        assert_eq!(
            read(folder.path().to_owned()),
            (expected.iter().map(ToString::to_string).collect(), vec![]),
            "{entity}"
        );
    }
    // A list that is configured alone follows its entity too.
    let (sets, _) = Sets::load(&[source("here", list)], None).unwrap();
    assert!(!sets.changed());
    write(folder.path(), "a.toml", "removed = 2024-01-01");
    assert!(sets.changed());
}

proptest! {
    #[test]
    fn the_same_as_looking_at_each_network(
        networks in prop::collection::vec((0usize..5, any::<u32>(), 0u8..=32), 0..60),
        addresses in prop::collection::vec(any::<u32>(), 30),
    ) {
        let mut sets = vec![(String::new(), Vec::new()); 5];
        for (set, ip, length) in networks {
            sets[set].1.push(IpNet::new(IpAddr::from((ip & 0xff03_0300).to_be_bytes()), length).unwrap().trunc());
        }
        let built = Sets::build(sets.clone(), Vec::new());
        let edges = sets.iter().flat_map(|(_, all)| all).flat_map(|net| [net.network(), net.broadcast()]);
        let addresses = addresses.into_iter().map(|ip| IpAddr::from((ip & 0xff03_0301).to_be_bytes()));
        for ip in addresses.chain(edges) {
            let expected: Vec<usize> = (0..5).filter(|set| sets[*set].1.iter().any(|net| net.contains(&ip))).collect();
            prop_assert_eq!(built.of(ip).indexes().collect::<Vec<_>>(), expected, "{}", ip);
        }
    }
}
