//! Each rule with pass, fail and unknown, in its words; what was not read is never a pass.

use regex::RegexBuilder;

use super::*;
use crate::sop::commit::Commit;
use crate::sop::pipeline::{Job, RunId, Step};
use crate::sop::pull_request::{ChangedFile, Check, Checks as ReadChecks, Mergeability, Review, ReviewState};

fn sha(digit: char) -> Sha {
    Sha(std::iter::repeat_n(digit, 40).collect())
}

fn commit(digit: char, tree: char) -> Commit {
    Commit { sha: sha(digit), tree: Some(sha(tree)), title: "Release v1.1.0".into() }
}

fn pattern(text: &str) -> Pattern {
    Pattern(RegexBuilder::new(text).case_insensitive(true).build().unwrap())
}

fn check(name: &str, state: CheckState, summary: &str) -> Check {
    Check { name: name.into(), state, url: None, summary: summary.into() }
}

fn approved(author: &str, at: char) -> Review {
    Review { author: author.into(), state: ReviewState::Approved, commit: Some(sha(at)), at: None }
}

/// #42 at a, of which nothing is known yet.
fn request() -> PullRequest {
    PullRequest {
        number: 42,
        title: "Release v1.1.0".into(),
        author: "dev".into(),
        url: String::new(),
        head_branch: "develop".into(),
        head: commit('a', '1'),
        base_branch: "main".into(),
        state: PullRequestState::Open,
        mergeability: Mergeability::Clean,
        reviews: Vec::new(),
        checks: ReadChecks { commit: Some(sha('a')), all: Vec::new() },
        files: Vec::new(),
        more_files: false,
        issues: Vec::new(),
    }
}

fn run(number: u64, workflow: &str, head: char, state: RunState) -> Run {
    Run {
        id: RunId { id: number, attempt: 1 },
        number,
        workflow: workflow.into(),
        path: format!(".github/workflows/{workflow}.yml"),
        event: "push".into(),
        branch: "develop".into(),
        head: sha(head),
        actor: "dev".into(),
        state,
        created: None,
        started: None,
        ended: None,
        url: String::new(),
        jobs: Vec::new(),
        waiting: Vec::new(),
        decisions: Vec::new(),
    }
}

fn of(request: PullRequest) -> Repository {
    Repository { pull_request: Some(request), ..Repository::default() }
}

fn found(rule: &Rule, repository: &Repository) -> (Found, String) {
    let setting = GitHubSetting::of("taxasge/backend");
    let moment = Moment { uptime: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
    let known = Known { setting: &setting, read: Some((moment, repository)), trouble: None, over: false };
    let (found, words, from) = look(rule, Some(&known));
    assert_eq!(from, "GitHub");
    (found, words)
}

fn said(found: Found, words: &str) -> (Found, String) {
    (found, words.to_owned())
}

fn checks(names: &[&str]) -> Rule {
    Rule::Checks(Checks { names: names.iter().map(|name| pattern(name)).collect(), coverage: None })
}

#[test]
fn what_was_not_read_is_unknown_and_says_why() {
    let setting = GitHubSetting::of("taxasge/backend");
    let rules = [
        checks(&["tests"]),
        Rule::Reviews(Reviews { approvals: None }),
        Rule::Changed(Changed { files: vec![pattern("CHANGELOG")], otherwise: Found::Fail }),
    ];
    for rule in &rules {
        let unread = |known: Option<&Known<'_>>| {
            let (found, words, _) = look(rule, known);
            assert_eq!(found, Found::Unknown, "{rule:?}");
            words
        };
        assert_eq!(unread(None), "no repository is configured ([github])");
        let never = Known { setting: &setting, read: None, trouble: None, over: false };
        assert_eq!(unread(Some(&never)), "GitHub was not read yet");
        let slow = Known { trouble: Some("no answer from GitHub within 12 s"), ..never };
        assert_eq!(unread(Some(&slow)), "GitHub cannot be read: no answer from GitHub within 12 s");
        assert_eq!(found(rule, &Repository::default()).0, Found::Unknown);
        let last = of(request());
        let read = Some((Moment { uptime: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH }, &last));
        let over = Known { read, over: true, ..never };
        assert!(unread(Some(&over)).starts_with("no release is under way"));
    }
}

