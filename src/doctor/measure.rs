//! What is measured: every query asked once, the histogram's bounds, and the alerts.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use crate::config::{Asked, Environment, Metrics, WatchedSignal};
use crate::sop::alert::AlertState;
use crate::sop::colour::Colour;
use crate::sop::signal::{Reading, Rule, Signal, Unit};
use crate::sources::alerts::Reader;
use crate::sources::http::{Pass, Trouble};
use crate::sources::pagerduty;
use crate::sources::prometheus::{InstantAnswer, Prometheus};
use crate::sources::text::clean;

/// A histogram's name and the conditions on its labels, quoted braces and all.
#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by a test")]
static BUCKETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[a-zA-Z_:][a-zA-Z0-9_:]*_bucket\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?"#).unwrap()
});

/// Everything about metrics and alerts.
pub(super) async fn examine(environment: &Environment) -> Vec<Finding> {
    let mut findings = match &environment.metrics {
        Some(metrics) => examine_metrics(metrics).await,
        None => vec![
            Finding::warn("metrics", "not configured: the watch can never pass by itself")
                .advise("set metrics.url to Prometheus, or to Grafana's proxy to it"),
        ],
    };
    findings.push(examine_alerts(environment).await);
    findings.extend(examine_duty(environment).await);
    findings
}

async fn examine_metrics(metrics: &Metrics) -> Vec<Finding> {
    let url = clean(&metrics.endpoint.url);
    let failed = |why: &str| {
        vec![
            Finding::fail("metrics", format!("{url}: {why}"))
                .advise("nothing that rests on metrics works without it: check [metrics]"),
        ]
    };
    let prometheus = match Prometheus::new(metrics.endpoint.clone()).await {
        Ok(prometheus) => prometheus,
        Err(why) => return failed(&why),
    };
    let pass = match prometheus.pass().await {
        Ok(pass) => pass,
        Err(trouble) => return failed(trouble.words()),
    };
    let doctor = Doctor { prometheus, pass };
    // Asked first: what is wrong with the server is told once, not for every query.
    if let Err(trouble) = doctor.ask("vector(1)").await {
        return failed(trouble.words());
    }
    let mut findings = vec![Finding::ok("metrics", format!("{url} answers"))];
    for watched in &metrics.signals {
        findings.push(doctor.signal(watched).await);
        findings.extend(doctor.beside(watched).await);
        findings.extend(doctor.bounds(watched).await);
    }
    findings
}

/// Asks one Prometheus.
struct Doctor {
    prometheus: Prometheus,
    pass: Pass,
}

impl Doctor {
    async fn ask(&self, text: &str) -> Result<InstantAnswer, Trouble> {
        self.prometheus.query(&self.pass, text, None, self.prometheus.server().limit()).await
    }

    /// The value itself, of everything or else of each colour.
    async fn signal(&self, watched: &WatchedSignal) -> Finding {
        let signal = &watched.signal;
        let mut seen = Vec::new();
        let mut good = 0;
        for (of, text) in scopes(&watched.queries.value) {
            let told = match self.ask(text).await.map(|answer| answer.reading()) {
                Ok(Reading::Value(value)) => {
                    good += 1;
                    signal.unit.show(value)
                }
                Ok(Reading::Partial { value, warnings }) => {
                    format!("{}, but with warnings: {warnings}", signal.unit.show(value))
                }
                Ok(Reading::NoData(why) | Reading::Failed(why)) => why,
                Err(trouble) => trouble.words().to_owned(),
            };
            seen.push(format!("{of}{told}"));
        }
        let (what, words) = (name(signal), seen.join("; "));
        let advice = format!("check metrics.preset, or give the signal {} a query that finds it", signal.id);
        match (good == seen.len(), signal.needed) {
            (true, _) => Finding::ok(what, words),
            (false, true) => Finding::fail(what, format!("{words}; no switch without it")).advise(advice),
            (false, false) => {
                Finding::warn(what, words).advise(format!("{advice}; or leave it out (enabled = false)"))
            }
        }
    }

