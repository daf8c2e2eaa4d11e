//! What has to be reached: the configuration's secrets, the cluster, the public URL.

use std::time::Duration;

use tokio::time::timeout;

use super::{Finding, Verdict};
use crate::clock::Clock;
use crate::config::{Environment, Kubernetes, VersionSource};
use crate::sources::kubernetes::{self, Connection, beat, explain};
use crate::sources::probe::probe_once;
use crate::sources::text::clean;

/// How long the server may take to tell its version.
const LIMIT: Duration = Duration::from_secs(10);
/// Clocks that differ by more make times on the screen puzzling.
const SKEW_WARN: i64 = 2;
/// Clocks that differ by more make tokens and leases fail.
const SKEW_FAIL: i64 = 30;

/// The configuration was read before this runs; its mistakes end the program earlier.
pub(super) fn configuration(environment: &Environment) -> Finding {
    let kind = if environment.production { "production" } else { "not production" };
    let writes = if environment.read_only { "read-only" } else { "changes allowed" };
    let names = &environment.kubernetes;
    let seen =
        format!("{} ({kind}, {writes}): service {}/{}", environment.name, names.namespace, names.service);
    Finding::ok("configuration", seen)
}

/// Whether every configured token can be read. The tokens themselves are not shown.
pub(super) async fn tokens(environment: &Environment) -> Vec<Finding> {
    let alertmanager = environment.alerts.as_ref().and_then(|alerts| alerts.alertmanager.as_ref());
    let database = environment.database.as_ref();
    let sources = [
        ("token for the cluster", environment.kubernetes.token.as_ref()),
        ("token for the application", environment.application.token.as_ref()),
        (
            "token for metrics",
            environment.metrics.as_ref().and_then(|metrics| metrics.endpoint.token.as_ref()),
        ),
        ("token for PagerDuty", environment.pagerduty.as_ref().and_then(|duty| duty.endpoint.token.as_ref())),
        ("token for GitHub", environment.github.as_ref().and_then(|github| github.endpoint.token.as_ref())),
        ("password of the database", database.and_then(|database| database.own.as_ref()?.password.as_ref())),
        (
            "password of staging's database",
            database.and_then(|database| database.staging.as_ref()?.password.as_ref()),
        ),
        ("token for alerts", alertmanager.and_then(|endpoint| endpoint.token.as_ref())),
    ];
    let mut findings = Vec::new();
    for (what, source) in sources {
        let Some(source) = source else { continue };
        findings.push(match source.read().await {
            Ok(_) => Finding::ok(what, format!("read from {source}")),
            Err(error) => Finding::fail(what, clean(&error.to_string())),
        });
    }
    findings
}

/// The kubeconfig, its context and its credentials.
pub(super) async fn connect(names: &Kubernetes) -> (Option<Connection>, Finding) {
    match Connection::open(names).await {
        Ok(connection) => {
            let seen = format!("context {}, user {}", connection.context, connection.user);
            (Some(connection), Finding::ok("kubeconfig", seen))
        }
        Err(error) => (None, Finding::fail("kubeconfig", clean(&error.to_string()))),
    }
}

/// The server's version and clock; false when it cannot be reached.
pub(super) async fn server(connection: &Connection, names: &Kubernetes) -> (bool, Vec<Finding>) {
    let version = match timeout(LIMIT, connection.client.apiserver_version()).await {
        Ok(Ok(info)) => Ok(format!("Kubernetes {}", clean(&info.git_version))),
        // An old or closed server may keep its version to itself.
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Ok("version not told".to_owned()),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    };
    let seen = match version {
        Ok(version) => format!("{version} at {}", connection.server),
        Err(why) => return (false, vec![Finding::fail("server", format!("{}: {why}", connection.server))]),
    };
    let mut findings = vec![Finding::ok("server", seen)];
    findings.push(match beat(connection, &names.service, Clock::start()).await {
        Ok(beat) => clock(beat.heartbeat.skew_seconds),
        Err(why) => Finding::unknown("clock", format!("the server's clock was not seen: {why}")),
    });
    (true, findings)
}

fn clock(skew: Option<i64>) -> Finding {
    const WHAT: &str = "clock";
    const ADVICE: &str = "set this machine's clock (NTP); tokens, leases and ages depend on it";
    let Some(skew) = skew else {
        return Finding::unknown(WHAT, "the server does not tell the time (no Date header)");
    };
    let side = if skew > 0 { "ahead of" } else { "behind" };
    let seen = format!("{} s {side} the server's", skew.unsigned_abs());
    match skew.saturating_abs() {
        0 => Finding::ok(WHAT, "with the server's"),
        apart if apart > SKEW_FAIL => Finding::fail(WHAT, seen).advise(ADVICE),
        apart if apart > SKEW_WARN => Finding::warn(WHAT, seen).advise(ADVICE),
        _ => Finding::ok(WHAT, seen),
    }
}

/// The public URL, asked once.
pub(super) async fn probe(environment: &Environment) -> Finding {
    let application = &environment.application;
    let what = "public URL";
    let url = clean(&format!("{}{}", application.url, application.probe_path));
    let probe = probe_once(application).await;
    let latency = probe.latency.as_millis();
    match (&probe.answer, &probe.version) {
        (Ok(status @ 200..=299), Some(version)) => {
            Finding::ok(what, format!("{url}: {status} in {latency} ms, version {version}"))
        }
        (Ok(status @ 200..=299), None) => Finding::fail(what, format!("{url}: {status}, but no version"))
            .advise(format!(
                "the answer must name it in {}; without it a switch cannot be verified",
                place(&application.version)
            )),
        (Ok(status), _) => Finding::new(what, Verdict::Fail, format!("{url}: {status}"))
            .advise("check application.url and application.probe_path"),
        (Err(why), _) => {
            Finding::fail(what, format!("{url}: {why}")).advise("check application.url, from this machine")
        }
    }
}

fn place(version: &VersionSource) -> String {
    match version {
        VersionSource::Header(name) => format!("the header {}", clean(name)),
        VersionSource::JsonPointer(pointer) => format!("its JSON body at {}", clean(pointer)),
    }
}

/// Kept beside its users: the name of the objects that operators share.
pub(super) fn shared_name(names: &Kubernetes) -> String {
    kubernetes::shared_name(&names.service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_its_distance() {
        assert_eq!(clock(Some(0)).verdict, Verdict::Ok);
        assert_eq!(clock(Some(-2)).verdict, Verdict::Ok);
        assert_eq!(clock(Some(3)).seen, "3 s ahead of the server's");
        assert_eq!(clock(Some(3)).verdict, Verdict::Warn);
        assert_eq!(clock(Some(-31)).verdict, Verdict::Fail);
        assert_eq!(clock(Some(i64::MIN)).verdict, Verdict::Fail);
        assert_eq!(clock(None).verdict, Verdict::Unknown);
    }
}
