//! Our own families of events: messages, requests, connections, sets, blocks, addresses, transactions.

use super::families;
use crate::buckets::{BLOCK_DELAYS, BYTES, COUNTS, DURATIONS, INTERVALS, LIFETIMES};

families! { super::connectivity::END;
    MESSAGE_SIZE = histogram(BYTES) "peerobserver_message_size_bytes" [message, direction] untrusted [message]
        "Payload size of P2P messages.";
    MESSAGE_INTERVAL = histogram(INTERVALS) "peerobserver_message_interval_seconds" [message, direction] untrusted [message]
        "Time since the previous message of the same type and direction with the same peer.";
    REQUEST_DURATION = histogram(DURATIONS) "peerobserver_request_duration_seconds" [request, direction]
        "Time from a request to its reply, by request (ping, getdata_tx, getdata_block, getheaders, getblocktxn) and the request's direction.";
    REQUESTS_UNANSWERED = counter "peerobserver_requests_unanswered_total" [request, direction, reason]
        "Requests without a reply, by reason: notfound, replaced (by the same one again), timeout (20 minutes), or closed (the connection).";

    LOGGED_MESSAGES = counter "peerobserver_log_messages_total" [message, direction] untrusted [message]
        "P2P messages, from debug.log (category net). The same ones as in the families of tracepoints, not further ones.";
    LOGGED_MESSAGE_BYTES = counter "peerobserver_log_message_bytes_total" [message, direction] untrusted [message]
        "Payload bytes of P2P messages, from debug.log (category net).";
    LOGGED_INVENTORY = counter "peerobserver_log_inventory_total" [inventory_type, known]
        "Entries of inv messages received, from debug.log (category net), by type and whether the node had it (have) or not (new).";
    LOGGED_REQUESTS = counter "peerobserver_log_data_requests_total" [inventory_type, outcome]
        "Transactions and blocks that the node requested (requested) and stopped waiting for (timed_out), from debug.log (category net).";
    MESSAGES_IGNORED = counter "peerobserver_messages_ignored_total" [reason]
        "P2P messages that the node did not use, from debug.log (category net).";

    CONNECTIONS_OPENED = counter "peerobserver_connections_opened_total" [direction, connection_type, network]
        "Connections opened.";
    CONNECTION_ATTEMPTS = counter "peerobserver_connection_attempts_total" [network]
        "Outbound connections that the node tried to open, from debug.log (category net).";
    CONNECTION_FAILURES = counter "peerobserver_connection_failures_total" [network, reason]
        "Outbound connections that could not be opened, from debug.log; the network is unknown where the proxy failed.";
    V1_FALLBACKS = counter "peerobserver_v1_fallbacks_total" []
        "Outbound connections that were opened again with the v1 transport, because the peer does not have v2; from debug.log (category net).";
    CONNECTION_LIFETIME = histogram(LIFETIMES) "peerobserver_connection_lifetime_seconds" [network, connection_type, end]
        "Lifetime of connections that ended, by how: evicted, a reason of disconnection from debug.log, or closed (the reason is not known).";
    EVICTIONS = counter "peerobserver_evictions_total" [network]
        "Inbound connections evicted to make room.";
    DISCONNECTS = counter "peerobserver_disconnects_total" [reason]
        "Disconnections by reason, from debug.log; closed where it has none.";
    CONNECTIONS_REFUSED = counter "peerobserver_connections_refused_total" [reason]
        "Inbound connections refused, by reason, from debug.log.";
    MISBEHAVIOUR = counter "peerobserver_misbehaviour_total" [action]
        "Misbehaviour by what the node did about it, from debug.log.";
    BLOCK_STALLS = counter "peerobserver_block_stalls_total" [kind]
        "Stalled downloads of blocks or headers, from debug.log: started and headers_timeout_spared, where the peer stays; stalling_blocks, block_download_timeout and headers_download_timeout, where it goes.";
    AS_CONNECTIONS_OPENED = counter "peerobserver_as_connections_opened_total" [asn] untrusted [asn]
        "Inbound connections opened, by autonomous system of the asmap file, if there is one; 0 is unmapped.";
    GROUP_CONNECTIONS_OPENED = counter "peerobserver_group_connections_opened_total" [group] untrusted [group]
        "Inbound connections opened, by network group (/16 of IPv4, /32 of IPv6).";

    SET_CONNECTIONS = counter "peerobserver_set_connections_opened_total" [set, direction]
        "Connections opened with addresses of a set.";
    SET_MESSAGES = counter "peerobserver_set_messages_total" [set, message, direction] untrusted [message]
        "P2P messages of peers of a set.";
    SET_MESSAGE_BYTES = counter "peerobserver_set_message_bytes_total" [set, message, direction] untrusted [message]
        "Payload bytes of P2P messages of peers of a set.";

    BLOCKS_CONNECTED = counter "peerobserver_blocks_connected_total" []
        "Blocks connected to the chain.";
    BLOCKS_DISCONNECTED = counter "peerobserver_blocks_disconnected_total" []
        "Blocks disconnected from the chain, from debug.log.";
    BLOCK_CONNECTION = histogram(DURATIONS) "peerobserver_block_connection_seconds" []
        "Time it took to connect a block.";
    BLOCK_DELAY = histogram(BLOCK_DELAYS) "peerobserver_block_delay_seconds" [from, to]
        "Time from one stage of a new block to a later one: header, compact_block, block, connected, tip. Not while the node catches up.";
    BLOCK_TIME_OFFSET = histogram(BLOCK_DELAYS) "peerobserver_block_time_offset_seconds" []
        "Time from a new block's own time until its header was first seen; what is in the future counts as 0.";
    BLOCK_FIRST_ANNOUNCEMENTS = counter "peerobserver_block_first_announcements_total" [via, connection_type]
        "First announcements of new blocks that were connected, by message (headers, cmpctblock, inv) and connection type.";
    MUTATED_BLOCKS = counter "peerobserver_mutated_blocks_total" [state]
        "Blocks that had been altered, from debug.log, by the result of the check; unknown where it has none.";
    INVALID_CHAINS = counter "peerobserver_invalid_chains_total" []
        "Warnings of debug.log of an invalid chain.";
    STALE_TIPS = counter "peerobserver_stale_tips_total" []
        "Warnings of debug.log of a tip that may be stale.";

    HEADERS_SYNCS = counter "peerobserver_headers_syncs_total" [step]
        "Initial synchronizations of headers with a peer, from debug.log (category net): started, redownload, completed, aborted, or refused for low_work.";
    HEADERS_SYNC_HEIGHT = gauge "peerobserver_headers_sync_height" [phase]
        "Height that a synchronization of headers reached, from debug.log: presync while they are only checked, sync while they are stored.";
    HEADERS_REJECTED = counter "peerobserver_headers_rejected_total" []
        "Block headers that were refused, from debug.log (category validation).";

    COMPACT_BLOCKS = counter "peerobserver_compact_blocks_received_total" [result]
        "Blocks of which a compact block came first, by what followed: complete, requested (getblocktxn), or full (the whole block was requested).";
    COMPACT_BLOCK_RECONSTRUCTIONS = counter "peerobserver_compact_block_reconstructions_total" [result]
        "Compact blocks reconstructed, from debug.log: from the mempool alone, with the help of the extra_pool, or with requested transactions.";
    COMPACT_BLOCK_TRANSACTIONS = counter "peerobserver_compact_block_transactions_total" [origin]
        "Transactions of reconstructed compact blocks by origin: prefilled, mempool, extra_pool, requested; from debug.log.";
    COMPACT_BLOCK_BYTES = counter "peerobserver_compact_block_bytes_total" [origin]
        "Bytes of transactions of reconstructed compact blocks by origin, as far as the node logs them; from debug.log.";
    COMPACT_BLOCK_REQUESTED = histogram(COUNTS) "peerobserver_compact_block_requested_transactions" []
        "Transactions requested by a getblocktxn that the node sent.";
    COMPACT_BLOCK_PREFILLED = histogram(COUNTS) "peerobserver_compact_block_prefilled_transactions" []
        "Prefilled transactions of a compact block received.";

    ADDR_ENTRIES = counter "peerobserver_addr_entries_total" [network, direction, solicited]
        "Entries of addr and addrv2 messages by network (ipv4, ipv6, torv2, onion, i2p, cjdns, unknown), and whether they follow a getaddr within 5 minutes (true, false).";
    ADDR_UNIQUE = gauge "peerobserver_addr_unique_addresses" [network, window]
        "Estimated number of different addresses in addr and addrv2 messages received, by network and of all: this UTC day (day), the one before (last_day), the last full hour (hour). The last two only if they were observed as a whole.";
    ADDR_FUTURE = counter "peerobserver_addr_future_entries_total" [direction]
        "Entries of addr and addrv2 messages with a time of more than 10 s after that of the message.";
    ADDR_SPECIAL = counter "peerobserver_addr_special_entries_total" [range, direction]
        "Entries of addr and addrv2 messages in ranges that are not routed on the internet.";
    ADDR_PROCESSED = counter "peerobserver_addr_processed_total" []
        "Addresses that the node processed, from getpeerinfo.";
    ADDR_RATE_LIMITED = counter "peerobserver_addr_rate_limited_total" []
        "Addresses that the node dropped because a peer sent too many, from getpeerinfo.";
    GETADDR_SENT = counter "peerobserver_getaddr_sent_total" []
        "getaddr messages that the node sent.";
    ADDRMAN_CHANGES = counter "peerobserver_addrman_changes_total" [action]
        "Changes of the address manager, from debug.log.";

    TX_ANNOUNCEMENTS = counter "peerobserver_tx_announcements_total" [order, connection_type]
        "Transactions announced to the node: first or later announcement of the same one, by connection type.";
    TX_FIRST_ANNOUNCER_SHARE = gauge "peerobserver_tx_first_announcer_share_ratio" [rank]
        "Share of first announcements of the last 10 minutes by the peer that made most of them, and by the three and ten that did (1, 3, 10).";
    TX_RECEIVED = counter "peerobserver_tx_received_total" [kind]
        "Transactions received: new, duplicate (the same one came before), or unsolicited (new, and not requested from the peer).";
    TX_MISSING_INPUTS = counter "peerobserver_tx_orphans_total" []
        "Transactions received that the mempool did not accept because inputs were missing.";
    TX_TO_MEMPOOL = histogram(DURATIONS) "peerobserver_tx_announcement_to_mempool_seconds" []
        "Time from the first announcement of a transaction until it is in the mempool.";
    LOGGED_MEMPOOL_ADDED = counter "peerobserver_log_mempool_added_total" []
        "Transactions that entered the mempool, from debug.log (category validation).";
    LOGGED_MEMPOOL_REMOVED = counter "peerobserver_log_mempool_removed_total" [reason]
        "Transactions that left the mempool, from debug.log (category validation).";
    LOGGED_MEMPOOL_REPLACED = counter "peerobserver_log_mempool_replaced_total" []
        "Transactions of the mempool that were replaced, from debug.log (category mempool).";
    ORPHAN_TRANSACTIONS = counter "peerobserver_orphan_transactions_total" [action]
        "What happened to transactions whose parents are missing, from debug.log (category txpackages).";
}
