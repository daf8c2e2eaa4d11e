//! The repository at its start: releases that went well, a branch `develop` that is
//! ahead of `main` by the release to come, and it stands on staging for days.

use jiff::{SignedDuration, Timestamp};

use super::control::VERSION_FILE;
use super::deployment::environment_id;
use super::git::Tree;
use super::merging::Merge;
use super::people::{DEVELOPER, ORCHESTRATOR, Person};
use super::plot::{Plot, Twist};
use super::release::Wanted;
use super::state::State;
use super::thread::Verdict;
use super::workflow::{PRODUCTION, Workflow};
use crate::rehearsal::scenario::Scenario;

/// Versions before the one that runs now.
const EARLIER: [&str; 4] = ["v0.7.0", "v0.8.0", "v0.8.1", "v0.9.0"];
/// Days between two releases.
const APART: i64 = 14;

/// The state at the start of a scenario.
#[must_use]
pub fn state(scenario: &Scenario, base: &str, now: Timestamp) -> State {
    // In the past nobody acted on the cluster of today, and nothing went wrong.
    let past = Plot {
        colleagues_review: false,
        past: true,
        step: scenario.github.step,
        deploy_by: scenario.github.deploy_by,
        ..Plot::default()
    };
    let mut state = State::new(past);
    base.clone_into(&mut state.base);
    let mut at = days_before(now, APART * (EARLIER.len() as i64 + 1));
    let root = state.git.commit(Vec::new(), files(EARLIER[0], &state.plot), "Begin", DEVELOPER, at);
    for branch in ["main", "develop"] {
        state.git.branches.insert(branch.into(), root.clone());
    }
    for version in EARLIER.into_iter().skip(1).chain([scenario.from.as_str()]) {
        past_release(&mut state, version, at);
        at = days_before(at, -APART);
    }
    issues(&mut state, scenario, days_before(now, 20));
    if scenario.github.hotfix {
        hotfix(&mut state, scenario, now)
    } else {
        next(&mut state, scenario, now)
    }
    state.plot = scenario.github.clone();
    state
}

fn days_before(at: Timestamp, days: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(at)
}

fn later(at: Timestamp, hours: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(hours)).unwrap_or(at)
}

/// Carries one release of the past to its end.
fn past_release(state: &mut State, version: &str, at: Timestamp) {
    let files = changed(state, version);
    let message = format!("feat: All of {version}");
    let pushed = state.push("develop", &files, &message, DEVELOPER, at);
    state.advance(later(at, 1));
    let done = pushed.and_then(|_| {
        let words = (format!("Release {version}"), format!("Brings {version} to production."));
        let number =
            state.open_pull(("develop", "main"), (&words.0, &words.1), false, ORCHESTRATOR, later(at, 2))?;
        state.review(number, Verdict::Approved, "Good.", DEVELOPER, later(at, 3))?;
        state.review(number, Verdict::Approved, "Good.", &super::people::PEOPLE[0], later(at, 4))?;
        let squash = Merge { method: "squash".into(), ..Merge::default() };
        let sha = state.merge(number, &squash, ORCHESTRATOR, later(at, 5))?;
        state.advance(later(at, 6));
        let run = state.runs.values().rfind(|run| run.sha == sha).map(|run| run.id).unwrap_or_default();
        state.decide(run, &[environment_id(PRODUCTION)], true, "Go.", ORCHESTRATOR, later(at, 6))?;
        state.advance(later(at, 7));
        let (_, body) = state.notes(version, "main", None)?;
        let wanted = Wanted { tag: version.to_owned(), body: Some(body), ..Wanted::default() };
        state.release(wanted, ORCHESTRATOR, later(at, 8))?;
        state.back_to_develop(version, later(at, 9));
        Ok(())
    });
    if let Err(refused) = done {
        tracing::error!("a release of the rehearsal's past went wrong: {}", refused.message);
    }
}

/// The branch of the hotfix to come.
pub const HOTFIX: &str = "hotfix/critical-bug-131";

/// The hotfix to come: its branch from `main`, with the fix pushed just now.
fn hotfix(state: &mut State, scenario: &Scenario, now: Timestamp) {
    let Some(main) = state.git.branches.get("main").cloned() else { return };
    state.git.branches.insert(HOTFIX.into(), main);
    let files = changed(state, &scenario.to);
    let message = "hotfix: Keep declarations on a time-out (BUG-131)";
    if let Err(refused) = state.commit_to(HOTFIX, &files, message, DEVELOPER, now) {
        tracing::error!("the hotfix could not be prepared: {}", refused.message);
    }
}

