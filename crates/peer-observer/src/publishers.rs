//! Publishers of all extractors of this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::{Accounts, Bus, Publisher};
use event::pb::observer::node_state::State;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Makes publishers that publish their status, and ends them. The tracepoint extractor makes them for processes as they come.
#[derive(Clone)]
pub struct Publishers {
    bus: Bus,
    shutdown: CancellationToken,
    runtime: Handle,
    made: Arc<Mutex<Vec<Publisher>>>,
}

impl Publishers {
    /// None is made yet. To be called where tasks can be started.
    #[must_use]
    pub fn new(bus: &Bus, shutdown: &CancellationToken) -> Self {
        let (bus, shutdown) = (bus.clone(), shutdown.clone());
        Self { bus, shutdown, runtime: Handle::current(), made: Arc::default() }
    }

    /// A publisher for an extractor of a node, which publishes its status until the end.
    #[must_use]
    pub fn publisher(&self, node: &str, extractor: &'static str) -> Publisher {
        let publisher = Publisher::new(&self.bus, node, extractor);
        // The caller may be a thread of its own.
        let _inside = self.runtime.enter();
        bus::task::spawn(format!("status of {extractor}"), publisher.clone().tell_status(self.shutdown.clone()));
        self.made().push(publisher.clone());
        publisher
    }

    /// The accounts of this process.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        self.bus.accounts()
    }

    /// A publisher without status: for what is read once, to its end.
    #[must_use]
    pub fn without_status(&self, node: &str, extractor: &'static str) -> Publisher {
        Publisher::new(&self.bus, node, extractor)
    }

    /// Ends the runs of an extractor that failed, and says why.
    pub async fn fail(&self, extractor: &str, error: &anyhow::Error) {
        let failed: Vec<Publisher> = self.made().iter().filter(|made| made.extractor() == extractor).cloned().collect();
        for publisher in failed {
            fail(&publisher, error).await;
        }
    }

    fn made(&self) -> MutexGuard<'_, Vec<Publisher>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all runs: each one's last event says so.
    pub async fn end(&self) {
        let made = std::mem::take(&mut *self.made());
        for publisher in made {
            publisher.end().await;
        }
    }
}

/// Ends the run of an extractor that failed, and says why.
pub async fn fail(publisher: &Publisher, error: &anyhow::Error) {
    publisher.node_is(State::Unreadable, Some(&format!("{error:#}")));
    publisher.end().await;
}
