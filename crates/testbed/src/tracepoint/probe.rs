//! The probes themselves, as SystemTap's `sys/sdt.h` makes them for Bitcoin Core: for each, one `nop` behind a branch on a semaphore, and
//! a note in the program with the places where the `nop`, the semaphore and the arguments are.
//!
//! Where the arguments are is up to the compiler in Bitcoin Core. Here it is chosen, so that all ways occur that compilers have: registers
//! of 8, 4 and 1 bytes; memory behind a pointer, the frame pointer (`%rbp`), the stack pointer or an index; constants, and with those a
//! second site of the same probe. What is narrower than its register or memory has garbage beside it.
//!
//! The functions are inlined into the program that calls them. So only that program has notes, none that merely links to this crate.

use std::arch::asm;
use std::ffi::CStr;
use std::sync::atomic::AtomicU16;

use super::Probe;

/// A page of its own in the program's file. lld maps the page in which the read-only part of the data ends twice, and the kernel counts in
/// the first mapping that it finds.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
struct Semaphores([AtomicU16; Probe::ALL.len()]);

#[unsafe(link_section = ".probes")]
static SEMAPHORES: Semaphores = Semaphores([const { AtomicU16::new(0) }; Probe::ALL.len()]);

/// Number of tracers that are attached to a probe in this process.
#[inline(always)]
pub(super) fn tracers(probe: Probe) -> u16 {
    let Semaphores(semaphores) = &SEMAPHORES;
    let semaphore = semaphores.as_ptr().wrapping_add(probe as usize).cast::<u16>();
    // SAFETY: there is one for each probe. The kernel writes there at any time, as to memory that is shared with a device.
    unsafe { semaphore.read_volatile() }
}

/// A site of a probe: what is before the `nop`, where the arguments are at it, and what is after it, for x86_64 and for aarch64; then the
/// operands of the assembly.
macro_rules! site {
    ($probe:ident, $provider:literal, $name:literal, $x86_64:tt, $aarch64:tt, $($operands:tt)*) => {
        #[cfg(target_arch = "x86_64")]
        site!(@ $probe, $provider, $name, $x86_64, (att_syntax, readonly, preserves_flags), $($operands)*);
        #[cfg(target_arch = "aarch64")]
        site!(@ $probe, $provider, $name, $aarch64, (readonly, preserves_flags), $($operands)*);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        compile_error!("probes are written for x86_64 and aarch64");
    };
    (@ $probe:ident, $provider:literal, $name:literal, [$before:literal, $arguments:literal, $after:literal], $options:tt,
     $($operands:tt)*) => {
        // SAFETY: it does nothing but to lend a register or the stack to the one who looks, and takes that back. Who looks only
        // reads: the arguments, and through them what the caller has borrowed.
        unsafe {
            asm!(
                $before,
                "990: nop",
                $after,
                // Not loaded with the program. `?` binds it to the function, where the linker may drop that.
                ".pushsection .note.stapsdt, \"?\", \"note\"",
                ".balign 4",
                ".4byte 992f - 991f, 994f - 993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte _.stapsdt.base",
                ".8byte {semaphores} + {offset}",
                concat!(".asciz \"", $provider, "\""),
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                // One byte, the same for all; it shows how far a prelinked program was moved. `R` keeps it: nothing that is loaded
                // refers to it.
                ".ifndef _.stapsdt.base",
                ".pushsection .stapsdt.base, \"aGR\", \"progbits\", .stapsdt.base, comdat",
                ".weak _.stapsdt.base",
                ".hidden _.stapsdt.base",
                "_.stapsdt.base: .space 1",
                ".size _.stapsdt.base, 1",
                ".popsection",
                ".endif",
                semaphores = sym SEMAPHORES,
                offset = const size_of::<AtomicU16>() * Probe::$probe as usize,
                $($operands)*
                options $options,
            );
        }
    };
}