    /// What belongs to the value: only what is wrong with it is told.
    async fn beside(&self, watched: &WatchedSignal) -> Vec<Finding> {
        let (signal, queries) = (&watched.signal, &watched.queries);
        let all = [
            ("volume_query", &queries.volume),
            ("bad_query", &queries.bad),
            ("all_query", &queries.all),
            ("maximum_query", &queries.maximum),
        ];
        let mut findings = Vec::new();
        for (key, asked) in all {
            let Some((_, text)) = asked.as_ref().and_then(|asked| scopes(asked).next()) else { continue };
            let answer = self.ask(text).await;
            // No failed request so far is no series so far.
            if key == "bad_query" && answer.as_ref().is_ok_and(|answer| answer.count == 0) {
                continue;
            }
            let what = format!("{}, {key}", name(signal));
            match answer.map(|answer| (answer.number(), answer.reading())) {
                Ok((Some(requests), _)) if key == "volume_query" => {
                    findings.extend(too_few(signal, requests, &what));
                }
                Ok((Some(_), _)) => {}
                Ok((None, Reading::NoData(why) | Reading::Failed(why))) => {
                    findings.push(Finding::warn(what, why).advise(format!("check {key} of the signal")));
                }
                Ok((None, _)) => findings.push(Finding::warn(what, "no number")),
                Err(trouble) => findings
                    .push(Finding::fail(what, trouble.words()).advise(format!("check {key} of the signal"))),
            }
        }
        findings
    }

    /// A percentile never exceeds its histogram's last finite bound: an alert at or above
    /// that bound can never be raised (FACTS, section 3). Several histograms in one query
    /// are alternatives, as `or` has it: the first one that there is counts.
    async fn bounds(&self, watched: &WatchedSignal) -> Option<Finding> {
        let signal = &watched.signal;
        let (Rule::Above { alert, .. }, Unit::Milliseconds) = (signal.rule, signal.unit) else {
            return None;
        };
        let (_, text) = scopes(&watched.queries.value).next()?;
        for histogram in BUCKETS.find_iter(text).map(|found| found.as_str().trim()) {
            let Ok(answer) = self.ask(&format!("count by (le) ({histogram})")).await else { continue };
            let scale = if histogram.contains("_milliseconds") { 1.0 } else { 1000.0 };
            let bounds = answer.series.iter().filter_map(|series| series.labels.get("le")?.parse().ok());
            let Some(last) = last_finite(bounds) else { continue };
            let histogram = histogram.split('{').next().unwrap_or_default().trim();
            return Some(bound(signal, histogram, last * scale, alert));
        }
        None
    }
}

fn name(signal: &Signal) -> String {
    format!("signal {}", signal.id)
}

/// The texts that are asked: of everything, or of each colour where only they are measured.
fn scopes(asked: &Asked) -> impl Iterator<Item = (String, &str)> {
    let total = asked.total.iter().map(|text| (String::new(), text.as_str()));
    let colours = asked.colours.iter().filter(|_| asked.total.is_none()).flat_map(|colours| {
        Colour::ALL.map(|colour| (format!("{}: ", colour.label()), colours[colour].as_str()))
    });
    total.chain(colours)
}

fn too_few(signal: &Signal, requests: f64, what: &str) -> Option<Finding> {
    #[expect(clippy::cast_precision_loss, reason = "a small number of requests")]
    let minimum = signal.minimum_volume as f64;
    let seconds = signal.window.as_secs();
    (requests < minimum).then(|| {
        Finding::warn(what, format!("{requests:.0} requests in {seconds} s, {minimum} are needed to judge"))
            .advise("with so little traffic set a longer metrics.window, or minimum_volume of the signal")
    })
}

fn last_finite(bounds: impl Iterator<Item = f64>) -> Option<f64> {
    bounds.filter(|bound| bound.is_finite()).max_by(f64::total_cmp)
}

fn bound(signal: &Signal, histogram: &str, last: f64, alert: f64) -> Finding {
    let what = format!("{}, buckets", name(signal));
    let (last_shown, alert_shown) = (signal.unit.show(last), signal.unit.show(alert));
    if last > alert {
        return Finding::ok(
            what,
            format!("{histogram} reaches {last_shown}, beyond the alert {alert_shown}"),
        );
    }
    let seen =
        format!("the last bucket of {histogram} ends at {last_shown}: more than {alert_shown} never shows");
    Finding::fail(what, seen).advise("give the histogram a bucket beyond the alert, or set a lower alert")
}

