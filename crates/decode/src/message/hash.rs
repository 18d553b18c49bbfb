//! SHA-256 of SHA-256, which is most of what decoding costs. Blocks go from the payload to the processor's SHA
//! instructions (chosen at run time) without a copy.

use sha2::block_api::compress256;

const BLOCK: usize = 64;

/// FIPS 180-4, 5.3.3.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Hash of the parts as if they were one.
pub(super) fn double_sha256<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 32] {
    let mut state = START;
    // What does not fill a block yet.
    let mut tail = [0; BLOCK];
    let mut held = 0;
    let mut total = 0;
    for mut part in parts {
        total += part.len();
        if held > 0 {
            let (fill, rest) = part.split_at(part.len().min(BLOCK - held));
            copy(&mut tail, held, fill);
            held += fill.len();
            part = rest;
            if held < BLOCK {
                continue;
            }
            compress256(&mut state, &[tail]);
        }
        let (blocks, rest) = part.as_chunks();
        compress256(&mut state, blocks);
        copy(&mut tail, 0, rest);
        held = rest.len();
    }
    let bits = (total as u64 * 8).to_be_bytes();
    copy(&mut tail, held, &[0x80]);
    tail.iter_mut().skip(held + 1).for_each(|byte| *byte = 0);
    if held + 1 + bits.len() > BLOCK {
        compress256(&mut state, &[tail]);
        tail = [0; BLOCK];
    }
    copy(&mut tail, BLOCK - bits.len(), &bits);
    compress256(&mut state, &[tail]);

    let mut second = [0; BLOCK];
    copy(&mut second, 0, &bytes(state));
    copy(&mut second, 32, &[0x80]);
    copy(&mut second, BLOCK - 2, &256_u16.to_be_bytes());
    let mut state = START;
    compress256(&mut state, &[second]);
    bytes(state)
}

fn copy(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    if let Some(place) = block.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    bytes
}
