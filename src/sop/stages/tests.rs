use super::*;
use crate::sop::commit::Sha;
use crate::sop::pipeline::{Decision, PendingApproval, RunId};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn step(name: &str, state: RunState, from: i64, to: i64) -> Step {
    let ended = state.is_over().then(|| at(to));
    let started = (state != RunState::Queued).then(|| at(from));
    Step { number: 1, name: name.into(), state, started, ended }
}

fn job(id: u64, name: &str, state: RunState, steps: Vec<Step>) -> Job {
    let started = steps.iter().filter_map(|step| step.started).min();
    let ended = steps.iter().filter_map(|step| step.ended).max().filter(|_| state.is_over());
    Job { id, name: name.into(), state, started, ended, url: String::new(), steps }
}

fn run(state: RunState, jobs: Vec<Job>) -> Run {
    Run {
        id: RunId { id: 7, attempt: 1 },
        number: 1234,
        workflow: "Deploy to production".into(),
        path: ".github/workflows/production.yml".into(),
        event: "push".into(),
        branch: "main".into(),
        head: Sha("a".repeat(40)),
        actor: "olga".into(),
        state,
        created: Some(at(0)),
        started: Some(at(0)),
        ended: None,
        url: String::new(),
        jobs,
        waiting: Vec::new(),
        decisions: Vec::new(),
    }
}

use RunState::{Failed, Passed, Queued, Running, Skipped, Waiting};

fn passed(name: &str, from: i64, to: i64) -> Step {
    step(name, Passed, from, to)
}

/// The procedure's production workflow after its end.
fn production() -> Run {
    let mut run = run(
        Passed,
        vec![
            job(
                1,
                "Run all tests",
                Passed,
                vec![passed("Set up job", 0, 2), passed("Run linters", 2, 20), passed("Run pytest", 20, 62)],
            ),
            job(
                2,
                "Docker image",
                Passed,
                vec![
                    passed("Check out", 63, 64),
                    passed("Build Docker image", 64, 112),
                    passed("Push image to registry", 112, 124),
                ],
            ),
            job(
                3,
                "Production",
                Passed,
                vec![
                    passed("Set up job", 250, 251),
                    passed("Back up the database", 251, 255),
                    passed("Run database migrations", 255, 264),
                    passed("Deploy to Production (Blue-Green)", 264, 305),
                    passed("Run smoke tests", 305, 312),
                    passed("Switch traffic Blue → Green", 312, 313),
                    passed("Complete job", 313, 313),
                ],
            ),
            job(4, "Notify", Passed, vec![passed("Notify PagerDuty & Slack", 314, 316)]),
        ],
    );
    run.decisions.push(Decision {
        by: "olga".into(),
        environments: vec!["production".into()],
        approved: true,
        comment: String::new(),
    });
    run
}

fn stages(run: &Run) -> Stages {
    Stages::of(run, &StagePatterns::default(), &Usual::default(), at(1000))
}

fn lines(stages: &Stages) -> Vec<(String, Option<RunState>, Option<u64>)> {
    stages
        .rows
        .iter()
        .map(|row| (row.what.words().to_owned(), row.state.clone(), row.elapsed.map(|e| e.as_secs())))
        .collect()
}

#[test]
fn every_usual_pattern_is_one() {
    assert_eq!(StagePatterns::default().0.len(), StageId::ALL.len());
}

