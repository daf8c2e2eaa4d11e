//! Servers with an HTTP API that is only read: Prometheus, Alertmanager and their like,
//! and whatever stands in front of them. Every wait and every body has a bound; what
//! goes wrong is told in the operator's words.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Method, Response, StatusCode, redirect};
use serde_json::Value;

use super::kubernetes::explain_error;
pub use super::pass::Pass;
use super::pass::Passes;
use super::text::clean;
use crate::config::Endpoint;

/// Largest answer that is read, in bytes: an hour of a few series takes far less.
const LONGEST_BODY: usize = 4 << 20;
/// Longest file of certificates, in bytes.
const LONGEST_CA: u64 = 1 << 20;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server cannot be reached, or answers nothing that could be used: another
    /// question would fare no better.
    Server(String),
    /// It wants other credentials.
    Unauthorized(String),
    /// It cannot answer this question.
    Question(String),
    /// It wants the question put by the method GET.
    Method(String),
}

impl Trouble {
    /// What went wrong and what to do.
    #[must_use]
    pub fn words(&self) -> &str {
        let (Self::Server(words) | Self::Unauthorized(words) | Self::Question(words) | Self::Method(words)) =
            self;
        words
    }

    /// Whether only this question is concerned.
    #[must_use]
    pub const fn is_about_the_question(&self) -> bool {
        matches!(self, Self::Question(_))
    }
}

/// One server.
#[derive(Debug)]
pub struct Server {
    client: Client,
    endpoint: Endpoint,
    /// What the server is called in messages, and where it is configured: `metrics`.
    table: &'static str,
    passes: Passes,
}

impl Server {
    /// A server of which nothing was asked yet.
    ///
    /// # Errors
    /// In the operator's words, when the certificates or headers cannot be used.
    pub async fn new(endpoint: Endpoint, table: &'static str) -> Result<Self, String> {
        let client = client(&endpoint, table).await?;
        let passes = Passes::new(&endpoint, "Bearer ");
        Ok(Self { client, endpoint, table, passes })
    }

    /// The same server, where another word stands before a token.
    #[must_use]
    pub fn with_scheme(self, scheme: &'static str) -> Self {
        Self { passes: Passes::new(&self.endpoint, scheme), ..self }
    }

    /// The server's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.endpoint.url
    }

    /// The time limit of one request.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.endpoint.timeout
    }

    /// What says who asks: the one that holds, else the token is read anew. Reading it
    /// may run a command.
    ///
    /// # Errors
    /// When its source gives none.
    pub async fn pass(&self) -> Result<Pass, Trouble> {
        self.passes.pass().await.map_err(Trouble::Unauthorized)
    }

    /// Asks at a path below the URL; the parameters go into the body of a POST, else
    /// into the address. The answer is any JSON.
    ///
    /// # Errors
    /// When there is no answer, it is a refusal, or not JSON.
    pub async fn ask(
        &self,
        pass: &Pass,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Value, Trouble> {
        let url = format!("{}{path}", self.endpoint.url);
        let mut request = self.client.request(method.clone(), url).timeout(limit);
        request = match method {
            Method::POST => request.form(parameters),
            _ => request.query(parameters),
        };
        if let Some(value) = pass.header() {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| Trouble::Server(self.unanswered(&error, limit)))?;
        let (status, kind) = (response.status(), Kind::of(&response));
        let body = match bounded(&mut response).await {
            Ok(body) => body,
            Err(None) => {
                let words = format!("its answer has more than {} MiB", LONGEST_BODY >> 20);
                return Err(Trouble::Question(format!("{words}: the query selects too much")));
            }
            Err(Some(error)) => return Err(Trouble::Server(self.unanswered(&error, limit))),
        };
        let parsed = serde_json::from_slice::<Value>(&body);
        match (status.is_success(), parsed) {
            (true, Ok(value)) => Ok(value),
            (true, Err(_)) => Err(Trouble::Server(self.not_json(kind))),
            (false, parsed) => {
                let trouble = self.refused(status, kind, &response, parsed.ok().as_ref());
                if matches!(trouble, Trouble::Unauthorized(_)) {
                    self.passes.forget();
                }
                Err(trouble)
            }
        }
    }

    fn unanswered(&self, error: &reqwest::Error, limit: Duration) -> String {
        if error.is_timeout() {
            return format!("no answer within {}", spoken(limit));
        }
        explain_error(error)
    }

    fn not_json(&self, kind: Kind) -> String {
        let table = self.table;
        match kind {
            Kind::Page => format!(
                "it answers with a web page, likely a login page: check the URL and the token of [{table}]"
            ),
            Kind::Other => format!("its answer is not JSON: check the URL of [{table}]"),
        }
    }

    /// What a status that is no success means.
    fn refused(&self, status: StatusCode, kind: Kind, response: &Response, body: Option<&Value>) -> Trouble {
        let (code, table) = (status.as_u16(), self.table);
        let told = body.and_then(told);
        let with = |words: String| match &told {
            Some(told) => format!("{words}: {told}"),
            None => words,
        };
        match code {
            300..=399 => {
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("?");
                let to = clean(to.split(['?', '#']).next().unwrap_or_default());
                Trouble::Server(format!(
                    "it sends us on to {to} ({code}), likely a login page: check the URL and the token of [{table}]"
                ))
            }
            401 => Trouble::Unauthorized(format!(
                "credentials missing, expired or not accepted (401): check the token of [{table}]"
            )),
            403 => Trouble::Unauthorized(with(format!(
                "it does not let us read (403): check the token of [{table}]"
            ))),
            // Prometheus refuses questions in JSON; a 404 in any other form is of whatever stands before it.
            404 | 410 => Trouble::Server(with(format!(
                "there is no such API at this address ({code}): check the URL of [{table}]"
            ))),
            405 => Trouble::Method(format!(
                "it takes no questions of this kind (405): check the URL of [{table}]"
            )),
            400 if told.is_some() => Trouble::Question(with("the query is wrong (400)".to_owned())),
            422 => Trouble::Question(with("the query cannot be answered (422)".to_owned())),
            429 => Trouble::Server(with("it asks for fewer requests (429)".to_owned())),
            503 if told.is_some() => Trouble::Question(with("the query was given up (503)".to_owned())),
            500..=599 => {
                let words = format!("the server, or something before it, failed ({code})");
                Trouble::Server(with(words))
            }
            _ if kind == Kind::Page => Trouble::Server(self.not_json(kind)),
            _ => Trouble::Server(with(format!("it refused ({code})"))),
        }
    }
}

