//! Pull requests and runs on a clock that the test turns.

use std::time::Duration;

use jiff::Timestamp;

use crate::rehearsal::github::deployment::environment_id;
use crate::rehearsal::github::engine::after;
use crate::rehearsal::github::merging::Merge;
use crate::rehearsal::github::people::{DEVELOPER, ORCHESTRATOR, PLAYER};
use crate::rehearsal::github::plot::{DeployBy, Plot, Twist};
use crate::rehearsal::github::refused::Refused;
use crate::rehearsal::github::run::{Conclusion, Errand, Progress, Run};
use crate::rehearsal::github::seed;
use crate::rehearsal::github::state::State;
use crate::rehearsal::github::thread::Verdict;
use crate::rehearsal::github::workflow::{PRODUCTION, STAGING, Stage, Workflow};
use crate::rehearsal::scenario::Scenario;

/// A repository and the time in it.
struct Story {
    state: State,
    now: Timestamp,
}

impl Story {
    fn begin(plot: Plot) -> Self {
        let now: Timestamp = "2025-10-20T20:00:00Z".parse().unwrap();
        let scenario = Scenario { github: plot, ..Scenario::default() };
        Self { state: seed::state(&scenario, "http://gh", now), now }
    }

    fn wait(&mut self, seconds: u64) {
        self.now = after(self.now, Duration::from_secs(seconds));
        self.state.advance(self.now);
    }

    fn open(&mut self) -> u64 {
        let words = ("Release v1.1.0", "All of it.");
        self.state.open_pull(("develop", "main"), words, false, PLAYER, self.now).unwrap()
    }

    fn merge(&mut self, number: u64, sha: Option<&str>) -> Result<String, Refused> {
        let merge = Merge { method: "squash".into(), sha: sha.map(str::to_owned), ..Merge::default() };
        self.state.merge(number, &merge, PLAYER, self.now)
    }

    /// The release's pull request, merged; its run.
    fn merged(&mut self) -> u64 {
        let number = self.open();
        self.wait(10);
        let sha = self.merge(number, None).unwrap();
        self.run_of(&sha)
    }

    fn run_of(&self, sha: &str) -> u64 {
        self.state.runs.values().rfind(|run| run.sha == sha).unwrap().id
    }

    fn run(&self, id: u64) -> &Run {
        self.state.run(id).unwrap()
    }

    fn decide(&mut self, run: u64, approve: bool) -> Result<Vec<u64>, Refused> {
        let environments = [environment_id(PRODUCTION)];
        self.state.decide(run, &environments, approve, "Go.", ORCHESTRATOR, self.now)
    }

    /// What the run wants done, done.
    fn errand(&mut self, well: bool) -> Errand {
        let errand = self.state.errands.pop_front().unwrap();
        self.state.report(&errand, vec!["done".into()], well, self.now);
        errand
    }

    fn stages(&self, run: u64) -> Vec<(Stage, Option<Conclusion>)> {
        let steps = self.run(run).latest().unwrap().jobs.iter().flat_map(|job| &job.steps);
        steps.filter_map(|step| Some((step.stage?, step.progress.conclusion()))).collect()
    }
}

fn pipeline(twist: Option<Twist>) -> Plot {
    Plot { deploy_by: DeployBy::Pipeline, twist, ..Plot::default() }
}

fn room(twist: Option<Twist>) -> Plot {
    Plot { twist, ..Plot::default() }
}

#[test]
fn the_past_is_one_of_releases_that_went_well() {
    let story = Story::begin(pipeline(None));
    let released: Vec<&str> = story.state.git.tags.keys().map(String::as_str).collect();
    assert_eq!(released, ["v0.8.0", "v0.8.1", "v0.9.0", "v1.0.0"]);
    let runs = story.state.runs.values().filter(|run| run.workflow == Workflow::Production);
    let ends: Vec<Progress> = runs.map(Run::progress).collect();
    assert_eq!(ends, [Progress::Completed(Conclusion::Success); 4]);
    assert!(story.state.threads.values().all(|thread| !thread.is_open() || thread.pull.is_none()));
    assert!(story.state.errands.is_empty(), "nobody acts on the cluster for what is past");
    assert_eq!(story.state.latest_release().unwrap().tag, "v1.0.0");
    let (_, notes) = story.state.notes("v1.1.0", "main", None).unwrap();
    assert!(notes.contains("compare/v1.0.0...v1.1.0"), "{notes}");
}

