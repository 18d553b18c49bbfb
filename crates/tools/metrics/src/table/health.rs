//! Series of peer-observer's own health: losses, queues, extractors, this process.

use super::families;

families! { super::chain::END;
    EVENTS = counter "peerobserver_events_total" [source]
        "Events that reached this tool, by source.";
    EVENT_LAST = gauge "peerobserver_last_event_timestamp_seconds" [source]
        "When the last event of a source happened, in seconds since the UNIX epoch.";
    EVENTS_UNKNOWN = counter "peerobserver_events_not_understood_total" []
        "Events ignored because they are malformed or come from a newer version.";
    EVENTS_MISSING = counter "peerobserver_events_missing_total" [stage]
        "Events that were published and did not reach this tool, by where they were lost.";
    RUN_MISSING = gauge "peerobserver_run_missing_events" [extractor, run] untrusted [run]
        "Events of a run of an extractor that did not reach this tool. A new run gets its own series, old ones go away.";
    NODE_UP = gauge "peerobserver_node_up" []
        "Whether the node is there and answers, or starts: 1. If it is gone, hangs, or nothing comes from its extractors: 0.";
    NODE_STATE = gauge "peerobserver_node_state" [state]
        "Of the states down, unknown, hanging, starting and up, that of the node is 1. Unknown: nothing comes from its extractors.";
    SOURCE_UP = gauge "peerobserver_source_up" [source]
        "Whether an extractor reads the node: 0 if it is gone itself, or does not find the node, or may not read it.";
    EXTRACTOR_UP = gauge "peerobserver_extractor_up" [extractor]
        "Whether an extractor is alive: 1 if its status, which comes every second, came within the last 3 s, and it has not ended.";
    EXTRACTOR_STARTED = gauge "peerobserver_extractor_start_time_seconds" [extractor]
        "When the current run of an extractor began, in seconds since the UNIX epoch.";
    EXTRACTOR_STATUS = gauge "peerobserver_extractor_last_status_timestamp_seconds" [extractor]
        "When an extractor last reported its status, in seconds since the UNIX epoch.";
    EXTRACTOR_RUNS = counter "peerobserver_extractor_runs_total" [extractor]
        "Runs of an extractor, each from start to end.";
    EXTRACTOR_DROPPED = counter "peerobserver_extractor_dropped_total" [extractor, stage, reason] untrusted [stage, reason]
        "Events that an extractor lost, or that were lost in what the extractors of its process share, as it reports, by stage and reason.";
    TRACEPOINT_EVENTS = counter "peerobserver_tracepoint_events_total" [tracepoint, result] untrusted [tracepoint, result]
        "Hits of tracepoints by what became of them: seen, published, dropped (ring buffer full), fault, undecodable, unread, of_others.";
    RPC_CALLS = counter "peerobserver_rpc_calls_total" [method] untrusted [method]
        "RPCs called by the extractor.";
    RPC_SECONDS = counter "peerobserver_rpc_call_seconds_total" [method] untrusted [method]
        "Time that RPCs took.";
    RPC_ERRORS = counter "peerobserver_rpc_errors_total" [method, error] untrusted [method, error]
        "RPCs that failed.";
    RING_BUFFER = gauge "peerobserver_ring_buffer_bytes" [kind]
        "Ring buffer of the tracepoint extractor: bytes that wait (waiting), most that waited since the last status (peak), size.";
    LOG_READ_BYTES = counter "peerobserver_log_read_bytes_total" []
        "Bytes of debug.log that the log extractor read, unpacked.";

    DROPPED = counter "peerobserver_dropped_total" [stage, reason]
        "Events lost in this process, by stage and reason.";
    STAGE_EVENTS = counter "peerobserver_stage_events_total" [stage, flow]
        "Events that came into a stage of this process, went out of it, and were left out on purpose (in, out, filtered).";
    QUEUE_DEPTH = gauge "peerobserver_queue_depth" [subscription]
        "Events that wait in the queue of a subscription. A large event counts once more for each KiB.";
    QUEUE_CAPACITY = gauge "peerobserver_queue_capacity" [subscription]
        "Capacity of the queue of a subscription, counted as its depth.";
    NATS_CONNECTED = gauge "peerobserver_nats_connected" [flow]
        "Whether this process is connected to its NATS server: for events that come from there (in) and that go there (out).";
    LABELS_FOLDED = counter "peerobserver_metrics_folded_total" [metric]
        "Observations added to the value \"other\" because a label has more values than its cardinality limit.";
    LABEL_VALUES_FOLDED = gauge "peerobserver_metrics_folded_values" [metric]
        "Label values that are now summed in \"other\", of gauges that are set as a whole.";
    SERIES = gauge "peerobserver_metrics_series" []
        "Series on this page.";
    SET_NETWORKS = gauge "peerobserver_set_networks" [set]
        "Networks and addresses of a set.";
    SETS_LOADED = gauge "peerobserver_sets_loaded_timestamp_seconds" []
        "When the sets were last read, in seconds since the UNIX epoch.";
    BUILD_INFO = gauge "peerobserver_build_info" [version, target]
        "Always 1; version and platform of this program.";

    PROCESS_CPU = counter "process_cpu_seconds_total" []
        "CPU time of this process, in seconds.";
    PROCESS_RESIDENT = gauge "process_resident_memory_bytes" []
        "Resident memory of this process.";
    PROCESS_VIRTUAL = gauge "process_virtual_memory_bytes" []
        "Virtual memory of this process.";
    PROCESS_FILES = gauge "process_open_fds" []
        "Files and sockets that this process has open.";
    PROCESS_MAX_FILES = gauge "process_max_fds" []
        "Files and sockets that this process may have open.";
    PROCESS_START = gauge "process_start_time_seconds" []
        "When this process was started, in seconds since the UNIX epoch.";
    PROCESS_THREADS = gauge "process_threads" []
        "Threads of this process.";
}