async fn examine_alerts(environment: &Environment) -> Finding {
    const WHAT: &str = "alerts";
    let Some(config) = &environment.alerts else {
        return Finding::warn(WHAT, "not configured: no P0 alert is a reason to roll back")
            .advise("set alerts.alertmanager, or metrics.url to a Prometheus with alert rules");
    };
    let from = config.alertmanager.as_ref().or(environment.metrics.as_ref().map(|metrics| &metrics.endpoint));
    let from = from.map(|endpoint| clean(&endpoint.url)).unwrap_or_default();
    let read = match Reader::new(config, environment.metrics.as_ref()).await {
        Ok(reader) => reader.read().await.map_err(|trouble| trouble.words().to_owned()),
        Err(why) => Err(why),
    };
    let alerts = match read {
        Ok(alerts) => alerts,
        Err(why) => {
            return Finding::fail(WHAT, format!("{from}: {why}"))
                .advise("check [alerts]: without it no P0 alert is seen");
        }
    };
    let count = |state| alerts.iter().filter(|alert| alert.state == state).count();
    let seen = format!(
        "{from}: {} firing, {} pending, {} silenced",
        count(AlertState::Firing),
        count(AlertState::Pending),
        count(AlertState::Silenced)
    );
    match alerts.iter().find(|alert| alert.p0 && alert.state == AlertState::Firing) {
        Some(alert) => Finding::warn(WHAT, format!("{seen}; {} is P0", alert.name))
            .advise("look at it before anything is released"),
        None => Finding::ok(WHAT, seen),
    }
}

/// Nothing rests on it: without it the room does not know who is on call.
async fn examine_duty(environment: &Environment) -> Option<Finding> {
    const WHAT: &str = "on-call";
    let config = environment.pagerduty.as_ref()?;
    let read = match pagerduty::Reader::new(config).await {
        Ok(reader) => reader.read().await.map_err(|trouble| trouble.words().to_owned()),
        Err(why) => Err(why),
    };
    Some(match read {
        Ok(duty) if duty.on_call.is_empty() => Finding::warn(WHAT, "PagerDuty names nobody")
            .advise("check pagerduty.escalation_policy; before a release somebody must be on call"),
        Ok(duty) => {
            let name = duty.on_call.first().map_or("", |person| person.name.as_str());
            Finding::ok(WHAT, format!("{name} is on call; {} open incidents", duty.incidents.len()))
        }
        Err(why) => Finding::warn(WHAT, why).advise("check [pagerduty]: its URL and its token"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn histograms_are_found_with_their_conditions() {
        let text = r#"1000 * histogram_quantile(0.95, sum by (le) (
            rate(a_seconds_bucket{pod=~"x{2}-[^-]+",b!="\"}"}[1m]) or rate(b_bucket[1m])))"#;
        let found: Vec<&str> = BUCKETS.find_iter(text).map(|found| found.as_str()).collect();
        assert_eq!(found, [r#"a_seconds_bucket{pod=~"x{2}-[^-]+",b!="\"}"}"#, "b_bucket"]);
    }

    #[test]
    fn an_alert_at_or_beyond_the_last_bucket_can_never_be_raised() {
        let last = |bounds: &[f64]| last_finite(bounds.iter().copied());
        assert_eq!(last(&[0.1, f64::INFINITY, 1.0, f64::NAN]), Some(1.0));
        assert_eq!(last(&[f64::INFINITY]), None);
        let verdict = |last| bound(&Signal::p95(), "x_bucket", last, 1000.0).verdict;
        assert_eq!([999.0, 1000.0, 1000.1].map(verdict), [Verdict::Fail, Verdict::Fail, Verdict::Ok]);
    }

    #[test]
    fn little_traffic_is_told() {
        let signal = Signal::error_rate();
        assert_eq!(too_few(&signal, 19.6, "x").unwrap().verdict, Verdict::Warn);
        assert_eq!(too_few(&signal, 20.0, "x"), None);
    }
}
