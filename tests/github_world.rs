//! The rehearsal's GitHub and its cluster together: what the pipeline does there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use cutover::rehearsal::cluster::resource::Resource;
use cutover::rehearsal::cluster::store::Key;
use cutover::rehearsal::github::plot::{DeployBy, Plot};
use cutover::rehearsal::github::workflow::{Commands, Stage as Step};
use cutover::rehearsal::scenario::{NAMESPACE, SERVICE, Scenario};
use cutover::rehearsal::stage::Stage;
use reqwest::Method;
use serde_json::{Value, json};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stage, and a client of its GitHub.
struct Rehearsed {
    stage: Stage,
    client: reqwest::Client,
}

impl Rehearsed {
    async fn raise(plot: Plot) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let scenario = Scenario { github: plot, ..Scenario::default() };
        let stage = Stage::raise(scenario, 1, 1, None).await.unwrap();
        Self { stage, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let urls = self.stage.urls();
        let url = format!("{}/repos/taxasge/backend/{path}", urls["github"].as_str().unwrap());
        let token = std::fs::read_to_string(self.stage.directory().join("github.token")).unwrap();
        let mut request = self.client.request(method, url).bearer_auth(token.trim());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await
    }

    /// Asks again and again, for as long as it takes.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "{path} stays as it is: {answer:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Merges the release and approves its run; the run's path.
    async fn release(&self) -> String {
        let pull = json!({"title": "Release v1.1.0", "head": "develop", "base": "main", "body": "All."});
        let pull = self.ask(Method::POST, "pulls", Some(pull)).await;
        let path = format!("pulls/{}", pull["number"]);
        self.until(&path, |pull| pull["mergeable_state"] == "clean").await;
        let merge = json!({"merge_method": "squash", "sha": pull["head"]["sha"]});
        let merged = self.ask(Method::PUT, &format!("{path}/merge"), Some(merge)).await;
        let runs = self.get(&format!("actions/runs?head_sha={}", merged["sha"].as_str().unwrap())).await;
        let run = format!("actions/runs/{}", runs["workflow_runs"][0]["id"]);
        self.until(&run, |run| run["status"] == "waiting").await;
        let pending = self.get(&format!("{run}/pending_deployments")).await;
        let environment = &pending[0]["environment"]["id"];
        let decision = json!({"environment_ids": [environment], "state": "approved", "comment": "Go."});
        self.ask(Method::POST, &format!("{run}/pending_deployments"), Some(decision)).await;
        run
    }

    fn object(&self, resource: Resource, name: &str) -> Value {
        let key = Key::new(resource, NAMESPACE, name);
        self.stage.world.store.get(&key).unwrap().as_ref().clone()
    }

    /// The log of the run's job that deploys.
    async fn log(&self, run: &str) -> String {
        let jobs = self.get(&format!("{run}/jobs")).await;
        let all = jobs["jobs"].as_array().unwrap();
        let job = all.iter().find(|job| job["name"] == "Production").unwrap();
        let urls = self.stage.urls();
        let url = format!("{}/logs/{}", urls["github"].as_str().unwrap(), job["id"]);
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }
}

fn managers(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries.iter().filter_map(|entry| entry["manager"].as_str()).collect()
}

fn quick(deploy_by: DeployBy) -> Plot {
    Plot { deploy_by, step: Duration::from_millis(50), ..Plot::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipeline_deploys_and_switches_under_its_own_name() {
    let rehearsed = Rehearsed::raise(quick(DeployBy::Pipeline)).await;
    let run = rehearsed.release().await;
    let ended = rehearsed.until(&run, |run| run["status"] == "completed").await;
    assert_eq!(ended["conclusion"], "success", "{}", rehearsed.log(&run).await);
    let service = rehearsed.object(Resource::Services, SERVICE);
    assert_eq!(service["spec"]["selector"]["version"], "green");
    assert!(managers(&service).contains(&"github-actions"));
    let green = rehearsed.object(Resource::Deployments, "backend-green");
    let image = green["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
    assert_eq!(image, "ghcr.io/taxasge/backend:v1.1.0");
    assert!(managers(&green).contains(&"github-actions"));
    let log = rehearsed.log(&run).await;
    assert!(log.contains("GET /health: 200") && log.contains("green has the traffic"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_room_deploys_the_run_leaves_the_cluster_alone() {
    let rehearsed = Rehearsed::raise(quick(DeployBy::Room)).await;
    let run = rehearsed.release().await;
    let ended = rehearsed.until(&run, |run| run["status"] == "completed").await;
    assert_eq!(ended["conclusion"], "success");
    let service = rehearsed.object(Resource::Services, SERVICE);
    assert_eq!(service["spec"]["selector"]["version"], "blue");
    assert!(!managers(&service).contains(&"github-actions"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_run_commands_and_end_as_these_do() {
    let rehearsed = Rehearsed::raise(quick(DeployBy::Pipeline)).await;
    let script = |text: &str| ["sh", "-c", text, "step", "{version}", "{image}"].map(str::to_owned).to_vec();
    let commands =
        [(Step::Deploy, script("echo deploys $1 as $2")), (Step::Smoke, script("echo no good >&2; exit 3"))];
    rehearsed.stage.run_in_pipeline(Commands::from(commands));
    let run = rehearsed.release().await;
    let ended = rehearsed.until(&run, |run| run["status"] == "completed").await;
    assert_eq!(ended["conclusion"], "failure");
    let log = rehearsed.log(&run).await;
    assert!(log.contains("deploys v1.1.0 as ghcr.io/taxasge/backend:v1.1.0"), "{log}");
    assert!(log.contains("no good"), "{log}");
    let service = rehearsed.object(Resource::Services, SERVICE);
    assert_eq!(service["spec"]["selector"]["version"], "blue", "what failed was not switched to");
}
