//! Each verifier against real servers and programs: pass, fail, unknown, too slow, and
//! what is no answer at all.

use axum::Router;
use axum::http::{StatusCode, header};
use regex::Regex;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::config::Endpoint;
use crate::sop::checklist::{Command, Compare, Gate, Http, Language, MayWaive, Query, Words};
use crate::sources::prometheus::Prometheus;

/// How long a thing may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A server that answers every request alike; its URL.
async fn server(status: u16, body: &'static str) -> String {
    let answer = move || async move {
        (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/json")], body)
    };
    serve(Router::new().fallback(answer)).await
}

async fn serve(router: Router) -> String {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A server that takes connections and never says a word.
async fn silent() -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    url
}

async fn outside(prometheus: Option<String>) -> Outside {
    let prometheus = match prometheus {
        None => Err("no metrics are configured".to_owned()),
        Some(url) => Prometheus::new(Endpoint::anonymous(url, LIMIT)).await,
    };
    Outside {
        prometheus,
        database: None,
        github: Err("no repository".to_owned()),
        repository: Err(String::new()),
        slots: Semaphore::new(AT_ONCE),
    }
}

fn release() -> Inputs {
    Inputs { image: Some("backend:v1.1.0".into()), ..Inputs::default() }
}

async fn found(ask: Ask, limit: Duration) -> Answer {
    found_by(&outside(None).await, ask, limit).await
}

async fn found_by(outside: &Outside, ask: Ask, limit: Duration) -> Answer {
    answer(outside, &Question { ask, limit }, &release()).await
}

fn http(url: String, field: Option<&str>, expect: &str) -> Ask {
    Ask::Http(Http {
        url,
        status: 200,
        field: field.map(str::to_owned),
        expect: Expect::Equal(expect.into()),
    })
}

fn command(argv: &[&str], expect: &str) -> Ask {
    let expect = Expect::Match(Regex::new(expect).unwrap());
    Ask::Command(Command { argv: argv.iter().map(|&word| word.to_owned()).collect(), expect })
}

#[tokio::test]
async fn http_passes_only_with_the_expected_field() {
    let cases = [
        (200, r#"{"version": "v1.1.0"}"#, Found::Pass, "/version is v1.1.0"),
        (200, r#"{"version": "v1.0.0"}"#, Found::Fail, "/version is v1.0.0, expected \"{{version}}\""),
        (200, r#"{"status": "ok"}"#, Found::Unknown, "it answers 200 without /version"),
        (200, r#"{"version": null}"#, Found::Unknown, "it answers 200 without /version"),
        (200, "<html>Sign in</html>", Found::Unknown, "it answers 200 without JSON: <html>Sign in</html>"),
        (200, "", Found::Unknown, "it answers 200 without JSON: "),
        (404, "{}", Found::Fail, "it answers 404, not 200"),
        (302, "{}", Found::Unknown, "it answers 302, not 200"),
        (401, "{}", Found::Unknown, "it answers 401, not 200"),
        (503, "{}", Found::Unknown, "it answers 503, not 200"),
    ];
    for (status, body, expected, words) in cases {
        let url = server(status, body).await;
        let answer = found(http(url, Some("/version"), "{{version}}"), LIMIT).await;
        assert_eq!(answer, (expected, words.to_owned()), "{status} {body}");
    }
}

#[tokio::test]
async fn http_without_a_field_needs_the_whole_body() {
    let url = server(200, "ready\n").await;
    assert_eq!(found(http(url.clone(), None, "ready"), LIMIT).await.0, Found::Pass);
    assert_eq!(found(http(url, None, "well"), LIMIT).await.0, Found::Unknown);
}

#[tokio::test]
async fn http_that_does_not_answer_is_unknown() {
    let (found_then, words) = found(http(silent().await, None, "x"), Duration::from_millis(50)).await;
    assert_eq!(found_then, Found::Unknown);
    assert!(words.contains("50 ms") || words.contains("timed out"), "{words}");
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (found_then, words) = found(http(format!("http://{unused}"), None, "x"), LIMIT).await;
    assert_eq!(found_then, Found::Unknown);
    assert!(words.starts_with("connection refused"), "{words}");
    let (found_then, words) = found(http("http://h/{{head}}".into(), None, "x"), LIMIT).await;
    assert_eq!((found_then, words.as_str()), (Found::Unknown, "the head of the release is not known yet"));
    let huge: &'static str = Box::leak("a".repeat(300 * 1024).into_boxed_str());
    let (found_then, words) = found(http(server(200, huge).await, None, huge), LIMIT).await;
    assert!(found_then == Found::Unknown && words.contains("more than"), "{words}");
}

#[tokio::test]
async fn a_command_passes_by_status_and_output_together() {
    let cases: [(&[&str], Found, &str); 7] = [
        (&["printf", "backup 3 h old\\n"], Found::Pass, "exit status 0: backup 3 h old"),
        (
            &["true"],
            Found::Unknown,
            "exit status 0, but its output is not a match of ^backup: without a word",
        ),
        (
            &["echo", "no such table"],
            Found::Unknown,
            "exit status 0, but its output is not a match of ^backup: no such table",
        ),
        (&["sh", "-c", "echo backup too old >&2; exit 1"], Found::Fail, "exit status 1: backup too old"),
        (&["sh", "-c", "echo backup; exit 2"], Found::Unknown, "exit status 2: backup"),
        (&["sh", "-c", "kill -9 $$"], Found::Unknown, "it was ended (signal: 9 (SIGKILL))"),
        // No shell reads it: the dollar is a dollar.
        (&["echo", "backup $HOME; {{version}}"], Found::Pass, "exit status 0: backup $HOME; v1.1.0"),
    ];
    for (argv, expected, words) in cases {
        let answer = found(command(argv, "^backup"), LIMIT).await;
        assert_eq!(answer, (expected, words.to_owned()), "{argv:?}");
    }
    let (found_then, words) = found(command(&["/nowhere/at-all"], "x"), LIMIT).await;
    assert!(found_then == Found::Unknown && words.starts_with("it cannot be started"), "{words}");
    let (found_then, words) = found(command(&["sh", "-c", "yes | head -c 400000"], "y"), LIMIT).await;
    assert!(found_then == Found::Unknown && words.contains("more than"), "{words}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_ends_with_all_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("alive");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The command's child holds the pipe open for writing: the reader sees its end only
    // when the child is gone.
    let script = format!("(echo alive; sleep 1000) > '{}' & wait", pipe.display());
    let ask = command(&["sh", "-c", &script], "x");
    let watching = async {
        let mut alive = String::new();
        tokio::fs::File::open(&pipe).await.unwrap().read_to_string(&mut alive).await.unwrap();
        alive
    };
    let ((found_then, words), alive) = tokio::join!(found(ask, Duration::from_secs(2)), watching);
    assert_eq!((found_then, words.as_str()), (Found::Unknown, "no answer within 2 s"));
    assert_eq!(alive, "alive\n");
}

fn query() -> Ask {
    Ask::Query(Query { query: "backup_age_seconds".into(), compare: Compare::Below(86_400.0) })
}

fn value(value: &str) -> String {
    let series = format!(r#"{{"metric": {{}}, "value": [1764000000, "{value}"]}}"#);
    format!(r#"{{"status": "success", "data": {{"resultType": "vector", "result": [{series}]}}}}"#)
}

#[tokio::test]
async fn a_query_passes_by_its_one_value() {
    let warned = r#"{"status": "success", "warnings": ["one store is down"], "data": {"resultType": "vector",
        "result": [{"metric": {}, "value": [1764000000, "60"]}]}}"#;
    let empty = r#"{"status": "success", "data": {"resultType": "vector", "result": []}}"#;
    let cases = [
        (value("3600"), Found::Pass, "3600, expected < 86400"),
        (value("90000"), Found::Fail, "90000, expected < 86400"),
        (value("NaN"), Found::Unknown, ""),
        (warned.to_owned(), Found::Unknown, "60, but a part of the data may be missing: one store is down"),
        (empty.to_owned(), Found::Unknown, "the query found no series"),
        ("{\"status\": \"success\"}".to_owned(), Found::Unknown, ""),
        ("no JSON".to_owned(), Found::Unknown, ""),
    ];
    for (body, expected, words) in cases {
        let body: &'static str = Box::leak(body.into_boxed_str());
        let outside = outside(Some(server(200, body).await)).await;
        let (found_then, seen) = found_by(&outside, query(), LIMIT).await;
        assert_eq!(found_then, expected, "{body}: {seen}");
        assert!(!seen.is_empty() && seen.contains(words), "{body}: {seen}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_asked_is_unknown() {
    let (found_then, words) = found(query(), LIMIT).await;
    assert_eq!((found_then, words.as_str()), (Found::Unknown, "no metrics are configured"));
    for server in [silent().await, server(503, "down").await] {
        let outside = outside(Some(server)).await;
        let (found_then, words) = found_by(&outside, query(), Duration::from_secs(1)).await;
        assert!(found_then == Found::Unknown && !words.is_empty(), "{words}");
    }
}

fn item(id: &str, ask: Ask, holds: Option<Duration>) -> Item {
    Item {
        id: id.into(),
        group: "g".into(),
        words: Words::default(),
        verifier: Verifier::Asked(Question { ask, limit: LIMIT }),
        holds,
        depends: Vec::new(),
        blocks: vec![Gate::Switch],
        may_waive: MayWaive::Nobody,
        may_confirm: false,
        overridable: true,
        if_necessary: false,
        needs_database: false,
    }
}

/// A source at work, with what it is ordered and what it tells.
struct Source {
    order: watch::Sender<CheckOrder>,
    told: mpsc::Receiver<Observation>,
    stop: CancellationToken,
}

impl Source {
    fn start(items: Vec<Item>) -> Self {
        let checklist =
            Checklist { name: "t".into(), language: Language::English, groups: Vec::new(), items };
        let (order, ordered) = watch::channel(CheckOrder { release: release(), again: BTreeMap::new() });
        let (sender, told) = mpsc::channel(64);
        let stop = CancellationToken::new();
        tokio::spawn(run(
            Arc::new(checklist),
            Asked { metrics: None, database: None, github: None },
            Clock::start(),
            ordered,
            sender,
            stop.clone(),
        ));
        Self { order, told, stop }
    }

    async fn next(&mut self) -> (String, CheckNews) {
        match tokio::time::timeout(LIMIT, self.told.recv()).await {
            Ok(Some(Observation::Check(item, news))) => (item, news),
            other => panic!("{other:?}"),
        }
    }

    /// The next finding, which a "running" comes before.
    async fn found(&mut self) -> (String, Evidence) {
        loop {
            if let (item, CheckNews::Found(evidence)) = self.next().await {
                return (item, evidence);
            }
        }
    }
}

#[tokio::test]
async fn verifiers_run_again_on_demand_on_expiry_and_for_another_release_and_only_those() {
    let short = Duration::from_secs(2);
    let mut source = Source::start(vec![
        item("named", command(&["echo", "{{version}}"], "v"), None),
        item("plain", command(&["echo", "v"], "v"), None),
    ]);
    let mut first = [source.found().await, source.found().await];
    first.sort_by(|one, two| one.0.cmp(&two.0));
    assert_eq!(first[0].1.seen, "exit status 0: v1.1.0");
    assert_eq!((first[1].0.as_str(), first[1].1.found), ("plain", Found::Pass));

    source.order.send_modify(|order| order.release.image = Some("backend:v1.2.0".into()));
    assert_eq!(source.next().await, ("named".to_owned(), CheckNews::Running));
    let (item_then, evidence) = source.found().await;
    assert_eq!((item_then.as_str(), evidence.seen.as_str()), ("named", "exit status 0: v1.2.0"));
    assert_eq!(evidence.of.image.as_deref(), Some("backend:v1.2.0"));

    source.order.send_modify(|order| *order.again.entry("plain".into()).or_default() += 1);
    assert_eq!(source.next().await, ("plain".to_owned(), CheckNews::Running));
    assert_eq!(source.found().await.0, "plain");
    source.stop.cancel();

    let mut source = Source::start(vec![item("expires", command(&["echo", "v"], "v"), Some(short))]);
    let (_, one) = source.found().await;
    let (_, two) = source.found().await;
    assert!(two.at > one.at, "it is renewed by itself");
    source.stop.cancel();
}

#[tokio::test]
async fn many_run_side_by_side_and_no_more_than_a_few() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(tokio::sync::Barrier::new(AT_ONCE));
    let handler = {
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        move || async move {
            let running = now.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(running, Ordering::SeqCst);
            // Nobody gets further before there are as many as may be.
            gate.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            "ok"
        }
    };
    let url = serve(Router::new().fallback(handler)).await;
    let items = (0..3 * AT_ONCE).map(|n| item(&format!("i{n}"), http(url.clone(), None, "ok"), None));
    let mut source = Source::start(items.collect());
    for _ in 0..3 * AT_ONCE {
        assert_eq!(source.found().await.1.found, Found::Pass);
    }
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    source.stop.cancel();
}
