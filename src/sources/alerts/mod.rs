//! Reads the alerts that are not resolved: from Alertmanager, and from Prometheus those
//! that Alertmanager does not know (the pending ones), or all where there is no
//! Alertmanager.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::http::{Server, Trouble};
use super::poll::{Pace, Polled, poll};
use super::prometheus::Prometheus;
use crate::config::{Alerts, Metrics};
use crate::room::message::{LinkState, Observation, SourceId};
use crate::sop::alert::{Alert, AlertState};

/// Longest pause beside the interval while the server is away: well within the time for
/// which alerts hold.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Asks again and again for as long as anybody listens.
pub async fn run(
    alerts: Arc<Alerts>,
    metrics: Option<Arc<Metrics>>,
    sender: mpsc::Sender<Observation>,
    stop: CancellationToken,
) {
    let pace = Pace { every: alerts.interval, longest_pause: Some(LONGEST_PAUSE) };
    let opening = Reader::new(&alerts, metrics.as_deref());
    poll(SourceId::Alerts, pace, opening, &sender, &stop).await;
}

/// Reads alerts; made once.
#[derive(Debug)]
pub struct Reader<'c> {
    config: &'c Alerts,
    alertmanager: Option<Server>,
    prometheus: Option<Prometheus>,
}

impl Polled for Reader<'_> {
    async fn round(&mut self) -> (Vec<Observation>, LinkState) {
        match self.read().await {
            Ok(alerts) => (vec![Observation::Alerts(alerts)], LinkState::Live),
            Err(trouble) => (Vec::new(), LinkState::Lost { why: trouble.words().to_owned() }),
        }
    }
}

impl<'c> Reader<'c> {
    /// A reader of what is configured.
    ///
    /// # Errors
    /// In the operator's words, when certificates or headers cannot be used.
    pub async fn new(config: &'c Alerts, metrics: Option<&Metrics>) -> Result<Self, String> {
        let alertmanager = match &config.alertmanager {
            Some(endpoint) => Some(Server::new(endpoint.clone(), "alerts").await?),
            None => None,
        };
        let prometheus = match metrics {
            Some(metrics) => Some(Prometheus::new(metrics.endpoint.clone()).await?),
            None => None,
        };
        Ok(Self { config, alertmanager, prometheus })
    }

    /// All alerts that matter. With an Alertmanager it has the word: what Prometheus
    /// calls firing may be silenced there. Its silence about the pending ones is no
    /// trouble: they are nobody's alert yet.
    ///
    /// # Errors
    /// When the one that has the word gives no answer.
    pub async fn read(&self) -> Result<Vec<Alert>, Trouble> {
        match (&self.alertmanager, &self.prometheus) {
            (Some(server), prometheus) => {
                let mut alerts = self.of_alertmanager(server).await?;
                if let Some(prometheus) = prometheus
                    && let Ok(known) = self.of_prometheus(prometheus).await
                {
                    alerts.extend(known.into_iter().filter(|alert| alert.state == AlertState::Pending));
                }
                Ok(alerts)
            }
            (None, Some(prometheus)) => self.of_prometheus(prometheus).await,
            (None, None) => {
                Err(Trouble::Server("neither an Alertmanager nor a Prometheus is configured".into()))
            }
        }
    }

    async fn of_alertmanager(&self, server: &Server) -> Result<Vec<Alert>, Trouble> {
        let pass = server.pass().await?;
        let filters = self.config.matchers.iter().map(|matcher| ("filter", matcher.text.as_str()));
        let mut parameters = vec![("active", "true"), ("silenced", "true"), ("inhibited", "true")];
        parameters.extend(filters);
        let answer = server.ask(&pass, Method::GET, "/api/v2/alerts", &parameters, server.limit()).await?;
        answer::alertmanager(&answer, self.config).map_err(Trouble::Server)
    }

    async fn of_prometheus(&self, prometheus: &Prometheus) -> Result<Vec<Alert>, Trouble> {
        let pass = prometheus.pass().await?;
        let answer = prometheus.alerts(&pass).await?;
        answer::prometheus(&answer, self.config).map_err(Trouble::Server)
    }
}
