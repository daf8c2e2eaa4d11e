//! Reads from PagerDuty's REST API who is on call and which incidents are open.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::http::{Server, Trouble};
use super::poll::{Pace, Polled, poll};
use crate::config::PagerDuty;
use crate::room::message::{LinkState, Observation, SourceId};
use crate::sop::alert::Duty;

/// Longest pause beside the interval while the server is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asks again and again for as long as anybody listens.
pub async fn run(pagerduty: Arc<PagerDuty>, sender: mpsc::Sender<Observation>, stop: CancellationToken) {
    let pace = Pace { every: pagerduty.interval, longest_pause: Some(LONGEST_PAUSE) };
    poll(SourceId::Duty, pace, Reader::new(&pagerduty), &sender, &stop).await;
}

/// Reads who is on duty; made once.
#[derive(Debug)]
pub struct Reader<'c> {
    config: &'c PagerDuty,
    server: Server,
}

impl Polled for Reader<'_> {
    async fn round(&mut self) -> (Vec<Observation>, LinkState) {
        match self.read().await {
            Ok(duty) => (vec![Observation::Duty(duty)], LinkState::Live),
            Err(trouble) => (Vec::new(), LinkState::Lost { why: trouble.words().to_owned() }),
        }
    }
}

impl<'c> Reader<'c> {
    /// A reader of what is configured.
    ///
    /// # Errors
    /// In the operator's words, when certificates or headers cannot be used.
    pub async fn new(config: &'c PagerDuty) -> Result<Self, String> {
        let server = Server::new(config.endpoint.clone(), "pagerduty").await?;
        // PagerDuty's own scheme for the tokens of its REST API.
        Ok(Self { config, server: server.with_scheme("Token token=") })
    }

    /// Who is on call now, and the open incidents.
    ///
    /// # Errors
    /// When either of the two questions has no answer.
    pub async fn read(&self) -> Result<Duty, Trouble> {
        let pass = self.server.pass().await?;
        let mut people = vec![("limit", "100"), ("earliest", "true")];
        people
            .extend(self.config.escalation_policy.iter().map(|id| ("escalation_policy_ids[]", id.as_str())));
        let mut incidents = vec![
            ("limit", "100"),
            ("sort_by", "created_at:desc"),
            ("statuses[]", "triggered"),
            ("statuses[]", "acknowledged"),
        ];
        incidents.extend(self.config.service.iter().map(|id| ("service_ids[]", id.as_str())));
        let limit = self.server.limit();
        let (people, incidents) = tokio::join!(
            self.server.ask(&pass, Method::GET, "/oncalls", &people, limit),
            self.server.ask(&pass, Method::GET, "/incidents", &incidents, limit),
        );
        Ok(Duty {
            on_call: answer::on_call(&people?).map_err(Trouble::Server)?,
            incidents: answer::incidents(&incidents?).map_err(Trouble::Server)?,
        })
    }
}