#[test]
fn names_find_their_stage() {
    let rows: [(&str, &[StageId]); 30] = [
        ("Run all tests", &[StageId::Tests]),
        ("tests", &[StageId::Tests]),
        ("Tests (pytest, linters)", &[StageId::Tests]),
        ("test (3.11, ubuntu-latest)", &[StageId::Tests]),
        ("ci / unit tests", &[StageId::Tests]),
        ("Run pytest", &[StageId::Tests]),
        ("Linters", &[StageId::Tests]),
        ("Build Docker image", &[StageId::Build]),
        ("Build and push", &[StageId::Build]),
        ("Push image to registry", &[StageId::Push]),
        ("Wait for manual approval", &[StageId::Approval]),
        ("Run database migrations", &[StageId::Migrations]),
        ("migrate", &[StageId::Migrations]),
        ("Back up the database", &[StageId::Migrations]),
        ("Deploy to Production (Blue-Green)", &[StageId::Deploy]),
        ("Deploy to Staging K8s", &[StageId::Deploy]),
        ("release / deploy (eu)", &[StageId::Deploy]),
        ("DEPLOY", &[StageId::Deploy]),
        ("Run smoke tests", &[StageId::Smoke]),
        ("deploy / smoke (eu)", &[StageId::Smoke]),
        ("Switch traffic Blue → Green", &[StageId::Switch]),
        ("Notify PagerDuty & Slack", &[StageId::Notify]),
        ("notifications", &[StageId::Notify]),
        ("Set up job", &[]),
        ("Rollback if failed", &[]),
        ("Post Run actions/checkout@v4", &[]),
        ("(x)", &[]),
        ("", &[]),
        ("Deploy the smoke tests", &[StageId::Deploy, StageId::Smoke]),
        ("Tests of the migrations", &[StageId::Tests, StageId::Migrations]),
    ];
    let patterns = StagePatterns::default();
    for (name, wanted) in rows {
        assert_eq!(patterns.matching(name), wanted, "{name}");
    }
}

#[test]
fn the_procedures_run_has_all_nine() {
    let stages = stages(&production());
    let line = |name: &str, seconds: Option<u64>| (name.to_owned(), Some(Passed), seconds);
    assert_eq!(
        lines(&stages),
        [
            line("tests", Some(62)),
            line("build image", Some(48)),
            line("push", Some(12)),
            line("approval", None),
            line("migrations", Some(13)),
            line("deploy", Some(41)),
            line("smoke tests", Some(7)),
            line("switch", Some(1)),
            line("notify", Some(2)),
        ]
    );
    assert!(stages.ambiguous.is_empty());
    assert!((stages.share - 1.0).abs() < f64::EPSILON);
}

#[test]
fn what_waits_is_the_approval_and_the_rest_has_not_come_to_it() {
    let mut run = production();
    run.state = Waiting;
    run.decisions.clear();
    run.jobs.truncate(2);
    run.jobs.push(job(3, "Production", Waiting, vec![]));
    run.waiting.push(PendingApproval {
        environment: "production".into(),
        environment_id: 9,
        may_approve: true,
        reviewers: vec!["olga".into()],
        wait_timer: Duration::ZERO,
        wait_began: Some(at(125)),
    });
    let stages = stages(&run);
    assert_eq!(lines(&stages)[3], ("approval".to_owned(), Some(Waiting), Some(875)));
    assert_eq!(lines(&stages)[4], ("migrations".to_owned(), None, None));
    assert_eq!(stages.rows[3].jobs, [3]);
    assert!(!stages.rows.iter().any(|row| row.what == What::Own("Production".into())), "{stages:?}");
}

#[test]
fn a_matrix_stands_as_its_worst_and_a_skipped_stage_as_skipped() {
    let matrix = |states: [RunState; 3]| {
        let jobs = states.into_iter().zip(1..).map(|(state, id)| {
            let steps = vec![step("Set up job", state.clone(), 0, 10 * i64::try_from(id).unwrap())];
            job(id, &format!("tests (3.{id})"), state, steps)
        });
        let stages = stages(&run(Running, jobs.collect()));
        stages.rows[0].clone()
    };
    assert_eq!(matrix([Passed, Passed, Passed]).elapsed, Some(Duration::from_secs(30)));
    let rows = [
        ([Passed, Failed, Running], Failed),
        ([Passed, RunState::Cancelled, Failed], Failed),
        ([Passed, Running, Queued], Running),
        ([Passed, Queued, Queued], Running),
        ([Queued, Queued, Queued], Queued),
        ([Skipped, Passed, Passed], Passed),
        ([Skipped, Skipped, Skipped], Skipped),
        ([Skipped, Skipped, Queued], Queued),
        ([Passed, RunState::Other("strange".into()), Passed], RunState::Other("strange".into())),
        ([Passed, RunState::Neutral, Skipped], Passed),
    ];
    for (states, wanted) in rows {
        assert_eq!(matrix(states.clone()).state, Some(wanted), "{states:?}");
    }
    let failed = matrix([Passed, Failed, Running]).failed;
    assert_eq!(failed, [(2, "Set up job".to_owned())]);
    assert_eq!(matrix([Skipped, Skipped, Skipped]).elapsed, None);
}

