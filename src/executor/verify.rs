//! The checks, against every ready pod of the idle colour (sop.md, "Test green").

use futures::{StreamExt, stream};
use hyper::header::HeaderValue;
use secrecy::ExposeSecret;

use super::check::judge;
use super::fresh::Fresh;
use super::job::{Job, not_done};
use super::papers::RecordChange;
use super::tunnel::{Ask, Tunnel};
use crate::config::HttpCheck;
use crate::journal::What;
use crate::room::message::{Conclusion, StepState};
use crate::sop::cluster::{Cluster, PodState, image_version};
use crate::sop::colour::Colour;
use crate::sop::verification::{CheckOutcome, CheckResult, PodVerification, Verification};

/// Pods that are checked at the same time.
const AT_ONCE: usize = 8;

/// What every pod is asked.
struct Questions<'a> {
    checks: Vec<&'a HttpCheck>,
    version: Option<&'a str>,
    host: String,
    authorization: Option<HeaderValue>,
}

/// Checks `colour` and writes down what was found.
pub(super) async fn run(job: &Job, fresh: &Fresh, colour: Colour) -> Conclusion {
    const STEP: &str = "checks";
    let environment = &job.world.environment;
    let deployment = fresh.cluster.deployments[colour].as_ref();
    let Some(image) = deployment.and_then(|deployment| deployment.image.clone()) else {
        return not_done("nothing was checked: the Deployment's image is not known");
    };
    let version = image_version(&image);
    let pods: Vec<String> = to_check(&fresh.cluster, colour).map(|pod| pod.name.clone()).collect();
    let checks: Vec<&HttpCheck> = applying(&environment.verify.checks, version).collect();
    if pods.is_empty() {
        return not_done(format!("nothing was checked: {} has no ready pods", colour.label()));
    }
    if checks.is_empty() {
        let version = version.unwrap_or("this version");
        return not_done(format!("nothing was checked: no check is configured for {version}"));
    }
    let authorization = match authorization(job).await {
        Ok(authorization) => authorization,
        Err(why) => return not_done(format!("nothing was checked: {why}")),
    };
    let host = host_of(&environment.application.url);
    let questions = Questions { checks, version, host, authorization };
    let since = job.now();
    let all = pods.len();
    job.running(STEP, format!("0 of {all} pods checked")).await;
    let mut running = stream::iter(pods).map(|pod| check_pod(job, &questions, pod)).buffer_unordered(AT_ONCE);
    let mut found: Vec<PodVerification> = Vec::with_capacity(all);
    loop {
        let pod = tokio::select! {
            () = job.stop.cancelled() => {
                return not_done("the checks were broken off: a rollback was ordered; nothing was changed");
            }
            pod = running.next() => pod,
        };
        let Some(pod) = pod else { break };
        found.push(pod);
        job.running(STEP, format!("{} of {all} pods checked", found.len())).await;
    }
    drop(running);
    found.sort_by(|a, b| a.pod.cmp(&b.pod));
    let verification = Verification {
        at: job.now().wall,
        by: job.world.operator.to_string(),
        colour,
        image,
        hash: fresh.cluster.newest_replica_set(colour).and_then(|set| set.hash.clone()),
        pods: found,
    };
    conclude(job, verification, since).await
}

async fn conclude(job: &Job, verification: Verification, since: crate::sop::moment::Moment) -> Conclusion {
    let papers = &job.world.papers;
    papers.owe_journal(What::Verification { id: job.id().clone(), verification: verification.clone() });
    papers.owe_record(RecordChange::Verified(verification.clone()));
    let (pods, colour) = (verification.pods.len(), verification.colour.label());
    match verification.first_trouble() {
        None => {
            let words = format!("{colour}: every check passed in each of {pods} pods");
            job.done("checks", &words, since).await;
            Conclusion::Verified { words }
        }
        Some(trouble) => {
            let failed = verification.pods.iter().filter(|pod| !pod.passed()).count();
            let words = format!("{colour}: {failed} of {pods} pods did not pass: {trouble}");
            job.failed("checks", &words, since).await;
            not_done(format!("{words}; nothing was changed"))
        }
    }
}

/// The pods that would get traffic.
fn to_check(cluster: &Cluster, colour: Colour) -> impl Iterator<Item = &PodState> {
    cluster.pods_of(colour).filter(|pod| pod.ready && !pod.terminating)
}

