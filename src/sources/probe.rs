//! The public URL, asked as a new user would ask it: each time on a new connection,
//! because kept-alive ones stay with the old colour after a switch.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL};
use reqwest::{Client, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::kubernetes::explain_error;
use super::poll::{Pace, Polled, poll};
use super::text::clean;
use crate::config::{Application, VersionSource};
use crate::room::message::{LinkState, Observation, Probe, SourceId};

/// Most bytes of an answer that are read in search of the version.
const LONGEST_BODY: usize = 64 * 1024;
/// Longest version that is believed to be one.
const LONGEST_VERSION: usize = 128;

/// Asks for health and for the API's path, each again and again for as long as anybody
/// listens; see [`Prober`].
pub async fn run(application: Arc<Application>, sender: mpsc::Sender<Observation>, stop: CancellationToken) {
    let pace = || Pace { every: application.probe_interval, longest_pause: None };
    let health = async { Prober::new(&application).map(Health) };
    let health = poll(SourceId::Probe, pace(), health, &sender, &stop);
    let api = async {
        let Some(path) = &application.api_path else { return };
        let api = async { Prober::of_path(&application, path).map(Api) };
        poll(SourceId::ApiProbe, pace(), api, &sender, &stop).await;
    };
    tokio::join!(health, api);
}

/// The prober of the application's health.
struct Health(Prober);

/// The prober of a path of its API.
struct Api(Prober);

impl Polled for Health {
    async fn round(&mut self) -> (Vec<Observation>, LinkState) {
        let probe = self.0.ask().await;
        let state = link(&probe);
        (vec![Observation::Probe(probe)], state)
    }
}

impl Polled for Api {
    async fn round(&mut self) -> (Vec<Observation>, LinkState) {
        let probe = self.0.ask().await;
        let state = link(&probe);
        (vec![Observation::ApiProbe(probe)], state)
    }
}

fn link(probe: &Probe) -> LinkState {
    match &probe.answer {
        Ok(_) => LinkState::Live,
        Err(why) => LinkState::Lost { why: why.clone() },
    }
}

/// Asks once. For more than one question use a [`Prober`], which is made once.
pub async fn probe_once(application: &Application) -> Probe {
    match Prober::new(application) {
        Ok(prober) => prober.ask().await,
        Err(why) => Probe { answer: Err(why), latency: Duration::ZERO, version: None },
    }
}

/// Asks the public URL.
#[derive(Clone, Debug)]
pub struct Prober {
    client: Client,
    application: Application,
    url: String,
}

impl Prober {
    /// A prober of `application`. It keeps no connections, follows no redirects, and
    /// goes through the proxy that the environment names.
    ///
    /// # Errors
    /// In the operator's words, when the URL or the TLS set-up cannot be used.
    pub fn new(application: &Application) -> Result<Self, String> {
        Self::of_path(application, &application.probe_path)
    }

    fn of_path(application: &Application, path: &str) -> Result<Self, String> {
        let url = format!("{}{path}", application.url);
        reqwest::Url::parse(&url).map_err(|error| format!("`{}` is not a URL: {error}", clean(&url)))?;
        let client = Client::builder()
            .user_agent(concat!("cutover/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(application.probe_timeout)
            .connect_timeout(application.probe_timeout)
            .build()
            .map_err(|error| explain_error(&error))?;
        Ok(Self { client, application: application.clone(), url })
    }

    /// One request on a connection of its own.
    pub async fn ask(&self) -> Probe {
        let token = match &self.application.token {
            Some(source) => match source.read().await {
                Ok(token) => Some(token),
                Err(error) => {
                    let answer = Err(error.to_string());
                    return Probe { answer, latency: Duration::ZERO, version: None };
                }
            },
            None => None,
        };
        let started = Instant::now();
        let (answer, version) = match self.send(token).await {
            Ok(mut response) => {
                let version = version_of(&mut response, &self.application.version).await;
                (Ok(response.status().as_u16()), version)
            }
            Err(error) => (Err(self.words(&error)), None),
        };
        Probe { answer, latency: started.elapsed(), version }
    }

    async fn send(&self, token: Option<SecretString>) -> reqwest::Result<Response> {
        let mut request = self
            .client
            .get(&self.url)
            .header(CACHE_CONTROL, "no-cache")
            .header(ACCEPT, "application/json, */*;q=0.5");
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        request.send().await
    }

    /// Why there was no answer, in a few words.
    fn words(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} ms", self.application.probe_timeout.as_millis());
        }
        explain_error(error)
    }
}

/// The version that an answer names, where the configuration says it would.
async fn version_of(response: &mut Response, source: &VersionSource) -> Option<String> {
    let version = match source {
        VersionSource::Header(name) => response.headers().get(name.as_str())?.to_str().ok()?.to_owned(),
        VersionSource::JsonPointer(pointer) => {
            let body = bounded(response).await?;
            text_at(&body, pointer)?
        }
    };
    let version = version.trim();
    (!version.is_empty() && version.len() <= LONGEST_VERSION).then(|| clean(version))
}

/// The whole body; `None` when it is longer than anybody would look through.
async fn bounded(response: &mut Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

fn text_at(body: &[u8], pointer: &str) -> Option<String> {
    match serde_json::from_slice::<Value>(body).ok()?.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn application(url: String, version: VersionSource) -> Application {
        Application {
            url,
            probe_path: "/health".into(),
            api_path: None,
            probe_interval: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(5),
            version,
            token: None,
        }
    }

    /// Answers each connection's first request with `answer`, then closes.
    async fn server(answer: String) -> String {
        // Installed by main in the program; a second installation is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn status_and_version_are_read_from_header_or_body() {
        let url = server(answer("200 OK\r\nX-Version: v1.1.0", "")).await;
        let probe = probe_once(&application(url, VersionSource::Header("X-Version".into()))).await;
        assert_eq!((probe.answer, probe.version.as_deref()), (Ok(200), Some("v1.1.0")));

        let url = server(answer("503 Busy", r#"{"build": {"version": "v1\u001b[2J"}}"#)).await;
        let probe = probe_once(&application(url, VersionSource::JsonPointer("/build/version".into()))).await;
        assert_eq!((probe.answer, probe.version.as_deref()), (Ok(503), Some("v1 [2J")));
    }

    #[tokio::test]
    async fn health_and_the_api_are_asked_for_side_by_side() {
        let url = server(answer("200 OK\r\nX-Version: v1.1.0", "")).await;
        let source = VersionSource::Header("X-Version".into());
        let both = Application { api_path: Some("/api/v1".into()), ..application(url, source) };
        let ((sender, mut observations), stop) = (mpsc::channel(16), CancellationToken::new());
        let asking = tokio::spawn(run(Arc::new(both), sender, stop.clone()));
        let (mut health, mut api) = (false, false);
        while !(health && api) {
            match observations.recv().await.unwrap() {
                Observation::Probe(probe) => health = probe.answer == Ok(200),
                Observation::ApiProbe(probe) => api = probe.answer == Ok(200),
                _ => {}
            }
        }
        stop.cancel();
        asking.await.unwrap();
    }

    #[tokio::test]
    async fn redirects_are_told_not_followed() {
        let url = server(answer("302 Found\r\nLocation: http://192.0.2.1/", "")).await;
        let probe = probe_once(&application(url, VersionSource::Header("X-Version".into()))).await;
        assert_eq!((probe.answer, probe.version), (Ok(302), None));
    }

    #[tokio::test]
    async fn a_huge_body_is_not_read_to_its_end() {
        let body = format!("{{\"version\": \"v1\", \"x\": \"{}\"}}", "a".repeat(LONGEST_BODY));
        let url = server(answer("200 OK", &body)).await;
        let probe = probe_once(&application(url, VersionSource::JsonPointer("/version".into()))).await;
        assert_eq!((probe.answer, probe.version), (Ok(200), None));
    }

    #[tokio::test]
    async fn why_there_is_no_answer_is_told() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let source = VersionSource::Header("X-Version".into());
        let probe = probe_once(&application(format!("http://{unused}"), source.clone())).await;
        assert!(probe.answer.as_ref().unwrap_err().starts_with("connection refused"), "{probe:?}");

        let url = server("not HTTP at all\r\n\r\n".into()).await;
        assert!(probe_once(&application(url.clone(), source.clone())).await.answer.is_err());
        let url = url.replace("http://", "https://");
        let words = probe_once(&application(url, source.clone())).await.answer.unwrap_err();
        assert!(words.contains("TLS"), "{words}");
        assert!(probe_once(&application("no URL".into(), source)).await.answer.is_err());
    }
}
