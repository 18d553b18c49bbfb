//! Families with the original's names, of its tool connectivity-check: whether gossiped addresses can be reached.

use super::families;
use crate::buckets::TIME_OFFSETS;

families! { super::log::END;
    CONNECTIVITYCHECK_ADDR_TRIED = counter "connectivitycheck_addr_tried" [network, addr_version]
        "Gossiped addresses that were tried.";
    CONNECTIVITYCHECK_ADDR_CACHED = counter "connectivitycheck_addr_cached" [network, addr_version]
        "Gossiped addresses that were not tried because the outcome of an earlier attempt is known.";
    CONNECTIVITYCHECK_ADDR_SUCCESSFUL_CONNECTION = counter "connectivitycheck_addr_successful_connection" [network, addr_version, source_ip] untrusted [source_ip]
        "Gossiped addresses at which a node answered, tried or known from an earlier attempt, by who gossiped them.";
    CONNECTIVITYCHECK_ADDR_UNSUCCESSFUL_CONNECTION = counter "connectivitycheck_addr_unsuccessful_connection" [network, addr_version, source_ip] untrusted [source_ip]
        "Gossiped addresses at which no node answered, tried or known from an earlier attempt, by who gossiped them.";
    CONNECTIVITYCHECK_ADDR_TIMESTAMP_OFFSET_SECONDS = histogram(TIME_OFFSETS) "connectivitycheck_addr_timestamp_offset_seconds" [network, addr_version, timestamp_offset, successful]
        "How far the time of a gossiped address was from the time when it was received, in seconds, by whether a node answered there (true, false).";
    CONNECTIVITYCHECK_TRIED_TOR_EXIT = counter "connectivitycheck_tried_tor_exit" []
        "Gossiped addresses that came from a Tor exit, tried or known from an earlier attempt.";
    CONNECTIVITYCHECK_SUCCESSFUL_CONNECTION_TOR_EXIT = counter "connectivitycheck_successful_connection_tor_exit" []
        "Gossiped addresses that came from a Tor exit and at which a node answered.";
}