/// The checks that apply to a version.
fn applying<'a>(checks: &'a [HttpCheck], version: Option<&str>) -> impl Iterator<Item = &'a HttpCheck> {
    checks
        .iter()
        .filter(move |check| check.only_version.is_none() || check.only_version.as_deref() == version)
}

/// The header that the configured token makes.
async fn authorization(job: &Job) -> Result<Option<HeaderValue>, String> {
    let Some(token) = &job.world.environment.application.token else { return Ok(None) };
    let secret = token.read().await.map_err(|error| error.to_string())?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
        .map_err(|_| format!("no token from {token}: it cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Host and port of a URL.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).to_owned()
}

async fn check_pod(job: &Job, questions: &Questions<'_>, pod: String) -> PodVerification {
    let world = &job.world;
    let since = job.now();
    let mut tunnel = Tunnel::new(world.pods(), pod.clone(), world.environment.kubernetes.port, world.clock);
    let mut results = Vec::with_capacity(questions.checks.len());
    for check in &questions.checks {
        results.push(one_check(job, questions, &mut tunnel, check).await);
    }
    let verification = PodVerification { pod, checks: results };
    tell(job, &verification, since).await;
    verification
}

async fn one_check(
    job: &Job,
    questions: &Questions<'_>,
    tunnel: &mut Tunnel,
    check: &HttpCheck,
) -> CheckResult {
    let environment = &job.world.environment;
    let ask =
        Ask { host: &questions.host, path: &check.path, authorization: questions.authorization.as_ref() };
    let (outcome, latency) = match tunnel.get(&ask, environment.verify.timeout).await {
        Ok(answer) => {
            let outcome = judge(check, &answer, questions.version, &environment.application.version);
            (outcome, u64::try_from(answer.latency.as_millis()).ok())
        }
        Err(why) => (CheckOutcome::Unknown(why), None),
    };
    CheckResult { path: check.path.clone(), outcome, latency_ms: latency }
}

/// A line per pod.
async fn tell(job: &Job, pod: &PodVerification, since: crate::sop::moment::Moment) {
    let mut words = Vec::with_capacity(pod.checks.len());
    let mut state = StepState::Done;
    for check in &pod.checks {
        words.push(match (&check.outcome, check.latency_ms) {
            (CheckOutcome::Pass, Some(ms)) => format!("{} ok in {ms} ms", check.path),
            (CheckOutcome::Pass, None) => format!("{} ok", check.path),
            (CheckOutcome::Fail(why), _) => {
                state = StepState::Failed;
                format!("{}: {why}", check.path)
            }
            (CheckOutcome::Unknown(why), _) => {
                if state != StepState::Failed {
                    state = StepState::Unknown;
                }
                format!("{}: not known: {why}", check.path)
            }
        });
    }
    job.ended(format!("pod {}", pod.pod), state, words.join(", "), since).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_that_of_the_public_url() {
        let cases = [
            ("https://api.taxasge.com", "api.taxasge.com"),
            ("http://user:pw@198.51.100.129:8080/x?y", "198.51.100.129:8080"),
            ("http://[2001:db8::1]:80/", "[2001:db8::1]:80"),
        ];
        for (url, host) in cases {
            assert_eq!(host_of(url), host);
        }
    }

    #[test]
    fn a_releases_own_checks_are_for_it_alone() {
        let check = |only: Option<&str>| HttpCheck {
            path: "/".into(),
            status: 200,
            expect: Vec::new(),
            max_latency: None,
            only_version: only.map(str::to_owned),
            version: true,
        };
        let checks = [check(None), check(Some("v2"))];
        assert_eq!(applying(&checks, Some("v2")).count(), 2);
        assert_eq!(applying(&checks, Some("v1")).count(), 1);
        assert_eq!(applying(&checks, None).count(), 1);
    }

    #[test]
    fn pods_that_are_going_or_not_ready_are_not_checked() {
        let mut cluster = Cluster::default();
        for (name, ready, terminating) in [("a", true, false), ("b", true, true), ("c", false, false)] {
            let pod = PodState {
                name: name.into(),
                colour: Some(Colour::Green),
                ready,
                terminating,
                ..PodState::default()
            };
            cluster.pods.insert(name.into(), pod);
        }
        let names: Vec<&str> = to_check(&cluster, Colour::Green).map(|pod| pod.name.as_str()).collect();
        assert_eq!(names, ["a"]);
    }
}
