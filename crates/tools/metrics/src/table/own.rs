//! Our own families of what active parts see: the P2P connection of our own, and the connectivity check.

use super::families;
use crate::buckets::{ADDRESS_AGES, DURATIONS, LIFETIMES, ROUND_TRIPS};

families! { super::state::END;
    OWN_CONNECTION_UP = gauge "peerobserver_own_connection_up" []
        "Whether our own P2P connection to the node is open.";
    OWN_CONNECTION_INFO = gauge "peerobserver_own_connection_info" [way, transport]
        "1 while our own P2P connection is open: how it came about (listening: the node connects, dialling: we do), and its transport (v1, v2).";
    OWN_CONNECTIONS_OPENED = counter "peerobserver_own_connections_opened_total" [way, transport]
        "Own P2P connections on which versions were exchanged.";
    OWN_CONNECTION_LIFETIME = histogram(LIFETIMES) "peerobserver_own_connection_lifetime_seconds" []
        "Lifetime of own P2P connections that ended.";
    P2P_REFUSED = counter "peerobserver_p2p_refused_total" [reason] untrusted [reason]
        "Connections that the P2P extractor refused, by reason: of another node (foreign), without a proper handshake (handshake, slow), or too many.";
    OWN_PING = histogram(ROUND_TRIPS) "peerobserver_own_ping_seconds" []
        "Round trips of our own pings. The node's message handler answers them in turn, so this is how far it is behind, and the way there and back.";
    OWN_FOREIGN_PONGS = counter "peerobserver_own_foreign_pongs_total" []
        "Pongs of the node that answer none of our pings.";
    OWN_MESSAGES = counter "peerobserver_own_messages_total" [message, direction] untrusted [message]
        "P2P messages of our own connection; inbound are those that we sent to the node.";
    OWN_MESSAGE_BYTES = counter "peerobserver_own_message_bytes_total" [message, direction] untrusted [message]
        "Payload bytes of P2P messages of our own connection.";
    OWN_WIRE_BYTES = counter "peerobserver_own_wire_bytes_total" [direction]
        "Bytes of our own P2P connection on the wire, those of the transport included.";
    OWN_CLOCK_OFFSET = gauge "peerobserver_own_node_clock_offset_seconds" []
        "How far the node's clock is before ours, by its last version message; negative if it is behind.";
    OWN_VERSION_CHANGES = counter "peerobserver_own_node_version_changes_total" []
        "Version messages of the node that said something else than the one before: version, services, user agent, or relay.";
    OWN_ADDRESS_ANNOUNCEMENTS = counter "peerobserver_own_address_announcements_total" [network]
        "How often the node announced an address of its own to us.";
    OWN_ADDRESSES = counter "peerobserver_own_addresses_total" [network, repeat]
        "Addresses that the node relayed to us, by whether it had sent them to us before (first, repeated, unknown).";
    OWN_ADDRESS_AGE = histogram(ADDRESS_AGES) "peerobserver_own_address_age_seconds" []
        "Age of addresses that the node relayed to us: how long ago somebody was there, as they say. Those from the future count as 0.";
    OWN_BLOCK_ANNOUNCEMENTS = counter "peerobserver_own_block_announcements_total" [message]
        "Blocks that the node announced to us, by the first message that did: inv, headers, cmpctblock.";
    OWN_BLOCK_VALIDATION = histogram(DURATIONS) "peerobserver_own_block_validation_seconds" []
        "Time from the node's cmpctblock to its answer to our getblocktxn, which it gives once the block is valid.";
    OWN_DATA_REQUESTS = counter "peerobserver_own_data_requests_total" [message] untrusted [message]
        "Messages by which the node asked us for something: getheaders, getdata, getaddr and others.";
    OWN_FEATURES = counter "peerobserver_own_features_offered_total" [feature] untrusted [feature]
        "Features that the node offered to us (BIP 434), once for each connection.";
    OWN_STALE_TIPS = counter "peerobserver_own_stale_tips_total" [have_block]
        "Chains beside the active one that the node reported to us (BIP 332), by whether it has their blocks (true, false).";
    RELAY_TX = histogram(DURATIONS) "peerobserver_relay_tx_delay_seconds" [since]
        "Time from when the node is known to have had a transaction until it announced it to us. Since: the tracepoint of the mempool (mempool), the message that brought it (message), or debug.log (log; up to a second too much where it has whole seconds).";
    RELAY_BLOCK = histogram(DURATIONS) "peerobserver_relay_block_delay_seconds" [since, message]
        "Time from the first stage of a block that was reported (since: header, compact_block, block, reconstructed, connected, tip) until the node announced it to us, by the message that did.";
    RELAY_EARLY = counter "peerobserver_relay_early_total" [item, since]
        "Transactions (tx) and blocks (block) that the node announced to us before it is known to have had them: a compact block before it is connected, or clocks that differ. They are in no delay.";

    CONNECTIVITY_ATTEMPTS = counter "peerobserver_connectivity_attempts_total" [network, outcome]
        "Attempts to reach gossiped addresses: v1 and v2 (a node with that transport), refused, timeout, reset, unreachable, not_bitcoin, wrong_network.";
    CONNECTIVITY_DURATION = histogram(DURATIONS) "peerobserver_connectivity_attempt_seconds" [outcome]
        "Time from the first packet of an attempt to its outcome.";
    CONNECTIVITY_GOSSIPED = counter "peerobserver_connectivity_gossiped_total" [source, reachable] untrusted [source]
        "Gossiped addresses whose outcome is known, by who gossiped them (own_connection: the node, to us) and whether a node answered there (true, false).";
    CONNECTIVITY_CLAIMS = counter "peerobserver_connectivity_claims_total" [services]
        "Attempts that found a node, by what gossip said of its services: as it offers them (same), P2P_V2 and it does not have it (p2p_v2_untrue), or else otherwise (other).";
    CONNECTIVITY_CLOCK_OFFSET = histogram(ADDRESS_AGES) "peerobserver_connectivity_clock_offset_seconds" [clock]
        "How far clocks of nodes that were reached are from ours, ahead or behind.";
    CONNECTIVITY_SKIPPED = counter "peerobserver_connectivity_skipped_total" [reason] untrusted [reason]
        "Gossiped addresses that were not tried, by reason.";
    ARCHIVE_BYTES = counter "peerobserver_archive_bytes_total" [kind]
        "Bytes that the archiver wrote: of its files (file), and of their content before compression (content).";
    ARCHIVE_FULL = gauge "peerobserver_archive_full" []
        "Whether the archiver has no space to write, and drops events: 1, else 0. Events of a stream wait.";
    ARCHIVE_STREAM_ACKNOWLEDGED = gauge "peerobserver_archive_stream_acknowledged" []
        "Number of the last message of the stream that is in the archive for good.";
    ARCHIVE_STREAM_PENDING = gauge "peerobserver_archive_stream_pending" []
        "Messages of the stream that are not in the archive for good.";
    ARCHIVE_UPLOADS = counter "peerobserver_archive_uploads_total" [result]
        "Complete files of the archive by what became of their upload: uploaded (and verified), or failed, which is tried again.";
    ARCHIVE_UPLOAD_BYTES = counter "peerobserver_archive_upload_bytes_total" []
        "Bytes of files of the archive that were put into the object store.";
    ARCHIVE_UPLOAD_WAITING = gauge "peerobserver_archive_upload_waiting_files" []
        "Complete files of the archive that are not in the object store yet.";
    ALERTS_OPEN = gauge "peerobserver_alerts_open" [detector, severity]
        "Alerts of the tool alerts that are open, at the node where each was first seen.";
    ALERTS_RAISED = counter "peerobserver_alerts_raised_total" [detector, severity]
        "Alerts that opened, at the node where each was first seen. One that comes back counts again.";
    ALERTS_RESOLVED = counter "peerobserver_alerts_resolved_total" [detector, severity]
        "Alerts that were resolved, at the node where each was first seen.";
    ALERT_NOTIFICATIONS = counter "peerobserver_alert_notifications_total" [receiver, result] untrusted [receiver]
        "Notifications about alerts by receiver: alerts that were sent or dropped, and attempts that failed, which are repeated.";
    ALERT_NOTIFICATIONS_WAITING = gauge "peerobserver_alert_notifications_waiting" [receiver] untrusted [receiver]
        "Alerts that a receiver is to be informed of.";
}
