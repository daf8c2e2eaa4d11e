//! Requests as clients send them.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, LINK};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::rehearsal::door;
use crate::rehearsal::faults::Fault;
use crate::rehearsal::github::people::{self, PLAYER};
use crate::rehearsal::github::plot::Plot;
use crate::rehearsal::github::router;
use crate::rehearsal::scenario::Scenario;
use crate::rehearsal::world::World;

/// A GitHub that is served, and a client.
struct Served {
    world: Arc<World>,
    url: String,
    client: reqwest::Client,
    _stop: DropGuard,
}

/// An answer.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Served {
    fn start(plot: Plot) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::new(Scenario { github: plot, ..Scenario::default() }, 1);
        let listener = door::open().unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        world.github.is_at(&url);
        let stop = CancellationToken::new();
        let (router, faults) = (router(Arc::clone(&world)), world.faults.clone());
        tokio::spawn(door::serve(listener, router, faults, Some("github-lost"), stop.clone()));
        let redirects = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self { world, url, client, _stop: stop.drop_guard() }
    }

    fn request(&self, method: Method, path: &str, login: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/repos/taxasge/backend/{path}", self.url);
        self.client.request(method, url).bearer_auth(people::person(login).unwrap().token())
    }

    async fn said(&self, request: reqwest::RequestBuilder) -> Said {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Said { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    async fn get(&self, path: &str) -> Said {
        self.said(self.request(Method::GET, path, PLAYER.login)).await
    }

    async fn send(&self, method: Method, path: &str, login: &str, body: Value) -> Said {
        self.said(self.request(method, path, login).json(&body)).await
    }

    /// The release's run, which waits for production.
    async fn waiting_run(&self) -> u64 {
        let body = json!({"title": "Release v1.1.0", "head": "develop", "base": "main", "body": "All."});
        let opened = self.send(Method::POST, "pulls", "ops1", body).await;
        assert_eq!(opened.status, 201, "{opened:?}");
        self.world.github.hurry();
        let (number, sha) = (&opened.body["number"], &opened.body["head"]["sha"]);
        let body = json!({"merge_method": "squash", "sha": sha});
        let merged = self.send(Method::PUT, &format!("pulls/{number}/merge"), "ops1", body).await;
        assert_eq!(merged.status, 200, "{merged:?}");
        self.world.github.hurry();
        let sha = merged.body["sha"].as_str().unwrap();
        let runs = self.get(&format!("actions/runs?head_sha={sha}")).await;
        assert_eq!(runs.body["total_count"], 1);
        let run = &runs.body["workflow_runs"][0];
        assert_eq!(run["status"], "waiting");
        run["id"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn what_is_known_already_is_free_and_what_changed_is_told() {
    let served = Served::start(Plot::default());
    let first = served.get("issues/1").await;
    let (tag, left) = (first.headers[ETAG].clone(), first.header("x-ratelimit-remaining").to_owned());
    let again = || served.request(Method::GET, "issues/1", "ops1").header(IF_NONE_MATCH, tag.clone());
    let known = served.said(again()).await;
    assert_eq!((known.status, &known.body), (304, &json!("")));
    assert_eq!(known.header("x-ratelimit-remaining"), left);
    assert_eq!(known.headers[ETAG], tag);
    let comment = json!({"body": "More is known now."});
    assert_eq!(served.send(Method::POST, "issues/1/comments", "ops1", comment).await.status, 201);
    let changed = served.said(again()).await;
    assert_eq!((changed.status, &changed.body["comments"]), (200, &json!(1)));
    let used: u64 = changed.header("x-ratelimit-used").parse().unwrap();
    assert_eq!(used, 3, "one that was free, and three that were not");
}

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_each_other() {
    let served = Served::start(Plot::default());
    let mut path = "actions/runs?per_page=3&branch=develop".to_owned();
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let page = served.get(&path).await;
        let runs = page.body["workflow_runs"].as_array().unwrap().clone();
        ids.extend(runs.iter().map(|run| run["id"].as_u64().unwrap()));
        pages += 1;
        let link = page.headers.get(LINK).unwrap().to_str().unwrap();
        let next = link.split(", ").find(|link| link.ends_with("rel=\"next\""));
        let Some(next) = next else {
            assert!(link.contains("rel=\"prev\"") && link.contains("rel=\"first\""));
            assert_eq!(ids.len() as u64, page.body["total_count"].as_u64().unwrap());
            break;
        };
        let url = next.split(['<', '>']).nth(1).unwrap();
        path = url.split("/backend/").nth(1).unwrap().to_owned();
    }
    assert!(pages > 1 && ids.is_sorted_by(|one, other| one > other), "newest first, each once");
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let served = Served::start(Plot::default());
    let bare = served.client.get(format!("{}/user", served.url));
    let nobody = served.said(bare).await;
    assert_eq!((nobody.status, &nobody.body["message"]), (401, &json!("Requires authentication")));
    let false_token = served.client.get(format!("{}/user", served.url)).bearer_auth("x");
    assert_eq!(served.said(false_token).await.body["message"], "Bad credentials");
    let body = json!({"title": "t", "head": "develop", "base": "main"});
    let viewer = served.send(Method::POST, "pulls", "viewer", body).await;
    assert_eq!((viewer.status, &viewer.body["status"]), (403, &json!("403")));
    assert_eq!(served.get("nonsense").await.status, 404);
    assert_eq!(served.get("pulls/nonsense").await.status, 404);
    assert_eq!(served.send(Method::PUT, "pulls", "ops1", json!({})).await.status, 404);
    let empty = served.send(Method::POST, "pulls", "ops1", json!({"title": "t"})).await;
    assert_eq!((empty.status, &empty.body["errors"][0]["code"]), (422, &json!("missing_field")));
    let broken = served.request(Method::POST, "pulls", "ops1").body("{");
    assert_eq!(served.said(broken).await.status, 400);
}

#[tokio::test]
async fn only_reviewers_of_the_environment_approve() {
    let served = Served::start(Plot::default());
    let run = served.waiting_run().await;
    let path = format!("actions/runs/{run}/pending_deployments");
    let pending = served.get(&path).await;
    let one = &pending.body[0];
    assert_eq!(
        (&one["environment"]["name"], &one["current_user_can_approve"]),
        (&json!("production"), &json!(true))
    );
    let decision =
        json!({"environment_ids": [one["environment"]["id"]], "state": "approved", "comment": "Go."});
    let decide = async |login: &str| served.send(Method::POST, &path, login, decision.clone()).await;
    assert_eq!(decide("viewer").await.status, 403);
    assert_eq!(decide("developer").await.status, 422);
    let approved = decide("ops1").await;
    assert_eq!((approved.status, &approved.body[0]["environment"]), (200, &json!("production")));
    assert_eq!(decide("orchestrator").await.status, 422, "it has been approved");
    let approvals = served.get(&format!("actions/runs/{run}/approvals")).await;
    assert_eq!(
        (&approvals.body[0]["state"], &approvals.body[0]["user"]["login"]),
        (&json!("approved"), &json!("ops1"))
    );
    served.world.github.hurry();
    let ended = served.get(&format!("actions/runs/{run}")).await;
    assert_eq!((&ended.body["status"], &ended.body["conclusion"]), (&json!("completed"), &json!("success")));
}

#[tokio::test]
async fn logs_are_elsewhere_and_have_times() {
    let served = Served::start(Plot::default());
    let runs = served.get("actions/workflows/production.yml/runs?status=success").await;
    let run = runs.body["workflow_runs"][0]["id"].as_u64().unwrap();
    let jobs = served.get(&format!("actions/runs/{run}/jobs")).await;
    let image =
        jobs.body["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "Docker image").unwrap();
    let found = served.get(&format!("actions/jobs/{}/logs", image["id"])).await;
    assert_eq!(found.status, 302);
    let log = served.said(served.client.get(found.header("location"))).await;
    let text = log.body.as_str().unwrap();
    let pushed = text.lines().find(|line| line.contains("digest: sha256:")).unwrap();
    let time = pushed.split(' ').next().unwrap();
    assert!(
        time.parse::<jiff::Timestamp>().is_ok() && time.len() == "2025-10-20T20:00:00.0000000Z".len(),
        "{time}"
    );
}

#[tokio::test]
async fn faults_are_told_as_github_tells_them() {
    let served = Served::start(Plot::default());
    let faults = &served.world.faults;
    let with = async |fault: Fault| {
        faults.clear_all();
        faults.inject(fault);
        served.get("issues/1").await
    };
    let gateway = with(Fault::GitHub502).await;
    assert_eq!((gateway.status, gateway.header("content-type")), (502, "text/html; charset=utf-8"));
    let limited = with(Fault::GitHubSecondaryLimit { seconds: 7 }).await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "7"));
    let used_up = with(Fault::GitHubRateLimit { seconds: 60 }).await;
    assert_eq!((used_up.status, used_up.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(with(Fault::GitHubUnauthorised).await.status, 401);
    assert!(with(Fault::GitHubMalformed).await.body.is_string());
    faults.clear_all();
    faults.inject(Fault::GitHubTruncated);
    let broken = served.request(Method::GET, "issues/1", "ops1").send().await;
    let told = match broken {
        Ok(response) => response.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(told, "the answer breaks off");
    faults.clear_all();
    faults.inject(Fault::GitHubAnswerLost);
    let lost = served.send(Method::POST, "issues/1/comments", "ops1", json!({"body": "Was I heard?"})).await;
    assert_eq!(lost.status, 502);
    faults.clear_all();
    assert_eq!(served.get("issues/1/comments").await.body[0]["body"], "Was I heard?");
    faults.inject(Fault::GitHubLost);
    // Until the listener is gone, a request may still get through to it.
    while served.request(Method::GET, "issues/1", "ops1").send().await.is_ok() {
        tokio::task::yield_now().await;
    }
    faults.clear_all();
    while served.request(Method::GET, "issues/1", "ops1").send().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_long_lived_branch_can_be_lost_and_main_cannot() {
    let served = Served::start(Plot::default());
    let delete = async |name: &str| {
        served.send(Method::DELETE, &format!("git/refs/heads/{name}"), "ops1", json!({})).await
    };
    assert_eq!(delete("main").await.status, 422);
    assert_eq!(delete("develop").await.status, 204);
    assert_eq!(delete("develop").await.status, 422);
    assert_eq!(served.get("branches/develop").await.status, 404);
    assert_eq!(served.get("git/ref/heads/develop").await.status, 404);
    assert_eq!(served.get("branches/main").await.body["protected"], true);
}
