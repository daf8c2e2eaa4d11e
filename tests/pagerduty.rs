//! PagerDuty's REST API, by a real server on loopback: what is asked, as whom, and what
//! becomes of the answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use cutover::config::{self, Environment};
use cutover::sources::http::Trouble;
use cutover::sources::pagerduty::Reader;

const PEOPLE: &str = r#"{"oncalls": [{"user": {"summary": "Esono"}, "escalation_level": 1, "end": null}]}"#;
const OPEN: &str = r#"{"incidents": [{"id": "P1", "title": "API down", "status": "triggered",
    "urgency": "high", "created_at": "2026-11-26T21:00:00Z", "html_url": "https://example.com/P1"}]}"#;

/// A PagerDuty that knows one token, one service and one escalation policy; its URL.
async fn server() -> String {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = |request: Request| async move {
        let token = request.headers().get(header::AUTHORIZATION);
        if token.is_none_or(|value| value != "Token token=planted-9b2e") {
            return (StatusCode::UNAUTHORIZED, "{}").into_response();
        }
        let query = request.uri().query().unwrap_or_default().replace("%5B%5D", "[]");
        let asks = |what: &str| query.split('&').any(|pair| pair == what);
        match request.uri().path() {
            "/oncalls" if asks("escalation_policy_ids[]=PDEF456") => PEOPLE.into_response(),
            "/incidents"
                if asks("service_ids[]=PABC123")
                    && asks("statuses[]=triggered")
                    && asks("statuses[]=acknowledged") =>
            {
                OPEN.into_response()
            }
            _ => (StatusCode::NOT_FOUND, "{}").into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
    url
}

fn environment(url: &str, token: &str, home: &std::path::Path) -> Environment {
    std::fs::write(home.join("token"), token).unwrap();
    let text = format!(
        "[environments.test]
kubernetes = {{ namespace = 'taxasge', service = 'backend' }}
application.url = 'http://localhost:8000/'
[pagerduty]
url = '{url}'
token_file = 'token'
service = 'PABC123'
escalation_policy = 'PDEF456'
"
    );
    config::read_text(&text, home, "test").unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn who_is_on_call_and_what_is_open_is_read() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(&server().await, "planted-9b2e", home.path());
    let config = environment.pagerduty.unwrap();
    let duty = Reader::new(&config).await.unwrap().read().await.unwrap();
    assert_eq!((duty.on_call[0].name.as_str(), duty.on_call[0].level), ("Esono", 1));
    assert_eq!((duty.incidents[0].id.as_str(), duty.incidents[0].urgency.as_str()), ("P1", "high"));
}

#[tokio::test]
async fn a_refusal_says_where_the_token_stands() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(&server().await, "another", home.path());
    let config = environment.pagerduty.unwrap();
    let trouble = Reader::new(&config).await.unwrap().read().await.unwrap_err();
    assert!(matches!(trouble, Trouble::Unauthorized(_)), "{trouble:?}");
    assert!(trouble.words().contains("token of [pagerduty]"), "{}", trouble.words());
}
