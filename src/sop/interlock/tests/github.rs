//! What holds the actions on GitHub up, each alone and in which words.

use std::time::Duration;

use super::{Night, night};
use crate::sop::commit::{Commit, Sha};
use crate::sop::interlock::{Freshness, InterlockId, OnGitHub, Situation, first_blocked, interlocks};
use crate::sop::operation::Action;
use crate::sop::pipeline::{Decision, PendingApproval, Run, RunId, RunState};
use crate::sop::pull_request::{
    Check, CheckState, Checks, Mergeability, PullRequest, PullRequestState, Review, ReviewState,
};
use crate::sop::repository::{GitHubSetting, Repository};

fn sha(digit: char) -> Sha {
    Sha(std::iter::repeat_n(digit, 40).collect())
}

fn commit(digit: char, tree: char) -> Commit {
    Commit { sha: sha(digit), tree: Some(sha(tree)), title: "Release v1.1.0".into() }
}

fn setting() -> GitHubSetting {
    GitHubSetting {
        long_lived: vec!["release".into()],
        people: [("orchestrator".to_owned(), vec!["orch".to_owned()])].into(),
        stale_after: Duration::from_secs(120),
        ..GitHubSetting::of("taxasge/backend")
    }
}

fn review(author: &str, state: ReviewState, commit: char) -> Review {
    Review { author: author.into(), state, commit: Some(sha(commit)), at: None }
}

fn check(name: &str, state: CheckState) -> Check {
    Check { name: name.into(), state, url: None, summary: String::new() }
}

/// #42, approved by two others at its head, everything passed.
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
        reviews: vec![review("orch", ReviewState::Approved, 'a'), review("qa", ReviewState::Approved, 'a')],
        checks: Checks { commit: Some(sha('a')), all: vec![check("unit", CheckState::Passed)] },
        files: Vec::new(),
        more_files: false,
        issues: Vec::new(),
    }
}

fn run(number: u64, head: char) -> Run {
    Run {
        id: RunId { id: 1000 + number, attempt: 1 },
        number,
        workflow: "production".into(),
        path: ".github/workflows/production.yml".into(),
        event: "push".into(),
        branch: "main".into(),
        head: sha(head),
        actor: "orch".into(),
        state: RunState::Waiting,
        created: None,
        started: None,
        ended: None,
        url: String::new(),
        jobs: Vec::new(),
        waiting: vec![PendingApproval {
            environment: "production".into(),
            environment_id: 9,
            may_approve: true,
            reviewers: vec!["orch".into(), "team leads".into()],
            wait_timer: Duration::ZERO,
            wait_began: None,
        }],
        decisions: Vec::new(),
    }
}

/// A night with a repository.
struct Release {
    night: Night,
    setting: GitHubSetting,
    repository: Repository,
    freshness: Freshness,
}

impl Release {
    fn request(&mut self) -> &mut PullRequest {
        self.repository.pull_request.as_mut().unwrap()
    }

    fn run(&mut self) -> &mut Run {
        self.repository.run.as_mut().unwrap()
    }

    fn waiting(&mut self) -> &mut PendingApproval {
        self.run().waiting.first_mut().unwrap()
    }

    fn situation(&self) -> Situation<'_> {
        let github = OnGitHub {
            setting: &self.setting,
            repository: Some(&self.repository),
            freshness: self.freshness,
        };
        Situation { github: Some(github), ..self.night.situation() }
    }

    fn held_up(&self, action: &Action) -> Vec<(&'static str, String)> {
        interlocks(action, None, &self.situation())
            .into_iter()
            .filter(|lock| !lock.is_clear())
            .map(|lock| (lock.id.name(), lock.why().to_owned()))
            .collect()
    }
}

/// In review.
fn review_night() -> Release {
    let repository =
        Repository { user: Some("orch".into()), pull_request: Some(request()), ..Repository::default() };
    let freshness = Freshness::Age(Duration::from_secs(5));
    Release { night: night(), setting: setting(), repository, freshness }
}

/// Merged with the same files; its run waits for production.
fn approval_night() -> Release {
    let mut release = review_night();
    release.request().state =
        PullRequestState::Merged { commit: commit('b', '1'), by: Some("orch".into()), at: None };
    let mut waiting = run(7, 'b');
    waiting.created = Some("2026-01-06T22:00:00Z".parse().unwrap());
    release.repository.runs = vec![waiting.clone()];
    release.repository.run = Some(waiting);
    release
}

