/* What the program writes into the ring: one record for each event. crates/decode/src/tracepoint/record.rs has the same structures; both check the
 * sizes. Strings end with a NUL; what comes after it, and after the captured bytes of a payload, is left over from older records. */
#pragma once
#include "kernel.h"

/* Sizes of strings, with the NUL. Longer ones are cut. */
#define MESSAGE_TYPE 16		/* 12 on the wire */
#define CONN_TYPE 24		/* "outbound-full-relay" */
#define ADDR 128		/* an onion v3 name and its port have 68; names given to addnode may be longer */
#define REASON 256		/* of misbehaviour and rejection; documented as 128 and 118, not enforced by the node */
#define REMOVAL_REASON 16	/* "sizelimit" */
#define HASH 32

#define MAX_PAYLOAD (4 << 20)	/* above Bitcoin Core's MAX_PROTOCOL_MESSAGE_LENGTH of 4,000,000 */

/* Which tracepoint; also the index of its counts. The order is that of `Tracepoint::ALL`. */
enum tracepoint {
	INBOUND_MESSAGE,
	OUTBOUND_MESSAGE,
	INBOUND_CONNECTION,
	OUTBOUND_CONNECTION,
	CLOSED_CONNECTION,
	EVICTED_INBOUND_CONNECTION,
	MISBEHAVING_CONNECTION,
	MEMPOOL_ADDED,
	MEMPOOL_REMOVED,
	MEMPOOL_REPLACED,
	MEMPOOL_REJECTED,
	BLOCK_CONNECTED,
	UTXOCACHE_FLUSH,
	UTXOCACHE_ADD,
	UTXOCACHE_SPENT,
	UTXOCACHE_UNCACHE,
	TRACEPOINTS,
};

struct head {
	u64 time_ns;		/* CLOCK_MONOTONIC */
	u32 tgid;		/* process */
	u32 tracepoint;
};

struct message {
	struct head head;
	s64 peer_id;
	u64 size;		/* of the payload */
	u64 captured;		/* bytes of it that follow */
	char type[MESSAGE_TYPE];
	char conn_type[CONN_TYPE];
	char addr[ADDR];
	u8 payload[];
};

struct connection {
	struct head head;
	s64 peer_id;
	u64 network;
	u64 value;		/* existing connections, or seconds since the UNIX epoch when it was established */
	char conn_type[CONN_TYPE];
	char addr[ADDR];
};

struct misbehaving {
	struct head head;
	s64 peer_id;
	char reason[REASON];
};

struct mempool_added {
	struct head head;
	u8 txid[HASH];
	s64 vsize;
	s64 fee;
};

struct mempool_removed {
	struct head head;
	u8 txid[HASH];
	s64 vsize;
	s64 fee;
	u64 entry_time;
	char reason[REMOVAL_REASON];
};

struct mempool_replaced {
	struct head head;
	u8 replaced_txid[HASH];
	s64 replaced_vsize;
	s64 replaced_fee;
	u64 replaced_entry_time;
	u8 replacement_id[HASH];
	s64 replacement_vsize;
	s64 replacement_fee;
	u64 replaced_by_transaction;
};

struct mempool_rejected {
	struct head head;
	u8 txid[HASH];
	char reason[REASON];
};

struct block_connected {
	struct head head;
	u8 hash[HASH];
	s64 height;
	s64 transactions;
	s64 inputs;
	s64 sigops;
	s64 connection_time_ns;
};

struct utxocache_flush {
	struct head head;
	s64 duration_us;
	u64 mode;
	u64 coins_count;
	u64 coins_mem_usage;
	u64 for_prune;
};

struct utxocache_coin {
	struct head head;
	u8 txid[HASH];
	u64 index;
	u64 height;
	s64 value;
	u64 is_coinbase;
};

_Static_assert(sizeof(struct head) == 16, "");
_Static_assert(sizeof(struct message) == 208, "");
_Static_assert(sizeof(struct connection) == 192, "");
_Static_assert(sizeof(struct misbehaving) == 280, "");
_Static_assert(sizeof(struct mempool_added) == 64, "");
_Static_assert(sizeof(struct mempool_removed) == 88, "");
_Static_assert(sizeof(struct mempool_replaced) == 128, "");
_Static_assert(sizeof(struct mempool_rejected) == 304, "");
_Static_assert(sizeof(struct block_connected) == 88, "");
_Static_assert(sizeof(struct utxocache_flush) == 56, "");
_Static_assert(sizeof(struct utxocache_coin) == 80, "");

/* Memory that user space maps: counts, and what it tells the program. src/shared.rs has the same structures. */

/* `seen` events of a tracepoint are either in the ring, or `dropped` for want of room there, or a `fault`: something that the tracepoint
 * points to could not be read. Of events in the ring, `unread` lack their payload for that reason. */
struct count {
	u64 seen;
	u64 dropped;
	u64 fault;
	u64 unread;
};

#define PROCESSES 64		/* a power of two */
#define PROCESS_PROBES 8	/* slots in which a process may be */

/* A process with that binary. */
struct process {
	u32 tgid;		/* 0: a free slot */
	u32 ignored;		/* user space does not want its events */
	u64 lost;		/* its dropped and faulty events */
};

struct shared {
	u32 want_wake;		/* user space is about to sleep */
	u32 ignoring;		/* a process is ignored */
	u64 lost_elsewhere;	/* dropped and faulty events of processes that found no slot */
	struct count counts[TRACEPOINTS];
	struct process processes[PROCESSES];
};

_Static_assert(sizeof(struct shared) == 16 + 16 * 32 + 64 * 16, "");

/* What user space decides before the program is loaded. src/program.rs writes it. */

#define LIMITS 64

/* How much of the payloads of one message type is captured. */
struct limit {
	u64 type[2];		/* the message type, padded with NULs */
	u64 bytes;
};

struct config {
	u64 default_limit;	/* for types that are not listed */
	u64 limit_count;
	struct limit limits[LIMITS];
};

_Static_assert(sizeof(struct config) == 16 + LIMITS * 24, "");
