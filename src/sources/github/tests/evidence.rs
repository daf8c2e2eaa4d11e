//! What the checklist asks of GitHub: found so, found otherwise, and not found out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fake::{Fake, Reply, config};
use crate::clock::Clock;
use crate::sop::checklist::evidence::{Found, Inputs};
use crate::sop::checklist::repository::Wanted;
use crate::sources::github::{Client, Evidence};

const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SQUASHED: &str = "cccccccccccccccccccccccccccccccccccccccc";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const LABELS: &str = "/repos/taxasge/backend/labels?per_page=100";
const RELEASES: &str = "/repos/taxasge/backend/releases?per_page=30";
const DEPLOYMENTS: &str = "/repos/taxasge/backend/deployments?environment=staging&per_page=10";
const PULLS: &str =
    "/repos/taxasge/backend/pulls?state=all&base=main&sort=updated&direction=desc&per_page=30";

fn issues(label: &str) -> String {
    format!("/repos/taxasge/backend/issues?labels={label}&state=open&per_page=100")
}

fn ok(body: &Value) -> Reply {
    Reply::json(200, body)
}

async fn evidence(fake: &Fake) -> Evidence {
    let config = config(&fake.url);
    let client = Arc::new(Client::new(&config).await.unwrap());
    Evidence::new(client, &config, Clock::start())
}

async fn find_out(fake: &Fake, wanted: Wanted) -> (Found, String) {
    let evidence = evidence(fake).await;
    let release = Inputs { head: Some(HEAD.into()), version: Some("v1.1.0".into()), image: None };
    evidence.find_out(&wanted, &release).await.unwrap_or_else(|why| (Found::Unknown, why))
}

fn said(found: Found, words: &str) -> (Found, String) {
    (found, words.to_owned())
}

fn bugs(open: bool) -> Wanted {
    Wanted::Issues { labels: vec!["P0".into(), "P1".into()], open }
}

fn notes() -> Wanted {
    Wanted::Notes { version: "{{version}}".into() }
}

fn staging() -> Wanted {
    Wanted::Deployed { environment: "staging".into(), stable: Duration::from_secs(24 * 3600) }
}

fn back() -> Wanted {
    Wanted::MergedBack { into: "develop".into() }
}

fn hours_ago(hours: i64) -> String {
    Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap().to_string()
}

/// A deployment to staging, and what was last said of it.
fn deployed(fake: &Fake, all: &[(u64, &str, &str, i64)]) {
    let list: Vec<Value> = all.iter().map(|(id, sha, ..)| json!({"id": id, "sha": sha})).collect();
    fake.answer(DEPLOYMENTS, ok(&json!(list)));
    for (id, _, state, hours) in all {
        let path = format!("/repos/taxasge/backend/deployments/{id}/statuses?per_page=30");
        fake.answer(&path, ok(&json!([{"state": state, "created_at": hours_ago(*hours)}])));
    }
}

fn commit(fake: &Fake, sha: &str, tree: &str) {
    let path = format!("/repos/taxasge/backend/git/commits/{sha}");
    fake.answer(&path, ok(&json!({"sha": sha, "tree": {"sha": tree}, "message": "x"})));
}

#[tokio::test]
async fn no_bug_of_these_labels_is_open_or_one_has_to_be() {
    let fake = Fake::start().await;
    fake.answer(LABELS, ok(&json!([{"name": "bug"}, {"name": "p0"}, {"name": "P1"}])));
    fake.answer(&issues("P0"), ok(&json!([])));
    // A pull request is an issue, and no bug.
    fake.answer(&issues("P1"), ok(&json!([{"number": 7, "title": "Fix", "pull_request": {"url": "u"}}])));
    fake.answer(PULLS, ok(&json!([])));
    let none = "no open issue is labelled P0 or P1";
    assert_eq!(find_out(&fake, bugs(false)).await, said(Found::Pass, none));
    assert_eq!(find_out(&fake, bugs(true)).await, said(Found::Fail, &format!("{none}: this is no hotfix")));
    fake.answer(
        &issues("P1"),
        ok(&json!([{"number": 12, "title": "Declarations are lost"}, {"number": 13}])),
    );
    let open = "open: #12 Declarations are lost (P1) (+1)";
    assert_eq!(find_out(&fake, bugs(false)).await, said(Found::Fail, open));
    assert_eq!(find_out(&fake, bugs(true)).await, said(Found::Pass, open));
}

