// Copies the arguments of Bitcoin Core's tracepoints into the ring. It runs inside the node's own threads, some of which hold cs_main: every instruction counts.
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "layout.h" /* written by build/header.rs */

// The helpers used are for programs under the GPL too.
char licence[] SEC("license") = "Dual MIT/GPL";

// One ring for everything, so that events keep their order. User space sets its size.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 25);
} ring SEC(".maps");

struct shared shared;

const volatile struct config config = {.default_limit = MAX_PAYLOAD};

// ---- Arguments of a tracepoint

#if defined(__TARGET_ARCH_x86)
// The value of a register. The offset is one of those that libbpf's parser writes; a switch costs less than bpf_probe_read_kernel. The loads are
// written out because the verifier wants constant offsets, and the compiler would join them into one with a computed offset.
static __noinline u64 reg(struct pt_regs *ctx, u64 offset)
{
	u64 value = 0;

	switch (offset) {
#define REG(name)                                                               \
	case __builtin_offsetof(struct pt_regs, name):                          \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                           \
			     : "=r"(value)                                      \
			     : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, name))); \
		break;
	REG(r15) REG(r14) REG(r13) REG(r12) REG(bp) REG(bx) REG(r11) REG(r10) REG(r9) REG(r8)
	REG(ax) REG(cx) REG(dx) REG(si) REG(di) REG(sp) REG(ip)
#undef REG
	}
	return value;
}

static __always_inline int arg(struct pt_regs *ctx, struct __bpf_usdt_spec *spec, int index, u64 *value)
{
	struct __bpf_usdt_arg_spec *a = &spec->args[index];
	u64 v;

	if (index >= spec->arg_cnt)
		return -ENOENT;
	switch (a->arg_type) {
	case BPF_USDT_ARG_CONST:
		v = a->val_off;
		break;
	case BPF_USDT_ARG_REG:
		v = reg(ctx, (u16)a->reg_off);
		break;
	case BPF_USDT_ARG_REG_DEREF:
		v = reg(ctx, (u16)a->reg_off) + a->val_off;
		if (bpf_probe_read_user(&v, sizeof(v), (void *)v))
			return -EINVAL;
		break;
	default:
		return bpf_usdt_arg(ctx, index, (long *)value);
	}
	u8 shift = a->arg_bitshift & 63;
	v <<= shift;
	*value = a->arg_signed ? (u64)((s64)v >> shift) : v >> shift;
	return 0;
}
#else
#define arg(ctx, spec, index, value) bpf_usdt_arg(ctx, index, (long *)(value))
#endif

static __always_inline struct __bpf_usdt_spec *spec_of(struct pt_regs *ctx)
{
	int id = __bpf_usdt_spec_id(ctx);

	return bpf_map_lookup_elem(&__bpf_usdt_specs, &id);
}

// ---- Accounts

static __always_inline struct process *slot(u32 tgid, u32 probe)
{
	return &shared.processes[((tgid * 2654435761u >> 16) + probe) & (PROCESSES - 1)];
}

// Whether user space does not want the events of this process.
static __noinline bool is_ignored(u32 tgid)
{
	for (u32 i = 0; i < PROCESS_PROBES; i++) {
		struct process *p = slot(tgid, i);

		if (p->tgid == tgid)
			return p->ignored;
	}
	return 0;
}

// Counts a lost event on behalf of its process.
static __noinline int lose(u32 tgid)
{
	for (u32 i = 0; i < PROCESS_PROBES; i++) {
		struct process *p = slot(tgid, i);
		u32 owner = p->tgid;

		if (!owner)
			owner = __sync_val_compare_and_swap(&p->tgid, 0, tgid);
		if (!owner || owner == tgid) {
			__sync_fetch_and_add(&p->lost, 1);
			return 0;
		}
	}
	__sync_fetch_and_add(&shared.lost_elsewhere, 1);
	return 0;
}

static __always_inline void drop(enum tracepoint tracepoint, u32 tgid)
{
	__sync_fetch_and_add(&shared.counts[tracepoint].dropped, 1);
	lose(tgid);
}

static __always_inline void fault(enum tracepoint tracepoint, u32 tgid)
{
	__sync_fetch_and_add(&shared.counts[tracepoint].fault, 1);
	lose(tgid);
}

