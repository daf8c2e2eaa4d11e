//! HTTP to one pod through the API server's port-forward. One connection is kept
//! for a pod's checks and made anew when the pod closes it.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio_util::task::AbortOnDropHandle;

use super::check::Answer;
use crate::clock::Clock;
use crate::sources::kubernetes::{explain, explain_error};

/// Most of an answer's body that is read; a longer one is an error.
const LARGEST_BODY: usize = 1024 * 1024;

/// A way into one pod.
pub(super) struct Tunnel {
    pods: Api<Pod>,
    pod: String,
    port: u16,
    clock: Clock,
    line: Option<Line>,
}

/// One forwarded connection.
struct Line {
    requests: SendRequest<Empty<Bytes>>,
    /// Runs the connection; ends with it.
    _connection: AbortOnDropHandle<()>,
    forwarder: kube::api::Portforwarder,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

/// What is asked of a pod.
pub(super) struct Ask<'a> {
    /// The public URL's host, so that virtual hosts answer as they do for users.
    pub host: &'a str,
    pub path: &'a str,
    /// The whole `Authorization` header, where there is one.
    pub authorization: Option<&'a hyper::header::HeaderValue>,
}

impl Tunnel {
    pub(super) const fn new(pods: Api<Pod>, pod: String, port: u16, clock: Clock) -> Self {
        Self { pods, pod, port, clock, line: None }
    }

    /// One GET, answered within `limit`, opening the way included. The latency is that
    /// of request and answer alone.
    ///
    /// # Errors
    /// Why there is no whole answer.
    pub(super) async fn get(&mut self, ask: &Ask<'_>, limit: Duration) -> Result<Answer, String> {
        let answer = tokio::time::timeout(limit, self.get_unbounded(ask)).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                self.line = None;
                Err(why)
            }
            Err(_) => {
                self.line = None;
                Err(format!("no answer within {:.1} s", limit.as_secs_f64()))
            }
        }
    }

    async fn get_unbounded(&mut self, ask: &Ask<'_>) -> Result<Answer, String> {
        let mut request = Request::get(ask.path)
            .header(HOST, ask.host)
            .header(USER_AGENT, concat!("cutover/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = ask.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::new()).map_err(|error| format!("no such request: {error}"))?;
        let kept = match self.line.take() {
            Some(mut line) => line.requests.ready().await.is_ok().then_some(line),
            None => None,
        };
        let line = match kept {
            Some(line) => line,
            None => self.open().await?,
        };
        let line = self.line.insert(line);
        let sent = self.clock.now();
        let response = line.requests.send_request(request).await.map_err(|error| explain_error(&error))?;
        let (head, body) = split(response);
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|error| format!("the answer's body: {}", explain_error(error.as_ref())))?;
        Ok(Answer {
            status: head.0,
            headers: head.1,
            body: body.to_bytes().to_vec(),
            latency: self.clock.now().since(sent),
        })
    }

    async fn open(&self) -> Result<Line, String> {
        let mut forwarder = self
            .pods
            .portforward(&self.pod, &[self.port])
            .await
            .map_err(|error| format!("port-forward: {}", explain(&error)))?;
        let Some(stream) = forwarder.take_stream(self.port) else {
            return Err("port-forward gave no connection".to_owned());
        };
        let (requests, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| explain_error(&error))?;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a forwarded connection ended: {error}");
            }
        });
        Ok(Line { requests, _connection: AbortOnDropHandle::new(connection), forwarder })
    }
}

type Head = (u16, Vec<(String, String)>);

fn split<B>(response: Response<B>) -> (Head, B) {
    let (parts, body) = response.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    ((parts.status.as_u16(), headers), body)
}
