//! What the pipeline does outside GitHub: it deploys to the cluster and moves the
//! traffic through the cluster's own API, under a name of its own, or runs a command.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};
use tokio::process::Command;

use super::run::Errand;
use crate::rehearsal::api::{self, who::PIPELINE};
use crate::rehearsal::cluster::object::text;
use crate::rehearsal::plot::is_done;
use crate::rehearsal::registry::digest;
use crate::rehearsal::scenario::{IMAGE, NAMESPACE, SERVICE};
use crate::rehearsal::world::World;
use crate::sop::colour::Colour;

/// How long the pipeline waits for a rollout.
const ROLLOUT: Duration = Duration::from_secs(120);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(600);
/// Most of a command's output that is kept, in bytes a stream.
const OUTPUT: usize = 256 * 1024;
/// Largest answer of the API that is read.
const ANSWER: usize = 4 * 1024 * 1024;
/// What the smoke tests ask every pod.
const SMOKE: [&str; 2] = ["/health", "/api/v1/fiscal-services?limit=1"];

/// How an errand went.
#[derive(Debug)]
pub(super) struct Done {
    pub well: bool,
    pub lines: Vec<String>,
}

impl Done {
    fn new(well: bool, mut lines: Vec<String>) -> Self {
        if !well {
            lines.push("##[error]Process completed with exit code 1.".into());
        }
        Self { well, lines }
    }
}

/// Sets the version's image on the idle colour and waits for its rollout.
pub(super) async fn deploy(world: &Arc<World>, errand: &Errand) -> Done {
    let image = format!("{IMAGE}:{}", errand.version);
    let name = match idle(world).await {
        Ok(colour) => format!("{SERVICE}-{colour}"),
        Err(why) => return Done::new(false, vec![why]),
    };
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}");
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": SERVICE, "image": image}]}}}});
    if let Err(why) = call(world, Method::PATCH, &path, Some(&patch)).await {
        return Done::new(false, vec![why]);
    }
    let mut lines =
        vec![format!("deployment.apps/{name} image updated to {image} ({})", digest(&errand.version))];
    let mut newest = world.store.subscribe();
    let rollout = async {
        loop {
            newest.borrow_and_update();
            match call(world, Method::GET, &path, None).await {
                Ok(deployment) if is_done(&deployment) => return true,
                // A server that is in trouble may be well again before the time is up.
                Ok(_) | Err(_) => {}
            }
            if newest.changed().await.is_err() {
                return false;
            }
        }
    };
    let well = tokio::time::timeout(ROLLOUT, rollout).await.unwrap_or(false);
    lines.push(match well {
        true => format!("deployment \"{name}\" successfully rolled out"),
        false => "error: timed out waiting for the condition".into(),
    });
    Done::new(well, lines)
}

/// Moves the traffic to the colour that runs the version.
pub(super) async fn switch(world: &Arc<World>, errand: &Errand) -> Done {
    let idle = match idle(world).await {
        Ok(colour) => colour,
        Err(why) => return Done::new(false, vec![why]),
    };
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}");
    let patch = json!({"spec": {"selector": {"version": idle.name()}}});
    match call(world, Method::PATCH, &path, Some(&patch)).await {
        Ok(_) => Done::new(
            true,
            vec![format!("service/{SERVICE} patched: {idle} has the traffic ({})", errand.version)],
        ),
        Err(why) => Done::new(false, vec![why]),
    }
}

/// Asks every pod that runs the version.
pub(super) async fn smoke(world: &Arc<World>, errand: &Errand) -> Done {
    let pods = world.application.serving();
    let mut lines = Vec::new();
    let mut well = true;
    for process in pods.iter().filter(|process| process.version == errand.version) {
        for path in SMOKE {
            let status = process.answer(world, path).await.status;
            well &= status == 200;
            lines.push(format!("{} GET {path}: {status}", process.pod));
        }
    }
    if lines.is_empty() {
        well = false;
        lines.push(format!("no pod runs {}", errand.version));
    }
    Done::new(well, lines)
}

/// Runs a command, its placeholders filled in.
pub(super) async fn command(template: &[String], errand: &Errand) -> Done {
    let image = format!("{IMAGE}:{}", errand.version);
    let filled = |argument: &String| {
        argument
            .replace("{version}", &errand.version)
            .replace("{image}", &image)
            .replace("{sha}", &errand.sha)
    };
    let arguments: Vec<String> = template.iter().map(filled).collect();
    let Some((program, arguments)) = arguments.split_first() else {
        return Done::new(false, vec!["there is no command".into()]);
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output();
    let ran = tokio::time::timeout(COMMAND, output).await;
    let mut lines = vec![format!("Run {program} {}", arguments.join(" "))];
    match ran {
        Ok(Ok(output)) => {
            for stream in [&output.stdout, &output.stderr] {
                let kept = &stream[stream.len().saturating_sub(OUTPUT)..];
                lines.extend(String::from_utf8_lossy(kept).lines().map(str::to_owned));
            }
            Done::new(output.status.success(), lines)
        }
        Ok(Err(error)) => {
            lines.push(format!("{program}: {error}"));
            Done::new(false, lines)
        }
        Err(_) => {
            lines.push("the command took too long and was ended".into());
            Done::new(false, lines)
        }
    }
}

/// The colour without the traffic.
async fn idle(world: &Arc<World>) -> Result<Colour, String> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}");
    let service = call(world, Method::GET, &path, None).await?;
    let selected = text(&service, "/spec/selector/version");
    Ok(if selected == Colour::Blue.name() { Colour::Green } else { Colour::Blue })
}

/// One call of the cluster's API, as the pipeline's own user.
async fn call(
    world: &Arc<World>,
    method: Method,
    path: &str,
    patch: Option<&Value>,
) -> Result<Value, String> {
    let body = patch.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?fieldManager={}", PIPELINE.user))
        .header(AUTHORIZATION, format!("Bearer {}", PIPELINE.token()))
        .header(CONTENT_TYPE, "application/strategic-merge-patch+json")
        .body(Body::from(body))
        .map_err(|error| error.to_string())?;
    let response = api::answer(world, request).await;
    let status = response.status();
    let body =
        Limited::new(response.into_body(), ANSWER).collect().await.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string())?;
    match status.is_success() {
        true => Ok(answer),
        false => Err(format!("Error from server ({status}): {}", text(&answer, "/message"))),
    }
}
