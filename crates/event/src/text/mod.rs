//! Events as lines of text: the time first, then the node, then what happened, in columns.

mod alerts;
mod chain;
mod connectivity;
mod fields;
mod log;
mod message;
mod p2p;
mod process;
mod rpc;
mod tracepoint;

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};

pub use self::alerts::{NumberText, Part, Parts, Sentence, SubjectText, severity_name};
pub use self::chain::status_name as tip_status;
pub use self::log::{LogText, log_category};

use crate::pb::alerts::alerts::AlertsEvent;
use crate::pb::chain::chain::ChainEvent;
use crate::pb::connectivity::connectivity::ConnectivityEvent;
use crate::pb::ebpf_extractor::ebpf::EbpfEvent;
use crate::pb::ipc_extractor::ipc::IpcEvent;
use crate::pb::observer::Gap;
use crate::pb::observer::observer::ObserverEvent;
use crate::quote::{HashText, Plain, Quoted};
use crate::selection::SelectionText;
use crate::{Body, Record, time};

/// How lines look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Colors for a terminal.
    pub color: bool,
    /// The least width of the column with the name of the node, in characters.
    pub node_width: usize,
}

/// Items of a list that are shown; of the others only the number.
const SHOWN: usize = 3;

const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const BLUE: Style = AnsiColor::Blue.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();
const MAGENTA: Style = AnsiColor::Magenta.on_default();

/// An event as one line of text, without the newline.
pub struct Line<'a> {
    /// The event.
    pub record: &'a Record,
    /// How it looks.
    pub look: Look,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let (record, look) = (self.record, self.look);
        let envelope = record.envelope();
        write!(f, "{} ", look.paint(DIM, time::rfc3339_micros(envelope.time_ns)))?;
        if look.node_width > 0 || !envelope.node.is_empty() {
            let name = Plain(&envelope.node).to_string();
            write!(f, "{name:<width$} ", width = look.node_width)?;
        }
        match record.body() {
            Some(Body::EbpfExtractor(ebpf)) => match &ebpf.ebpf_event {
                Some(EbpfEvent::Message(message)) => message::line(f, look, message),
                Some(EbpfEvent::Connection(connection)) => tracepoint::connection(f, look, connection),
                Some(EbpfEvent::Mempool(mempool)) => tracepoint::mempool(f, look, mempool),
                Some(EbpfEvent::Validation(validation)) => tracepoint::validation(f, look, validation),
                Some(EbpfEvent::Block(block)) => tracepoint::block(f, look, block),
                Some(EbpfEvent::Utxocache(utxocache)) => tracepoint::utxocache(f, look, utxocache),
                None => unknown(f, look, record),
            },
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(event) => rpc::line(f, look, event),
                None => unknown(f, look, record),
            },
            Some(Body::P2pExtractor(p2p)) => match &p2p.p2p_event {
                Some(event) => p2p::line(f, look, event),
                None => unknown(f, look, record),
            },
            Some(Body::LogExtractor(log)) => log::line(f, look, log, envelope.kind),
            Some(Body::IpcExtractor(ipc)) => match &ipc.ipc_event {
                Some(IpcEvent::BlockTip(tip)) => {
                    write!(f, "{} tip height={} {}", look.mark(BLUE, "ipc"), tip.height, HashText(&tip.hash))
                }
                Some(IpcEvent::InitialBlockDownload(download)) => {
                    let active = if download.active { "begun" } else { "over" };
                    write!(f, "{} initial block download {active}", look.mark(BLUE, "ipc"))
                }
                None => unknown(f, look, record),
            },
            Some(Body::Connectivity(connectivity)) => match &connectivity.connectivity_event {
                Some(ConnectivityEvent::Attempt(attempt)) => connectivity::attempt(f, look, attempt),
                None => unknown(f, look, record),
            },
            Some(Body::Alerts(alerts)) => match &alerts.alerts_event {
                Some(AlertsEvent::Alert(alert)) => alerts::line(f, look, alert),
                None => unknown(f, look, record),
            },
            Some(Body::Chain(chain)) => match &chain.chain_event {
                Some(ChainEvent::Node(node)) => chain::node(f, look, node),
                Some(ChainEvent::Header(header)) => chain::header(f, look, header),
                Some(ChainEvent::Activity(activity)) => chain::activity(f, look, activity),
                None => unknown(f, look, record),
            },
            Some(Body::Observer(observer)) => match &observer.observer_event {
                Some(ObserverEvent::Status(status)) => status_line(f, look, status),
                Some(ObserverEvent::Process(state)) => process::line(f, look, state),
                Some(ObserverEvent::Gap(gap)) => gap_line(f, look, gap),
                Some(ObserverEvent::Selection(selection)) => {
                    write!(f, "{} not everything is here: {}", look.mark(RED, "!!!"), SelectionText(selection))
                }
                None => unknown(f, look, record),
            },
            None => unknown(f, look, record),
        }
    }
}

impl Look {
    /// Text in a color, if colors are wanted.
    fn paint<T: Display>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.color { style } else { Style::new() }, text }
    }

    /// The column with the kind of a line.
    fn mark(self, style: Style, mark: &'static str) -> Painted<Padded> {
        self.paint(style, Padded(mark))
    }
}

struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}

struct Padded(&'static str);

impl Display for Padded {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{:<4}", self.0)
    }
}

/// The first items of a list, and how many more there are.
fn list<T>(f: &mut Formatter, items: &[T], mut item: impl FnMut(&mut Formatter, &T) -> fmt::Result) -> fmt::Result {
    for shown in items.iter().take(SHOWN) {
        f.write_str(" ")?;
        item(f, shown)?;
    }
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " …+{more}"),
    }
}

fn unknown(f: &mut Formatter, look: Look, record: &Record) -> fmt::Result {
    write!(f, "{} event of a kind that this version does not know, {} B", look.mark(RED, "?"), record.bytes().len())
}

fn gap_line(f: &mut Formatter, look: Look, gap: &Gap) -> fmt::Result {
    write!(f, "{} {} events", look.mark(RED, "!!!"), gap.missing)?;
    if let Some(run) = gap.of_run {
        write!(f, " of run {run}")?;
    }
    write!(f, " are not in the archive: lost at {}", Plain(&gap.stage))?;
    gap.reason.iter().try_for_each(|reason| write!(f, " ({})", Plain(reason)))
}

fn status_line(f: &mut Formatter, look: Look, status: &crate::pb::observer::Status) -> fmt::Result {
    write!(f, "{} extractor {}", look.mark(DIM, "obs"), Quoted(&status.extractor))?;
    write!(f, " sent {} events", status.last_sequence)?;
    if status.ended {
        f.write_str(", ended")?;
    }
    if let Some(node) = &status.node {
        write!(f, ", node {}", node.state().as_str_name().to_ascii_lowercase())?;
        if let Some(reason) = &node.reason {
            write!(f, " ({})", Plain(reason))?;
        }
    }
    let shared = status.shared.iter().flat_map(|shared| &shared.dropped);
    let dropped: Vec<_> = status.dropped.iter().chain(shared).collect();
    if dropped.is_empty() {
        return f.write_str(", lost none");
    }
    f.write_str(", lost")?;
    list(f, &dropped, |f, dropped| {
        write!(f, "{} at {} ({})", dropped.count, Plain(&dropped.stage), Plain(&dropped.reason))
    })
}
