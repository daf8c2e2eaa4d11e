//! What a metrics server may answer, by a real server on loopback: whatever is no good
//! answer becomes no pass, and says why. And the proxy that asks who one is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use cutover::clock::Clock;
use cutover::config::{self, Environment};
use cutover::room::message::{LinkState, Observation};
use cutover::room::metrics::Metrics;
use cutover::sop::verdict::{Context, Judged, Verdict, judge};
use cutover::sources::prometheus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Rounds that are waited for: more than make a pass.
const ROUNDS: usize = 5;
/// How long they may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

type Answer = (StatusCode, &'static str, &'static str);

const JSON: &str = "application/json";

/// A server that answers every question alike; its URL.
async fn server(answer: Answer) -> String {
    serve(Router::new().fallback(move || async move { typed(answer) })).await
}

fn typed((status, kind, body): Answer) -> impl IntoResponse {
    (status, [(header::CONTENT_TYPE, kind)], body)
}

async fn serve(router: Router) -> String {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// One signal alone, so that an answer is an answer about it.
fn environment(url: &str, keys: &str, directory: &Path) -> Environment {
    let off: String = ["error-rate", "p95", "requests", "connections", "memory"]
        .map(|id| format!("[[environments.test.metrics.signals]]\nid = \"{id}\"\nenabled = false\n"))
        .concat();
    let text = format!(
        "[environments.test]
kubernetes = {{ namespace = 'taxasge', service = 'backend' }}
application.url = 'http://localhost:8000/'
[environments.test.metrics]
url = '{url}'
interval = '1s'
timeout = '1s'
{keys}
{off}
[[environments.test.metrics.signals]]
id = 'own'
rule = 'above'
target = 1
alert = 2
query = 'own'
"
    );
    config::read_text(&text, directory, "test").unwrap_or_else(|error| panic!("{error}"))
}

/// What the room makes of some rounds: the signal's verdict and the link.
async fn judged(environment: &Environment) -> (Judged, LinkState) {
    let metrics = environment.metrics.clone().unwrap();
    let mut room = Metrics::new(metrics.signals.iter().map(|watched| watched.signal.clone()).collect());
    let (clock, stop) = (Clock::start(), CancellationToken::new());
    let (sender, mut observations) = mpsc::channel(64);
    let source = tokio::spawn(prometheus::run(Arc::new(metrics), clock, sender, stop.clone()));
    let (mut link, mut rounds) = (None, 0);
    let listening = async {
        while rounds < ROUNDS || link.is_none() {
            match observations.recv().await.expect("the source goes on") {
                Observation::Samples(samples) => {
                    rounds += 1;
                    room.samples(samples, clock.now());
                }
                Observation::Past(past) => room.past(past),
                Observation::Link(_, state) => link = Some(state),
                other => panic!("not of metrics: {other:?}"),
            }
        }
    };
    tokio::time::timeout(LIMIT, listening).await.expect("some rounds in time");
    stop.cancel();
    source.await.unwrap();
    let track = &room.tracks[0];
    let context = Context { now: clock.now(), switched: None, before: None };
    (judge(&track.signal, &track.total, &context), link.unwrap())
}

const ONE: &str =
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.5"]}]}}"#;
const NAN: &str =
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}"#;
const INFINITE: &str =
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"-Inf"]}]}}"#;
const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
const TWO: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"0.5"]},{"metric":{"a":"c"},"value":[1,"0.5"]}]}}"#;
const WARNED: &str = r#"{"status":"success","warnings":["store 3 is down"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.5"]}]}}"#;
const WRONG: &str = r#"{"status":"error","errorType":"bad_data","error":"parse error at char 4"}"#;
const MATRIX: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
const PAGE: &str = "<html>Log in</html>";

