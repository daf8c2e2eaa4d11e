//! What measures the world and tells of it: Prometheus, Alertmanager and PagerDuty, with
//! their doors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::alertmanager::{self, Alertmanager};
use super::door;
use super::faults::{Fault, FaultName};
use super::pagerduty::{self, PagerDuty};
use super::prometheus::{self, Prometheus};
use super::world::World;

/// The file with PagerDuty's token, beside the configuration.
pub(super) const TOKEN_FILE: &str = "pagerduty.token";
/// The procedure's signals: each has the time after which it is stale.
const SIGNALS: [&str; 5] = ["error-rate", "p95", "requests", "connections", "memory"];

/// Where the three are.
#[derive(Debug)]
pub(super) struct Signals {
    prometheus: SocketAddr,
    alertmanager: SocketAddr,
    pagerduty: SocketAddr,
}

impl Signals {
    /// Starts them, until `stop`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no port is to be had.
    pub(super) fn start(world: &Arc<World>, stop: &CancellationToken) -> io::Result<Self> {
        let measures = Prometheus::new(Arc::clone(world));
        let alerts = Alertmanager::new(Arc::clone(&measures));
        let duty = PagerDuty::new(Arc::clone(&measures), Arc::clone(&alerts));
        tokio::spawn(Arc::clone(&measures).run(stop.clone()));
        tokio::spawn(Arc::clone(&duty).run(stop.clone()));
        let open = |router: Router, closed_by: Option<FaultName>| {
            let listener = door::open()?;
            let address = listener.local_addr()?;
            tokio::spawn(door::serve(listener, router, world.faults.clone(), closed_by, stop.clone()));
            Ok::<_, io::Error>(address)
        };
        Ok(Self {
            prometheus: open(prometheus::api::router(measures), Some(Fault::MetricsLost.name()))?,
            alertmanager: open(alertmanager::api::router(alerts), None)?,
            pagerduty: open(pagerduty::router(duty), None)?,
        })
    }

    /// Their names and URLs.
    pub(super) fn urls(&self) -> [(&'static str, String); 3] {
        let url = |address: SocketAddr| format!("http://{address}");
        [
            ("prometheus", url(self.prometheus)),
            ("alertmanager", url(self.alertmanager)),
            ("pagerduty", url(self.pagerduty)),
        ]
    }

    /// Their tables of the configuration. A watch that is shortened by the speed needs more
    /// samples, of a shorter window, which are stale sooner: what is measured in it has to
    /// show within it. No rule and no threshold is another for that.
    pub(super) fn config(&self, environment: &str, speed: u32) -> String {
        let [(_, prometheus), (_, alertmanager), (_, pagerduty)] = self.urls();
        let shortened = |seconds: u32, least: u32| (seconds / speed.max(1)).max(least);
        // As shipped at speed 1. Pods are scraped once a second: ten samples make a rate.
        let (interval, window) = (shortened(5, 1), shortened(60, 10));
        let (stale_after, duty) = (shortened(60, 10), shortened(30, 5));
        let table = format!("environments.{environment}");
        let signals = SIGNALS.map(|id| {
            format!("\n[[{table}.metrics.signals]]\nid = \"{id}\"\nstale_after = \"{stale_after}s\"\n")
        });
        format!(
            r#"
# At speed {speed}: a watch that is shorter is sampled more often, over a shorter window.
[{table}.metrics]
url = "{prometheus}"
interval = "{interval}s"
window = "{window}s"
{}
[{table}.alerts]
alertmanager = "{alertmanager}"
interval = "{interval}s"

[{table}.pagerduty]
url = "{pagerduty}"
token_file = "{TOKEN_FILE}"
interval = "{duty}s"
"#,
            signals.concat()
        )
    }
}
