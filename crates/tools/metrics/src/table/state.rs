//! Our own families of states: peers, address manager, chain, log, the node's process.

use super::families;

families! { super::traffic::END;
    PEERS = gauge "peerobserver_peers" [direction, connection_type, network, transport]
        "Peers, from getpeerinfo, without our own P2P connection.";
    PEERS_LISTEN_ONLY = gauge "peerobserver_peers_listen_only" []
        "Inbound peers connected for 10 minutes or longer that receive announcements but neither announce nor request any transaction.";
    PEERS_SET = gauge "peerobserver_set_peers" [set, direction]
        "Peers of a set.";
    AS_PEERS = gauge "peerobserver_as_peers" [asn, direction, map] untrusted [asn]
        "Peers with an IP address by autonomous system, mapped by the node or by the asmap file (map: node, file), where there is one; 0 is unmapped.";
    AS_DISTINCT = gauge "peerobserver_as_distinct" [direction, map]
        "Distinct autonomous systems of the peers.";
    AS_DIVERSITY = gauge "peerobserver_as_diversity_ratio" [direction, map]
        "Distinct autonomous systems of the peers, divided by the number of mapped peers.";
    AS_UNMAPPED = gauge "peerobserver_as_unmapped_peers" [direction, map]
        "Peers with an IP address whose autonomous system is not known.";
    AS_LARGEST = gauge "peerobserver_as_largest_peers" [direction, map]
        "Peers in the autonomous system with the most peers.";
    GROUP_PEERS = gauge "peerobserver_group_peers" [group, direction] untrusted [group]
        "Peers by network group (/16 of IPv4, /32 of IPv6).";
    GROUP_DISTINCT = gauge "peerobserver_group_distinct" [direction]
        "Distinct network groups of the peers.";
    GROUP_LARGEST = gauge "peerobserver_group_largest_peers" [direction]
        "Peers in the network group with the most peers.";

    ADDRMAN_ENTRIES = gauge "peerobserver_addrman_entries" [table, network]
        "Entries of the address manager, from getrawaddrman.";
    ADDRMAN_AGE = gauge "peerobserver_addrman_entry_age_seconds" [table, percentile]
        "Age that 10, 50 and 90 percent of the address manager's entries do not exceed.";
    ADDRMAN_ENTRIES_BY_AGE = gauge "peerobserver_addrman_entries_by_age" [table, age]
        "Entries of the address manager by age, each once: up to 1h, 1d, 7d, 30d, older, or with a time in the future.";
    ADDRMAN_SOURCE_SHARE = gauge "peerobserver_addrman_largest_source_ratio" [table]
        "Share of the address manager's entries that came from the source with the most entries.";

    NODE_INFO = gauge "peerobserver_node_info" [version, subversion, chain] untrusted [version, subversion, chain]
        "Always 1; version, subversion and chain of the node.";
    NODE_RESTARTS = counter "peerobserver_node_restarts_total" []
        "Restarts of the node, detected by its uptime, its process or its log.";
    NODE_START_TIME = gauge "peerobserver_node_start_time_seconds" []
        "When the node was started, in seconds since the UNIX epoch.";
    INV_BACKLOG = gauge "peerobserver_inv_backlog_transactions" [direction]
        "Transactions that wait to be announced to the inbound, or to the outbound peers, from getnetworkinfo (v32 and later).";
    TX_SEND_RATE = gauge "peerobserver_tx_send_rate" []
        "Transactions per second that the node announces to inbound peers, from getnetworkinfo (v32 and later).";
    TIP_TIME = gauge "peerobserver_tip_time_seconds" []
        "The best block's own time, in seconds since the UNIX epoch.";
    TIP_CHANGED = gauge "peerobserver_tip_changed_timestamp_seconds" []
        "When the best block last changed, in seconds since the UNIX epoch.";
    LOG_CATEGORY_ENABLED = gauge "peerobserver_log_category_enabled" [category] untrusted [category]
        "Whether a category of debug.log is enabled.";
    LOG_UNKNOWN_LINES = counter "peerobserver_log_unrecognized_lines_total" []
        "Lines of debug.log in no known form.";
    LOG_SUPPRESSIONS = counter "peerobserver_log_rate_limits_total" []
        "How often the node began to limit its log.";
    LOG_SUPPRESSED_BYTES = counter "peerobserver_log_suppressed_bytes_total" []
        "Bytes of debug.log that the node left out because of its limit, as it logged afterwards.";

    THREAD_CPU = counter "peerobserver_node_thread_cpu_seconds_total" [thread, mode] untrusted [thread]
        "CPU time of the node's threads by name, in user and system mode.";
    THREADS = gauge "peerobserver_node_threads" [thread] untrusted [thread]
        "Threads of the node by name.";
    NODE_MEMORY = gauge "peerobserver_node_memory_bytes" [kind]
        "Memory of the node's process: resident, anonymous, virtual, swap.";
    NODE_FILES = gauge "peerobserver_node_open_files" []
        "Files and sockets that the node has open.";
    NODE_MAX_FILES = gauge "peerobserver_node_max_open_files" []
        "Files and sockets that the node may have open.";
    NODE_IO = counter "peerobserver_node_io_bytes_total" [direction]
        "Bytes that the node read from disks and wrote to them (read, write).";
    NODE_PAGE_FAULTS = counter "peerobserver_node_major_page_faults_total" []
        "Page faults of the node that needed a read from disk.";
    DISK_SIZE = gauge "peerobserver_node_filesystem_size_bytes" []
        "Size of the filesystem of the node's data directory.";
    DISK_AVAILABLE = gauge "peerobserver_node_filesystem_available_bytes" []
        "Available space on the filesystem of the node's data directory.";
    DIRECTORY_SIZE = gauge "peerobserver_node_directory_bytes" [directory] untrusted [directory]
        "Disk space used by parts of the node's data directory: blocks, chainstate, indexes, debug_log.";
}
