use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::{Block, BlockHash, Transaction};
use fastrand::Rng;
use object::elf::{FileHeader64, NoteType};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, elf};
use serde_json::Value;
use testbed::eventually;
use testbed::tracepoint::payload::{self, Message};
use testbed::tracepoint::{Event, Load, Mix, Plan, Probe};

const SOON: Duration = Duration::from_secs(30);

/// A place in a program where a probe is.
struct Site {
    name: String,
    location: u64,
    base: u64,
    semaphore: u64,
    arguments: String,
    /// The byte at the location.
    code: u8,
}

/// Address and size of a section, and whether it is writable and in the file.
type Section = (u64, u64, bool);

/// Of the addresses at which a program's file is mapped writable, those that show the same place of it as this address.
fn mappings(path: &Path, address: u64) -> Vec<u64> {
    const PAGE: u64 = 4096;
    let data = std::fs::read(path).unwrap();
    let header = FileHeader64::<Endianness>::parse(data.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, data.as_slice()).unwrap();
    let writable = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD && segment.p_flags(endian).0 & elf::PF_W.0 != 0);
    // Where it is mapped, and the part of the file, in whole pages.
    let mapped: Vec<_> = writable
        .map(|segment| {
            let (start, offset) = (segment.p_vaddr(endian), segment.p_offset(endian));
            let end = (offset + segment.p_filesz(endian)).next_multiple_of(PAGE);
            (start - offset % PAGE, offset - offset % PAGE..end)
        })
        .collect();
    let mut offsets = mapped.iter().filter_map(|(start, part)| {
        let offset = part.start + address.checked_sub(*start)?;
        part.contains(&offset).then_some(offset)
    });
    let offset = offsets.next_back().unwrap();
    mapped.iter().filter(|(_, part)| part.contains(&offset)).map(|(start, part)| start + offset - part.start).collect()
}

fn sites(path: &Path) -> (Vec<Site>, BTreeMap<String, Section>) {
    let data = std::fs::read(path).unwrap();
    let header = FileHeader64::<Endianness>::parse(data.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let table = header.sections(endian, data.as_slice()).unwrap();
    let (mut sites, mut sections) = (Vec::new(), BTreeMap::new());
    let text = table.section_by_name(endian, b".text").unwrap().1;
    let (start, code) = (text.sh_addr(endian), text.data(endian, data.as_slice()).unwrap());
    for section in table.iter() {
        let name = String::from_utf8(table.section_name(endian, section).unwrap().to_vec()).unwrap();
        let in_file = section.sh_type(endian) == elf::SHT_PROGBITS;
        let writable = section.sh_flags(endian).0 & elf::SHF_WRITE.0 != 0;
        sections.insert(name, (section.sh_addr(endian), section.sh_size(endian), in_file && writable));
    }
    let Some((_, notes)) = table.section_by_name(endian, b".note.stapsdt") else { return (sites, sections) };
    let mut notes = notes.notes(endian, data.as_slice()).unwrap().unwrap();
    while let Some(note) = notes.next().unwrap() {
        assert_eq!((note.name(), note.n_type(endian)), (b"stapsdt".as_slice(), NoteType(3)));
        let (addresses, texts) = note.desc().split_at(24);
        let [location, base, semaphore] =
            [0, 8, 16].map(|at| u64::from_le_bytes(addresses[at..at + 8].try_into().unwrap()));
        let texts: Vec<_> =
            texts.split(|byte| *byte == 0).map(|text| String::from_utf8(text.to_vec()).unwrap()).collect();
        let name = format!("{}:{}", texts[0], texts[1]);
        let code = code[usize::try_from(location - start).unwrap()];
        sites.push(Site { name, location, base, semaphore, arguments: texts[2].clone(), code });
    }
    (sites, sections)
}

#[test]
fn the_program_has_the_probes_of_bitcoin_core() {
    let (found, sections) = sites(&Load::program().unwrap());
    let (base, _, _) = sections[".stapsdt.base"];
    let (probes, size, loaded) = sections[".probes"];
    assert!(loaded);
    let mut semaphores = BTreeMap::new();
    for site in &found {
        assert!(site.location > 0 && site.base == base, "{}", site.name);
        assert!((probes..probes + size).contains(&site.semaphore) && site.semaphore % 2 == 0, "{}", site.name);
        assert_eq!(*semaphores.entry(&site.name).or_insert(site.semaphore), site.semaphore, "{}", site.name);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(site.code, 0x90, "{}", site.name);
        }
        // Size and signedness of each argument, as doc/tracing.md and the sources of Bitcoin Core have them.
        let sizes: Vec<_> = site.arguments.split(' ').map(|argument| argument.split_once('@').unwrap().0).collect();
        let expected = match Probe::named(&site.name).unwrap() {
            Probe::InboundMessage | Probe::OutboundMessage => "-8 8 8 8 8 8",
            Probe::InboundConnection | Probe::OutboundConnection => "-8 8 8 4 8",
            Probe::ClosedConnection | Probe::EvictedInboundConnection => "-8 8 8 4 -8",
            Probe::MisbehavingConnection => "-8 8",
            Probe::MempoolAdded => "8 -4 -8",
            Probe::MempoolRemoved => "8 8 -4 -8 8",
            Probe::MempoolReplaced => "8 -4 -8 8 8 -4 -8 1",
            Probe::MempoolRejected => "8 8",
            Probe::BlockConnected => "8 -4 8 -4 -8 -8",
            Probe::BlockHeader => "-4 -8 1 8",
            Probe::BlockReconstructed => "-8 8 8 8 8 8 8",
            Probe::UtxocacheFlush => "-8 4 8 8 1",
            Probe::UtxocacheAdd | Probe::UtxocacheSpent | Probe::UtxocacheUncache => "8 4 4 -8 1",
        };
        assert_eq!(sizes.join(" "), expected, "{}", site.name);
    }
    assert_eq!(BTreeSet::from_iter(semaphores.values()).len(), 18);
    assert_eq!(
        BTreeSet::from_iter(semaphores.into_keys().map(String::as_str)),
        BTreeSet::from_iter(Probe::ALL.map(Probe::name))
    );
    if cfg!(target_arch = "x86_64") {
        let arguments: Vec<_> = found.iter().flat_map(|site| site.arguments.split(' ')).collect();
        for kind in ["-4@%e", "1@%", "8@(%", "8@24(%", "8@-24(%rbp)", "8@8(%rsp)", ",8)", "4@$1", "-4@$141", "1@$0"] {
            assert!(arguments.iter().any(|argument| argument.contains(kind)), "{kind}: {arguments:?}");
        }
    }
    // The kernel finds a semaphore by its place in the file.
    for semaphore in [probes, probes + 34] {
        assert_eq!(mappings(&Load::program().unwrap(), semaphore), [semaphore]);
    }
    // This program has some too, if it fires them; it does not.
    assert!(sites(&std::env::current_exe().unwrap()).0.is_empty());
    assert!(Probe::ALL.iter().all(|probe| !probe.is_traced()));
}