#[test]
fn a_job_of_a_stages_name_with_other_stages_in_it_is_divided() {
    let deploy = job(
        3,
        "deploy",
        Failed,
        vec![
            passed("Set up job", 0, 1),
            passed("Run database migrations", 1, 9),
            passed("Deploy to Production (Blue-Green)", 9, 50),
            step("Run smoke tests", Failed, 50, 57),
            step("Switch traffic Blue → Green", Skipped, 57, 57),
            step("Rollback if failed", Failed, 57, 58),
        ],
    );
    let stages = stages(&run(Failed, vec![deploy]));
    let states: Vec<_> =
        stages.rows.iter().map(|row| (row.what.words(), row.state.clone().unwrap())).collect();
    assert_eq!(
        states,
        [
            ("migrations", Passed),
            ("deploy", Passed),
            ("smoke tests", Failed),
            ("switch", Skipped),
            ("deploy: Rollback if failed", Failed),
        ]
    );
    assert_eq!(stages.rows[2].failed, [(3, "Run smoke tests".to_owned())]);
}

#[test]
fn what_is_no_stage_stands_where_it_began_and_two_matches_name_both() {
    let mut run = production();
    run.state = Running;
    run.jobs.insert(2, job(9, "Security scan", Passed, vec![passed("Bandit", 63, 70)]));
    run.jobs.push(job(10, "Deploy the smoke tests", Running, vec![step("go", Running, 400, 0)]));
    let stages = stages(&run);
    let names: Vec<&str> = stages.rows.iter().map(|row| row.what.words()).collect();
    assert_eq!(names[..3], ["tests", "Security scan", "build image"]);
    assert_eq!(names.last(), Some(&"Deploy the smoke tests"));
    assert_eq!(stages.ambiguous.len(), 1);
    for part in ["`Deploy the smoke tests`", "deploy and smoke", "[pipeline.stages]"] {
        assert!(stages.ambiguous[0].contains(part), "{}", stages.ambiguous[0]);
    }
}

#[test]
fn names_of_ones_own_replace_the_usual_ones() {
    let mut patterns = StagePatterns::default();
    patterns.set(StageId::Deploy, vec![StagePatterns::pattern("^ship it$").unwrap()]);
    patterns.set(StageId::Notify, Vec::new());
    assert_eq!(patterns.matching("Ship it"), [StageId::Deploy]);
    assert_eq!(patterns.matching("Deploy"), []);
    assert_eq!(patterns.matching("Notify"), []);
}

#[test]
fn the_usual_time_is_the_median_and_the_share_goes_by_it() {
    let with_tests = |seconds: i64| {
        let mut run = production();
        run.jobs[0].steps[2] = passed("Run pytest", 20, seconds);
        run.jobs[0].ended = Some(at(seconds));
        run
    };
    let runs = [with_tests(62), with_tests(500), with_tests(70)];
    let usual = Usual::from_runs(&runs, &StagePatterns::default());
    assert_eq!(usual.of(StageId::Tests), Some(Duration::from_secs(70)));
    assert_eq!(usual.of(StageId::Approval), None);

    let mut now = production();
    now.state = Running;
    now.decisions.clear();
    now.jobs.truncate(1);
    now.jobs[0] = job(1, "tests", Running, vec![step("Run pytest", Running, 0, 0)]);
    let share = |now_at: i64| {
        let stages = Stages::of(&now, &StagePatterns::default(), &usual, at(now_at));
        (stages.share, stages.rows[0].is_slow())
    };
    let (half, slow) = share(35);
    // 35 of 70 s of tests, of 70 + 48 + 12 + 13 + 41 + 7 + 1 + 2 s.
    assert!((half - 35.0 / 194.0).abs() < 0.001 && !slow, "{half}");
    let (late, slow) = share(700);
    assert!(late < 70.0 / 194.0 && slow, "{late}");
}