#[test]
fn checks_pass_only_where_each_name_is_some_ones_and_all_that_have_it_passed() {
    use CheckState::{Failed, Neutral, Other, Passed, Running};
    type Case = (&'static [(&'static str, CheckState)], Found, &'static str);
    let cases: [Case; 8] = [
        (
            &[("Run all tests", Passed), ("bandit", Passed)],
            Found::Pass,
            "passed: Run all tests; passed: bandit at aaaaaaa",
        ),
        (&[("Run all tests", Failed), ("bandit", Running)], Found::Fail, "failed at aaaaaaa: Run all tests"),
        (
            &[("tests (3.11)", Passed), ("tests (3.12)", Failed), ("bandit", Passed)],
            Found::Fail,
            "failed at aaaaaaa: tests (3.12)",
        ),
        (&[("tests", Passed), ("bandit", Running)], Found::Unknown, "still running at aaaaaaa: bandit"),
        (&[("tests", Passed)], Found::Unknown, "no check, status or run at aaaaaaa is named bandit"),
        (
            &[],
            Found::Unknown,
            "no check, status or run at aaaaaaa is named tests; no check, status or run at aaaaaaa is named bandit",
        ),
        (&[("tests", Passed), ("bandit", Neutral)], Found::Unknown, "bandit was left out at aaaaaaa"),
        (
            &[("tests", Passed), ("bandit", Neutral), ("Bandit", Passed)],
            Found::Pass,
            "passed: tests; passed: Bandit at aaaaaaa",
        ),
    ];
    for (all, expected, words) in &cases {
        let mut request = request();
        request.checks.all = all.iter().map(|(name, state)| check(name, state.clone(), "")).collect();
        assert_eq!(found(&checks(&["tests", "bandit"]), &of(request)), said(*expected, words));
    }
    let mut strange = request();
    strange.checks.all = vec![check("tests", Other("waived".into()), "")];
    assert_eq!(found(&checks(&["tests"]), &of(strange)), said(Found::Unknown, "tests says `waived`"));
    // Of the last push: nothing is known of this one.
    let mut old = request();
    old.checks = ReadChecks { commit: Some(sha('9')), all: vec![check("tests", Passed, "")] };
    assert_eq!(
        found(&checks(&["tests"]), &of(old)),
        said(Found::Unknown, "the checks of aaaaaaa were not read")
    );
}

#[test]
fn of_workflow_runs_the_newest_at_this_head_counts() {
    let e2e = |number, head, state| run(number, "E2E on staging", head, state);
    let judged = |runs: Vec<Run>| {
        let repository = Repository { runs, ..of(request()) };
        found(&checks(&["e2e"]), &repository)
    };
    let passed = said(Found::Pass, "passed: E2E on staging at aaaaaaa");
    assert_eq!(judged(vec![e2e(8, 'a', RunState::Passed), e2e(7, 'a', RunState::Failed)]), passed);
    assert_eq!(judged(vec![e2e(8, 'a', RunState::Failed), e2e(7, 'a', RunState::Passed)]).0, Found::Fail);
    assert_eq!(judged(vec![e2e(8, 'a', RunState::TimedOut)]).0, Found::Fail);
    assert_eq!(judged(vec![e2e(8, 'a', RunState::Queued)]).0, Found::Unknown);
    assert_eq!(judged(vec![e2e(8, 'a', RunState::Skipped)]).0, Found::Unknown);
    assert_eq!(judged(vec![e2e(8, 'a', RunState::Other("stuck".into()))]).0, Found::Unknown);
    // Another commit's says nothing of this one.
    assert_eq!(judged(vec![e2e(9, 'b', RunState::Passed)]).0, Found::Unknown);
}