#[test]
fn a_merge_needs_two_approvals_the_head_that_was_seen_and_good_checks() {
    let mut story = Story::begin(Plot { colleagues_review: false, ..Plot::default() });
    let number = story.open();
    let mergeable = |story: &Story| {
        let (thread, pull) = story.state.pull(number).unwrap();
        let can = story.state.mergeability(thread, pull, story.now);
        (can.mergeable, can.state)
    };
    assert_eq!(mergeable(&story), (None, "unknown"), "it is being computed");
    story.wait(2);
    assert_eq!(mergeable(&story), (Some(true), "blocked"));
    let own = story.state.review(number, Verdict::Approved, "", PLAYER, story.now).unwrap_err();
    assert_eq!(own.status, 422);
    let approve = |story: &mut Story, by| {
        story.state.review(number, Verdict::Approved, "", by, story.now).unwrap();
    };
    approve(&mut story, DEVELOPER);
    approve(&mut story, DEVELOPER);
    let lacking = story.merge(number, None).unwrap_err();
    assert_eq!((lacking.status, lacking.message.contains("2 approving reviews")), (405, true));
    approve(&mut story, ORCHESTRATOR);
    assert_eq!(mergeable(&story), (Some(true), "clean"));
    assert_eq!(story.merge(number, Some("0123")).unwrap_err().status, 409);
    story.state.push("develop", &[("a".into(), "b".into())], "more", DEVELOPER, story.now).unwrap();
    assert_eq!(story.merge(number, None).unwrap_err().status, 405, "its checks have not ended");
    story.wait(60);
    let no = story.state.review(number, Verdict::ChangesRequested, "No.", DEVELOPER, story.now);
    assert!(no.is_ok() && story.merge(number, None).is_err());
    approve(&mut story, DEVELOPER);
    let head = story.state.pull(number).unwrap().1.head_sha.clone();
    let squash = story.merge(number, Some(&head)).unwrap();
    let tree = |sha: &str| story.state.git.get(sha).unwrap().tree.clone();
    assert_eq!((tree(&squash), squash != head), (tree(&head), true));
    assert_eq!(story.state.git.branches["main"], squash);
}

#[test]
fn a_run_goes_to_the_approval_and_with_the_room_ends_after_the_migrations() {
    let mut story = Story::begin(room(None));
    let run = story.merged();
    story.wait(2);
    assert_eq!(story.run(run).progress(), Progress::InProgress);
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Waiting);
    let wrong = story.state.decide(run, &[environment_id(STAGING)], true, "", ORCHESTRATOR, story.now);
    assert_eq!(wrong.unwrap_err().status, 422);
    let foreign = story.state.decide(run, &[environment_id(PRODUCTION)], true, "", DEVELOPER, story.now);
    assert!(foreign.unwrap_err().message.contains("developer is not a required reviewer"));
    let deployment = story.decide(run, true).unwrap()[0];
    assert!(story.decide(run, true).is_err(), "it has been decided");
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Completed(Conclusion::Success));
    let stages: Vec<Stage> = story.stages(run).into_iter().map(|(stage, _)| stage).collect();
    use Stage::{Backup, Build, Migrations, Notify, Push, Tests};
    assert_eq!(stages, [Tests, Build, Push, Backup, Migrations, Notify]);
    let states: Vec<&str> =
        story.state.deployments[&deployment].statuses.iter().map(|status| status.state).collect();
    assert_eq!(states, ["pending", "in_progress", "success"]);
    assert!(story.state.pushed_versions().contains("v1.1.0"));
}

#[test]
fn the_pipeline_has_its_errands_done_in_order() {
    let mut story = Story::begin(pipeline(None));
    let run = story.merged();
    story.wait(60);
    story.decide(run, true).unwrap();
    let mut done = Vec::new();
    for _ in 0..3 {
        story.wait(60);
        assert_eq!(story.run(run).progress(), Progress::InProgress);
        done.push(story.errand(true).stage);
    }
    assert_eq!(done, [Stage::Deploy, Stage::Smoke, Stage::Switch]);
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Completed(Conclusion::Success));
}

