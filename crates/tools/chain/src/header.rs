//! A header: 80 bytes that prove work, or do not.

use std::fmt;

use bitcoin::block::Header as Fields;
use bitcoin::consensus::deserialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{CompactTarget, Target, Work};

use crate::snapshot::Hash;

/// Bytes of a header.
pub const BYTES: usize = 80;

/// A header whose hash is below the target that it states.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; BYTES],
    hash: Hash,
}

/// Why 80 bytes are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is no header of 80 bytes.
    #[error("it has not the form of a header")]
    Form,
    /// Its hash is above its target: it is no header by Bitcoin's rules, which want double SHA-256.
    #[error("its hash is above the target that it states, so it is no header by Bitcoin's rules")]
    Work,
    /// The target that it states is above what any of Bitcoin's chains allows.
    #[error("the target that it states is none")]
    Target,
}

impl Header {
    /// Takes 80 bytes if they prove the work that they state.
    ///
    /// # Errors
    /// They do not.
    pub fn new(bytes: &[u8]) -> Result<Self, HeaderError> {
        let fields: Fields = deserialize(bytes).map_err(|_| HeaderError::Form)?;
        let bytes = <[u8; BYTES]>::try_from(bytes).map_err(|_| HeaderError::Form)?;
        let target = fields.target();
        // Signs and overflows of the compact form give zero; above what regtest allows, nearly every hash would do.
        if target == Target::ZERO || target > Target::MAX_ATTAINABLE_REGTEST {
            return Err(HeaderError::Target);
        }
        let hash = fields.block_hash();
        if !target.is_met_by(hash) {
            return Err(HeaderError::Work);
        }
        Ok(Self { bytes, hash: hash.to_byte_array() })
    }

    /// As Bitcoin serializes it.
    pub fn bytes(&self) -> &[u8; BYTES] {
        &self.bytes
    }

    /// Its hash.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The hash of the header that it builds on.
    pub fn previous(&self) -> Hash {
        let mut hash = [0; 32];
        self.bytes.iter().skip(4).zip(&mut hash).for_each(|(from, to)| *to = *from);
        hash
    }

    /// Its target in the compact form.
    pub fn bits(&self) -> u32 {
        self.bytes.iter().skip(72).take(4).rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
    }

    /// The work that it proves.
    pub fn work(&self) -> Work {
        Target::from_compact(CompactTarget::from_consensus(self.bits())).to_work()
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({})", event::HashText(&self.hash))
    }
}

#[cfg(test)]
pub mod tests {
    use bitcoin::block::Version;
    use bitcoin::{BlockHash, TxMerkleNode};
    use proptest::prelude::*;

    use super::*;

    /// The easiest target, of regtest.
    pub const EASY: u32 = 0x207f_ffff;

    /// A header of this target on another one; `tag` makes it differ from others.
    pub fn mine(previous: Hash, bits: u32, tag: u64) -> Header {
        let mut root = [0; 32];
        root[..8].copy_from_slice(&tag.to_le_bytes());
        let mut fields = Fields {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: BlockHash::from_byte_array(previous),
            merkle_root: TxMerkleNode::from_byte_array(root),
            time: 1_700_000_000,
            bits: CompactTarget::from_consensus(bits),
            nonce: 0,
        };
        while !fields.target().is_met_by(fields.block_hash()) {
            fields.nonce += 1;
        }
        Header::new(&bitcoin::consensus::serialize(&fields)).unwrap()
    }

    #[test]
    fn the_genesis_block_is_taken_and_a_changed_one_is_not() {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin).header;
        let mut bytes = bitcoin::consensus::serialize(&genesis);
        let header = Header::new(&bytes).unwrap();
        assert_eq!(header.hash(), genesis.block_hash().to_byte_array());
        assert_eq!(header.previous(), [0; 32]);
        bytes[76] ^= 1;
        assert_eq!(Header::new(&bytes), Err(HeaderError::Work));
        assert_eq!(Header::new(&bytes[..79]), Err(HeaderError::Form));
        assert_eq!(Header::new(&[&bytes[..], &[0]].concat()), Err(HeaderError::Form));
    }

    #[test]
    fn targets_that_are_none_are_refused() {
        let header = mine([7; 32], EASY, 1);
        // Zero, a sign, an overflow, and what is easier than regtest.
        for bits in [0, 0x0080_0000, 0x0492_3456, 0xff12_3456, 0x2200_ffff, 0x2100_ffff, 0x2080_0000] {
            let mut bytes = *header.bytes();
            bytes[72..76].copy_from_slice(&u32::to_le_bytes(bits));
            assert!(Header::new(&bytes).is_err(), "{bits:x}");
        }
    }

    proptest! {
        /// What is taken has the hash and the work that it states.
        #[test]
        fn only_what_proves_its_work_is_taken(bytes in prop::collection::vec(any::<u8>(), 80), easy in any::<bool>()) {
            let mut bytes = bytes;
            if easy {
                bytes[72..76].copy_from_slice(&EASY.to_le_bytes());
            }
            let hash = bitcoin::hashes::sha256d::Hash::hash(&bytes).to_byte_array();
            if let Ok(header) = Header::new(&bytes) {
                prop_assert_eq!(header.hash(), hash);
                let bound = CompactTarget::from_consensus(header.bits());
                prop_assert!(Target::from_compact(bound).is_met_by(BlockHash::from_byte_array(hash)));
            } else if easy {
                // A byte of 0 to 127 at the end of the hash is below the easiest target.
                prop_assert!(hash[31] > 0x7e);
            }
        }
    }
}