/// A value of four bytes in eight, with garbage in the others.
#[inline(always)]
fn wide(value: u32) -> u64 {
    u64::from(value) | 0xdead_beef << 32
}

/// A truth of one byte in eight, with garbage in the others.
#[inline(always)]
fn wide_bool(value: bool) -> u64 {
    u64::from(value) | 0xdead_beef_dead_be00
}

#[inline(always)]
fn address<T: ?Sized>(of: &T) -> u64 {
    std::ptr::from_ref(of).cast::<u8>() as u64
}

/// `net:inbound_message`: a message was taken from the queue of a peer. `msg_type` as on the wire.
#[inline]
pub fn inbound_message(peer_id: i64, addr: &CStr, conn_type: &CStr, msg_type: &CStr, payload: &[u8]) {
    if !Probe::InboundMessage.is_traced() {
        return;
    }
    let frame = [peer_id.cast_unsigned(), address(addr), address(conn_type), address(msg_type)];
    site!(
        InboundMessage, "net", "inbound_message",
        ["pushq %rbp; movq {end}, %rbp", "-8@-32(%rbp) 8@-24(%rbp) 8@-16(%rbp) 8@-8(%rbp) 8@{size} 8@{data}", "popq %rbp"],
        ["", "-8@[{end}, -32] 8@[{end}, -24] 8@[{end}, -16] 8@[{end}, -8] 8@{size} 8@{data}", ""],
        end = in(reg) frame.as_ptr_range().end,
        size = in(reg) payload.len(),
        data = in(reg) payload.as_ptr(),
    );
}

/// `net:outbound_message`: a message was queued for a peer.
#[inline]
pub fn outbound_message(peer_id: i64, addr: &CStr, conn_type: &CStr, msg_type: &CStr, payload: &[u8]) {
    if !Probe::OutboundMessage.is_traced() {
        return;
    }
    let frame = [address(conn_type), 0, 0, address(msg_type)];
    site!(
        OutboundMessage, "net", "outbound_message",
        ["", "-8@{peer_id} 8@{addr} 8@({frame}) 8@24({frame}) 8@{size} 8@{data}", ""],
        ["", "-8@{peer_id} 8@{addr} 8@[{frame}] 8@[{frame}, 24] 8@{size} 8@{data}", ""],
        peer_id = in(reg) peer_id,
        addr = in(reg) addr.as_ptr(),
        frame = in(reg) frame.as_ptr(),
        size = in(reg) payload.len(),
        data = in(reg) payload.as_ptr(),
    );
}