#[test]
fn without_a_pull_request_the_jobs_and_steps_of_the_run_tell() {
    let job = |name: &str, state, step: &str| Job {
        id: 1,
        name: name.into(),
        state,
        started: None,
        ended: None,
        url: String::new(),
        steps: vec![Step {
            number: 1,
            name: step.into(),
            state: RunState::Passed,
            started: None,
            ended: None,
        }],
    };
    let run = Run {
        jobs: vec![job("Tests", RunState::Passed, "Linters")],
        ..run(3, "staging", 'a', RunState::Running)
    };
    let repository = Repository { run: Some(run.clone()), runs: vec![run], ..Repository::default() };
    assert_eq!(
        found(&checks(&["^tests$", "linters"]), &repository),
        said(Found::Pass, "passed: Tests; passed: Linters at aaaaaaa")
    );
}

#[test]
fn coverage_is_a_number_that_some_check_tells() {
    use CheckState::{Failed, Passed, Running};
    let cases = [
        ("91.2 % of lines", Passed, Found::Pass, "coverage 91.2 % (coverage/pytest: 91.2 % of lines)"),
        ("85%", Passed, Found::Fail, "coverage 85 %, expected > 85 % (coverage/pytest: 85%)"),
        (
            "81,9 % of lines",
            Passed,
            Found::Fail,
            "coverage 81.9 %, expected > 85 % (coverage/pytest: 81,9 % of lines)",
        ),
        (
            "86% (-0.4%) of 4,312 lines",
            Passed,
            Found::Pass,
            "coverage 86 % (coverage/pytest: 86% (-0.4%) of 4,312 lines)",
        ),
        ("91 %, below the 95 % asked for", Failed, Found::Fail, "coverage 91 %, but coverage/pytest failed"),
        ("91 %", Running, Found::Unknown, "still running at aaaaaaa: coverage/pytest"),
        // A difference, nonsense, and no number at all are no shares.
        (
            "+90 % since main",
            Passed,
            Found::Unknown,
            "coverage/pytest tells no coverage: \"+90 % since main\"",
        ),
        ("101 %", Passed, Found::Unknown, "coverage/pytest tells no coverage: \"101 %\""),
        ("NaN %", Passed, Found::Unknown, "coverage/pytest tells no coverage: \"NaN %\""),
        ("see the report", Passed, Found::Unknown, "coverage/pytest tells no coverage: \"see the report\""),
        ("", Passed, Found::Unknown, "coverage/pytest tells no coverage: \"\""),
    ];
    let rule = Rule::Checks(Checks {
        names: vec![pattern("^tests$")],
        coverage: Some(Coverage { check: pattern("coverage"), compare: Compare::Above(85.0) }),
    });
    for (summary, state, expected, words) in cases {
        let mut request = request();
        request.checks.all = vec![check("tests", Passed, ""), check("coverage/pytest", state, summary)];
        let words = match expected {
            Found::Pass => format!("passed: tests; {words} at aaaaaaa"),
            _ => words.to_owned(),
        };
        assert_eq!(found(&rule, &of(request)), (expected, words), "{summary}");
    }
    let mut request = request();
    request.checks.all = vec![check("tests", Passed, "99 %")];
    let words = "no check at aaaaaaa tells the coverage (named coverage)";
    assert_eq!(found(&rule, &of(request.clone())), said(Found::Unknown, words));
    // Of several the worst counts; one of that name that tells nothing is no matter.
    request.checks.all.push(check("coverage", Passed, ""));
    request.checks.all.push(check("coverage/unit", Passed, "92 %"));
    assert_eq!(found(&rule, &of(request.clone())).0, Found::Pass);
    request.checks.all.push(check("coverage/api", Passed, "60 %"));
    assert_eq!(found(&rule, &of(request)).0, Found::Fail);
}