fn merge() -> Action {
    Action::Merge { number: 42, head: sha('a') }
}

fn approve() -> Action {
    Action::Approve {
        run: RunId { id: 1007, attempt: 1 },
        head: sha('b'),
        environment: "production".into(),
        environment_id: 9,
        comment: "watched by orch".into(),
    }
}

fn reject() -> Action {
    Action::Reject {
        run: RunId { id: 1007, attempt: 1 },
        head: sha('b'),
        environment: "production".into(),
        environment_id: 9,
        comment: "not tonight".into(),
    }
}

/// Each change holds the action up by that condition and no other than those it brings
/// along, in these words.
fn each_alone(make: fn() -> Release, action: &Action, cases: &[Case]) {
    assert_eq!(make().held_up(action), [], "{action:?} is clear to begin with");
    for (name, why, change) in cases {
        let mut release = make();
        change(&mut release);
        let held = release.held_up(action);
        let first = held.iter().find(|(held, _)| held == name);
        let (_, said) = first.unwrap_or_else(|| panic!("{name} did not hold it up: {held:?}"));
        assert!(said.contains(why), "{name}: `{said}` does not say `{why}`");
        let brought = ["approver", "chain"];
        let others = held.iter().filter(|(held, _)| held != name && !brought.contains(held));
        assert_eq!(others.count(), 0, "{name} held up others: {held:?}");
    }
}

type Case = (&'static str, &'static str, fn(&mut Release));

#[test]
fn a_merge_is_held_up_by_each_of_its_conditions_alone() {
    each_alone(
        review_night,
        &merge(),
        &[
            ("writable", "read-only", |r| r.night.read_only = true),
            ("repository", "last read 121 s ago", |r| {
                r.freshness = Freshness::Age(Duration::from_secs(121));
            }),
            ("pull-request", "is a draft", |r| r.request().state = PullRequestState::Draft),
            ("pull-request", "closed without a merge", |r| r.request().state = PullRequestState::Closed),
            ("pull-request", "qa merged #42 already, as ccccccc", |r| {
                r.request().state =
                    PullRequestState::Merged { commit: commit('c', '1'), by: Some("qa".into()), at: None };
            }),
            ("pull-request", "#42 was shown, #43 is the release's now", |r| r.request().number = 43),
            ("mergeable", "conflicts with main", |r| r.request().mergeability = Mergeability::Conflicts),
            ("mergeable", "still working it out", |r| r.request().mergeability = Mergeability::Computing),
            ("mergeable", "behind main", |r| {
                r.request().mergeability = Mergeability::Held("behind".into());
            }),
            ("mergeable", "GitHub holds it: new_word", |r| {
                r.request().mergeability = Mergeability::Held("new_word".into());
            }),
            ("checks", "failed: lint", |r| {
                r.request().checks.all.push(check("lint", CheckState::Failed));
            }),
            ("checks", "still running: e2e", |r| {
                r.request().checks.all.push(check("e2e", CheckState::Running));
            }),
            ("checks", "scan says `odd`", |r| {
                r.request().checks.all.push(check("scan", CheckState::Other("odd".into())));
            }),
            ("checks", "were not read", |r| r.request().checks.commit = Some(sha('9'))),
            ("checks", "nothing was checked", |r| r.request().checks.all.clear()),
            ("reviews", "1 of 2", |r| drop(r.request().reviews.pop())),
            ("reviews", "author", |r| r.request().reviews[1].author = "dev".into()),
            ("reviews", "before the last push", |r| r.request().reviews[1].commit = Some(sha('9'))),
            ("reviews", "qa", |r| {
                r.request().reviews.push(review("qa", ReviewState::ChangesRequested, 'a'));
            }),
            ("role", "is for the orchestrator (orch); this token is dev's", |r| {
                r.setting.merge_role = Some("orchestrator".into());
                r.repository.user = Some("dev".into());
            }),
            ("reviews", "no approval of a developer counts", |r| {
                r.setting.each_role = vec!["orchestrator".into(), "developer".into()];
            }),
            ("role", "names nobody", |r| r.setting.merge_role = Some("captain".into())),
        ],
    );
}

#[test]
fn a_merge_of_a_head_that_moved_is_refused_with_both_heads() {
    let mut release = review_night();
    release.request().head = commit('c', '2');
    let held = release.held_up(&merge());
    let (_, why) = held.iter().find(|(name, _)| *name == "head").unwrap();
    assert_eq!(why, "the head moved: aaaaaaa was shown, ccccccc is there now: look at what was pushed");
    assert!(held.iter().any(|(name, _)| *name == "reviews"), "approvals were for the old head: {held:?}");
}

