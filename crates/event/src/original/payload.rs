//! The payloads of P2P messages that other programs take for unknown ones, as they were on the wire.

use crate::pb::ebpf_extractor::message::message_event::Msg;

/// The payload of a message of one of our own types; empty if the message does not hold it (transactions without their raw bytes).
pub(super) fn of(msg: &Msg) -> Vec<u8> {
    let mut out = Vec::new();
    match msg {
        Msg::Sendtxrcncl(offer) => {
            out.extend(offer.version.to_le_bytes());
            out.extend(offer.salt.to_le_bytes());
        }
        Msg::Feature(feature) => {
            put_bytes(&mut out, feature.feature_id.as_bytes());
            put_bytes(&mut out, &feature.data);
        }
        Msg::Sendpackages(offer) => out.extend(offer.versions.to_le_bytes()),
        Msg::Ancpkginfo(package) => put_list(&mut out, &package.wtxids),
        Msg::Getpkgtxns(package) => put_list(&mut out, &package.wtxids),
        Msg::Pkgtxns(package) => {
            let raw: Option<Vec<_>> = package.transactions.iter().map(|transaction| transaction.raw.as_ref()).collect();
            if let Some(raw) = raw {
                put_list(&mut out, raw);
            }
        }
        _ => {}
    }
    out
}

/// Appends Bitcoin's compact size.
fn put_compact_size(out: &mut Vec<u8>, size: usize) {
    match (u8::try_from(size), u16::try_from(size), u32::try_from(size)) {
        (Ok(size @ ..0xfd), ..) => out.push(size),
        (_, Ok(size), _) => {
            out.push(0xfd);
            out.extend(size.to_le_bytes());
        }
        (.., Ok(size)) => {
            out.push(0xfe);
            out.extend(size.to_le_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend((size as u64).to_le_bytes());
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_compact_size(out, bytes.len());
    out.extend(bytes);
}

/// Appends a list whose entries know their own lengths.
fn put_list<'a>(out: &mut Vec<u8>, entries: impl IntoIterator<Item = &'a bytes::Bytes, IntoIter: ExactSizeIterator>) {
    let entries = entries.into_iter();
    put_compact_size(out, entries.len());
    entries.for_each(|entry| out.extend_from_slice(entry));
}
