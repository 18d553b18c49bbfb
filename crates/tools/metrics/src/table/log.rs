//! Families with the original's names: debug.log, and the P2P connection of peer-observer itself.

use super::families;

families! { super::rpc::END;
    P2PEXTRACTOR_PING_DURATION_NANOSECONDS = gauge "peerobserver_p2pextractor_ping_duration_nanoseconds" []
        "Time the node took to answer our own ping, in nanoseconds.";
    P2PEXTRACTOR_ADDRV2RELAY_ADDRESSES = counter "peerobserver_p2pextractor_addrv2relay_addresses" [network]
        "Addresses that the node sent to our own connection, by network.";
    P2PEXTRACTOR_ADDRV2RELAY_MESSAGES = counter "peerobserver_p2pextractor_addrv2relay_messages" []
        "addrv2 messages that the node sent to our own connection.";
    P2PEXTRACTOR_ADDRV2RELAY_MESSAGES_10_OR_LESS_ENTRIES = counter "peerobserver_p2pextractor_addrv2relay_messages_10_or_less_entries" []
        "addrv2 messages with 10 entries or fewer that the node sent to our own connection.";
    P2PEXTRACTOR_ADDRV2RELAY_SIZE = gauge "peerobserver_p2pextractor_addrv2relay_size" []
        "Entries of the last addrv2 message that the node sent to our own connection.";
    P2PEXTRACTOR_INVS_ITEMS = counter "peerobserver_p2pextractor_invs_items" [inv_type]
        "Entries of inv messages that the node sent to our own connection, by type.";
    P2PEXTRACTOR_INVS_MESSAGES = counter "peerobserver_p2pextractor_invs_messages" []
        "inv messages that the node sent to our own connection.";
    P2PEXTRACTOR_INVS_SIZE = gauge "peerobserver_p2pextractor_invs_size" []
        "Entries of the last inv message that the node sent to our own connection.";
    P2PEXTRACTOR_FEEFILTER_MESSAGES = counter "peerobserver_p2pextractor_feefilter_messages" []
        "feefilter messages that the node sent to our own connection.";
    P2PEXTRACTOR_FEEFILTER_LAST = gauge "peerobserver_p2pextractor_feefilter_last" []
        "Fee rate of the last feefilter message that the node sent to our own connection, in sat/kvB.";
    LOG_EVENTS = counter "peerobserver_log_events" [category, level] untrusted [category]
        "Lines of debug.log.";
    LOG_BYTES = counter "peerobserver_log_bytes" [category, level] untrusted [category]
        "Bytes of debug.log.";
    LOG_BLOCK_CONNECTED_EVENTS = counter "peerobserver_log_block_connected_events" []
        "Lines of debug.log about a block that was connected.";
    LOG_BLOCK_CHECKED_EVENTS = counter "peerobserver_log_block_checked_events" []
        "Lines of debug.log about a block that was checked.";
    LOG_MUTATED_BLOCKS = counter "peerobserver_log_mutated_blocks" [status]
        "Blocks that failed a check because they had been altered, by the result of the check.";
}