#[tokio::test]
async fn the_bug_that_the_merged_hotfix_closed_is_its_bug_still() {
    let fake = Fake::start().await;
    fake.answer(LABELS, ok(&json!([{"name": "P0"}, {"name": "P1"}])));
    fake.answer(&issues("P0"), ok(&json!([])));
    fake.answer(&issues("P1"), ok(&json!([])));
    let pull = json!({
        "number": 45, "title": "Hotfix v1.1.1", "body": "Fixes #12", "head": {"sha": HEAD},
        "merged_at": "2026-01-06T21:00:00Z", "merge_commit_sha": SQUASHED,
    });
    fake.answer(PULLS, ok(&json!([pull])));
    let issue = |labels: Value| json!({"number": 12, "title": "Webhooks fail", "labels": labels});
    fake.answer("/repos/taxasge/backend/issues/12", ok(&issue(json!([{"name": "P1"}]))));
    assert_eq!(
        find_out(&fake, bugs(true)).await,
        said(Found::Pass, "closed by the release: #12 Webhooks fail")
    );
    fake.answer("/repos/taxasge/backend/issues/12", ok(&issue(json!([{"name": "P3"}]))));
    assert_eq!(find_out(&fake, bugs(true)).await.0, Found::Fail);
}

#[tokio::test]
async fn a_label_that_nobody_uses_proves_nothing() {
    let fake = Fake::start().await;
    fake.answer(LABELS, ok(&json!([{"name": "severity-1"}, {"name": "P1"}])));
    let words = "the repository has no label P0: name yours";
    assert_eq!(find_out(&fake, bugs(false)).await, said(Found::Unknown, words));
}

#[tokio::test]
async fn notes_are_a_release_or_a_draft_with_a_text() {
    let fake = Fake::start().await;
    let release =
        |tag: &str, draft: bool, body: Value| json!({"tag_name": tag, "draft": draft, "body": body});
    fake.answer(RELEASES, ok(&json!([release("1.1.0", true, json!("- One\n- Two"))])));
    assert_eq!(find_out(&fake, notes()).await, said(Found::Pass, "draft v1.1.0, 2 lines"));
    fake.answer(RELEASES, ok(&json!([release("v1.1.0", false, Value::Null)])));
    assert_eq!(find_out(&fake, notes()).await, said(Found::Fail, "the release v1.1.0 has no text"));
    fake.answer(RELEASES, ok(&json!([release("v1.0.0", false, json!("Old"))])));
    fake.answer("/repos/taxasge/backend", ok(&json!({"permissions": {"push": true}})));
    assert_eq!(
        find_out(&fake, notes()).await,
        said(Found::Fail, "there is neither a release nor a draft v1.1.0")
    );
    fake.answer("/repos/taxasge/backend", ok(&json!({"permissions": {"push": false}})));
    assert_eq!(find_out(&fake, notes()).await.0, Found::Unknown, "drafts are not shown to everybody");
}