fn decode(message: &Message) -> NetworkMessage {
    let mut bytes = Magic::REGTEST.to_bytes().to_vec();
    bytes.extend(message.message_type.to_bytes());
    bytes.resize(16, 0);
    bytes.extend(u32::try_from(message.payload.len()).unwrap().to_le_bytes());
    bytes.extend(&sha256d::Hash::hash(&message.payload).to_byte_array()[..4]);
    bytes.extend(&message.payload);
    deserialize::<RawNetworkMessage>(&bytes).unwrap().payload().clone()
}

#[test]
fn payloads_of_every_type() {
    // Bitcoin Core's, those that only rust-bitcoin knows, and package relay.
    let expected = "version verack addr addrv2 sendaddrv2 inv getdata merkleblock getblocks getheaders tx headers block getaddr mempool \
        ping pong notfound filterload filteradd filterclear sendheaders feefilter sendcmpct cmpctblock getblocktxn blocktxn getcfilters \
        cfilter getcfheaders cfheaders getcfcheckpt cfcheckpt wtxidrelay sendtxrcncl feature alert reject sendpackages ancpkginfo \
        getpkgtxns pkgtxns";
    let messages = payload::every_type(&mut Rng::with_seed(1));
    let types: BTreeSet<_> = messages.iter().map(|message| message.message_type.to_str().unwrap()).collect();
    assert_eq!(types, expected.split_whitespace().collect());
    assert_eq!(types.len(), messages.len());
    assert_eq!(messages, payload::every_type(&mut Rng::with_seed(1)));
    assert_ne!(messages, payload::every_type(&mut Rng::with_seed(2)));
    for seed in 0..20 {
        for message in payload::every_type(&mut Rng::with_seed(seed)) {
            let NetworkMessage::Unknown { payload, .. } = decode(&message) else { continue };
            let again = match message.message_type.to_str().unwrap() {
                "sendtxrcncl" => serialize(&deserialize::<(u32, u64)>(&payload).unwrap()),
                "feature" => serialize(&deserialize::<(String, Vec<u8>)>(&payload).unwrap()),
                "sendpackages" => serialize(&deserialize::<u64>(&payload).unwrap()),
                "ancpkginfo" | "getpkgtxns" => serialize(&deserialize::<Vec<BlockHash>>(&payload).unwrap()),
                "pkgtxns" => serialize(&deserialize::<Vec<Transaction>>(&payload).unwrap()),
                other => panic!("{other} is unknown"),
            };
            assert_eq!(again, payload);
        }
    }
}