/// What an answer says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Page,
    Other,
}

impl Kind {
    fn of(response: &Response) -> Self {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("text/html")) { Self::Page } else { Self::Other }
    }
}

/// The reason within a refusal: `error` of Prometheus, `message` of Grafana and others,
/// or a bare text, as Alertmanager writes it.
fn told(body: &Value) -> Option<String> {
    let text = match body {
        Value::String(text) => text,
        _ => ["error", "message", "msg"].into_iter().find_map(|key| body.get(key)?.as_str())?,
    };
    let text = clean(text.trim());
    (!text.is_empty()).then_some(text)
}

/// A client for an endpoint. It keeps its connections and follows no redirects: a
/// redirect leads to a page for people.
///
/// # Errors
/// In the operator's words, when the certificates or headers cannot be used.
pub(super) async fn client(endpoint: &Endpoint, table: &'static str) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let given = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let tenant = endpoint.org_id.iter().map(|id| ("x-scope-orgid", id.as_str()));
    for (name, value) in given.chain(tenant) {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{table}.headers: no header can be called that"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("{table}.headers: no header can have that value"))?;
        headers.insert(name, value);
    }
    let mut builder = Client::builder()
        .user_agent(concat!("cutover/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .timeout(endpoint.timeout)
        .connect_timeout(endpoint.timeout)
        .pool_max_idle_per_host(8);
    if let Some(path) = &endpoint.ca_file {
        let certificates = certificates(path).await.map_err(|why| format!("{table}.ca_file: {why}"))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| explain_error(&error))
}

async fn certificates(path: &std::path::Path) -> Result<Vec<Certificate>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LONGEST_CA {
        return Err("it is not a file of certificates".to_owned());
    }
    let pem = tokio::fs::read(path).await.map_err(unreadable)?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err("there is no certificate in PEM in it".to_owned()),
    }
}

/// The whole body; no error when it is longer than anything we ask for.
async fn bounded(response: &mut Response) -> Result<Vec<u8>, Option<reqwest::Error>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A time limit as it is told.
pub(super) fn spoken(limit: Duration) -> String {
    if limit.subsec_millis() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", limit.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusals_reason_is_found_wherever_it_stands() {
        let told = |text: &str| told(&serde_json::from_str(text).unwrap());
        assert_eq!(told(r#"{"status": "error", "error": "parse error"}"#).as_deref(), Some("parse error"));
        assert_eq!(told(r#"{"message": "Unauthorized\u001b[2J"}"#).as_deref(), Some("Unauthorized [2J"));
        assert_eq!(told(r#""bad matcher""#).as_deref(), Some("bad matcher"));
        assert_eq!(told("[1]"), None);
        assert_eq!(told(r#"{"error": 5}"#), None);
    }
}
