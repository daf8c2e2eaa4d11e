//! What steps write, and a job's log in GitHub's form.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::run::{Job, Step};
use super::workflow::Stage;
use crate::rehearsal::registry::digest;
use crate::rehearsal::scenario::IMAGE;

/// What a step writes that only takes its time.
pub(super) fn lines(step: &Step, version: &str, sha: &str, fails: bool) -> Vec<String> {
    let lines: &[&str] = match (step.stage, fails) {
        (Some(Stage::Tests), false) => &[
            "collected 412 items",
            "tests/test_declarations.py ....................",
            "============ 412 passed in 48.31s ============",
            "Total coverage: 87.4 %",
        ],
        (Some(Stage::Tests), true) => &[
            "collected 412 items",
            "tests/test_webhooks.py ....F..",
            "E       AssertionError: signature of a replayed webhook was accepted",
            "tests/test_webhooks.py:118: AssertionError",
            "============ 1 failed, 411 passed in 49.02s ============",
        ],
        (Some(Stage::Backup), _) => &["pg_dump: dumping contents of database \"taxasge\"", "backup complete"],
        (Some(Stage::Migrations), _) => &[
            "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.",
            "INFO  [alembic.runtime.migration] Will assume transactional DDL.",
        ],
        (Some(Stage::Smoke), true) => {
            &["GET /health: 200", "GET /api/v1/fiscal-services?limit=1: 500", "smoke tests failed"]
        }
        (Some(Stage::Smoke), false) => &["GET /health: 200", "GET /api/v1/fiscal-services?limit=1: 200"],
        _ => &[],
    };
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    match step.stage {
        Some(Stage::Build) => lines.push(format!("Successfully tagged {IMAGE}:{version}")),
        Some(Stage::Push) => lines.extend([
            format!("{version}: digest: {} size: 1780", digest(version)),
            format!("pushed {IMAGE}:{version} for {sha}"),
        ]),
        _ => {}
    }
    if fails {
        lines.push("##[error]Process completed with exit code 1.".into());
    }
    lines
}

/// A job's log: every line with its time, each step in a group.
#[must_use]
pub fn text(job: &Job) -> String {
    let mut text = String::new();
    let mut write = |at: Timestamp, line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {line}", at.strftime("%Y-%m-%dT%H:%M:%S.%6f0Z"));
    };
    for step in &job.steps {
        let Some(started) = step.started else { continue };
        write(started, &format!("##[group]{}", step.name));
        write(started, "##[endgroup]");
        for (at, line) in &step.lines {
            write(*at, line);
        }
    }
    text
}