#[test]
fn reviews_pass_with_as_many_approvals_of_this_head_as_are_asked_for() {
    let judged = |approvals, reviews: &[Review]| {
        let request = PullRequest { reviews: reviews.to_vec(), ..request() };
        found(&Rule::Reviews(Reviews { approvals }), &of(request))
    };
    let (orch, qa) = (approved("orch", 'a'), approved("qa", 'a'));
    assert_eq!(
        judged(None, &[orch.clone(), qa.clone()]),
        said(Found::Pass, "#42 approved at aaaaaaa by orch, qa")
    );
    assert_eq!(judged(None, std::slice::from_ref(&orch)), said(Found::Fail, "1 of 2 approvals of #42 count"));
    assert_eq!(judged(Some(1), std::slice::from_ref(&orch)).0, Found::Pass, "the fast track asks for one");
    assert_eq!(judged(Some(1), &[approved("dev", 'a')]).0, Found::Fail, "the author's own");
    assert_eq!(
        judged(None, &[orch.clone(), approved("qa", '9')]),
        said(Found::Fail, "1 of 2 approvals of #42 count; given before the last push: qa")
    );
    let changes = Review { state: ReviewState::ChangesRequested, ..approved("lead", 'a') };
    assert_eq!(judged(None, &[orch, qa, changes]), said(Found::Fail, "lead asks for changes"));
}

#[test]
fn roles_are_asked_for_but_on_the_fast_track() {
    let setting = GitHubSetting {
        each_role: vec!["developer".into()],
        people: [("developer".to_owned(), vec!["qa".to_owned()])].into(),
        ..GitHubSetting::of("taxasge/backend")
    };
    let request = PullRequest { reviews: vec![approved("orch", 'a'), approved("lead", 'a')], ..request() };
    let all = reviewed(Reviews { approvals: None }, &request, &setting);
    assert_eq!(all, said(Found::Fail, "of the role developer nobody has approved it"));
    assert_eq!(reviewed(Reviews { approvals: Some(1) }, &request, &setting).0, Found::Pass);
    let none = GitHubSetting { approvals: 0, ..GitHubSetting::of("taxasge/backend") };
    let unseen = PullRequest { reviews: Vec::new(), ..request };
    assert_eq!(reviewed(Reviews { approvals: None }, &unseen, &none).0, Found::Fail, "nobody looked");
}

#[test]
fn a_file_that_has_to_change_is_found_among_all_that_did() {
    let file = |path: &str| ChangedFile { path: path.into(), added: 12, removed: 1 };
    let judged = |otherwise, files: Vec<ChangedFile>, more_files| {
        let rule = Rule::Changed(Changed { files: vec![pattern("(^|/)changelog")], otherwise });
        found(&rule, &of(PullRequest { files, more_files, ..request() }))
    };
    let code = file("app/main.py");
    assert_eq!(
        judged(Found::Fail, vec![code.clone(), file("CHANGELOG.md")], true),
        said(Found::Pass, "CHANGELOG.md (+12 −1)")
    );
    assert_eq!(
        judged(Found::Fail, vec![code.clone()], false),
        said(Found::Fail, "#42 does not change (^|/)changelog")
    );
    assert_eq!(
        judged(Found::Unknown, vec![code.clone()], false),
        said(Found::Unknown, "#42 does not change (^|/)changelog: was there need?")
    );
    let more = "(^|/)changelog is not among the first 1 changed files; there are more";
    assert_eq!(judged(Found::Fail, vec![code], true), said(Found::Unknown, more));
    assert_eq!(judged(Found::Fail, Vec::new(), false).0, Found::Unknown);
}

#[test]
fn a_merge_leaves_the_head_as_long_as_the_files_are_the_same() {
    let merged = |tree| PullRequest {
        state: PullRequestState::Merged { commit: commit('m', tree), by: None, at: None },
        ..request()
    };
    assert_eq!(head(&of(request())), Some(&sha('a')));
    assert_eq!(head(&of(merged('1'))), Some(&sha('a')));
    assert_eq!(head(&of(merged('2'))), Some(&sha('m')));
    let run = run(3, "staging", 'b', RunState::Passed);
    assert_eq!(head(&Repository { run: Some(run), ..Repository::default() }), Some(&sha('b')));
    assert_eq!(head(&Repository::default()), None);
}
