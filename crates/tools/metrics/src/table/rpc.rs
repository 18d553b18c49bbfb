//! Families with the original's names: what RPCs answer.

use super::families;

families! { super::p2p::END;
    RPC_PEER_INFO_LIST_PEERS_GMAX_BAN = gauge "peerobserver_rpc_peer_info_list_peers_gmax_ban" []
        "Peers on Gregory Maxwell's ban list.";
    RPC_PEER_INFO_LIST_PEERS_MONERO_BAN = gauge "peerobserver_rpc_peer_info_list_peers_monero_ban" []
        "Peers on the Monero ban list.";
    RPC_PEER_INFO_LIST_PEERS_TOR_EXIT = gauge "peerobserver_rpc_peer_info_list_peers_tor_exit" []
        "Peers that are Tor exits.";
    RPC_PEER_INFO_LIST_PEERS_LINKINGLION = gauge "peerobserver_rpc_peer_info_list_peers_linkinglion" []
        "Peers in the LinkingLion ranges used since December 2025.";
    RPC_PEER_INFO_LIST_PEERS_LINKINGLION_PRE2026 = gauge "peerobserver_rpc_peer_info_list_peers_linkinglion_pre2026" []
        "Peers in the LinkingLion ranges used until December 2025.";
    RPC_PEER_INFO_LIST_PEERS_BITPROJECTS = gauge "peerobserver_rpc_peer_info_list_peers_bitprojects" [direction]
        "Peers in the ranges of bitprojects, by direction of the connection.";
    RPC_PEER_INFO_ADDR_RATELIMITED_PEERS = gauge "peerobserver_rpc_peer_info_addr_ratelimited_peers" []
        "Peers of which an address was dropped by rate limiting.";
    RPC_PEER_INFO_ADDR_RATELIMITED_TOTAL = gauge "peerobserver_rpc_peer_info_addr_ratelimited_total" []
        "Addresses dropped by rate limiting, over the current peers.";
    RPC_PEER_INFO_ADDR_PROCESSED_TOTAL = gauge "peerobserver_rpc_peer_info_addr_processed_total" []
        "Addresses processed, over the current peers.";
    RPC_PEER_INFO_TIMEOFFSET_PLUS10S = gauge "peerobserver_rpc_peer_info_timeoffset_plus10s" []
        "Peers whose clock is more than 10 s ahead.";
    RPC_PEER_INFO_TIMEOFFSET_MINUS10S = gauge "peerobserver_rpc_peer_info_timeoffset_minus10s" []
        "Peers whose clock is more than 10 s behind.";
    RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_TO = gauge "peerobserver_rpc_peer_info_bip152_highbandwidth_to" []
        "Peers that the node chose as high-bandwidth compact block peers (BIP 152).";
    RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_FROM = gauge "peerobserver_rpc_peer_info_bip152_highbandwidth_from" []
        "Peers that chose the node as high-bandwidth compact block peer (BIP 152).";
    RPC_PEER_INFO_NUM_PEERS = gauge "peerobserver_rpc_peer_info_num_peers" []
        "Peers.";
    RPC_PEER_INFO_ADDR_RELAY_ENABLED_PEERS = gauge "peerobserver_rpc_peer_info_addr_relay_enabled_peers" []
        "Peers with which addresses are relayed.";
    RPC_PEER_INFO_INFLIGHT_BLOCK_PEERS = gauge "peerobserver_rpc_peer_info_inflight_block_peers" []
        "Peers from which blocks are being downloaded.";
    RPC_PEER_INFO_INFLIGHT_DISTINCT_BLOCKS_HEIGHTS = gauge "peerobserver_rpc_peer_info_inflight_distinct_blocks_heights" []
        "Distinct heights of blocks being downloaded.";
    RPC_PEER_INFO_PING_WAIT_LARGER_5_SECONDS_BLOCK_PEERS = gauge "peerobserver_rpc_peer_info_ping_wait_larger_5_seconds_block_peers" []
        "Peers that have not answered a ping for more than 5 s.";
    RPC_PEER_INFO_TRANSPORT_PROTOCOL_TYPE_PEERS = gauge "peerobserver_rpc_peer_info_transport_protocol_type_peers" [transport_protocol_type]
        "Peers by transport protocol.";
    RPC_PEER_INFO_NETWORK_PEERS = gauge "peerobserver_rpc_peer_info_network_peers" [network]
        "Peers by network.";
    RPC_PEER_INFO_CONNECTION_TYPE_PEERS = gauge "peerobserver_rpc_peer_info_connection_type_peers" [connection_type]
        "Peers by connection type.";
    RPC_PEER_INFO_PROTOCOL_VERSION_PEERS = gauge "peerobserver_rpc_peer_info_protocol_version_peers" [protocol_version] untrusted [protocol_version]
        "Peers by protocol version.";
    RPC_PEER_INFO_ASN_PEERS = gauge "peerobserver_rpc_peer_info_asn_peers" [ASN] untrusted [ASN]
        "Peers by autonomous system, as the node maps them.";
    RPC_PEER_INFO_PING_MEDIAN = gauge "peerobserver_rpc_peer_info_ping_median" []
        "Median of the peers' last ping times, in milliseconds.";
    RPC_PEER_INFO_PING_MEAN = gauge "peerobserver_rpc_peer_info_ping_mean" []
        "Mean of the peers' last ping times, in milliseconds.";
    RPC_PEER_INFO_MINPING_MEDIAN = gauge "peerobserver_rpc_peer_info_minping_median" []
        "Median of the peers' smallest ping times, in milliseconds.";
    RPC_PEER_INFO_MINPING_MEAN = gauge "peerobserver_rpc_peer_info_minping_mean" []
        "Mean of the peers' smallest ping times, in milliseconds.";
    RPC_PEER_INFO_SUB1SATVB_RELAY = gauge "peerobserver_rpc_peer_info_sub1satvb_relay" []
        "Peers that relay transactions of less than 1 sat/vB.";
    RPC_PEER_INFO_CONNECTION_DIVSERITY_INBOUND_IPV4 = gauge "peerobserver_rpc_peer_info_connection_divserity_inbound_ipv4" []
        "Distinct /16 networks among inbound IPv4 peers, divided by their number.";
    RPC_PEER_INFO_INVTOSEND_SUM = gauge "peerobserver_rpc_peer_info_invtosend_sum" []
        "Sum of the announcements waiting to be sent to peers (Bitcoin Core 31 and later).";
    RPC_PEER_INFO_INVTOSEND_MAX = gauge "peerobserver_rpc_peer_info_invtosend_max" []
        "Most announcements waiting to be sent to a peer.";
    RPC_PEER_INFO_INVTOSEND_MEDIAN = gauge "peerobserver_rpc_peer_info_invtosend_median" []
        "Median of the announcements waiting to be sent to a peer.";
    RPC_PEER_INFO_INVTOSEND_MEAN = gauge "peerobserver_rpc_peer_info_invtosend_mean" []
        "Mean of the announcements waiting to be sent to a peer.";
    RPC_PEER_INFO_INVTOSEND_MIN = gauge "peerobserver_rpc_peer_info_invtosend_min" []
        "Fewest announcements waiting to be sent to a peer.";
    RPC_PEER_INFO_CPULOAD_SUM = gauge "peerobserver_rpc_peer_info_cpuload_sum" []
        "Sum of the CPU load that peers cause, in per mille of a core (Bitcoin Knots).";
    RPC_PEER_INFO_CPULOAD_MAX = gauge "peerobserver_rpc_peer_info_cpuload_max" []
        "Largest CPU load that a peer causes, in per mille of a core (Bitcoin Knots).";
    RPC_PEER_INFO_CPULOAD_MEDIAN = gauge "peerobserver_rpc_peer_info_cpuload_median" []
        "Median of the CPU load that peers cause, in per mille of a core (Bitcoin Knots).";
    RPC_PEER_INFO_CPULOAD_MEAN = gauge "peerobserver_rpc_peer_info_cpuload_mean" []
        "Mean of the CPU load that peers cause, in per mille of a core (Bitcoin Knots).";
    RPC_PEER_INFO_CPULOAD_MIN = gauge "peerobserver_rpc_peer_info_cpuload_min" []
        "Smallest CPU load that a peer causes, in per mille of a core (Bitcoin Knots).";
    RPC_MEMPOOLINFO_MEMPOOL_LOADED = gauge "peerobserver_rpc_mempoolinfo_mempool_loaded" []
        "Whether the mempool is loaded.";
    RPC_MEMPOOLINFO_TRANSACTION_COUNT = gauge "peerobserver_rpc_mempoolinfo_transaction_count" []
        "Transactions in the mempool.";
    RPC_MEMPOOLINFO_TRANSACTION_FEES = gauge "peerobserver_rpc_mempoolinfo_transaction_fees" []
        "Sum of the fees in the mempool, in BTC.";
    RPC_MEMPOOLINFO_TRANSACTION_VBYTE = gauge "peerobserver_rpc_mempoolinfo_transaction_vbyte" []
        "Virtual bytes in the mempool.";
    RPC_MEMPOOLINFO_MEMORY_USAGE = gauge "peerobserver_rpc_mempoolinfo_memory_usage" []
        "Memory used by the mempool, in bytes.";
    RPC_MEMPOOLINFO_MEMORY_MAX = gauge "peerobserver_rpc_mempoolinfo_memory_max" []
        "Memory that the mempool may use, in bytes.";
    RPC_MEMPOOLINFO_MIN_MEMPOOL_FEERATE = gauge "peerobserver_rpc_mempoolinfo_min_mempool_feerate" []
        "Lowest fee rate that the mempool accepts now, in BTC/kvB.";
    RPC_MEMPOOLINFO_MIN_RELAY_TX_FEERATE = gauge "peerobserver_rpc_mempoolinfo_min_relay_tx_feerate" []
        "Lowest fee rate that the node relays, in BTC/kvB.";
    RPC_MEMPOOLINFO_INCREMENTAL_RELAY_FEERATE = gauge "peerobserver_rpc_mempoolinfo_incremental_relay_feerate" []
        "Fee rate by which a replacement must exceed what it replaces, in BTC/kvB.";
    RPC_UPTIME = gauge "peerobserver_rpc_uptime" []
        "Seconds since the node started.";
    RPC_NETTOTALS_TOTAL_BYTES_RECEIVED = gauge "peerobserver_rpc_nettotals_total_bytes_received" []
        "Bytes received since the node started.";
    RPC_NETTOTALS_TOTAL_BYTES_SENT = gauge "peerobserver_rpc_nettotals_total_bytes_sent" []
        "Bytes sent since the node started.";
    RPC_MEMORYINFO_LOCKED_USED = gauge "peerobserver_rpc_memoryinfo_locked_used" []
        "Locked memory in use, in bytes.";
    RPC_MEMORYINFO_LOCKED_FREE = gauge "peerobserver_rpc_memoryinfo_locked_free" []
        "Locked memory that is free, in bytes.";
    RPC_MEMORYINFO_LOCKED_TOTAL = gauge "peerobserver_rpc_memoryinfo_locked_total" []
        "Locked memory managed, in bytes.";
    RPC_MEMORYINFO_LOCKED_LOCKED = gauge "peerobserver_rpc_memoryinfo_locked_locked" []
        "Memory that could be locked, in bytes.";
    RPC_MEMORYINFO_LOCKED_CHUNKS_USED = gauge "peerobserver_rpc_memoryinfo_locked_chunks_used" []
        "Chunks of locked memory in use.";
    RPC_MEMORYINFO_LOCKED_CHUNKS_FREE = gauge "peerobserver_rpc_memoryinfo_locked_chunks_free" []
        "Chunks of locked memory that are free.";
    RPC_ADDRMANINFO = gauge "peerobserver_rpc_addrmaninfo" [network, table]
        "Entries of the address manager by network and table.";
    RPC_CHAINTXSTATS_TX_COUNT = gauge "peerobserver_rpc_chaintxstats_tx_count" []
        "Transactions in the chain.";
    RPC_CHAINTXSTATS_WINDOW_FINAL_BLOCK_HEIGHT = gauge "peerobserver_rpc_chaintxstats_window_final_block_height" []
        "Height of the last block of the window.";
    RPC_CHAINTXSTATS_WINDOW_BLOCK_COUNT = gauge "peerobserver_rpc_chaintxstats_window_block_count" []
        "Blocks in the window.";
    RPC_CHAINTXSTATS_WINDOW_TX_COUNT = gauge "peerobserver_rpc_chaintxstats_window_tx_count" []
        "Transactions in the window.";
    RPC_CHAINTXSTATS_WINDOW_INTERVAL = gauge "peerobserver_rpc_chaintxstats_window_interval" []
        "Length of the window, in seconds.";
    RPC_CHAINTXSTATS_TX_RATE = gauge "peerobserver_rpc_chaintxstats_tx_rate" []
        "Transactions per second in the window.";
    RPC_NETWORKINFO_VERSION = gauge "peerobserver_rpc_networkinfo_version" []
        "Version of the node, as a number.";
    RPC_NETWORKINFO_PROTOCOL_VERSION = gauge "peerobserver_rpc_networkinfo_protocol_version" []
        "Protocol version of the node.";
    RPC_NETWORKINFO_TIME_OFFSET = gauge "peerobserver_rpc_networkinfo_time_offset" []
        "How far the node's clock is from that of its peers, in seconds.";
    RPC_NETWORKINFO_CONNECTIONS = gauge "peerobserver_rpc_networkinfo_connections" []
        "Connections.";
    RPC_NETWORKINFO_CONNECTIONS_IN = gauge "peerobserver_rpc_networkinfo_connections_in" []
        "Inbound connections.";
    RPC_NETWORKINFO_CONNECTIONS_OUT = gauge "peerobserver_rpc_networkinfo_connections_out" []
        "Outbound connections.";
    RPC_NETWORKINFO_NETWORK_ACTIVE = gauge "peerobserver_rpc_networkinfo_network_active" []
        "Whether P2P networking is enabled.";
    RPC_NETWORKINFO_RELAY_FEE = gauge "peerobserver_rpc_networkinfo_relay_fee" []
        "Lowest fee rate that the node relays, in BTC/kvB.";
    RPC_NETWORKINFO_INCREMENTAL_FEE = gauge "peerobserver_rpc_networkinfo_incremental_fee" []
        "Fee rate by which a replacement must exceed what it replaces, in BTC/kvB.";
    RPC_NETWORKINFO_WARNINGS = gauge "peerobserver_rpc_networkinfo_warnings" []
        "Warnings of the node about the network.";
    RPC_NETWORKINFO_LOCAL_ADDRESSES_COUNT = gauge "peerobserver_rpc_networkinfo_local_addresses_count" []
        "Addresses at which the node considers itself reachable.";
    RPC_NETWORKINFO_NETWORKS = gauge "peerobserver_rpc_networkinfo_networks" [network, property]
        "Whether a network is limited, or reachable.";
    RPC_BLOCKCHAININFO_BLOCKS = gauge "peerobserver_rpc_blockchaininfo_blocks" []
        "Height of the best chain.";
    RPC_BLOCKCHAININFO_HEADERS = gauge "peerobserver_rpc_blockchaininfo_headers" []
        "Height of the best chain of headers.";
    RPC_BLOCKCHAININFO_DIFFICULTY = gauge "peerobserver_rpc_blockchaininfo_difficulty" []
        "Difficulty of the best block.";
    RPC_BLOCKCHAININFO_VERIFICATION_PROGRESS = gauge "peerobserver_rpc_blockchaininfo_verification_progress" []
        "Share of the chain that is verified.";
    RPC_BLOCKCHAININFO_INITIAL_BLOCK_DOWNLOAD = gauge "peerobserver_rpc_blockchaininfo_initial_block_download" []
        "Whether the node is in initial block download.";
    RPC_BLOCKCHAININFO_SIZE_ON_DISK = gauge "peerobserver_rpc_blockchaininfo_size_on_disk" []
        "Size of the block and undo files, in bytes.";
    RPC_BLOCKCHAININFO_PRUNED = gauge "peerobserver_rpc_blockchaininfo_pruned" []
        "Whether old blocks are pruned.";
    RPC_BLOCKCHAININFO_PRUNE_HEIGHT = gauge "peerobserver_rpc_blockchaininfo_prune_height" []
        "Height below which blocks are pruned.";
    RPC_BLOCKCHAININFO_PRUNE_TARGET_SIZE = gauge "peerobserver_rpc_blockchaininfo_prune_target_size" []
        "Size that pruning aims at, in bytes.";
    RPC_BLOCKCHAININFO_WARNINGS = gauge "peerobserver_rpc_blockchaininfo_warnings" []
        "Warnings of the node about the chain.";
    RPC_GETORPHANTXS_COUNT = gauge "peerobserver_rpc_getorphantxs_count" []
        "Orphan transactions held.";
    RPC_GETORPHANTXS_BYTES = gauge "peerobserver_rpc_getorphantxs_bytes" []
        "Bytes of the orphan transactions held.";
    RPC_GETORPHANTXS_VSIZE = gauge "peerobserver_rpc_getorphantxs_vsize" []
        "Virtual bytes of the orphan transactions held.";
    RPC_GETORPHANTXS_WEIGHT = gauge "peerobserver_rpc_getorphantxs_weight" []
        "Weight of the orphan transactions held.";
    RPC_GETORPHANTXS_ADDED_BYTES = counter "peerobserver_rpc_getorphantxs_added_bytes" []
        "Bytes of orphan transactions added between two polls.";
    RPC_GETORPHANTXS_ADDED_COUNT = counter "peerobserver_rpc_getorphantxs_added_count" []
        "Orphan transactions added between two polls.";
    RPC_GETORPHANTXS_REMOVED_BYTES = counter "peerobserver_rpc_getorphantxs_removed_bytes" []
        "Bytes of orphan transactions removed between two polls.";
    RPC_GETORPHANTXS_REMOVED_COUNT = counter "peerobserver_rpc_getorphantxs_removed_count" []
        "Orphan transactions removed between two polls.";
    RPC_GETORPHANTXS_FROM_MEAN = gauge "peerobserver_rpc_getorphantxs_from_mean" []
        "Mean number of peers that an orphan transaction came from.";
    RPC_GETORPHANTXS_FROM_MIN = gauge "peerobserver_rpc_getorphantxs_from_min" []
        "Fewest peers that an orphan transaction came from.";
    RPC_GETORPHANTXS_FROM_MAX = gauge "peerobserver_rpc_getorphantxs_from_max" []
        "Most peers that an orphan transaction came from.";
    RPC_GETRAWADDRMAN_PORTS = gauge "peerobserver_rpc_getrawaddrman_ports" [table, port] untrusted [port]
        "Entries of the address manager by port.";
    RPC_GETRAWADDRMAN_SERVICE_BITS = gauge "peerobserver_rpc_getrawaddrman_service_bits" [table, service_bit]
        "Entries of the address manager with a service bit, counted from 1.";
    RPC_GETRAWADDRMAN_SERVICES = gauge "peerobserver_rpc_getrawaddrman_services" [table, service] untrusted [service]
        "Entries of the address manager by their service flags, a decimal number.";
    RPC_GETRAWADDRMAN_DISTINCT_ASNS = gauge "peerobserver_rpc_getrawaddrman_distinct_asns" [table]
        "Distinct autonomous systems of the addresses in the address manager.";
    RPC_GETRAWADDRMAN_DISTINCT_SOURCES = gauge "peerobserver_rpc_getrawaddrman_distinct_sources" [table]
        "Distinct addresses that the address manager's entries came from.";
    RPC_GETRAWADDRMAN_DISTINCT_SOURCE_ASN = gauge "peerobserver_rpc_getrawaddrman_distinct_source_asn" [table]
        "Distinct autonomous systems that the address manager's entries came from.";
    RPC_GETRAWADDRMAN_ADDED_ENTRY = counter "peerobserver_rpc_getrawaddrman_added_entry" [table]
        "Positions of the address manager that were filled between two polls.";
    RPC_GETRAWADDRMAN_REPLACED_ENTRY = counter "peerobserver_rpc_getrawaddrman_replaced_entry" [table]
        "Positions of the address manager that got another address between two polls.";
    RPC_GETRAWADDRMAN_CHANGED_SERVICES = counter "peerobserver_rpc_getrawaddrman_changed_services" [table]
        "Entries of the address manager whose services changed between two polls.";
    RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS = counter "peerobserver_rpc_getrawaddrman_changed_timestamps" [table]
        "Entries of the address manager whose time changed between two polls.";
    RPC_ESTIMATESMARTFEE_FEERATE = gauge "peerobserver_rpc_estimatesmartfee_feerate" [target_block, mode]
        "Estimated fee rate to confirm within so many blocks, in BTC/kvB.";
}
