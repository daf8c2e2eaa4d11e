//! A server on loopback that answers what it was told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::config::{Endpoint, GitHub};
use crate::sop::repository::{GitHubSetting, ReleaseChoice};
use crate::sop::stages::StagePatterns;

/// Time limit of a request in these tests.
const LIMIT: Duration = Duration::from_millis(1500);

/// How something is answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Whole,
    /// The connection breaks off behind the body.
    Truncated,
    /// No answer at all.
    Never,
}

impl Reply {
    pub(super) fn new(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), ending: Ending::Whole }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, &body.to_string()).header("content-type", "application/json; charset=utf-8")
    }

    pub(super) fn truncated(status: u16, body: &str) -> Self {
        Self { ending: Ending::Truncated, ..Self::new(status, body) }
    }

    pub(super) fn slow() -> Self {
        Self { ending: Ending::Never, ..Self::new(200, "") }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub path: String,
    pub token: Option<String>,
    pub team: Option<String>,
    pub mark: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<String, Reply>,
    asked: Vec<Asked>,
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Fake {
    pub url: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let router = Router::new().fallback({
            let state = Arc::clone(&state);
            move |request: Request| answer(Arc::clone(&state), request)
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, server }
    }

    /// From now on that path, query and all, is answered so.
    pub(super) fn answer(&self, path: &str, reply: Reply) {
        self.state.lock().unwrap().answers.insert(path.into(), reply);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked {
        path: path.clone(),
        token: header("authorization"),
        team: header("x-team"),
        mark: header("if-none-match"),
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(asked);
        state.answers.get(&path).cloned()
    };
    let reply = reply.unwrap_or_else(|| Reply::json(404, &serde_json::json!({"message": "Not Found"})));
    if reply.ending == Ending::Never {
        std::future::pending::<()>().await;
    }
    let (status, headers) = (reply.status, reply.headers.clone());
    let body = if reply.ending == Ending::Truncated {
        let broken_off = async {
            // What came before is on its way when the connection breaks off.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("broken off"))
        };
        let whole = futures::stream::iter([Ok(reply.body)]);
        Body::from_stream(whole.chain(futures::stream::once(broken_off)))
    } else {
        Body::from(reply.body)
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

/// A configuration that leads there.
pub(super) fn config(url: &str) -> GitHub {
    // As the first line of main does; a second time it changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token = vec!["echo".to_owned(), "gh-token-of-a-test".to_owned()];
    GitHub {
        endpoint: Endpoint {
            token: Some(crate::config::secret::SecretSource::Command(token)),
            ..Endpoint::anonymous(url, LIMIT)
        },
        setting: GitHubSetting::of("taxasge/backend"),
        interval: Duration::from_secs(5),
        stages: StagePatterns::default(),
        release: ReleaseChoice::Found,
    }
}