#[test]
fn smoke_tests_fail_before_or_after_the_switch() {
    use Conclusion::{Failure, Skipped, Success};
    let at_the_end = |twist, errands: usize| {
        let mut story = Story::begin(pipeline(Some(twist)));
        let run = story.merged();
        story.wait(60);
        story.decide(run, true).unwrap();
        for _ in 0..errands {
            story.wait(60);
            story.errand(true);
        }
        story.wait(60);
        assert_eq!(story.run(run).progress(), Progress::Completed(Failure));
        let stages = story.stages(run);
        stages[stages.len() - 4..].to_vec()
    };
    let before = at_the_end(Twist::SmokeFailsBeforeSwitch, 1);
    let ends = |stages: Vec<(Stage, Option<Conclusion>)>| {
        stages.into_iter().map(|(stage, end)| (stage, end.unwrap())).collect::<Vec<_>>()
    };
    let notified = (Stage::Notify, Success);
    assert_eq!(
        ends(before),
        [(Stage::Deploy, Success), (Stage::Smoke, Failure), (Stage::Switch, Skipped), notified]
    );
    let after = at_the_end(Twist::SmokeFailsAfterSwitch, 2);
    assert_eq!(
        ends(after),
        [(Stage::Deploy, Success), (Stage::Switch, Success), (Stage::Smoke, Failure), notified]
    );
}

#[test]
fn failed_jobs_run_again_on_the_same_commit_and_what_went_well_stays() {
    let mut story = Story::begin(room(Some(Twist::CiFails)));
    let run = story.merged();
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Completed(Conclusion::Failure));
    assert_eq!(story.state.rerun(0, true, PLAYER, story.now).unwrap_err().status, 404);
    story.state.rerun(run, true, PLAYER, story.now).unwrap();
    assert_eq!(story.state.rerun(run, true, PLAYER, story.now).unwrap_err().status, 403);
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Waiting);
    story.decide(run, false).unwrap();
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Completed(Conclusion::Failure));
    let tests = story.run(run).attempts[1].jobs[0].clone();
    story.state.rerun(run, true, PLAYER, story.now).unwrap();
    let again = &story.run(run).attempts[2].jobs[0];
    assert_eq!((again.started, again.progress), (tests.started, tests.progress));
    assert_ne!(again.id, tests.id);
}

#[test]
fn a_waiting_run_holds_its_group_and_only_the_newest_waits_behind_it() {
    let mut story = Story::begin(room(None));
    let first = story.merged();
    story.wait(60);
    let sha = story.run(first).sha.clone();
    let start = |story: &mut Story| {
        story.state.start(Workflow::Production, "workflow_dispatch", "main", &sha, PLAYER, story.now)
    };
    let second = start(&mut story);
    story.wait(60);
    assert_eq!(story.run(second).progress(), Progress::Pending);
    let third = start(&mut story);
    assert_eq!(story.run(second).progress(), Progress::Completed(Conclusion::Cancelled));
    story.state.cancel(first, story.now).unwrap();
    assert_eq!(story.state.cancel(first, story.now).unwrap_err().status, 409);
    story.wait(60);
    assert_eq!(story.run(first).progress(), Progress::Completed(Conclusion::Cancelled));
    assert_eq!(story.run(third).progress(), Progress::Waiting);
}

#[test]
fn a_wait_timer_holds_up_what_is_approved() {
    let mut story = Story::begin(Plot { wait_timer: Duration::from_secs(300), ..Plot::default() });
    let run = story.merged();
    story.wait(60);
    story.decide(run, true).unwrap();
    story.wait(60);
    assert_eq!(story.run(run).progress(), Progress::Waiting);
    assert!(story.state.next_due().is_some_and(|due| due > story.now));
    story.wait(300);
    assert_eq!(story.run(run).progress(), Progress::Completed(Conclusion::Success));
}

#[test]
fn a_late_push_makes_approvals_old_and_colleagues_look_again() {
    let mut story = Story::begin(room(Some(Twist::PushAfterApprovals)));
    let number = story.open();
    let head = story.state.pull(number).unwrap().1.head_sha.clone();
    story.wait(5);
    let reviewed = |story: &Story| -> Vec<bool> {
        let (_, pull) = story.state.pull(number).unwrap();
        pull.reviews.iter().map(|review| review.sha == pull.head_sha).collect()
    };
    assert_eq!(reviewed(&story), [false, false], "both were of the commit before");
    assert_ne!(story.state.pull(number).unwrap().1.head_sha, head);
    story.wait(60);
    assert_eq!(reviewed(&story), [false, false, true, true]);
}

#[test]
fn a_head_that_moves_under_the_merge_is_a_conflict_once() {
    let mut story = Story::begin(room(Some(Twist::HeadMoves)));
    let number = story.open();
    story.wait(10);
    let seen = story.state.pull(number).unwrap().1.head_sha.clone();
    assert_eq!(story.merge(number, Some(&seen)).unwrap_err().status, 409);
    story.wait(60);
    let seen = story.state.pull(number).unwrap().1.head_sha.clone();
    story.merge(number, Some(&seen)).unwrap();
}
