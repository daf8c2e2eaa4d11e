//! Reads from PagerDuty's REST API who is on call and which incidents are open.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::http::{Server, Trouble};
use crate::config::PagerDuty;
use crate::room::message::{LinkState, Observation, SourceId};
use crate::sop::alert::Duty;

/// Longest pause beside the interval while the server is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asks again and again for as long as anybody listens.
pub async fn run(pagerduty: Arc<PagerDuty>, sender: mpsc::Sender<Observation>, stop: CancellationToken) {
    let reading = async {
        let reader = match Reader::new(&pagerduty).await {
            Ok(reader) => reader,
            Err(why) => {
                let state = LinkState::Unavailable { why };
                let _ = sender.send(Observation::Link(SourceId::Duty, state)).await;
                return;
            }
        };
        let mut ticks = interval(pagerduty.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut backoff = Backoff::new((pagerduty.interval / 2, LONGEST_PAUSE));
        let mut before = None;
        loop {
            ticks.tick().await;
            let state = match reader.read().await {
                Ok(duty) => {
                    if sender.send(Observation::Duty(duty)).await.is_err() {
                        return;
                    }
                    LinkState::Live
                }
                Err(trouble) => LinkState::Lost { why: trouble.words().to_owned() },
            };
            if before.as_ref() != Some(&state) {
                if sender.send(Observation::Link(SourceId::Duty, state.clone())).await.is_err() {
                    return;
                }
                before = Some(state.clone());
            }
            match state {
                LinkState::Live => backoff.reset(),
                _ => tokio::time::sleep(backoff.pause()).await,
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sender.closed() => {}
        () = reading => {}
    }
}

/// Reads who is on duty; made once.
#[derive(Debug)]
pub struct Reader<'c> {
    config: &'c PagerDuty,
    server: Server,
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
