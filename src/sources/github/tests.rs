//! The client and the reader against a server on loopback that answers as GitHub does, and
//! in every way in which something goes wrong.

mod evidence;
mod fake;
mod fixtures;
mod refusals;
mod release;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Trouble};
use super::log;
use super::read::Questions;
use crate::sop::pipeline::RunId;
use fake::{Fake, Reply, config};

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_only_reads_are_conditional() {
    let fake = Fake::start().await;
    let client = Client::new(&config(&fake.url)).await.unwrap();
    fake.answer("/x", Reply::json(200, &json!({"a": 1})).header("etag", "\"one\""));
    assert_eq!(client.get("/x").await.unwrap(), json!({"a": 1}));
    fake.answer("/x", Reply::new(304, ""));
    assert_eq!(client.get("/x").await.unwrap(), json!({"a": 1}));
    fake.answer("/x", Reply::json(200, &json!({"a": 2})).header("etag", "\"two\""));
    assert_eq!(client.send(Method::PUT, "/x", Some(&json!({}))).await.unwrap(), json!({"a": 2}));
    assert_eq!(client.get("/x").await.unwrap(), json!({"a": 2}));
    let marks: Vec<Option<String>> = fake.asked().into_iter().map(|asked| asked.mark).collect();
    let one = Some("\"one\"".to_owned());
    assert_eq!(marks, [None, one.clone(), None, one]);
}

#[tokio::test]
async fn all_pages_are_read_and_none_elsewhere() {
    let fake = Fake::start().await;
    let config = config(&fake.url);
    let client = Client::new(&config).await.unwrap();
    let questions = Questions { client: &client, setting: &config.setting };
    let path = "/repos/taxasge/backend/actions/runs/7/attempts/2/jobs?per_page=100";
    let page = |from: u64, next: &str| {
        let jobs: Vec<Value> = (from..from + 2).map(|id| json!({"id": id, "name": "tests"})).collect();
        let reply = Reply::json(200, &json!({"total_count": 6, "jobs": jobs}));
        if next.is_empty() { reply } else { reply.header("link", &format!("<{next}>; rel=\"next\"")) }
    };
    fake.answer(path, page(1, &format!("{}/jobs?page=2", fake.url)));
    fake.answer("/jobs?page=2", page(3, &format!("{}/jobs?page=3", fake.url)));
    fake.answer("/jobs?page=3", page(5, ""));
    let run = RunId { id: 7, attempt: 2 };
    let ids: Vec<u64> = questions.jobs(&run).await.unwrap().iter().map(|job| job.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);

    let stranger = Fake::start().await;
    fake.answer("/jobs?page=3", page(5, &format!("{}/jobs?page=4", stranger.url)));
    assert_eq!(questions.jobs(&run).await.unwrap().len(), 6);
    assert!(stranger.asked().is_empty());
    fake.answer("/jobs?page=3", page(5, &format!("{}/jobs?page=3", fake.url)));
    let endless = questions.jobs(&run).await.unwrap_err();
    assert!(endless.words().contains("more than 10 pages"), "{}", endless.words());
}

#[tokio::test]
async fn a_log_is_fetched_from_elsewhere_without_the_token() {
    let (fake, storage) = (Fake::start().await, Fake::start().await);
    let mut config = config(&fake.url);
    config.endpoint.headers = vec![("x-team".into(), "payments".into())];
    let client = Client::new(&config).await.unwrap();
    let path = "/repos/taxasge/backend/actions/jobs/7/logs";
    fake.answer(path, Reply::new(302, "").header("location", &format!("{}/log?signature=1", storage.url)));
    storage.answer("/log?signature=1", Reply::new(200, "first\r\n\u{1b}[31msecond\u{1b}[0m\nthird"));
    let lines = ["first", "second", "third"].map(str::to_owned).to_vec();
    assert_eq!(log::read(&client, "taxasge/backend", 7).await, Ok((lines, false)));
    let (here, there) = (fake.asked().remove(0), storage.asked().remove(0));
    assert_eq!(
        (here.token.as_deref(), here.team.as_deref()),
        (Some("Bearer gh-token-of-a-test"), Some("payments"))
    );
    assert_eq!((there.token, there.team), (None, None));

    storage.answer("/log?signature=1", Reply::new(403, "expired"));
    let trouble = log::read(&client, "taxasge/backend", 7).await.unwrap_err();
    assert!(trouble.words().contains("(403)") && !trouble.words().contains("signature"), "{trouble:?}");
    fake.answer(path, Reply::json(404, &json!({"message": "Not Found"})));
    let log = log::job_log(&client, "taxasge/backend", 7).await;
    assert!(log.lines.unwrap_err().contains("no log of this job (404)"));
}

