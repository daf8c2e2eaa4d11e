//! Prometheus' HTTP API, whoever serves it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;

use super::answer::{self, Instant};
use crate::config::Endpoint;
use crate::sop::signal::Point;
use crate::sources::http::{Pass, Server, Trouble};

/// The span of time and the step of a question about many times, in server time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
    pub step: Duration,
}

/// Asks one Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    server: Server,
    /// POST was refused: whatever stands before it allows GET only.
    by_get: AtomicBool,
}

impl Prometheus {
    /// A client for an endpoint.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub async fn new(endpoint: Endpoint) -> Result<Self, String> {
        Ok(Self { server: Server::new(endpoint, "metrics").await?, by_get: AtomicBool::new(false) })
    }

    /// The server that is asked.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// As [`Server::pass`].
    ///
    /// # Errors
    /// When its source gives none.
    pub async fn pass(&self) -> Result<Pass, Trouble> {
        self.server.pass().await
    }

    /// The value of a query at a time of the server's, without one now.
    ///
    /// # Errors
    /// When there is no answer or it is a refusal.
    pub async fn query(
        &self,
        pass: &Pass,
        text: &str,
        at: Option<Timestamp>,
        limit: Duration,
    ) -> Result<Instant, Trouble> {
        let (at, limit_text) = (at.map(seconds), given_up_after(limit));
        let mut parameters = vec![("query", text), ("timeout", limit_text.as_str())];
        parameters.extend(at.as_deref().map(|at| ("time", at)));
        let answer = self.ask(pass, "/api/v1/query", &parameters, limit).await?;
        answer::instant(&answer).map_err(Trouble::Question)
    }

    /// The values of a query over time.
    ///
    /// # Errors
    /// When there is no answer or it is a refusal.
    pub async fn query_range(
        &self,
        pass: &Pass,
        text: &str,
        span: Span,
        limit: Duration,
    ) -> Result<Vec<Point>, Trouble> {
        let (from, to) = (seconds(span.from), seconds(span.to));
        let (step, limit_text) = (span.step.as_secs_f64().to_string(), given_up_after(limit));
        let parameters = [
            ("query", text),
            ("start", from.as_str()),
            ("end", to.as_str()),
            ("step", step.as_str()),
            ("timeout", limit_text.as_str()),
        ];
        let answer = self.ask(pass, "/api/v1/query_range", &parameters, limit).await?;
        answer::range(&answer).map_err(Trouble::Question)
    }

    /// The alerts that Prometheus itself knows.
    ///
    /// # Errors
    /// When there is no answer or it is a refusal.
    pub async fn alerts(&self, pass: &Pass) -> Result<Value, Trouble> {
        self.server.ask(pass, Method::GET, "/api/v1/alerts", &[], self.server.limit()).await
    }

    /// POST, for queries are long; GET where that is all that is allowed.
    async fn ask(
        &self,
        pass: &Pass,
        path: &str,
        parameters: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Value, Trouble> {
        let method = if self.by_get.load(Ordering::Relaxed) { Method::GET } else { Method::POST };
        match self.server.ask(pass, method.clone(), path, parameters, limit).await {
            Err(Trouble::Method(_)) if method == Method::POST => {
                let answer = self.server.ask(pass, Method::GET, path, parameters, limit).await?;
                self.by_get.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            answer => answer,
        }
    }
}

fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// The server need not go on when nobody waits any more.
fn given_up_after(limit: Duration) -> String {
    format!("{}ms", limit.as_millis().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_millisecond() {
        assert_eq!(seconds(Timestamp::from_millisecond(1_500_000_000_042).unwrap()), "1500000000.042");
    }
}
