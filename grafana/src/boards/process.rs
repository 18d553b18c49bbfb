//! The node's process: threads, memory, files, disks.

use super::prelude::*;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("process", "node process", "The nodes' processes: threads, memory, files, disks.")
        .row("Is something wrong?", is_something_wrong())
        .row("CPU", cpu())
        .row("Memory", memory())
        .row("Files and disks", files_and_disks())
        .row("Life", life())
}

fn is_something_wrong() -> Vec<Panel> {
    let files = || each(NODE_FILES).over(each(NODE_MAX_FILES));
    vec![
        stat("Message thread", unit::CPU, message_thread().max(&[]).named("b-msghand"))
            .about(
                "How busy the thread b-msghand is, at the node where it is most. At 100 % peers wait for \
            answers.",
            )
            .steps(Steps::Rising(0.6, 0.9)),
        stat("Largest memory", unit::BYTES, memory_of("resident").max(&[]).named("memory"))
            .about("Resident memory of the node that uses most."),
        stat("Swapped", unit::BYTES, memory_of("swap").max(&[]).named("swap"))
            .about("Memory of a node that is on disk.")
            .steps(Steps::Warn(1.0)),
        gauge("Files open", files().max(&[]).named("open"))
            .about("Files and sockets that a node has open, of those that it may.")
            .steps(Steps::Rising(0.7, 0.9)),
        gauge("Disk left", disk().min(&[]).named("left"))
            .about("What is left on the fullest filesystem of a data directory.")
            .steps(Steps::Falling(0.1, 0.03)),
        stat("Restarts in a day", unit::COUNT, of(NODE_RESTARTS).grown("24h").sum(&[]).named("restarts"))
            .steps(Steps::Rising(1.0, 3.0)),
    ]
}

fn cpu() -> Vec<Panel> {
    vec![
        stack("CPU by thread", unit::CPU, of(THREAD_CPU).rate().sum(&["thread"]).top(12)),
        lines("Message thread by node", unit::CPU, message_thread())
            .about("How busy the thread b-msghand is.")
            .steps(Steps::Rising(0.6, 0.9)),
        stack("CPU by mode", unit::CPU, of(THREAD_CPU).rate().sum(&["mode"])),
        lines("CPU by node", unit::CPU, of(THREAD_CPU).rate().sum(&NODE)),
        lines("Threads", unit::COUNT, of(THREADS).now().sum(&["thread"]).top(12)),
        lines(
            "CPU load of peers",
            unit::NONE,
            [most(RPC_PEER_INFO_CPULOAD_SUM).named("all"), most(RPC_PEER_INFO_CPULOAD_MAX).named("largest")],
        )
        .hint("In per mille of a core. Bitcoin Knots reports it."),
    ]
}

fn memory() -> Vec<Panel> {
    vec![
        lines("Resident memory", unit::BYTES, memory_of("resident")),
        lines("Kinds of memory", unit::BYTES, of(NODE_MEMORY).unlike("kind", "virtual").now().sum(&["kind"])),
        lines(
            "Locked memory",
            unit::BYTES,
            [
                most(RPC_MEMORYINFO_LOCKED_USED).named("used"),
                most(RPC_MEMORYINFO_LOCKED_FREE).named("free"),
                most(RPC_MEMORYINFO_LOCKED_LOCKED).named("locked"),
                most(RPC_MEMORYINFO_LOCKED_TOTAL).named("total"),
            ],
        ),
        lines("Page faults that waited for a disk", unit::RATE, of(NODE_PAGE_FAULTS).rate().sum(&NODE)),
    ]
}

fn files_and_disks() -> Vec<Panel> {
    vec![
        lines("Files and sockets open", unit::COUNT, each(NODE_FILES)),
        lines("Read and written", unit::BYTES_RATE, of(NODE_IO).rate().sum(&["direction"])),
        lines("Disk left", unit::SHARE, disk())
            .about("What is left on the filesystem of the data directory.")
            .limits(Some(0.0), Some(1.0))
            .every("1m")
            .steps(Steps::Falling(0.1, 0.03)),
        lines("Disk left in bytes", unit::BYTES, each(DISK_AVAILABLE)).every("1m"),
        stack("Size of directories", unit::BYTES, of(DIRECTORY_SIZE).now().sum(&["directory"])).every("1m"),
        lines("Size of blocks on disk", unit::BYTES, each(RPC_BLOCKCHAININFO_SIZE_ON_DISK)).every("1m"),
    ]
}

fn life() -> Vec<Panel> {
    vec![
        lines("Uptime", unit::SECONDS, each(RPC_UPTIME)),
        table("Started", unit::TIME, of(NODE_START_TIME).time().max(&NODE).named("started"))
            .every("1m")
            .about("When each node was started."),
    ]
}

fn memory_of(kind: &str) -> Query {
    of(NODE_MEMORY).is("kind", kind).now().max(&NODE)
}

fn disk() -> Query {
    each(DISK_AVAILABLE).over(each(DISK_SIZE))
}
