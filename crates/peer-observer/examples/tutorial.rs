//! peer-observer with one more tool and one more extractor: the code of "Adding a tool" and "Adding an extractor" in docs/development.md. A test
//! keeps the two alike, and runs this program.

use std::process::ExitCode;

use peer_observer::Parts;

fn main() -> ExitCode {
    let mut parts = Parts::all();
    parts.tools.push(tally::ENTRY);
    parts.extractors.push(pulse::ENTRY);
    peer_observer::main(&parts)
}

mod tally {
    //! The tool `tally`: counts events.

    use anyhow::Result;
    use bus::Delivery;
    use clap::Args;
    use peer_observer::{Check, Context, Part, Place, Queue, Service, Starts, Tool, ToolEntry};
    use serde::{Deserialize, Serialize};
    use tracing::info;

    pub const ENTRY: ToolEntry = ToolEntry {
        name: "tally",
        about: "Count events: from NATS, from standard input, or live",
        summary: "Counts events",
        starts: Starts::WithSection,
        demo: true,
        options: Part::of::<TallyOptions>("tally"),
    };

    /// Section `[tally]`, and its flags.
    #[derive(Args, Clone, Debug, Deserialize, Serialize)]
    #[command(next_help_heading = "Tally")]
    #[serde(default, deny_unknown_fields)]
    struct TallyOptions {
        /// Log the count whenever so many more events have come
        #[arg(id = "tally_step", long = "tally-step", env = "PEER_OBSERVER_TALLY_STEP", value_name = "NUMBER")]
        step: u64,
    }

    impl Default for TallyOptions {
        fn default() -> Self {
            Self { step: 100 }
        }
    }

    impl Check<Box<dyn Tool>> for TallyOptions {
        fn check(&self, _: &Context) -> Result<Box<dyn Tool>> {
            anyhow::ensure!(self.step > 0, "tally.step = 0: it must be 1 or more");
            Ok(Box::new(Tally { step: self.step }))
        }
    }

    struct Tally {
        step: u64,
    }

    impl Tool for Tally {
        fn queue(&self) -> Queue {
            Queue::PLAIN
        }

        fn start(self: Box<Self>, _: Place) -> Result<Service> {
            Ok(Service::new(move |mut events, _, _| async move {
                let mut count: u64 = 0;
                while let Some(delivery) = events.next().await {
                    if let Delivery::Event(_) = delivery {
                        count += 1;
                        if count.is_multiple_of(self.step) {
                            info!("tally: {count} events");
                        }
                    }
                }
                info!("tally: {count} events in all");
                Ok(())
            }))
        }
    }
}

mod pulse {
    //! The extractor `pulse`: an event every so often, for as long as it runs.

    use std::time::{Duration, Instant};

    use anyhow::Result;
    use bus::Publisher;
    use clap::Args;
    use event::pb::rpc_extractor::Rpc;
    use event::pb::rpc_extractor::rpc::RpcEvent;
    use event::{Body, time};
    use node::Target;
    use peer_observer::{Check, Context, Extractor, ExtractorEntry, Part, PerNode, Running, Span};
    use serde::{Deserialize, Serialize};
    use tokio_util::sync::CancellationToken;

    pub const ENTRY: ExtractorEntry = ExtractorEntry {
        name: "pulse",
        summary: "Nothing: how long it has run itself",
        expected: None,
        options: Part::of::<PulseOptions>("pulse"),
    };

    /// Section `[pulse]`, and its flags.
    #[derive(Args, Clone, Debug, Deserialize, Serialize)]
    #[command(next_help_heading = "Pulse")]
    #[serde(default, deny_unknown_fields)]
    struct PulseOptions {
        /// Time between two events
        #[arg(id = "pulse_every", long = "pulse-every", env = "PEER_OBSERVER_PULSE_EVERY", value_name = "DURATION")]
        every: Span,
    }

    impl Default for PulseOptions {
        fn default() -> Self {
            Self { every: Span(Duration::from_secs(1)) }
        }
    }

    impl Check<Extractor> for PulseOptions {
        fn check(&self, _: &Context) -> Result<Extractor> {
            Ok(Extractor::PerNode(Box::new(Pulse { every: self.every.0 })))
        }
    }

    struct Pulse {
        every: Duration,
    }

    impl PerNode for Pulse {
        fn is_usual(&self, _: &Target) -> bool {
            false
        }

        fn observe(&self, _: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
            let (begin, mut ticks) = (Instant::now(), tokio::time::interval(self.every));
            Box::pin(async move {
                while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
                    let seconds = u32::try_from(begin.elapsed().as_secs())?;
                    let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(seconds)) });
                    publisher.publish(time::now_ns(), body).await;
                }
                Ok(())
            })
        }
    }
}