/// The release to come: some commits on `develop`, tried on staging two days ago.
fn next(state: &mut State, scenario: &Scenario, now: Timestamp) {
    let version = scenario.to.as_str();
    let at = days_before(now, 3);
    let begun: [(&str, &str, String); 2] = [
        (
            "feat: Add POST /declarations/create",
            "app/declarations.py",
            "def create(declaration):\n    return store(declaration)\n".into(),
        ),
        (
            "fix: Check the signature of webhooks (BUG-123)",
            "app/webhooks.py",
            "def verify(payload, signature):\n    return hmac.compare_digest(sign(payload), signature)\n"
                .into(),
        ),
    ];
    for (hours, (message, path, text)) in (0..).zip(begun) {
        let pushed = state.push("develop", &[(path.into(), text)], message, DEVELOPER, later(at, hours));
        if let Err(refused) = pushed {
            tracing::error!("a push of the rehearsal's past went wrong: {}", refused.message);
        }
        state.advance(later(at, hours + 1));
    }
    let files = changed(state, version);
    let message = format!("chore: Prepare {version}");
    let pushed = match scenario.github.twist {
        // Nothing ran for it.
        Some(Twist::StagingSkipped) => state.commit_to("develop", &files, &message, DEVELOPER, later(at, 20)),
        _ => state.push("develop", &files, &message, DEVELOPER, later(at, 20)),
    };
    state.advance(later(at, 21));
    let draft = pushed.and_then(|_| {
        let (_, body) = state.notes(version, "develop", None)?;
        let wanted = Wanted { tag: version.to_owned(), body: Some(body), draft: true, ..Wanted::default() };
        state.release(wanted, ORCHESTRATOR, later(at, 22))
    });
    if let Err(refused) = draft {
        tracing::error!("the release to come could not be prepared: {}", refused.message);
    }
}

/// The files that a version changes.
fn changed(state: &State, version: &str) -> Vec<(String, String)> {
    let old = state.git.resolve("develop").and_then(|commit| commit.files.get("CHANGELOG.md")).cloned();
    let old = old.unwrap_or_default();
    let rest = old.strip_prefix("# Changelog\n").unwrap_or(&old);
    let log = format!(
        "# Changelog\n\n## {version}\n- Added POST /declarations/create\n- Fixed the check of webhook signatures (BUG-123)\n- Performance: P95 latency −15 %\n{rest}"
    );
    let bare = version.trim_start_matches('v').replace('.', "_");
    let migration = format!(
        "\"\"\"{version}\"\"\"\nrevision = \"{bare}\"\n\n\ndef upgrade():\n    op.add_column(\"declarations\", column())\n\n\ndef downgrade():\n    op.drop_column(\"declarations\", \"note\")\n"
    );
    vec![
        (VERSION_FILE.into(), format!("{version}\n")),
        ("CHANGELOG.md".into(), log),
        (format!("alembic/versions/{bare}.py"), migration),
        (
            "docs/openapi.json".into(),
            format!("{{\"openapi\": \"3.1.0\", \"info\": {{\"version\": \"{version}\"}}}}\n"),
        ),
        ("docs/runbook.md".into(), format!("# Runbook\n\nAs of {version}.\n")),
    ]
}

/// The files of the first commit.
fn files(version: &str, plot: &Plot) -> Tree {
    let mut files: Tree = [
        ("README.md", "# backend\n\nThe API of TaxasGE.\n".to_owned()),
        ("CHANGELOG.md", format!("# Changelog\n\n## {version}\n- The first one.\n")),
        (VERSION_FILE, format!("{version}\n")),
        ("app/main.py", "app = FastAPI()\n".to_owned()),
        ("alembic/versions/0001_initial.py", "revision = \"0001\"\n".to_owned()),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect();
    files.extend(Workflow::ALL.map(|workflow| (workflow.path().to_owned(), workflow.text(plot))));
    files
}

/// Issues of all priorities; none of the highest is open unless the plot has it so.
fn issues(state: &mut State, scenario: &Scenario, at: Timestamp) {
    let known_bug = scenario.github.twist == Some(Twist::KnownBug);
    let all: [(&str, &[&str], &'static Person, bool); 4] = [
        ("BUG-123: Replayed webhooks are accepted", &["P1", "bug"], DEVELOPER, false),
        ("Slow list of fiscal services", &["P2", "bug"], DEVELOPER, true),
        ("BUG-119: No answer from the API", &["P0", "bug"], ORCHESTRATOR, false),
        ("BUG-131: Declarations are lost on a time-out", &["P1", "bug"], ORCHESTRATOR, true),
    ];
    for (title, labels, by, open) in all.into_iter().take(if known_bug { 4 } else { 3 }) {
        let number = state.next_number();
        let mut thread = state.thread(number, title, "Seen in production.", by, at);
        thread.labels = labels.iter().map(|label| (*label).to_owned()).collect();
        thread.closed = (!open).then(|| later(at, 30));
        state.threads.insert(number, thread);
    }
}
