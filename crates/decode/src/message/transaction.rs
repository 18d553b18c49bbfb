//! Transactions and block headers, from Bitcoin's bytes to protobuf's.

use event::field::bitcoin_primitives::{block_header, prefilled_transaction, transaction};

use super::hash::double_sha256;
use super::wire::Wire;
use crate::proto::{delimited, delimited_length, number, put_bytes, put_hash, put_number, put_signed, varint_length};

/// Bytes of an input at least: outpoint, length of the script, sequence number.
const INPUT: usize = 36 + 1 + 4;
/// Bytes of an output at least: value, length of the script.
const OUTPUT: usize = 8 + 1;
/// Bytes of a transaction at least: version, marker, flag, numbers of inputs and outputs, lock time.
const TRANSACTION: usize = 4 + 2 + 2 + 4;
/// Bytes of a header.
pub(super) const HEADER: usize = 80;

/// A transaction as on the wire.
pub(super) struct Transaction<'a> {
    raw: &'a [u8],
    /// Version, inputs with outputs, and lock time, where there are witnesses besides.
    stripped: Option<[&'a [u8]; 3]>,
}

impl<'a> Transaction<'a> {
    /// Takes the transaction that `wire` begins with (BIP 144).
    pub(super) fn take(wire: &mut Wire<'a>) -> Option<Self> {
        let Wire(start) = *wire;
        let version = wire.bytes(4)?;
        let Wire(mut inputs_on) = *wire;
        let mut inputs = wire.count(INPUT)?;
        let has_witnesses = inputs == 0;
        if has_witnesses {
            if wire.u8()? != 1 {
                return None;
            }
            inputs_on = wire.0;
            inputs = wire.count(INPUT)?;
        }
        for _ in 0..inputs {
            wire.bytes(36)?;
            wire.var_bytes()?;
            wire.bytes(4)?;
        }
        for _ in 0..wire.count(OUTPUT)? {
            wire.bytes(8)?;
            wire.var_bytes()?;
        }
        let puts = inputs_on.get(..inputs_on.len() - wire.len())?;
        if has_witnesses {
            // Without a single witness it must be in the other form. It can't without inputs.
            let mut needed = inputs == 0;
            for _ in 0..inputs {
                let items = wire.count(1)?;
                needed |= items > 0;
                for _ in 0..items {
                    wire.var_bytes()?;
                }
            }
            needed.then_some(())?;
        }
        let lock_time = wire.bytes(4)?;
        let raw = start.get(..start.len() - wire.len())?;
        Some(Self { raw, stripped: has_witnesses.then_some([version, puts, lock_time]) })
    }

    /// Bytes of its message.
    pub(super) fn length(&self) -> usize {
        2 * delimited_length(32) + delimited_length(self.raw.len())
    }

    /// Writes it as a field.
    pub(super) fn put(&self, out: &mut Vec<u8>, key: u8) {
        put_number(out, key, self.length() as u64);
        let wtxid = double_sha256([self.raw]);
        let txid = self.stripped.map_or(wtxid, double_sha256);
        put_hash(out, delimited(transaction::TXID), &txid);
        put_hash(out, delimited(transaction::WTXID), &wtxid);
        put_bytes(out, delimited(transaction::RAW), self.raw);
    }
}

/// Bytes of the message of a `tx` of that size.
pub(super) fn tx_length(size: usize) -> usize {
    delimited_length(2 * delimited_length(32) + delimited_length(size))
}

pub(super) fn put_transactions(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    for _ in 0..wire.count(TRANSACTION)? {
        Transaction::take(wire)?.put(out, key);
    }
    Some(())
}

/// A transaction that a compact block brings along.
pub(super) fn put_prefilled(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    let index = u16::try_from(wire.compact_size()?).ok()?;
    let transaction = Transaction::take(wire)?;
    let length = 1 + varint_length(index.into()) + delimited_length(transaction.length());
    put_number(out, key, length as u64);
    put_number(out, number(prefilled_transaction::DIFF_INDEX), index.into());
    transaction.put(out, delimited(prefilled_transaction::TX));
    Some(())
}

/// Writes a header as a field.
pub(super) fn put_header(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    let raw: &[u8; HEADER] = wire.array()?;
    let mut fields = Wire(raw);
    // Less than 128 bytes in any case.
    out.extend_from_slice(&[key, 0]);
    let start = out.len();
    put_signed(out, number(block_header::VERSION), fields.u32()?.cast_signed().into());
    put_hash(out, delimited(block_header::PREV_BLOCKHASH), fields.array()?);
    put_hash(out, delimited(block_header::MERKLE_ROOT), fields.array()?);
    put_number(out, number(block_header::TIME), fields.u32()?.into());
    put_number(out, number(block_header::BITS), fields.u32()?.into());
    put_number(out, number(block_header::NONCE), fields.u32()?.into());
    put_hash(out, delimited(block_header::HASH), &double_sha256([raw]));
    let length = out.len() - start;
    *out.get_mut(start - 1)? = length as u8;
    Some(())
}
