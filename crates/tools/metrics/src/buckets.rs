//! The bounds of the buckets of histograms. Existing dashboards rely on the first four.

/// For the number of entries of an addr message.
pub const ADDRESSES: &[f64] = &[
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0,
    250.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 999.0, 1000.0,
];

/// For the number of entries of an inv message.
pub const INV_ENTRIES: &[f64] = &[
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0,
    250.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 999.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0,
    7000.0, 8000.0, 9000.0, 10000.0, 20000.0, 25000.0, 30000.0, 35000.0, 40000.0, 45000.0, 50000.0,
];

/// For the indexes of service bits, 0 to 63.
#[allow(clippy::indexing_slicing)] // at compile time
pub const SERVICE_BITS: &[f64] = &{
    let mut bits = [0.0; 64];
    let mut index = 0;
    while index < bits.len() {
        bits[index] = index as f64;
        index += 1;
    }
    bits
};

/// For offsets of times, in seconds: 0, then the powers of two from 1 to 2^24 (some 194 days).
#[allow(clippy::indexing_slicing)] // at compile time
pub const TIME_OFFSETS: &[f64] = &{
    let mut offsets = [0.0; 26];
    let mut index = 1;
    while index < offsets.len() {
        offsets[index] = (1_u64 << (index - 1)) as f64;
        index += 1;
    }
    offsets
};

/// For sizes of messages in bytes, up to the largest that nodes accept.
pub const BYTES: &[f64] =
    &[0.0, 8.0, 40.0, 128.0, 512.0, 2_048.0, 8_192.0, 32_768.0, 131_072.0, 524_288.0, 2_097_152.0, 4_000_000.0];

/// For numbers of transactions of a block.
pub const COUNTS: &[f64] = &[0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// For times until an answer, in seconds: from the 1 ms of a local node to Bitcoin Core's timeouts of minutes.
pub const DURATIONS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_200.0];

/// For round trips to the node, in seconds: from a tenth of a millisecond on the same machine to a node that hangs.
pub const ROUND_TRIPS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// For times between messages of one type with one peer, in seconds.
pub const INTERVALS: &[f64] = &[0.001, 0.01, 0.1, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 600.0, 3_600.0];

/// For lifetimes of connections, in seconds: from the minutes of spies to the weeks of honest peers.
pub const LIFETIMES: &[f64] = &[1.0, 10.0, 60.0, 120.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0];

/// For times between the stages of a new block, in seconds.
pub const BLOCK_DELAYS: &[f64] =
    &[0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 7_200.0];

/// For ages of gossiped addresses, and offsets of clocks, in seconds: the bounds that nodes use are 10 minutes and 30 days.
pub const ADDRESS_AGES: &[f64] =
    &[0.0, 1.0, 10.0, 60.0, 600.0, 3_600.0, 10_800.0, 86_400.0, 259_200.0, 864_000.0, 2_592_000.0];

/// For depths of reorganizations, in blocks: one is usual, six are what people wait for.
pub const REORG_DEPTHS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 20.0, 50.0, 100.0];