// ---- Records

// Makes a record visible to user space, which reads every 20 milliseconds while there is something to read. It is woken only when it has noted that it
// sleeps: waking costs the node's thread more than everything else here.
static __always_inline void submit(void *record)
{
	u64 flags = BPF_RB_NO_WAKEUP;

	if (*(volatile u32 *)&shared.want_wake) {
		*(volatile u32 *)&shared.want_wake = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

// The id of the current process as user space knows it; 0 if it is in another PID namespace than that of user space, which cannot know it then.
static __always_inline u32 process_id(void)
{
	struct bpf_pidns_info ids = {};

	if (!config.pid_ns_ino)
		return bpf_get_current_pid_tgid() >> 32;
	if (bpf_get_ns_current_pid_tgid(config.pid_ns_dev, config.pid_ns_ino, &ids, sizeof(ids)))
		return 0;
	return ids.tgid;
}

// What every program begins with: `tgid`, `spec` and the head of a record; nothing for a process that is ignored.
#define BEGIN(tracepoint_)                                                      \
	struct head head = {                                                    \
		.time_ns = bpf_ktime_get_ns(),                                  \
		.tgid = process_id(),                                           \
		.tracepoint = tracepoint_,                                      \
	};                                                                      \
	if (!head.tgid || (*(volatile u32 *)&shared.ignoring && is_ignored(head.tgid))) \
		return 0;                                                       \
	__sync_fetch_and_add(&shared.counts[tracepoint_].seen, 1);              \
	struct __bpf_usdt_spec *spec = spec_of(ctx);                            \
	if (!spec) {                                                            \
		fault(tracepoint_, head.tgid);                                  \
		return 0;                                                       \
	}

// The record of a program, or the end of it if there is no room.
#define RESERVE(type, name)                                                     \
	struct type *name = bpf_ringbuf_reserve(&ring, sizeof(*name), 0);       \
	if (!name) {                                                            \
		drop(head.tracepoint, head.tgid);                               \
		return 0;                                                       \
	}                                                                       \
	name->head = head

// Ends a program: the record is complete, or something of it could not be read.
#define END(name, errors)                                                       \
	if (errors) {                                                           \
		fault(head.tracepoint, head.tgid);                              \
		bpf_ringbuf_discard(name, BPF_RB_NO_WAKEUP);                    \
		return 0;                                                       \
	}                                                                       \
	submit(name);                                                           \
	return 0

#define NUMBER(index, field)                                                    \
	({                                                                      \
		u64 value_ = 0;                                                 \
		bool failed_ = arg(ctx, spec, index, &value_) != 0;             \
		field = value_;                                                 \
		failed_;                                                        \
	})

#define STRING(index, field)                                                    \
	({                                                                      \
		u64 from_ = 0;                                                  \
		arg(ctx, spec, index, &from_) ||                                \
			bpf_probe_read_user_str(field, sizeof(field), (void *)from_) < 0; \
	})

#define BYTES(index, field)                                                     \
	({                                                                      \
		u64 from_ = 0;                                                  \
		arg(ctx, spec, index, &from_) ||                                \
			bpf_probe_read_user(field, sizeof(field), (void *)from_); \
	})

// ---- P2P messages

// Bytes of the payload of a message of this type that are wanted.
static __always_inline u64 limit_of(const u64 message_type[2])
{
	for (u32 i = 0; i < LIMITS && i < config.limit_count; i++) {
		if (config.limits[i].message_type[0] == message_type[0] && config.limits[i].message_type[1] == message_type[1])
			return config.limits[i].bytes;
	}
	return config.default_limit;
}

// Room for a payload: the smallest of these that holds it. A record's size must be a constant for the verifier, which sees each of them on a path of
// its own.
static __always_inline u64 room(u64 bytes)
{
#define CLASS(size) if (bytes <= size) return size;
	CLASS(32) CLASS(64) CLASS(128) CLASS(256) CLASS(384) CLASS(512) CLASS(768) CLASS(1024) CLASS(1536) CLASS(2048) CLASS(3072)
	CLASS(4096) CLASS(6144) CLASS(8192) CLASS(12288) CLASS(16384) CLASS(24576) CLASS(32768) CLASS(49152) CLASS(65536)
	CLASS(1 << 17) CLASS(1 << 18) CLASS(1 << 19) CLASS(3 << 18) CLASS(1 << 20) CLASS(3 << 19) CLASS(1 << 21) CLASS(3 << 20)
#undef CLASS
	return MAX_PAYLOAD;
}

static __always_inline int message(struct pt_regs *ctx, enum tracepoint tracepoint)
{
	BEGIN(tracepoint);
	u64 message_type[2] = {};
	u64 size, data;
	bool failed = STRING(3, message_type);

	failed |= NUMBER(4, size);
	failed |= NUMBER(5, data);
	if (failed) {
		fault(tracepoint, head.tgid);
		return 0;
	}
	u64 captured = limit_of(message_type);

	if (captured > size)
		captured = size;
	if (captured > MAX_PAYLOAD)
		captured = MAX_PAYLOAD;
	u64 capacity = room(captured);
	struct message *m = bpf_ringbuf_reserve(&ring, sizeof(*m) + capacity, 0);

	if (!m) {
		drop(tracepoint, head.tgid);
		return 0;
	}
	m->head = head;
	m->size = size;
	*(u64 *)m->message_type = message_type[0];
	*(u64 *)(m->message_type + 8) = message_type[1];
	// The verifier of Linux 6.1 forgets the bound when the value is spilled.
	barrier_var(captured);
	if (captured > capacity)
		captured = capacity;
	if (captured && bpf_probe_read_user(m->payload, captured, (void *)data)) {
		__sync_fetch_and_add(&shared.counts[tracepoint].unread, 1);
		captured = 0;
	}
	m->captured = captured;
	failed = NUMBER(0, m->peer_id);
	failed |= STRING(1, m->addr);
	failed |= STRING(2, m->conn_type);
	END(m, failed);
}

SEC("usdt")
int inbound_message(struct pt_regs *ctx)
{
	return message(ctx, INBOUND_MESSAGE);
}

SEC("usdt")
int outbound_message(struct pt_regs *ctx)
{
	return message(ctx, OUTBOUND_MESSAGE);
}

// ---- Connections

static __always_inline int connection(struct pt_regs *ctx, enum tracepoint tracepoint)
{
	BEGIN(tracepoint);
	RESERVE(connection, c);
	bool failed = NUMBER(0, c->peer_id);

	failed |= STRING(1, c->addr);
	failed |= STRING(2, c->conn_type);
	failed |= NUMBER(3, c->network);
	failed |= NUMBER(4, c->value);
	END(c, failed);
}

SEC("usdt")
int inbound_connection(struct pt_regs *ctx)
{
	return connection(ctx, INBOUND_CONNECTION);
}

SEC("usdt")
int outbound_connection(struct pt_regs *ctx)
{
	return connection(ctx, OUTBOUND_CONNECTION);
}

SEC("usdt")
int closed_connection(struct pt_regs *ctx)
{
	return connection(ctx, CLOSED_CONNECTION);
}

SEC("usdt")
int evicted_inbound_connection(struct pt_regs *ctx)
{
	return connection(ctx, EVICTED_INBOUND_CONNECTION);
}

SEC("usdt")
int misbehaving_connection(struct pt_regs *ctx)
{
	BEGIN(MISBEHAVING_CONNECTION);
	RESERVE(misbehaving, m);
	bool failed = NUMBER(0, m->peer_id);

	failed |= STRING(1, m->reason);
	END(m, failed);
}

// ---- Mempool

SEC("usdt")
int mempool_added(struct pt_regs *ctx)
{
	BEGIN(MEMPOOL_ADDED);
	RESERVE(mempool_added, m);
	bool failed = BYTES(0, m->txid);

	failed |= NUMBER(1, m->vsize);
	failed |= NUMBER(2, m->fee);
	END(m, failed);
}

SEC("usdt")
int mempool_removed(struct pt_regs *ctx)
{
	BEGIN(MEMPOOL_REMOVED);
	RESERVE(mempool_removed, m);
	bool failed = BYTES(0, m->txid);

	failed |= STRING(1, m->reason);
	failed |= NUMBER(2, m->vsize);
	failed |= NUMBER(3, m->fee);
	failed |= NUMBER(4, m->entry_time);
	END(m, failed);
}

SEC("usdt")
int mempool_replaced(struct pt_regs *ctx)
{
	BEGIN(MEMPOOL_REPLACED);
	RESERVE(mempool_replaced, m);
	bool failed = BYTES(0, m->replaced_txid);

	failed |= NUMBER(1, m->replaced_vsize);
	failed |= NUMBER(2, m->replaced_fee);
	failed |= NUMBER(3, m->replaced_entry_time);
	failed |= BYTES(4, m->replacement_id);
	failed |= NUMBER(5, m->replacement_vsize);
	failed |= NUMBER(6, m->replacement_fee);
	failed |= NUMBER(7, m->replaced_by_transaction);
	END(m, failed);
}

SEC("usdt")
int mempool_rejected(struct pt_regs *ctx)
{
	BEGIN(MEMPOOL_REJECTED);
	RESERVE(mempool_rejected, m);
	bool failed = BYTES(0, m->txid);

	failed |= STRING(1, m->reason);
	END(m, failed);
}

// ---- Blocks

SEC("usdt")
int block_connected(struct pt_regs *ctx)
{
	BEGIN(BLOCK_CONNECTED);
	RESERVE(block_connected, b);
	bool failed = BYTES(0, b->hash);

	failed |= NUMBER(1, b->height);
	failed |= NUMBER(2, b->transactions);
	failed |= NUMBER(3, b->inputs);
	failed |= NUMBER(4, b->sigops);
	failed |= NUMBER(5, b->connection_time_ns);
	END(b, failed);
}

// Proposed in Bitcoin Core #35368.
SEC("usdt")
int block_header(struct pt_regs *ctx)
{
	BEGIN(BLOCK_HEADER);
	RESERVE(block_header, b);
	bool failed = NUMBER(0, b->height);

	failed |= NUMBER(1, b->peer_id);
	failed |= NUMBER(2, b->compact_block);
	failed |= BYTES(3, b->hash);
	END(b, failed);
}

// Proposed in Bitcoin Core #35368.
SEC("usdt")
int compact_block_reconstructed(struct pt_regs *ctx)
{
	BEGIN(BLOCK_RECONSTRUCTED);
	RESERVE(block_reconstructed, b);
	bool failed = NUMBER(0, b->peer_id);

	failed |= NUMBER(1, b->prefilled);
	failed |= NUMBER(2, b->from_mempool);
	failed |= NUMBER(3, b->from_extra_pool);
	failed |= NUMBER(4, b->requested);
	failed |= NUMBER(5, b->requested_bytes);
	failed |= BYTES(6, b->hash);
	END(b, failed);
}

// ---- The cache of unspent outputs

SEC("usdt")
int utxocache_flush(struct pt_regs *ctx)
{
	BEGIN(UTXOCACHE_FLUSH);
	RESERVE(utxocache_flush, u);
	bool failed = NUMBER(0, u->duration_us);

	failed |= NUMBER(1, u->mode);
	failed |= NUMBER(2, u->coins_count);
	failed |= NUMBER(3, u->coins_mem_usage);
	failed |= NUMBER(4, u->for_prune);
	END(u, failed);
}

static __always_inline int coin(struct pt_regs *ctx, enum tracepoint tracepoint)
{
	BEGIN(tracepoint);
	RESERVE(utxocache_coin, u);
	bool failed = BYTES(0, u->txid);

	failed |= NUMBER(1, u->index);
	failed |= NUMBER(2, u->height);
	failed |= NUMBER(3, u->value);
	failed |= NUMBER(4, u->is_coinbase);
	END(u, failed);
}

SEC("usdt")
int utxocache_add(struct pt_regs *ctx)
{
	return coin(ctx, UTXOCACHE_ADD);
}

SEC("usdt")
int utxocache_spent(struct pt_regs *ctx)
{
	return coin(ctx, UTXOCACHE_SPENT);
}

SEC("usdt")
int utxocache_uncache(struct pt_regs *ctx)
{
	return coin(ctx, UTXOCACHE_UNCACHE);
}
