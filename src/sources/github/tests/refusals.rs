//! Every way in which a round can fail: it is told in words, and the next good round is
//! as if nothing had been.

use std::sync::Arc;

use serde_json::json;

use super::fake::{Fake, Reply, config};
use crate::clock::Clock;
use crate::room::message::Attention;
use crate::sources::github::Reader;

const RUNS: &str = "/repos/taxasge/backend/actions/runs?per_page=50";
const OPEN: &str = "/repos/taxasge/backend/pulls?state=open&head=taxasge%3Adevelop&base=main&per_page=10";

fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"message": text}))
}

#[tokio::test]
async fn each_failure_has_its_words_and_leaves_no_trace() {
    let page = || Reply::new(200, "<html>Sign in</html>").header("content-type", "text/html");
    let used_up = message(403, "API rate limit exceeded for user ID 1.")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", "4102444800");
    // Reply, the words that are told, whether GitHub wants to be left alone.
    let rows: [(Reply, &[&str], bool); 18] = [
        (message(401, "Bad credentials"), &["does not accept the token (401)", "Bad credentials"], false),
        (
            message(403, "Resource not accessible by integration"),
            &["may not do that (403)", "not accessible"],
            false,
        ),
        (
            message(403, "You have exceeded a secondary rate limit").header("retry-after", "42"),
            &["fewer requests (403)", "42 s"],
            true,
        ),
        (message(403, "You have exceeded a secondary rate limit"), &["fewer requests (403)", "60 s"], true),
        (used_up, &["this hour's requests are used up (403)"], true),
        (message(404, "Not Found"), &["may not see it (404)", "[github]"], false),
        (message(422, "Validation Failed"), &["invalid (422)"], false),
        (Reply::new(429, "").header("retry-after", "7"), &["fewer requests (429)", "7 s"], true),
        (message(500, "Server Error"), &["failed (500)"], false),
        (Reply::new(502, "<html>").header("content-type", "text/html"), &["failed (502)"], false),
        (Reply::new(503, ""), &["failed (503)"], false),
        (
            Reply::new(301, "").header("location", "https://api.github.com/repositories/1"),
            &["moved to https://api.github.com/repositories/1"],
            false,
        ),
        (page(), &["web page"], false),
        (Reply::slow(), &["no answer from GitHub within 1500 ms"], false),
        (Reply::truncated(200, "{\"workflow_runs\": ["), &["connection"], false),
        (Reply::new(200, "{\"workflow_runs\": ["), &["cannot be read: it ends too early"], false),
        (Reply::new(200, "workflow_runs"), &["cannot be read: it is not JSON"], false),
        (Reply::json(200, &json!({"total_count": 0})), &["cannot be read", "workflow_runs"], false),
    ];
    for (reply, wanted, rests) in rows {
        let fake = Fake::start().await;
        let mut reader = Reader::new(Arc::new(config(&fake.url)), Clock::start()).await.unwrap();
        let good = || {
            fake.answer("/user", Reply::json(200, &json!({"login": "ops1"})));
            fake.answer(OPEN, Reply::json(200, &json!([])));
            fake.answer(RUNS, Reply::json(200, &json!({"total_count": 0, "workflow_runs": []})));
        };
        good();
        let before = reader.round(Attention::default()).await.unwrap();
        assert_eq!(before.user.as_deref(), Some("ops1"));
        fake.answer(RUNS, reply.clone());
        let trouble = reader.round(Attention::default()).await.expect_err("it failed");
        for part in wanted {
            assert!(trouble.words().contains(part), "`{part}` is not in `{}` ({reply:?})", trouble.words());
        }
        assert_eq!(reader.client().rest().is_some(), rests, "{reply:?}");
        good();
        let after = reader.round(Attention::default()).await.unwrap();
        assert_eq!((&after.runs, &after.user), (&before.runs, &before.user), "{reply:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_in_words() {
    let fake = Fake::start().await;
    let url = fake.url.clone();
    drop(fake);
    let mut reader = Reader::new(Arc::new(config("http://127.0.0.1:9")), Clock::start()).await.unwrap();
    let trouble = reader.round(Attention::default()).await.unwrap_err();
    assert!(trouble.words().contains("connection refused"), "{} ({url})", trouble.words());
    let mut without = config("http://127.0.0.1:9");
    without.endpoint.token = Some(crate::config::secret::SecretSource::Env("CUTOVER_NO_SUCH_TOKEN".into()));
    let mut reader = Reader::new(Arc::new(without), Clock::start()).await.unwrap();
    let trouble = reader.round(Attention::default()).await.unwrap_err();
    assert!(trouble.words().contains("CUTOVER_NO_SUCH_TOKEN: it is not set"), "{}", trouble.words());
}