#[test]
fn an_approval_is_held_up_by_each_of_its_conditions_alone() {
    each_alone(
        approval_night,
        &approve(),
        &[
            ("run", "attempt 1 was shown, attempt 2 runs now", |r| {
                r.run().id.attempt = 2;
            }),
            ("run", "bbbbbbb was shown, the run is of ccccccc", |r| r.run().head = sha('c')),
            ("waiting", "deleted and made anew", |r| r.waiting().environment_id = 10),
            ("waiting", "orch approved it for production already", |r| {
                r.run().waiting.clear();
                r.run().decisions.push(decision(true));
            }),
            ("waiting", "orch rejected it for production already", |r| {
                r.run().waiting.clear();
                r.run().decisions.push(decision(false));
            }),
            ("waiting", "the run is over: cancelled", |r| {
                r.run().waiting.clear();
                r.run().state = RunState::Cancelled;
            }),
            ("waiting", "it waits for staging, not for production", |r| {
                r.waiting().environment = "staging".into();
            }),
            ("approver", "orch may not; orch, team leads may", |r| r.waiting().may_approve = false),
            ("role", "is for the orchestrator (orch); this token is qa's", |r| {
                r.setting.approve_role = Some("orchestrator".into());
                r.repository.user = Some("qa".into());
            }),
            ("role", "was not read", |r| {
                r.setting.approve_role = Some("orchestrator".into());
                r.repository.user = None;
            }),
            ("newest", "superseded by #8 of ccccccc on main", |r| {
                r.repository.runs.insert(0, run(8, 'c'));
            }),
        ],
    );
}

fn decision(approved: bool) -> Decision {
    Decision { by: "orch".into(), environments: vec!["production".into()], approved, comment: String::new() }
}

#[test]
fn an_approval_needs_the_chain_to_fit_up_to_the_run() {
    let mut release = approval_night();
    release.request().state =
        PullRequestState::Merged { commit: commit('b', '2'), by: Some("orch".into()), at: None };
    let held = release.held_up(&approve());
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(held[0].0 == "chain" && held[0].1.starts_with("merge does not fit"), "{held:?}");
    let locks = interlocks(&approve(), None, &release.situation());
    assert!(first_blocked(&locks, &[InterlockId::Chain]).is_some(), "no reason overrides what does not fit");
}

#[test]
fn a_rejection_asks_for_less_than_an_approval() {
    each_alone(
        approval_night,
        &reject(),
        &[
            ("run", "was not read", |r| {
                r.repository.run = None;
                r.repository.runs.clear();
            }),
            ("approver", "may not", |r| r.waiting().may_approve = false),
        ],
    );
    let mut release = approval_night();
    release.repository.runs.insert(0, run(8, 'c'));
    assert_eq!(release.held_up(&reject()), [], "a superseded run may be rejected");
}

#[test]
fn only_a_merged_branch_that_is_not_long_lived_is_deleted() {
    let delete = |branch: &str| Action::DeleteBranch { branch: branch.into() };
    let mut release = approval_night();
    for branch in ["develop", "main", "release"] {
        let held = release.held_up(&delete(branch));
        let why = format!("{branch} is long-lived: releases come from it again");
        assert!(held.contains(&("branch", why)), "{held:?}");
    }
    let fix = delete("hotfix/critical-bug-123");
    assert_eq!(release.held_up(&fix)[0].0, "pull-request");
    release.request().head_branch = "hotfix/critical-bug-123".into();
    assert_eq!(release.held_up(&fix), []);
    release.request().state = PullRequestState::Open;
    assert_eq!(release.held_up(&fix), [("pull-request", "#42 is not merged".to_owned())]);
}

#[test]
fn a_second_pull_request_is_not_opened() {
    let propose = |title: &str| Action::Propose {
        head: "develop".into(),
        base: "main".into(),
        title: title.into(),
        body: String::new(),
    };
    let mut release = review_night();
    let held = release.held_up(&propose("Release v1.1.0"));
    assert_eq!(held, [("pull-request", "#42 is open already: Release v1.1.0".to_owned())]);
    release.request().state = PullRequestState::Closed;
    assert_eq!(release.held_up(&propose("Release v1.1.0")), []);
    assert_eq!(release.held_up(&propose(" "))[0].1, "it has no title yet");
}