/// An answer to every question, the words that are told, and whether the server counts as lost.
const NO_GOOD: [(Answer, &str, bool); 12] = [
    ((StatusCode::OK, JSON, NAN), "NaN", false),
    ((StatusCode::OK, JSON, INFINITE), "-inf", false),
    ((StatusCode::OK, JSON, EMPTY), "no series", false),
    ((StatusCode::OK, JSON, TWO), "2 series", false),
    ((StatusCode::OK, JSON, WARNED), "store 3 is down", false),
    ((StatusCode::OK, JSON, MATRIX), "matrix", false),
    ((StatusCode::OK, JSON, "{}"), "not Prometheus'", false),
    ((StatusCode::OK, "text/html", PAGE), "login page", true),
    ((StatusCode::BAD_REQUEST, JSON, WRONG), "parse error at char 4", false),
    ((StatusCode::BAD_GATEWAY, "text/plain", "upstream"), "502", true),
    ((StatusCode::INTERNAL_SERVER_ERROR, JSON, WRONG), "500", true),
    ((StatusCode::UNAUTHORIZED, JSON, "{}"), "401", true),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_good_answer_passes() {
    let home = tempfile::tempdir().unwrap();
    let url = server((StatusCode::OK, JSON, ONE)).await;
    let (judged, link) = judged(&environment(&url, "", home.path())).await;
    assert_eq!((judged.verdict, link), (Verdict::Pass, LinkState::Live), "{}", judged.words);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_answer_passes_and_each_says_why() {
    let home = tempfile::tempdir().unwrap();
    let cases = NO_GOOD.map(|(answer, words, is_lost)| {
        let home = home.path();
        async move {
            let url = server(answer).await;
            (answer, words, is_lost, judged(&environment(&url, "", home)).await)
        }
    });
    for (answer, words, is_lost, (judged, link)) in futures::future::join_all(cases).await {
        assert_ne!(judged.verdict, Verdict::Pass, "{answer:?}: {}", judged.words);
        assert!(judged.words.contains(words), "{answer:?}: {}", judged.words);
        assert_eq!(matches!(link, LinkState::Lost { .. }), is_lost, "{answer:?}: {link:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_lost_and_nothing_passes() {
    let home = tempfile::tempdir().unwrap();
    let url = serve(Router::new().fallback(|| async { std::future::pending::<StatusCode>().await })).await;
    let (judged, link) = judged(&environment(&url, "", home.path())).await;
    assert_eq!(judged.verdict, Verdict::NoData, "{}", judged.words);
    assert!(judged.words.contains("no answer within 1 s"), "{}", judged.words);
    assert!(matches!(link, LinkState::Lost { .. }), "{link:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_below_a_path_that_wants_a_token_and_knows_only_get_is_used() {
    const TOKEN: &str = "glsa_planted_5d1c";
    let answer = |headers: HeaderMap, request: Request| async move {
        let known =
            headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer glsa_planted_5d1c");
        let tenant = headers.get("x-scope-orgid").is_some_and(|value| value == "taxasge");
        let path = request.uri().path().starts_with("/api/datasources/proxy/uid/abc123/api/v1/query");
        match (known && tenant, path, request.method().as_str()) {
            (false, ..) => typed((StatusCode::UNAUTHORIZED, JSON, "{}")),
            (_, false, _) => typed((StatusCode::NOT_FOUND, JSON, "{}")),
            (.., "POST") => typed((StatusCode::METHOD_NOT_ALLOWED, JSON, "{}")),
            _ => typed((StatusCode::OK, JSON, ONE)),
        }
    };
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("token"), TOKEN).unwrap();
    let url = format!("{}/api/datasources/proxy/uid/abc123/", serve(Router::new().fallback(answer)).await);
    let keys = "token_file = 'token'\norg_id = 'taxasge'";
    let (judged, link) = judged(&environment(&url, keys, home.path())).await;
    assert_eq!((judged.verdict, link), (Verdict::Pass, LinkState::Live), "{}", judged.words);

    std::fs::write(home.path().join("token"), "another").unwrap();
    let (judged, link) = self::judged(&environment(&url, keys, home.path())).await;
    assert_eq!(judged.verdict, Verdict::NoData, "{}", judged.words);
    let LinkState::Lost { why } = link else { panic!("{link:?}") };
    assert!(why.contains("401") && why.contains("token of [metrics]") && !why.contains(TOKEN), "{why}");
}
