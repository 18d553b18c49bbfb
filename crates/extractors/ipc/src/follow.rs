//! Following the tip of a node that is connected.

use std::pin::pin;
use std::time::Duration;

use bus::Publisher;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::ipc_extractor::{BlockTip, InitialBlockDownload, Ipc};
use event::pb::observer::node_state::State;
use event::{Body, time};
use ipc::{Client, IpcError, MAX_WAIT, Tip};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::connection::{brief, state};

/// A node that does not answer for so much longer than a wait takes is hanging.
const GRACE: Duration = Duration::from_millis(2_500);

/// How often a node that catches up is asked whether it still does.
const ASK: Duration = Duration::from_secs(1);

/// The least time from one wait that brought no other tip to the next, whatever the node does.
const PAUSE: Duration = Duration::from_millis(100);

/// Why tips are followed no more.
pub(crate) enum End {
    Shutdown,
    Failed(IpcError),
}

/// Publishes tips until the connection fails, or until shutdown.
pub(crate) async fn follow(
    client: &Client,
    options: Options,
    publisher: &Publisher,
    shutdown: &CancellationToken,
) -> End {
    match try_follow(client, options, publisher, shutdown).await {
        Ok(()) => End::Shutdown,
        Err(error) => {
            publisher.node_is(state(&error, false), Some(brief(&error.to_string())));
            End::Failed(error)
        }
    }
}

async fn try_follow(
    client: &Client,
    options: Options,
    publisher: &Publisher,
    shutdown: &CancellationToken,
) -> Result<(), IpcError> {
    let mut tip: Option<Tip> = None;
    let mut published = Instant::now();
    let mut download = Download::default();
    while !shutdown.is_cancelled() {
        let begun = Instant::now();
        let hash = tip.map_or([0; 32], |tip| tip.hash);
        let waiting = wait(client, hash, tip.is_none(), publisher);
        // What was asked goes on, and is waited for when the connection is closed.
        let Some(new) = shutdown.run_until_cancelled(waiting).await else { break };
        let new = new?;
        let time_ns = time::now_ns();
        let changed = tip.replace(new) != Some(new);
        if changed || options.query_interval.is_some_and(|interval| published.elapsed() >= interval) {
            published = begun;
            publisher.publish(time_ns, body(IpcEvent::BlockTip(block_tip(&new)))).await;
        }
        if let Some(active) = shutdown.run_until_cancelled(download.ask(client)).await.transpose()?.flatten() {
            let event = IpcEvent::InitialBlockDownload(InitialBlockDownload { active });
            publisher.publish(time::now_ns(), body(event)).await;
        }
        // In the end the node does as it likes.
        if !changed && begun.elapsed() < PAUSE {
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Waits for another tip, and notes the node's state. A node that hangs is waited for.
async fn wait(client: &Client, current: [u8; 32], first: bool, publisher: &Publisher) -> Result<Tip, IpcError> {
    let mut answer = pin!(client.wait_tip(current));
    loop {
        if let Ok(answer) = timeout(MAX_WAIT + GRACE, &mut answer).await {
            let answer = answer?;
            publisher.node_is_up();
            return Ok(answer);
        }
        // It answers when it has loaded its chain.
        if first {
            publisher.node_is(State::Starting, Some("it has not loaded its chain yet"));
        } else {
            publisher.node_is(State::Hanging, Some("it does not answer at its IPC socket"));
        }
    }
}

/// Whether the node catches up with the chain. Once it has, that does not change in the same run.
#[derive(Default)]
struct Download {
    last: Option<bool>,
    asked: Option<Instant>,
}

impl Download {
    /// Asks, if that is due. What is new is returned.
    async fn ask(&mut self, client: &Client) -> Result<Option<bool>, IpcError> {
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK);
        if self.last == Some(false) || !due {
            return Ok(None);
        }
        let active = client.is_initial_block_download().await?;
        self.asked = Some(Instant::now());
        Ok(Some(active).filter(|_| self.last.replace(active) != Some(active)))
    }
}

fn block_tip(tip: &Tip) -> BlockTip {
    BlockTip { height: tip.height, hash: tip.hash.to_vec().into() }
}

fn body(event: IpcEvent) -> Body {
    Body::IpcExtractor(Ipc { ipc_event: Some(event) })
}
