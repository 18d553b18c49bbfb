//! Compresses frames, at once or piece by piece.

use std::io;

use zstd::bulk::Compressor;
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_end, ZSTD_e_flush};
use zstd::zstd_safe::{self, CParameter, InBuffer, OutBuffer, ParamSwitch};

/// The smallest and the largest window: 1 kB, and 128 MiB, which standard readers take without being asked to.
const MIN_WINDOW_LOG: u32 = 10;
const MAX_WINDOW_LOG: u32 = 27;
/// At level 1: the logarithm of the places that are remembered, and the bytes that two places must have in common.
const FAST_HASH_LOG: u32 = 17;
const FAST_MIN_MATCH: u32 = 6;
/// The same in frames of up to this size, of which the table stays near the processor, and how many bytes are passed over at a time where nothing is
/// found. That is a third faster, for the same size.
const SMALL_FRAME: usize = 2 << 20;
const SMALL_HASH_LOG: u32 = 15;
const SMALL_MIN_MATCH: u32 = 7;
const SMALL_STEP: u32 = 2;

/// A compressor for frames of so many bytes that stand alone. Hashes come again and again, from many peers, so the window is the whole frame. At
/// the lowest level, zstd's own table of what came is too small for that.
pub(crate) fn compressor(level: i32, frame_bytes: usize) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.include_checksum(true)?;
    compressor.include_contentsize(true)?;
    let window = frame_bytes.max(2).next_power_of_two().ilog2().clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG);
    compressor.set_parameter(CParameter::WindowLog(window))?;
    if level == 1 && frame_bytes > SMALL_FRAME {
        compressor.set_parameter(CParameter::HashLog(FAST_HASH_LOG))?;
        compressor.set_parameter(CParameter::MinMatch(FAST_MIN_MATCH))?;
    } else if level == 1 {
        compressor.set_parameter(CParameter::HashLog(SMALL_HASH_LOG))?;
        compressor.set_parameter(CParameter::MinMatch(SMALL_MIN_MATCH))?;
        compressor.set_parameter(CParameter::TargetLength(SMALL_STEP))?;
        // With such a step, zstd leaves what it finds nowhere as it is, unless it is asked not to.
        compressor.set_parameter(CParameter::LiteralCompressionMode(ParamSwitch::Enable))?;
    }
    Ok(compressor)
}

/// Appends content to a frame in its compressed form, and ends the frame or lets it go on.
pub(crate) fn compress(compressor: &mut Compressor, content: &[u8], out: &mut Vec<u8>, end: bool) -> io::Result<()> {
    let directive = if end { ZSTD_e_end } else { ZSTD_e_flush };
    let mut input = InBuffer::around(content);
    loop {
        let left = content.len().saturating_sub(input.pos());
        out.reserve(zstd_safe::compress_bound(left));
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        let rest = compressor.context_mut().compress_stream2(&mut output, &mut input, directive);
        if rest.map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))? == 0 {
            return Ok(());
        }
    }
}
