//! What answers consist of, read with bounds.

use std::collections::HashSet;

use bitcoin::consensus::encode::{self, deserialize_partial};
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::{BlockHash, CompactTarget, Transaction, VarInt, block};
use event::quote::Plain;
use serde::Deserialize;

use super::{Answer, MAX_TEXT, MAX_TIPS, RawHeader, SourceError, Status, Tip, invalid, status};

/// Characters of an answer that an error shows.
const SHOWN: usize = 100;

/// A tip as `getchaintips` has it, and those who imitate that.
#[derive(Deserialize)]
pub(super) struct ChainTip {
    hash: String,
    height: i64,
    #[serde(default)]
    status: String,
}

/// The hash of a header.
pub(super) fn hash(header: &RawHeader) -> BlockHash {
    BlockHash::from_raw_hash(sha256d::Hash::hash(header))
}

/// The hash of the header before it.
pub(super) fn previous(header: &RawHeader) -> BlockHash {
    let mut previous = [0; 32];
    header.iter().skip(4).zip(&mut previous).for_each(|(from, to)| *to = *from);
    BlockHash::from_byte_array(previous)
}

/// Whether each header is the parent of the next.
pub(super) fn do_link(headers: &[RawHeader]) -> bool {
    headers.windows(2).all(|two| match two {
        [parent, child] => previous(child) == hash(parent),
        _ => true,
    })
}

/// 80 bytes in hexadecimal.
pub(super) fn header(text: &str) -> Option<RawHeader> {
    let mut header = [0; 80];
    hex::decode_to_slice(text.trim(), &mut header).ok()?;
    Some(header)
}

/// The fields of a header, as APIs list them.
pub(super) struct Fields<'a> {
    /// Some write it as a number without a sign.
    pub version: i64,
    pub previous: &'a str,
    pub merkle_root: &'a str,
    pub time: u32,
    pub bits: u32,
    pub nonce: u32,
}

impl Fields<'_> {
    /// The header with its hash, if that is the one that is listed with it.
    pub fn header(&self, listed: &str) -> Option<(BlockHash, RawHeader)> {
        let version =
            i32::try_from(self.version).or_else(|_| u32::try_from(self.version).map(u32::cast_signed)).ok()?;
        let fields = block::Header {
            version: block::Version::from_consensus(version),
            prev_blockhash: block_hash(self.previous)?,
            merkle_root: self.merkle_root.parse().ok()?,
            time: self.time,
            bits: CompactTarget::from_consensus(self.bits),
            nonce: self.nonce,
        };
        let header = *encode::serialize(&fields).first_chunk()?;
        let hash = hash(&header);
        (block_hash(listed)? == hash).then_some((hash, header))
    }
}

/// The headers of many bytes, `max` at most; none if they are not whole ones.
pub(super) fn headers(bytes: &[u8], max: u32) -> Option<Vec<RawHeader>> {
    let (headers, rest) = bytes.as_chunks::<80>();
    (rest.is_empty() && headers.len() as u64 <= u64::from(max)).then(|| headers.to_vec())
}

/// A hash of 64 hexadecimal digits.
pub(super) fn block_hash(text: &str) -> Option<BlockHash> {
    text.trim().parse().ok()
}

/// The answer that tips are, if one of them is active.
pub(super) fn answer(place: &str, listed: Vec<ChainTip>) -> Result<Answer, SourceError> {
    let (tips, more_tips) = tips(listed).ok_or_else(|| invalid(place, "its tips are odd"))?;
    if tips.first().is_none_or(|tip| tip.status != Status::Active) {
        return Err(invalid(place, "none of its tips is active"));
    }
    Ok(Answer { tips, more_tips, ..Answer::default() })
}

/// Tips, the active one first and then from the highest on, and how many there is no room for. None if one of them is odd, or two are active.
pub(super) fn tips(tips: Vec<ChainTip>) -> Option<(Vec<Tip>, u32)> {
    let tip = |tip: ChainTip| {
        Some(Tip { hash: block_hash(&tip.hash)?, height: tip.height.try_into().ok()?, status: status(&tip.status) })
    };
    sorted(tips.into_iter().map(tip).collect::<Option<Vec<_>>>()?)
}

/// The same of tips that are read.
pub(super) fn sorted(mut tips: Vec<Tip>) -> Option<(Vec<Tip>, u32)> {
    let rank = |tip: &Tip| (tip.status != Status::Active, std::cmp::Reverse(tip.height), tip.hash);
    tips.sort_by_key(rank);
    let mut hashes = HashSet::new();
    tips.retain(|tip| hashes.insert(tip.hash));
    if tips.get(1).is_some_and(|tip| tip.status == Status::Active) {
        return None;
    }
    let more = u32::try_from(tips.len().saturating_sub(MAX_TIPS)).unwrap_or(u32::MAX);
    tips.truncate(MAX_TIPS);
    Some((tips, more))
}

/// The one tip of those who have no others.
pub(super) fn active(hash: BlockHash, height: u32) -> Tip {
    Tip { hash, height, status: Status::Active }
}

/// The first transaction of a block.
pub(super) fn coinbase(block: &[u8]) -> Option<Transaction> {
    let rest = block.get(80..)?;
    let (count, read) = deserialize_partial::<VarInt>(rest).ok()?;
    if count.0 == 0 {
        return None;
    }
    let (transaction, _) = deserialize_partial::<Transaction>(rest.get(read..)?).ok()?;
    transaction.is_coinbase().then_some(transaction)
}

/// A whole transaction in hexadecimal.
pub(super) fn transaction(text: &str) -> Option<Transaction> {
    encode::deserialize_hex(text.trim()).ok()
}

/// A text as far as it is kept: at most [`MAX_TEXT`] bytes, without control characters.
pub(super) fn text(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > MAX_TEXT {
            break;
        }
        kept.push(c);
    }
    kept
}

/// How an answer begins, for an error.
pub(super) fn beginning(bytes: &[u8]) -> String {
    let text =
        String::from_utf8_lossy(bytes.get(..SHOWN * 4).unwrap_or(bytes)).trim().chars().take(SHOWN).collect::<String>();
    Plain(&text).to_string()
}
