//! Families with the original's names, from tracepoints: messages, connections, mempool, blocks.

use super::families;
use crate::buckets::{ADDRESSES, INV_ENTRIES, SERVICE_BITS, TIME_OFFSETS};

families! { 0;
    RUNTIME_START_TIMESTAMP = gauge "peerobserver_runtime_start_timestamp" []
        "When the tool started, in seconds since the UNIX epoch.";
    P2P_MESSAGE_COUNT = counter "peerobserver_p2p_message_count" [message, connection_type, direction] untrusted [message]
        "P2P messages.";
    P2P_MESSAGE_BYTES = counter "peerobserver_p2p_message_bytes" [message, connection_type, direction] untrusted [message]
        "Payload bytes of P2P messages.";
    P2P_MESSAGE_BYTES_LINKINGLION = counter "peerobserver_p2p_message_bytes_linkinglion" [message, direction] untrusted [message]
        "Payload bytes of P2P messages of peers in the LinkingLion ranges.";
    P2P_MESSAGE_COUNT_LINKINGLION = counter "peerobserver_p2p_message_count_linkinglion" [message, direction] untrusted [message]
        "P2P messages of peers in the LinkingLion ranges.";
    P2P_ADDR_ADDRESSES = histogram(ADDRESSES) "peerobserver_p2p_addr_addresses" [direction]
        "Entries of an addr message.";
    P2P_ADDR_TIMESTAMP_OFFSET_SECONDS = histogram(TIME_OFFSETS) "peerobserver_p2p_addr_timestamp_offset_seconds" [direction, timestamp_offset]
        "How far the time of an addr entry is from the time of the message, in seconds.";
    P2P_ADDR_SERVICES_BITS = histogram(SERVICE_BITS) "peerobserver_p2p_addr_services_bits" [direction]
        "Indexes of the service bits that are set in addr entries.";
    P2P_ADDRV2_SERVICES_BITS = histogram(SERVICE_BITS) "peerobserver_p2p_addrv2_services_bits" [direction]
        "Indexes of the service bits that are set in addrv2 entries.";
    P2P_ADDR_SERVICES = counter "peerobserver_p2p_addr_services" [direction, services] untrusted [services]
        "Entries of addr messages by their service flags, a decimal number.";
    P2P_ADDRV2_SERVICES = counter "peerobserver_p2p_addrv2_services" [direction, services] untrusted [services]
        "Entries of addrv2 messages by their service flags, a decimal number.";
    P2P_ADDRV2_ADDRESSES = histogram(ADDRESSES) "peerobserver_p2p_addrv2_addresses" [direction]
        "Entries of an addrv2 message.";
    P2P_ADDRV2_TIMESTAMP_OFFSET_SECONDS = histogram(TIME_OFFSETS) "peerobserver_p2p_addrv2_timestamp_offset_seconds" [direction, timestamp_offset]
        "How far the time of an addrv2 entry is from the time of the message, in seconds.";
    P2P_ADDRESS_SELFANNOUNCEMENTS = counter "peerobserver_p2p_address_selfannouncements" [network, direction]
        "Entries of addr and addrv2 messages with the IP address of the peer itself.";
    P2P_ADDRESS_SUBNETANNOUNCEMENTS = counter "peerobserver_p2p_address_subnetannouncements" [network, direction]
        "Entries of addr and addrv2 messages in the subnet of the peer (/24 of IPv4, /64 of IPv6).";
    P2P_PING_INBOUND_VALUE = counter "peerobserver_p2p_ping_inbound_value" [value]
        "Pings received, by the smallest integer type that holds their nonce.";
    P2P_ADDRV2_EMPTY = counter "peerobserver_p2p_addrv2_empty" [direction, addr] untrusted [addr]
        "addrv2 messages without any payload, by the peer's IP address.";
    CONN_INBOUND = counter "peerobserver_conn_inbound" []
        "Inbound connections opened.";
    CONN_INBOUND_NETWORK = counter "peerobserver_conn_inbound_network" [network]
        "Inbound connections opened, by the number of their network.";
    CONN_INBOUND_BANLIST_MONERO = counter "peerobserver_conn_inbound_banlist_monero" []
        "Inbound connections opened from addresses on the Monero ban list.";
    CONN_INBOUND_BANLIST_GMAX = counter "peerobserver_conn_inbound_banlist_gmax" []
        "Inbound connections opened from addresses on Gregory Maxwell's ban list.";
    CONN_INBOUND_LIST_LINKINGLION = counter "peerobserver_conn_inbound_list_linkinglion" []
        "Inbound connections opened from the LinkingLion ranges.";
    CONN_INBOUND_TOR_EXIT = counter "peerobserver_conn_inbound_tor_exit" []
        "Inbound connections opened from Tor exits.";
    CONN_INBOUND_CURRENT = gauge "peerobserver_conn_inbound_current" []
        "Inbound connections open, as of the last time that one was opened or closed.";
    CONN_OUTBOUND = counter "peerobserver_conn_outbound" []
        "Outbound connections opened.";
    CONN_OUTBOUND_CURRENT = gauge "peerobserver_conn_outbound_current" []
        "Outbound connections open, as of the last time that one was opened.";
    CONN_OUTBOUND_NETWORK = counter "peerobserver_conn_outbound_network" [network]
        "Outbound connections opened, by the number of their network.";
    CONN_CLOSED_NETWORK = counter "peerobserver_conn_closed_network" [network]
        "Connections closed, by the number of their network.";
    CONN_CLOSED = counter "peerobserver_conn_closed" []
        "Connections closed.";
    CONN_CLOSED_AGE = counter "peerobserver_conn_closed_age" []
        "Sum of the ages of closed connections, in seconds.";
    CONN_EVICTED_INBOUND = counter "peerobserver_conn_evicted_inbound" []
        "Inbound connections evicted to make room.";
    CONN_MISBEHAVING = counter "peerobserver_conn_misbehaving" [id, misbehavingmessage] untrusted [id, misbehavingmessage]
        "Misbehaviour, by peer id and what it did.";
    CONN_MISBEHAVING_REASON = counter "peerobserver_conn_misbehaving_reason" [misbehavingmessage] untrusted [misbehavingmessage]
        "Misbehaviour, by what the peer did.";
    CONN_PRIVATE_TRANSACTION_BROADCAST = counter "peerobserver_conn_private_transaction_broadcast" []
        "Connections opened to broadcast a transaction privately.";
    P2P_INV_ENTRIES = counter "peerobserver_p2p_inv_entries" [direction, inv_type]
        "Entries of inv messages by their type.";
    P2P_INV_ENTRIES_HISTOGRAM = histogram(INV_ENTRIES) "peerobserver_p2p_inv_entries_histogram" [direction]
        "Entries of an inv message.";
    P2P_INVS_HOMOGENEOUS = counter "peerobserver_p2p_invs_homogeneous" [direction]
        "inv messages with entries of one type.";
    P2P_INVS_HETEROGENEOUS = counter "peerobserver_p2p_invs_heterogeneous" [direction]
        "inv messages with entries of several types.";
    P2P_INVS_OUTBOUND_LARGE = counter "peerobserver_p2p_invs_outbound_large" []
        "inv messages sent with more than 35 entries.";
    P2P_OLDPING_SUBNET = counter "peerobserver_p2p_oldping_subnet" [subnet] untrusted [subnet]
        "Pings without nonce (before BIP 31), by the peer's subnet (/24 of IPv4, /64 of IPv6).";
    P2P_VERSION_USERAGENT = counter "peerobserver_p2p_version_useragent" [useragent] untrusted [useragent]
        "version messages received, by user agent.";
    P2P_FEEFILTER_FEERATE = counter "peerobserver_p2p_feefilter_feerate" [direction, feerate] untrusted [feerate]
        "feefilter messages, by fee rate in sat/kvB.";
    P2P_REJECT_MESSAGE = counter "peerobserver_p2p_reject_message" [rejectcommand, rejectreason] untrusted [rejectcommand, rejectreason]
        "reject messages (BIP 61) received, by rejected message type and reason.";
    MEMPOOL_ADDED = counter "peerobserver_mempool_added" []
        "Transactions added to the mempool.";
    MEMPOOL_ADDED_VBYTES = counter "peerobserver_mempool_added_vbytes" []
        "Virtual bytes added to the mempool.";
    MEMPOOL_REPLACED = counter "peerobserver_mempool_replaced" []
        "Transactions replaced in the mempool.";
    MEMPOOL_REPLACED_VBYTES = counter "peerobserver_mempool_replaced_vbytes" []
        "Virtual bytes replaced in the mempool.";
    MEMPOOL_REJECTED = counter "peerobserver_mempool_rejected" [reason] untrusted [reason]
        "Transactions that the mempool rejected, by reason.";
    MEMPOOL_REMOVED = counter "peerobserver_mempool_removed" [reason] untrusted [reason]
        "Transactions removed from the mempool, by reason.";
    VALIDATION_BLOCK_CONNECTED_LATEST_HEIGHT = gauge "peerobserver_validation_block_connected_latest_height" []
        "Height of the block connected last.";
    VALIDATION_BLOCK_CONNECTED_LATEST_CONNECTION_TIME = gauge "peerobserver_validation_block_connected_latest_connection_time" []
        "How long it took to connect the last block, in microseconds.";
    VALIDATION_BLOCK_CONNECTED_LATEST_SIGOPS = gauge "peerobserver_validation_block_connected_latest_sigops" []
        "Signature operations of the block connected last.";
    VALIDATION_BLOCK_CONNECTED_LATEST_INPUTS = gauge "peerobserver_validation_block_connected_latest_inputs" []
        "Inputs of the block connected last.";
    VALIDATION_BLOCK_CONNECTED_LATEST_TRANSACTIONS = gauge "peerobserver_validation_block_connected_latest_transactions" []
        "Transactions of the block connected last.";
    VALIDATION_BLOCK_CONNECTED_CONNECTION_TIME = counter "peerobserver_validation_block_connected_connection_time" []
        "Time spent connecting blocks, in microseconds.";
}