#[tokio::test]
async fn staging_has_these_files_and_has_had_them_for_a_day() {
    let fake = Fake::start().await;
    commit(&fake, HEAD, "1111111111");
    commit(&fake, OTHER, "2222222222");
    commit(&fake, SQUASHED, "1111111111");
    let judged = async |all: &[(u64, &str, &str, i64)]| {
        deployed(&fake, all);
        find_out(&fake, staging()).await
    };
    let stood = said(Found::Pass, "staging has had aaaaaaa for 50 h");
    assert_eq!(judged(&[(3, HEAD, "success", 50), (2, OTHER, "inactive", 90)]).await, stood);
    let squashed = judged(&[(3, SQUASHED, "success", 50)]).await;
    assert_eq!(squashed, said(Found::Pass, "staging has had ccccccc for 50 h"), "the same files");
    assert_eq!(
        judged(&[(3, HEAD, "success", 3), (2, OTHER, "success", 90)]).await,
        said(Found::Fail, "staging has had aaaaaaa for 3 h, 24 h are asked for")
    );
    // Deployed again without a change: it has stood since the first time.
    assert_eq!(judged(&[(4, HEAD, "success", 3), (3, HEAD, "success", 50)]).await, stood);
    assert_eq!(judged(&[(4, HEAD, "success", 3), (3, HEAD, "failure", 50)]).await.0, Found::Fail);
    assert_eq!(
        judged(&[(4, OTHER, "success", 50), (3, HEAD, "inactive", 90)]).await,
        said(Found::Fail, "staging has bbbbbbb, the release is aaaaaaa")
    );
    assert_eq!(
        judged(&[(4, OTHER, "failure", 1), (3, HEAD, "success", 90)]).await,
        said(Found::Fail, "the last deployment to staging, of bbbbbbb, failed")
    );
    assert_eq!(judged(&[(4, HEAD, "in_progress", 1)]).await.0, Found::Unknown);
    assert_eq!(judged(&[(4, HEAD, "glowing", 50)]).await.0, Found::Unknown);
    assert_eq!(judged(&[]).await, said(Found::Fail, "nothing was ever deployed to staging"));
}

#[tokio::test]
async fn a_hotfix_is_merged_back_once_the_branch_has_its_commit() {
    let fake = Fake::start().await;
    let compare = format!("/repos/taxasge/backend/compare/develop...{SQUASHED}?per_page=1");
    fake.answer(PULLS, ok(&json!([{"number": 45, "head": {"sha": HEAD}}])));
    assert_eq!(find_out(&fake, back()).await, said(Found::Unknown, "aaaaaaa is not merged to main yet"));
    let merged = json!({
        "number": 45, "head": {"sha": HEAD}, "merged_at": "2026-01-06T21:00:00Z", "merge_commit_sha": SQUASHED,
    });
    fake.answer(PULLS, ok(&json!([merged])));
    fake.answer(&compare, ok(&json!({"ahead_by": 2, "status": "diverged"})));
    assert_eq!(
        find_out(&fake, back()).await,
        said(Found::Fail, "develop lacks 2 commits of main: merge main back into develop")
    );
    fake.answer(&compare, ok(&json!({"ahead_by": 0, "status": "behind"})));
    assert_eq!(find_out(&fake, back()).await, said(Found::Pass, "develop has ccccccc"));
    // An answer that does not say it says nothing.
    fake.answer(&compare, ok(&json!({"status": "behind"})));
    assert_eq!(find_out(&fake, back()).await.0, Found::Unknown);
}

#[tokio::test]
async fn whatever_keeps_an_answer_away_nothing_passes() {
    let troubles = [
        ("malformed", Reply::new(200, "{\"number\":").header("content-type", "application/json")),
        ("another shape", ok(&json!({"message": "moved"}))),
        ("a page", Reply::new(200, "<html>Sign in</html>").header("content-type", "text/html")),
        ("truncated", Reply::truncated(200, "[")),
        ("forbidden", Reply::json(403, &json!({"message": "Resource not accessible by integration"}))),
        ("gone", Reply::json(410, &json!({"message": "Issues are disabled"}))),
        ("broken", Reply::new(502, "Bad gateway")),
        ("silent", Reply::slow()),
    ];
    for (name, reply) in troubles {
        let fake = Fake::start().await;
        for path in [LABELS, RELEASES, DEPLOYMENTS, PULLS] {
            fake.answer(path, reply.clone());
        }
        for wanted in [bugs(false), bugs(true), notes(), staging(), back()] {
            let (found, words) = find_out(&fake, wanted.clone()).await;
            assert_eq!(found, Found::Unknown, "{name}: {wanted:?}: {words}");
            assert!(!words.is_empty(), "{name}: {wanted:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_known_of_the_release_is_not_asked_for() {
    let fake = Fake::start().await;
    let evidence = evidence(&fake).await;
    for (wanted, words) in [
        (staging(), "the head of the release is not known yet"),
        (back(), "the head of the release is not known yet"),
        (notes(), "the head of the release is not known yet"),
    ] {
        assert_eq!(evidence.find_out(&wanted, &Inputs::default()).await, Err(words.to_owned()));
    }
    assert!(fake.asked().is_empty());
}
