//! What a container wrote: the last lines, those since a time, and all that come.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch::Receiver;

use crate::rehearsal::api::status::Failure;
use crate::rehearsal::application::Process;
use crate::rehearsal::application::log::{Progress, Written};
use crate::rehearsal::cluster::object::{name, text};
use crate::rehearsal::world::World;

/// Most lines in one piece of an answer.
const PIECE: usize = 1000;

/// What is asked of a log.
#[derive(Clone, Debug, Default, PartialEq)]
struct Query {
    follow: bool,
    timestamps: bool,
    previous: bool,
    tail: Option<usize>,
    since: Option<Timestamp>,
    limit: Option<usize>,
}

/// Answers `GET …/pods/{name}/log`.
///
/// # Errors
/// 400 where the question cannot be read or the container has not run yet.
pub fn serve(
    world: &Arc<World>,
    pod: &Value,
    parameters: &HashMap<String, String>,
) -> Result<Response<Body>, Failure> {
    let query = Query::read(parameters, world.now())?;
    let container = container(pod, parameters.get("container").map(String::as_str).unwrap_or_default())?;
    let pod_name = name(pod);
    let process = match query.previous {
        true => world.application.previous(pod_name).ok_or_else(|| {
            Failure::bad(format!(
                "previous terminated container \"{container}\" in pod \"{pod_name}\" not found"
            ))
        })?,
        false => world.application.current(pod_name).ok_or_else(|| not_started(pod, container))?,
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(
        Reading::new(process, query),
        |mut reading| async move {
            let piece = reading.next().await?;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(piece)), reading))
        },
    )));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// The container that is meant: the one that is named, or the only one.
fn container<'v>(pod: &'v Value, asked: &str) -> Result<&'v str, Failure> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let mut names = containers.into_iter().flatten().map(|container| text(container, "/name"));
    match asked {
        "" => names.next().ok_or_else(|| Failure::bad(format!("pod {} has no containers", name(pod)))),
        asked => names
            .find(|name| *name == asked)
            .ok_or_else(|| Failure::bad(format!("container {asked} is not valid for pod {}", name(pod)))),
    }
}

fn not_started(pod: &Value, container: &str) -> Failure {
    let reason = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    let reason = if reason.is_empty() { "ContainerCreating" } else { reason };
    let pod = name(pod);
    Failure::bad(format!("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}"))
}

impl Query {
    fn read(parameters: &HashMap<String, String>, now: Timestamp) -> Result<Self, Failure> {
        let flag = |name: &str| parameters.get(name).is_some_and(|value| value == "true" || value == "1");
        let number = |name: &str| match parameters.get(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<u32>()
                .map(|number| Some(number as usize))
                .map_err(|_| Failure::bad(format!("{name} must be greater than or equal to 0, not {text}"))),
        };
        let since = match (parameters.get("sinceTime"), number("sinceSeconds")?) {
            (Some(_), Some(_)) => {
                return Err(Failure::bad("at most one of `sinceTime` or `sinceSeconds` may be specified"));
            }
            (Some(time), None) => {
                Some(time.parse().map_err(|_| Failure::bad(format!("sinceTime is no time: {time}")))?)
            }
            (None, Some(seconds)) => {
                let back = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                now.checked_sub(back).ok()
            }
            (None, None) => None,
        };
        Ok(Self {
            follow: flag("follow"),
            timestamps: flag("timestamps"),
            previous: flag("previous"),
            tail: number("tailLines")?,
            since,
            limit: number("limitBytes")?,
        })
    }
}

/// A log that is being read.
struct Reading {
    process: Arc<Process>,
    query: Query,
    progress: Receiver<Progress>,
    /// The number of the next line; `None` before the first.
    next: Option<u64>,
    /// Read and not yet sent, in reverse.
    waiting: Vec<Written>,
    sent: usize,
}

