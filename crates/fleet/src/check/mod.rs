//! What of a fleet arrives at its hub, and how late.

mod arrivals;
mod report;
mod server;

use std::time::Duration;

use event::time::now_ns;

pub use report::{HostReport, NodeReport, Refused, Report, Source};

use crate::FleetError;
use crate::nats::{HUB_USER, SYSTEM_USER};
use crate::roll::Roll;
use crate::streams::connect;
use arrivals::Arrivals;
use server::Server;

/// Watches what arrives for this time, and asks the hub's nats-server and those of the hosts.
///
/// # Errors
/// The hub's nats-server cannot be reached.
pub async fn check(roll: &Roll, span: Duration) -> Result<Report, FleetError> {
    let client = connect(roll, HUB_USER, &roll.password).await?;
    let system = connect(roll, SYSTEM_USER, &roll.system_password).await?;
    let mut arrivals = Arrivals::default();
    arrivals.watch(roll, &client, span).await?;
    let server = Server::ask(roll, &client, &system).await?;
    Ok(report::make(roll, &arrivals, &server, span, now_ns()))
}