#[test]
fn payloads_of_a_size() {
    let mut rng = Rng::with_seed(1);
    let sizes = (0..700).chain(65_580..65_620).chain([4_000_000]);
    for size in sizes {
        let message = payload::of_size(&mut rng, size);
        assert_eq!(message.payload.len(), size);
        let decoded = decode(&message);
        assert!(
            !matches!(decoded, NetworkMessage::Unknown { .. })
                && (size < 60 || matches!(decoded, NetworkMessage::Tx(_))),
            "{size}"
        );
    }
    for size in (141..700).step_by(7).chain([2_080, 2_081, 2_400, 100_000, 4_000_000]) {
        let message = payload::block_of_size(&mut rng, size);
        assert_eq!(message.payload.len(), size);
        assert!(deserialize::<Block>(&message.payload).unwrap().check_merkle_root(), "{size}");
    }
}

#[test]
fn mixes() {
    for mix in Mix::ALL {
        assert_eq!(mix.name().parse::<Mix>().unwrap(), mix);
        assert_eq!(Plan::new(mix, 7, None).unwrap(), Plan::new(mix, 7, None).unwrap());
    }
    let real = Plan::new(Mix::Real, 1, None).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &real.events {
        let name = match event {
            Event::Message { message, .. } => message.message_type.to_str().unwrap(),
            Event::Ping { .. } => "ping",
            other => panic!("{other:?}"),
        };
        *counts.entry(name).or_default() += 1;
    }
    assert_eq!(
        (real.events.len(), counts["inv"], counts["tx"], counts["ping"], counts["block"]),
        (10_000, 5_500, 1_500, 1_000, 1)
    );
    let size = real.events.iter().map(Event::size).sum::<usize>() / real.events.len();
    assert!((900..1_100).contains(&size), "{size}");

    let all = Plan::new(Mix::AllTypes, 1, None).unwrap();
    assert_eq!((all.round, all.probes().len()), (2 * 42 + 16, 18));
    assert!(Plan::new(Mix::Real, 1, Some(8)).is_err());
    assert!(Plan::new(Mix::Blocks, 1, Some(140)).is_err());
    assert!(Plan::new(Mix::Small, 1, Some(4_000_001)).is_err());
}

#[tokio::test]
async fn it_fires_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let load = Load::builder().datadir(folder.path()).mix(Mix::AllTypes).threads(3).journal(&journal);
    let report = load.clone().start().await.unwrap().finish().await.unwrap();
    assert_eq!((report.events, report.threads), (3 * 100, 3));
    for probe in Probe::ALL {
        let each = if matches!(probe, Probe::InboundMessage | Probe::OutboundMessage) { 42 } else { 1 };
        assert_eq!(report.of(probe), 3 * each, "{probe}");
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3 * 100);
    for peer in 0..3 {
        let of_peer: Vec<_> = lines.iter().filter(|line| line["peer_id"] == peer).collect();
        let sequence: Vec<_> = of_peer.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequence, Vec::from_iter(1..=100));
        let inbound =
            of_peer.iter().filter(|line| line["tracepoint"] == "net:inbound_message" && line["inbound"] == true);
        assert_eq!(inbound.count(), 42);
    }
    // Another run fires the same, in an order that is its own among the peers.
    load.start().await.unwrap().finish().await.unwrap();
    let again = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(BTreeSet::from_iter(text.lines()), BTreeSet::from_iter(again.lines()));
}

#[tokio::test]
async fn at_full_rate_and_at_a_pace() {
    let report = Load::builder().events(1_000_000).threads(2).start().await.unwrap().finish().await.unwrap();
    assert_eq!(report.events, 1_000_000);
    assert!(report.cpu_ns_per_event < 1_000.0 && report.traced.is_empty(), "{report:?}");

    for (rate, burst) in [(1_000, 1), (20_000, 1), (1_000, 50)] {
        let load =
            Load::builder().mix(Mix::Small).rate(rate).burst(burst).seconds(0.3).threads(2).start().await.unwrap();
        let report = load.finish().await.unwrap();
        assert_eq!(report.events, rate * 3 / 10);
        // The last of each thread is due this long before the end.
        let last = 0.3 - 2.0 * burst as f64 / rate as f64;
        assert!((last..last + 5.0).contains(&report.seconds), "{report:?}");
    }
}

#[tokio::test]
async fn it_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mut load = Load::builder().mix(Mix::Removed).events(5).hold().start().await.unwrap();
    assert_eq!(load.report().await.unwrap().of(Probe::MempoolRemoved), 5);
    assert!(load.pid().is_some());
    load.finish().await.unwrap();

    let load = Load::builder().rate(1_000).seconds(1_000.0).journal(&journal).start().await.unwrap();
    let lines = || std::fs::read_to_string(&journal).unwrap_or_default().lines().count();
    eventually("events in the journal", SOON, || async { (lines() > 10).then_some(()) }).await.unwrap();
    let report = load.stop().await.unwrap();
    assert!(report.events < 900_000 && report.events == lines() as u64, "{report:?}");

    Load::builder().seconds(1_000.0).hold().start().await.unwrap().kill().await.unwrap();
    let error = Load::builder().mix(Mix::Real).payload_bytes(1).start().await.unwrap().finish().await.unwrap_err();
    assert!(error.to_string().contains("no size to choose"), "{error:#}");
}
