//! What peers agree on between `version` and `verack` (BIP 434), and reports of stale tips (BIP 332).

use bytes::{Buf, Bytes};
use event::pb::p2p_extractor::{FeatureOffered, StaleTips};
use sha2::{Digest, Sha256};

/// From this version of the protocol on, `feature` may be sent (`FEATURE_VERSION`).
pub const FEATURE_VERSION: i32 = 70_017;

/// Lengths of a feature's id.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 4..=80;
/// The most data that a feature has.
const MAX_DATA: usize = 512;
/// The most headers in a `staletip`.
const MAX_HEADERS: usize = 20;
/// Bytes of a header without the hash of the block before.
const COMPRESSED_HEADER: usize = 48;

/// That we take reports of stale tips, and prefer them once the node has the blocks' data: the payload of a `feature`.
pub const STALE_TIPS: &[u8] = b"\x06BIP332\x01\x01";

/// The payload of a `feature` message. None if it is malformed.
pub fn feature(mut payload: &[u8]) -> Option<FeatureOffered> {
    let id = take(&mut payload, *ID_LENGTHS.end())?;
    let data = take(&mut payload, MAX_DATA)?;
    let id = std::str::from_utf8(id).ok().filter(|id| ID_LENGTHS.contains(&id.len()))?;
    payload.is_empty().then(|| FeatureOffered { feature_id: id.to_owned(), data: Bytes::copy_from_slice(data) })
}

/// Bytes behind their number, which fits one byte, or three.
fn take<'a>(payload: &mut &'a [u8], most: usize) -> Option<&'a [u8]> {
    let length = match payload.try_get_u8().ok()? {
        0xfd => usize::from(payload.try_get_u16_le().ok()?),
        0xfe.. => return None,
        short => usize::from(short),
    };
    let (taken, rest) = payload.split_at_checked(length).filter(|_| length <= most)?;
    *payload = rest;
    Some(taken)
}

/// The payload of a `staletip` message. None if it is malformed.
pub fn stale_tips(mut payload: &[u8]) -> Option<StaleTips> {
    let (fork_point, rest) = payload.split_first_chunk::<32>()?;
    payload = rest;
    let count = usize::from(payload.try_get_u8().ok()?);
    if count > MAX_HEADERS {
        return None;
    }
    let mut before = *fork_point;
    let mut block_hashes = Vec::with_capacity(count);
    for _ in 0..count {
        let (header, rest) = payload.split_first_chunk::<COMPRESSED_HEADER>()?;
        payload = rest;
        // The version comes first; the hash of the block before stands behind it.
        let (version, others) = header.split_first_chunk::<4>()?;
        let once = Sha256::new().chain_update(version).chain_update(before).chain_update(others).finalize();
        before = Sha256::digest(once).into();
        block_hashes.push(Bytes::copy_from_slice(&before));
    }
    let have_block = match payload {
        [0] => false,
        [1] => true,
        _ => return None,
    };
    Some(StaleTips { fork_point: Bytes::copy_from_slice(fork_point), block_hashes, have_block })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn features() {
        let ours = feature(STALE_TIPS).unwrap();
        assert_eq!((ours.feature_id.as_str(), &*ours.data), ("BIP332", &[1][..]));
        let malformed: [&[u8]; 6] = [
            b"",
            b"\x03abc\x00",
            b"\x06BIP332",
            b"\x06BIP332\x02\x01",
            b"\x06BIP332\x00\x00",
            b"\x04\xff\xff\xff\xff\x00",
        ];
        for payload in malformed {
            assert_eq!(feature(payload), None, "{payload:?}");
        }
        let long = [&b"\x04abcd\xfd\x01\x02"[..], &[0; 513]].concat();
        assert_eq!(feature(&long), None);
    }

    /// Block 1 of the main chain, and one that builds on it.
    #[test]
    fn hashes_follow_from_compressed_headers() {
        let reversed = |hex: &str| -> Vec<u8> {
            (0..32).rev().map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let genesis = reversed("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
        let header = |merkle: &str, time: u32, nonce: u32| {
            [
                &1_u32.to_le_bytes()[..],
                &reversed(merkle),
                &time.to_le_bytes(),
                &0x1d00_ffff_u32.to_le_bytes(),
                &nonce.to_le_bytes(),
            ]
            .concat()
        };
        let first =
            header("0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098", 1_231_469_665, 2_573_394_689);
        let second = header("0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098", 1_231_469_744, 1);
        let payload = [&genesis[..], &[2], &first, &second, &[1]].concat();
        let tips = stale_tips(&payload).unwrap();
        assert_eq!(tips.fork_point, genesis);
        let one = reversed("00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048");
        assert_eq!(tips.block_hashes.first().unwrap(), &one);
        assert_eq!((tips.block_hashes.len(), tips.have_block), (2, true));
        assert_eq!(stale_tips(&payload[..payload.len() - 1]), None);
        assert_eq!(stale_tips(&[&genesis[..], &[21], &[0; 21 * 48], &[1]].concat()), None);
    }
}