/// `net:inbound_connection`: a peer has connected to the node. `network` as Bitcoin Core numbers them (1 is IPv4), `existing` connections
/// of that direction with this one.
#[inline]
pub fn inbound_connection(peer_id: i64, addr: &CStr, conn_type: &CStr, network: u32, existing: u64) {
    if !Probe::InboundConnection.is_traced() {
        return;
    }
    let frame = [0, wide(network)];
    site!(
        InboundConnection, "net", "inbound_connection",
        ["pushq %rbp; movq {end}, %rbp", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@-8(%rbp) 8@{existing}", "popq %rbp"],
        ["", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@[{end}, -8] 8@{existing}", ""],
        end = in(reg) frame.as_ptr_range().end,
        peer_id = in(reg) peer_id,
        addr = in(reg) addr.as_ptr(),
        conn_type = in(reg) conn_type.as_ptr(),
        existing = in(reg) existing,
    );
}

/// `net:outbound_connection`: the node has connected to a peer.
#[inline]
pub fn outbound_connection(peer_id: i64, addr: &CStr, conn_type: &CStr, network: u32, existing: u64) {
    if !Probe::OutboundConnection.is_traced() {
        return;
    }
    site!(
        OutboundConnection, "net", "outbound_connection",
        ["", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@{network:e} 8@{existing}", ""],
        ["", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@{network} 8@{existing}", ""],
        peer_id = in(reg) peer_id,
        addr = in(reg) addr.as_ptr(),
        conn_type = in(reg) conn_type.as_ptr(),
        network = in(reg) wide(network),
        existing = in(reg) existing,
    );
}

/// `net:closed_connection`: a connection was closed that was `established` at that Unix time in seconds.
#[inline]
pub fn closed_connection(peer_id: i64, addr: &CStr, conn_type: &CStr, network: u32, established: i64) {
    if !Probe::ClosedConnection.is_traced() {
        return;
    }
    site!(
        ClosedConnection, "net", "closed_connection",
        ["", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@{network:e} -8@{established}", ""],
        ["", "-8@{peer_id} 8@{addr} 8@{conn_type} 4@{network} -8@{established}", ""],
        peer_id = in(reg) peer_id,
        addr = in(reg) addr.as_ptr(),
        conn_type = in(reg) conn_type.as_ptr(),
        network = in(reg) wide(network),
        established = in(reg) established,
    );
}

/// `net:evicted_inbound_connection`: a peer had to make room for another.
#[inline]
pub fn evicted_inbound_connection(peer_id: i64, addr: &CStr, conn_type: &CStr, network: u32, established: i64) {
    if !Probe::EvictedInboundConnection.is_traced() {
        return;
    }
    let frame = [peer_id.cast_unsigned()];
    if network == 1 {
        site!(
            EvictedInboundConnection, "net", "evicted_inbound_connection",
            ["", "-8@({frame}) 8@{addr} 8@{conn_type} 4@$1 -8@{established}", ""],
            ["", "-8@[{frame}] 8@{addr} 8@{conn_type} 4@1 -8@{established}", ""],
            frame = in(reg) frame.as_ptr(),
            addr = in(reg) addr.as_ptr(),
            conn_type = in(reg) conn_type.as_ptr(),
            established = in(reg) established,
        );
    } else {
        site!(
            EvictedInboundConnection, "net", "evicted_inbound_connection",
            ["", "-8@({frame}) 8@{addr} 8@{conn_type} 4@{network:e} -8@{established}", ""],
            ["", "-8@[{frame}] 8@{addr} 8@{conn_type} 4@{network} -8@{established}", ""],
            frame = in(reg) frame.as_ptr(),
            addr = in(reg) addr.as_ptr(),
            conn_type = in(reg) conn_type.as_ptr(),
            network = in(reg) wide(network),
            established = in(reg) established,
        );
    }
}

/// `net:misbehaving_connection`: a peer did what no honest one does.
#[inline]
pub fn misbehaving_connection(peer_id: i64, reason: &CStr) {
    if !Probe::MisbehavingConnection.is_traced() {
        return;
    }
    let (peer_id, reason) = (peer_id.cast_unsigned(), address(reason));
    site!(
        MisbehavingConnection, "net", "misbehaving_connection",
        ["", "-8@({peer_id}) 8@({reason})", ""],
        ["", "-8@[{peer_id}] 8@[{reason}]", ""],
        peer_id = in(reg) &raw const peer_id,
        reason = in(reg) &raw const reason,
    );
}

/// `mempool:added`: virtual size in vbytes, fee in satoshis.
#[inline]
pub fn mempool_added(txid: &[u8; 32], vsize: i32, fee: i64) {
    if !Probe::MempoolAdded.is_traced() {
        return;
    }
    let entry = [0, 0, 0, 0, 0, fee.cast_unsigned()];
    if vsize == 141 {
        // The most usual transaction: one input, two outputs.
        site!(
            MempoolAdded, "mempool", "added",
            ["", "8@{txid} -4@$141 -8@40({entry})", ""],
            ["", "8@{txid} -4@141 -8@[{entry}, 40]", ""],
            txid = in(reg) txid.as_ptr(),
            entry = in(reg) entry.as_ptr(),
        );
    } else {
        site!(
            MempoolAdded, "mempool", "added",
            ["", "8@{txid} -4@{vsize:e} -8@40({entry})", ""],
            ["", "8@{txid} -4@{vsize} -8@[{entry}, 40]", ""],
            txid = in(reg) txid.as_ptr(),
            vsize = in(reg) wide(vsize.cast_unsigned()),
            entry = in(reg) entry.as_ptr(),
        );
    }
}

/// `mempool:removed`: with the reason, and the Unix time in seconds at which it had come.
#[inline]
pub fn mempool_removed(txid: &[u8; 32], reason: &CStr, vsize: i32, fee: i64, entry_time: u64) {
    if !Probe::MempoolRemoved.is_traced() {
        return;
    }
    let entry = [0, 0, 0, 0, 0, fee.cast_unsigned(), 0, 0, entry_time];
    site!(
        MempoolRemoved, "mempool", "removed",
        ["", "8@{txid} 8@{reason} -4@{vsize:e} -8@40({entry}) 8@64({entry})", ""],
        ["", "8@{txid} 8@{reason} -4@{vsize} -8@[{entry}, 40] 8@[{entry}, 64]", ""],
        txid = in(reg) txid.as_ptr(),
        reason = in(reg) reason.as_ptr(),
        vsize = in(reg) wide(vsize.cast_unsigned()),
        entry = in(reg) entry.as_ptr(),
    );
}

/// `mempool:replaced`: the transaction that went, and that or the package that came for it.
#[inline]
#[expect(clippy::too_many_arguments, reason = "it has so many")]
pub fn mempool_replaced(
    txid: &[u8; 32],
    vsize: i32,
    fee: i64,
    entry_time: u64,
    replacement: &[u8; 32],
    replacement_vsize: i32,
    replacement_fee: i64,
    by_transaction: bool,
) {
    if !Probe::MempoolReplaced.is_traced() {
        return;
    }
    let entry = [0, 0, 0, 0, 0, fee.cast_unsigned(), 0, 0, entry_time];
    site!(
        MempoolReplaced, "mempool", "replaced",
        [
            "pushq {new_vsize}; pushq {new_fee}",
            "8@{txid} -4@{vsize:e} -8@40({entry}) 8@64({entry}) 8@{new} -4@8(%rsp) -8@(%rsp) 1@{by:l}",
            "leaq 16(%rsp), %rsp"
        ],
        [
            "stp {new_fee}, {new_vsize}, [sp, #-16]!",
            "8@{txid} -4@{vsize} -8@[{entry}, 40] 8@[{entry}, 64] 8@{new} -4@[sp, 8] -8@[sp] 1@{by}",
            "add sp, sp, #16"
        ],
        txid = in(reg) txid.as_ptr(),
        vsize = in(reg) wide(vsize.cast_unsigned()),
        entry = in(reg) entry.as_ptr(),
        new = in(reg) replacement.as_ptr(),
        new_vsize = in(reg) wide(replacement_vsize.cast_unsigned()),
        new_fee = in(reg) replacement_fee,
        by = in(reg) wide_bool(by_transaction),
    );
}

/// `mempool:rejected`: with the reason.
#[inline]
pub fn mempool_rejected(txid: &[u8; 32], reason: &CStr) {
    if !Probe::MempoolRejected.is_traced() {
        return;
    }
    site!(
        MempoolRejected, "mempool", "rejected",
        ["pushq {reason}; pushq {txid}", "8@{txid} 8@8(%rsp)", "leaq 16(%rsp), %rsp"],
        ["stp {txid}, {reason}, [sp, #-16]!", "8@{txid} 8@[sp, 8]", "add sp, sp, #16"],
        txid = in(reg) txid.as_ptr(),
        reason = in(reg) reason.as_ptr(),
    );
}

/// `validation:block_connected`: with the number of transactions, of inputs spent, the cost of signature operations, and how long it took
/// in nanoseconds.
#[inline]
pub fn block_connected(hash: &[u8; 32], height: i32, transactions: u64, inputs: i32, sigops: i64, duration_ns: i64) {
    if !Probe::BlockConnected.is_traced() {
        return;
    }
    let index = [0, 0, 0, wide(height.cast_unsigned())];
    let frame = [address(hash), wide(inputs.cast_unsigned()), sigops.cast_unsigned()];
    site!(
        BlockConnected, "validation", "block_connected",
        [
            "pushq %rbp; movq {end}, %rbp",
            "8@-24(%rbp) -4@24({index}) 8@{transactions} -4@-16(%rbp) -8@-8(%rbp) -8@{duration}",
            "popq %rbp"
        ],
        ["", "8@[{end}, -24] -4@[{index}, 24] 8@{transactions} -4@[{end}, -16] -8@[{end}, -8] -8@{duration}", ""],
        end = in(reg) frame.as_ptr_range().end,
        index = in(reg) index.as_ptr(),
        transactions = in(reg) transactions,
        duration = in(reg) duration_ns,
    );
}

/// `net:block_header`, as Bitcoin Core #35368 proposes it: the header of a block was seen for the first time.
#[inline]
pub fn block_header(height: i32, peer_id: i64, compact_block: bool, hash: &[u8; 32]) {
    if !Probe::BlockHeader.is_traced() {
        return;
    }
    let frame = [wide_bool(compact_block), address(hash)];
    site!(
        BlockHeader, "net", "block_header",
        ["pushq %rbp; movq {end}, %rbp", "-4@{height:e} -8@{peer} 1@-16(%rbp) 8@-8(%rbp)", "popq %rbp"],
        ["", "-4@{height} -8@{peer} 1@[{end}, -16] 8@[{end}, -8]", ""],
        end = in(reg) frame.as_ptr_range().end,
        height = in(reg) wide(height.cast_unsigned()),
        peer = in(reg) peer_id,
    );
}

/// `net:compact_block_reconstructed`, as Bitcoin Core #35368 proposes it: with the number of transactions that came with the compact block,
/// from the mempool and from the extra pool, of those requested, and the bytes of these.
#[inline]
pub fn compact_block_reconstructed(peer_id: i64, counts: [u64; 5], hash: &[u8; 32]) {
    if !Probe::BlockReconstructed.is_traced() {
        return;
    }
    let [prefilled, from_mempool, from_extra_pool, requested, requested_bytes] = counts;
    let frame = [from_mempool, from_extra_pool, requested, requested_bytes, address(hash)];
    site!(
        BlockReconstructed, "net", "compact_block_reconstructed",
        [
            "pushq %rbp; movq {end}, %rbp",
            "-8@{peer} 8@{prefilled} 8@-40(%rbp) 8@-32(%rbp) 8@-24(%rbp) 8@-16(%rbp) 8@-8(%rbp)",
            "popq %rbp"
        ],
        ["", "-8@{peer} 8@{prefilled} 8@[{end}, -40] 8@[{end}, -32] 8@[{end}, -24] 8@[{end}, -16] 8@[{end}, -8]", ""],
        end = in(reg) frame.as_ptr_range().end,
        peer = in(reg) peer_id,
        prefilled = in(reg) prefilled,
    );
}

/// `utxocache:flush`: how long it took in microseconds, its mode as Bitcoin Core numbers them, the coins and bytes in the cache before it,
/// and whether pruning was the cause.
#[inline]
pub fn utxocache_flush(duration_us: i64, mode: u32, coins: u64, bytes: u64, for_prune: bool) {
    if !Probe::UtxocacheFlush.is_traced() {
        return;
    }
    let frame = [bytes, wide_bool(for_prune)];
    site!(
        UtxocacheFlush, "utxocache", "flush",
        ["pushq %rbp; movq {end}, %rbp", "-8@{duration} 4@{mode:e} 8@{coins} 8@-16(%rbp) 1@-8(%rbp)", "popq %rbp"],
        ["", "-8@{duration} 4@{mode} 8@{coins} 8@[{end}, -16] 1@[{end}, -8]", ""],
        end = in(reg) frame.as_ptr_range().end,
        duration = in(reg) duration_us,
        mode = in(reg) wide(mode),
        coins = in(reg) coins,
    );
}

/// What `utxocache:add`, `spent` and `uncache` point into: a transaction output's place and content.
#[repr(C)]
struct Coin {
    txid: [u8; 32],
    index: u64,
    padding: [u64; 4],
    value: i64,
}

impl Coin {
    #[inline(always)]
    fn new(txid: &[u8; 32], index: u32, value: i64) -> Self {
        Self { txid: *txid, index: wide(index), padding: [0; 4], value }
    }
}

/// `utxocache:add`: a coin came into a cache. Its value in satoshis.
#[inline]
pub fn utxocache_add(txid: &[u8; 32], index: u32, height: u32, value: i64, is_coinbase: bool) {
    if !Probe::UtxocacheAdd.is_traced() {
        return;
    }
    let coin = Coin::new(txid, index, value);
    site!(
        UtxocacheAdd, "utxocache", "add",
        ["", "8@{coin} 4@32({coin}) 4@{height:e} -8@72({coin}) 1@{is_coinbase:l}", ""],
        ["", "8@{coin} 4@[{coin}, 32] 4@{height} -8@[{coin}, 72] 1@{is_coinbase}", ""],
        coin = in(reg) &raw const coin,
        height = in(reg) wide(height),
        is_coinbase = in(reg) wide_bool(is_coinbase),
    );
}

/// `utxocache:spent`: a coin was spent.
#[inline]
pub fn utxocache_spent(txid: &[u8; 32], index: u32, height: u32, value: i64, is_coinbase: bool) {
    if !Probe::UtxocacheSpent.is_traced() {
        return;
    }
    let coin = Coin::new(txid, index, value);
    if is_coinbase {
        site!(
            UtxocacheSpent, "utxocache", "spent",
            ["", "8@{coin} 4@32({coin}) 4@{height:e} -8@72({coin}) 1@$1", ""],
            ["", "8@{coin} 4@[{coin}, 32] 4@{height} -8@[{coin}, 72] 1@1", ""],
            coin = in(reg) &raw const coin,
            height = in(reg) wide(height),
        );
    } else {
        site!(
            UtxocacheSpent, "utxocache", "spent",
            ["", "8@{coin} 4@32({coin}) 4@{height:e} -8@72({coin}) 1@$0", ""],
            ["", "8@{coin} 4@[{coin}, 32] 4@{height} -8@[{coin}, 72] 1@0", ""],
            coin = in(reg) &raw const coin,
            height = in(reg) wide(height),
        );
    }
}

/// `utxocache:uncache`: a coin was forgotten, because the transaction that it was loaded for is invalid.
#[inline]
pub fn utxocache_uncache(txid: &[u8; 32], index: u32, height: u32, value: i64, is_coinbase: bool) {
    if !Probe::UtxocacheUncache.is_traced() {
        return;
    }
    let coin = Coin::new(txid, index, value);
    site!(
        UtxocacheUncache, "utxocache", "uncache",
        ["", "8@{coin} 4@32({coin}) 4@{height:e} -8@-8({coin},{ten},8) 1@{is_coinbase:l}", ""],
        // There is no such way on aarch64; an operand has to be named, and a comment does that.
        ["// {ten}", "8@{coin} 4@[{coin}, 32] 4@{height} -8@[{coin}, 72] 1@{is_coinbase}", ""],
        coin = in(reg) &raw const coin,
        ten = in(reg) 10_u64,
        height = in(reg) wide(height),
        is_coinbase = in(reg) wide_bool(is_coinbase),
    );
}