impl Reading {
    fn new(process: Arc<Process>, query: Query) -> Self {
        let progress = process.log.subscribe();
        Self { process, query, progress, next: None, waiting: Vec::new(), sent: 0 }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.waiting.is_empty() {
                let progress = *self.progress.borrow_and_update();
                let fresh = self.read();
                if !fresh && (progress.ended || !self.query.follow) {
                    return None;
                }
                if !fresh && self.progress.changed().await.is_err() {
                    return None;
                }
                continue;
            }
            if self.query.limit.is_some_and(|limit| self.sent >= limit) {
                return None;
            }
            let piece = self.piece();
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    }

    /// Reads what has come; whether anything has.
    fn read(&mut self) -> bool {
        let first = self.next.is_none();
        let (mut lines, next) = self.process.log.from(self.next.unwrap_or(0));
        self.next = Some(next);
        if let Some(since) = self.query.since {
            lines.retain(|line| line.at >= since);
        }
        if first && let Some(tail) = self.query.tail {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        lines.reverse();
        self.waiting = lines;
        !self.waiting.is_empty()
    }

    fn piece(&mut self) -> String {
        let mut piece = String::new();
        let keep = self.waiting.len().saturating_sub(PIECE);
        for line in self.waiting.drain(keep..).rev() {
            if self.query.timestamps {
                piece.push_str(&nanoseconds(line.at));
                piece.push(' ');
            }
            piece.push_str(&line.text);
            piece.push('\n');
        }
        if let Some(limit) = self.query.limit {
            let left = limit.saturating_sub(self.sent);
            let cut = (0..=left.min(piece.len())).rev().find(|at| piece.is_char_boundary(*at)).unwrap_or(0);
            self.sent += piece.len();
            piece.truncate(cut);
        }
        piece
    }
}

/// RFC 3339 with nine digits, so that texts are in the order of times.
fn nanoseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::application::Conduct;
    use crate::rehearsal::application::process::Nature;
    use crate::rehearsal::scenario::Scenario;

    fn line(second: i64, text: &str) -> Written {
        Written { at: Timestamp::from_second(second).unwrap(), text: text.into() }
    }

    fn world() -> Arc<World> {
        let world = World::new(Scenario::default(), 1);
        let nature = Nature {
            conduct: Conduct::of(&world.scenario.users, &json!({})),
            faults: None,
            started: world.clock.now(),
            limit_mib: None,
        };
        let process = world.application.start(Process::new("p", "v1.0.0", nature));
        process.log.write([line(1, "one"), line(2, "two"), line(3, "three")]);
        world
    }

    fn pod() -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "backend"}]}})
    }

    async fn read(world: &Arc<World>, parameters: &[(&str, &str)]) -> Result<String, Failure> {
        let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let body = serve(world, &pod(), &parameters)?.into_body();
        Ok(String::from_utf8(axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_tail_the_time_and_the_limit_are_heeded() {
        let world = world();
        assert_eq!(read(&world, &[]).await.unwrap(), "one\ntwo\nthree\n");
        assert_eq!(read(&world, &[("tailLines", "1")]).await.unwrap(), "three\n");
        let since = [("sinceTime", "1970-01-01T00:00:02Z"), ("timestamps", "true")];
        assert!(read(&world, &since).await.unwrap().starts_with("1970-01-01T00:00:02.000000000Z two\n"));
        assert_eq!(read(&world, &[("limitBytes", "5")]).await.unwrap(), "one\nt");
        for wrong in
            [[("tailLines", "-1")], [("container", "x")], [("previous", "true")], [("sinceTime", "now")]]
        {
            assert_eq!(read(&world, &wrong).await.unwrap_err().code, 400, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_followed_log_ends_with_its_run() {
        let world = world();
        let process = world.application.current("p").unwrap();
        let following = tokio::spawn({
            let world = Arc::clone(&world);
            async move { read(&world, &[("follow", "true"), ("tailLines", "1")]).await.unwrap() }
        });
        process.log.write([line(4, "four")]);
        process.log.end();
        let text = following.await.unwrap();
        assert!(text.ends_with("four\n"), "{text}");
    }
}
