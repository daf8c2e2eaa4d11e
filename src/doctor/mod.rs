//! `cutover doctor`: everything that an operation will need, looked at before it is
//! needed, one finding a line. Nothing is changed: mutations are rehearsed by the
//! server itself (`dryRun=All`).

mod github;
mod measure;
mod pair;
mod reach;
mod rehearse;
mod rights;

use serde::Serialize;

use crate::cli::Output;
use crate::config::Environment;
use crate::sources::kubernetes::read_cluster;

/// What was looked at and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub what: String,
    pub verdict: Verdict,
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It works, but somebody should know.
    Warn,
    /// Something needed is missing.
    Fail,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    /// The word in the text form, all of one width.
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok  ",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Unknown => "?   ",
        }
    }
}

impl Finding {
    fn new(what: impl Into<String>, verdict: Verdict, seen: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, seen: seen.into(), advice: None }
    }

    fn ok(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(what, Verdict::Ok, seen)
    }

    fn warn(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(what, Verdict::Warn, seen)
    }

    fn fail(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(what, Verdict::Fail, seen)
    }

    fn unknown(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(what, Verdict::Unknown, seen)
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Looks at everything, in the order in which one thing rests on another. What could
/// not be reached is told once, not again for everything behind it.
pub async fn examine(environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![reach::configuration(environment)];
    findings.extend(reach::tokens(environment).await);
    let probe = reach::probe(environment);
    let cluster = examine_cluster(environment);
    let (cluster, probe, measured, github) =
        tokio::join!(cluster, probe, measure::examine(environment), github::examine(environment));
    findings.extend(github);
    findings.extend(cluster);
    findings.push(probe);
    findings.extend(measured);
    findings
}

async fn examine_cluster(environment: &Environment) -> Vec<Finding> {
    let names = &environment.kubernetes;
    let (connection, finding) = reach::connect(names).await;
    let mut findings = vec![finding];
    let Some(connection) = connection else { return findings };
    let (reachable, server) = reach::server(&connection, names).await;
    findings.extend(server);
    if !reachable {
        return findings;
    }
    let cluster = match read_cluster(&connection, names).await {
        Ok(cluster) => Some(cluster),
        Err(error) => {
            findings.push(Finding::fail("pair", error.to_string()));
            None
        }
    };
    if let Some(cluster) = &cluster {
        findings.push(pair::namespace(&connection, cluster).await);
        findings.extend(pair::examine(cluster, names));
    }
    let (rights, rehearsed) = tokio::join!(
        rights::examine(&connection, environment),
        rehearse::examine(&connection, environment, cluster.as_ref()),
    );
    findings.extend(rights);
    findings.extend(rehearsed);
    findings
}

/// The findings as lines: aligned text, or one JSON object each.
#[must_use]
pub fn render(findings: &[Finding], output: Output) -> String {
    let lines: Vec<String> = match output {
        Output::Text => text(findings),
        Output::Json => findings.iter().filter_map(|finding| serde_json::to_string(finding).ok()).collect(),
    };
    lines.join("\n")
}

fn text(findings: &[Finding]) -> Vec<String> {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::with_capacity(findings.len() + 1);
    for finding in findings {
        lines.push(format!("{}  {:width$}  {}", finding.verdict.word(), finding.what, finding.seen));
        if let Some(advice) = &finding.advice {
            lines.push(format!("      {:width$}  → {advice}", ""));
        }
    }
    lines.push(summary(findings));
    lines
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (failed, warned, unknown) = (count(Verdict::Fail), count(Verdict::Warn), count(Verdict::Unknown));
    match (failed, warned, unknown) {
        (0, 0, 0) => "everything that is needed is there".to_owned(),
        (0, _, _) => format!("nothing needed is missing; {warned} to know about, {unknown} unknown"),
        _ => format!("{failed} missing; {warned} to know about, {unknown} unknown"),
    }
}

/// 1 when something needed is missing, else 0.
#[must_use]
pub fn exit_status(findings: &[Finding]) -> u8 {
    u8::from(findings.iter().any(|finding| finding.verdict == Verdict::Fail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("server", "v1.33.1"),
            Finding::warn("clock", "5 s ahead").advise("set the clock"),
            Finding::unknown("namespace", "may not be read"),
        ]
    }

    #[test]
    fn text_is_aligned_and_ends_with_a_summary() {
        assert_eq!(
            render(&findings(), Output::Text),
            "ok    server     v1.33.1\n\
             warn  clock      5 s ahead\n      \u{20}          → set the clock\n\
             ?     namespace  may not be read\n\
             nothing needed is missing; 1 to know about, 1 unknown"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let lines = render(&findings(), Output::Json);
        let objects: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 3);
        assert_eq!(objects[1]["verdict"], "warn");
        assert_eq!(objects[1]["advice"], "set the clock");
        assert_eq!(objects[0].get("advice"), None);
    }

    #[test]
    fn only_what_is_missing_fails() {
        let mut findings = findings();
        assert_eq!(exit_status(&findings), 0);
        findings.push(Finding::fail("service", "there is none"));
        assert_eq!(exit_status(&findings), 1);
    }
}