#[tokio::test]
async fn what_becomes_of_a_mutation_is_told_apart_and_it_is_sent_once() {
    enum Wanted {
        Done,
        Refused(u16),
        Lost,
    }
    use Wanted::{Done, Lost, Refused};
    let rows = [
        ("created", Reply::json(201, &json!({"number": 1})), Done),
        ("no content", Reply::new(204, ""), Done),
        ("done, cut off", Reply::truncated(200, "{\"merged\": tr"), Done),
        (
            "not mergeable",
            Reply::json(405, &json!({"message": "Pull Request is not mergeable"})),
            Refused(405),
        ),
        ("head moved", Reply::json(409, &json!({"message": "Head branch was modified"})), Refused(409)),
        ("invalid", Reply::json(422, &json!({"message": "Validation Failed"})), Refused(422)),
        ("no right", Reply::json(403, &json!({"message": "Resource not accessible"})), Refused(403)),
        ("moved", Reply::new(307, "").header("location", "/repositories/1"), Refused(307)),
        ("too many", Reply::new(429, "").header("retry-after", "7"), Refused(429)),
        ("gave up", Reply::new(408, ""), Lost),
        ("failed", Reply::new(500, ""), Lost),
        ("bad gateway", Reply::new(502, "<html>").header("content-type", "text/html"), Lost),
        ("a login page", Reply::new(200, "<html>").header("content-type", "text/html"), Lost),
        ("silence", Reply::slow(), Lost),
        ("hung up", Reply::truncated(500, ""), Lost),
    ];
    for (what, reply, wanted) in rows {
        let fake = Fake::start().await;
        let client = Client::new(&config(&fake.url)).await.unwrap();
        fake.answer("/merge", reply);
        let sent = client.send(Method::PUT, "/merge", Some(&json!({"sha": "a"}))).await;
        match (wanted, &sent) {
            (Done, Ok(_)) | (Lost, Err(Trouble::Lost(_))) => {}
            (Refused(code), Err(Trouble::Refused { status: Some(status), .. })) if code == *status => {}
            _ => panic!("{what}: {sent:?}"),
        }
        assert_eq!(fake.asked().len(), 1, "{what} was sent again");
    }
    let nobody = Client::new(&config("http://127.0.0.1:9")).await.unwrap();
    let sent = nobody.send(Method::PUT, "/merge", None).await;
    assert!(matches!(sent, Err(Trouble::Refused { status: None, .. })), "{sent:?}");
}

#[tokio::test]
async fn a_token_that_was_refused_is_read_anew() {
    let fake = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "gh-token-old").unwrap();
    let mut config = config(&fake.url);
    config.endpoint.token = Some(crate::config::secret::SecretSource::File(file.clone()));
    config.endpoint.timeout = Duration::from_secs(5);
    let client = Client::new(&config).await.unwrap();
    fake.answer("/user", Reply::json(401, &json!({"message": "Bad credentials"})));
    std::fs::write(&file, "gh-token-new").unwrap();
    let first = client.get("/user").await.unwrap_err();
    std::fs::write(&file, "gh-token-newest").unwrap();
    let _ = client.get("/user").await;
    assert!(first.words().contains("does not accept the token (401)"));
    let tokens: Vec<_> = fake.asked().into_iter().filter_map(|asked| asked.token).collect();
    assert_eq!(tokens, ["Bearer gh-token-new", "Bearer gh-token-newest"]);
}
