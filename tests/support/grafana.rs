//! What stands before Prometheus in many houses: Grafana's proxy, which wants a token and
//! puts a path before the API's.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The path before the API's.
const PREFIX: &str = "/api/datasources/proxy/uid/abc123";
/// Who may ask.
pub const TOKEN: &str = "glsa_of_the_test";

/// The proxy; it ends when this is dropped.
pub struct Grafana {
    /// To be configured as Prometheus' URL.
    pub url: String,
    serving: JoinHandle<()>,
}

struct Behind {
    client: reqwest::Client,
    prometheus: String,
}

impl Grafana {
    /// Stands before the Prometheus at that URL.
    pub fn before(prometheus: &str, runtime: &Handle) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let behind = Arc::new(Behind { client, prometheus: prometheus.to_owned() });
        let router = Router::new().fallback(pass_on).with_state(behind);
        let serving = runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
    }
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(
    State(behind): State<Arc<Behind>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let said = headers.get("authorization").and_then(|value| value.to_str().ok());
    if said != Some(&format!("Bearer {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#).into_response();
    }
    let asked = uri.path_and_query().map_or("", |path| path.as_str());
    let Some(path) = asked.strip_prefix(PREFIX) else { return StatusCode::NOT_FOUND.into_response() };
    let mut request = behind.client.request(method, format!("{}{path}", behind.prometheus)).body(body);
    if let Some(kind) = headers.get("content-type") {
        request = request.header("content-type", kind);
    }
    match request.send().await {
        Ok(answer) => {
            let (status, bytes) = (answer.status(), answer.bytes().await.unwrap_or_default());
            (status, [("content-type", "application/json")], Body::from(bytes)).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