#[test]
fn a_rerun_of_an_old_commit_takes_a_reason() {
    let rerun = Action::Rerun { run: RunId { id: 1007, attempt: 1 }, number: 7, failed_only: true };
    let mut release = approval_night();
    assert_eq!(release.held_up(&rerun), [("run", "#7 is not over (it is waiting)".to_owned())]);
    release.run().state = RunState::Failed;
    assert_eq!(release.held_up(&rerun), []);
    release.repository.runs.insert(0, run(8, 'c'));
    let why = "it would deploy bbbbbbb again; #8 is of ccccccc, which is newer".to_owned();
    assert_eq!(release.held_up(&rerun), [("old-commit", why)]);
    let locks = interlocks(&rerun, None, &release.situation());
    assert_eq!(first_blocked(&locks, &[InterlockId::OldCommit]), None);
}

#[test]
fn only_a_run_that_goes_on_is_cancelled() {
    let cancel = Action::Cancel { run: RunId { id: 1007, attempt: 1 }, number: 7 };
    let mut release = approval_night();
    assert_eq!(release.held_up(&cancel), []);
    release.run().state = RunState::Passed;
    assert_eq!(release.held_up(&cancel), [("run", "#7 is over: passed".to_owned())]);
}

#[test]
fn without_a_repository_nothing_is_done_on_github() {
    let release = review_night();
    let unconfigured = Situation { github: None, ..release.situation() };
    let locks = interlocks(&merge(), None, &unconfigured);
    let why = first_blocked(&locks, &[]).map(|lock| lock.why().to_owned());
    assert_eq!(why.as_deref(), Some("no repository is configured: see [github]"));
    let unread = OnGitHub { setting: &release.setting, repository: None, freshness: Freshness::Never };
    let unread = Situation { github: Some(unread), ..release.situation() };
    for action in [merge(), approve(), reject()] {
        let locks = interlocks(&action, None, &unread);
        let clear: Vec<&str> =
            locks.iter().filter(|lock| lock.is_clear()).map(|lock| lock.id.name()).collect();
        assert_eq!(clear, ["writable", "command"], "{action:?}");
    }
}

#[test]
fn smoke_tests_that_failed_hold_the_switch() {
    use crate::sop::smoke::SmokeTests;
    let switch = Action::Switch { to: crate::sop::colour::Colour::Green };
    let said = |smoke: SmokeTests| {
        let mut night = night();
        night.evidence.origin = Some(Default::default());
        night.evidence.smoke = smoke;
        let locks = interlocks(&switch, None, &night.situation());
        locks.into_iter().find(|lock| lock.id == InterlockId::Smoke).unwrap()
    };
    assert!(said(SmokeTests::Passed).is_clear() && said(SmokeTests::Unknown).is_clear());
    let words = "run #7: smoke tests failed (check /health)".to_owned();
    let failed = said(SmokeTests::Failed { words: words.clone(), at: None });
    assert_eq!(failed.why(), words);
    assert!(!failed.is_clear() && !failed.overridable());
}

#[test]
fn the_checklist_holds_up_the_merge_and_the_approval_that_it_names() {
    use crate::sop::checklist::Gate;
    use crate::sop::checklist::standing::Held;
    let listing = |mut release: Release, gates: &[Gate], overridable| {
        release.night.policy.checklist = true;
        let words = "no P0 or P1 bugs open (fail): open: #12".to_owned();
        release.night.evidence.checklist = Some(vec![Held { gates: gates.to_vec(), words, overridable }]);
        release
    };
    let held = |id: &'static str| vec![(id, "no P0 or P1 bugs open (fail): open: #12".to_owned())];
    let merging = listing(review_night(), &[Gate::Merge], true);
    assert_eq!(merging.held_up(&merge()), held("checklist"));
    assert_eq!(listing(review_night(), &[Gate::Approve], true).held_up(&merge()), []);
    let approving = listing(approval_night(), &[Gate::Approve, Gate::Switch], false);
    assert_eq!(approving.held_up(&approve()), held("required"));
    let locks = interlocks(&approve(), None, &approving.situation());
    assert!(first_blocked(&locks, &InterlockId::ALL).is_some(), "no reason overrides that");
    // Nobody has to be kept from saying no.
    assert_eq!(approving.held_up(&reject()), []);
    let mut unseen = merging;
    unseen.night.evidence.checklist = None;
    assert_eq!(unseen.held_up(&merge()), [("checklist", "not looked at yet".to_owned())]);
}
