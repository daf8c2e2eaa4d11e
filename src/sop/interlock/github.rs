//! The conditions on what is done on GitHub. Each rests on what was read there; what was
//! not read, or says a word that nobody knows, clears nothing.

use super::conditions::{command, listed as checklist, writable};
use super::{Freshness, InterlockId as Id, LockState, OnGitHub, Situation, blocked, clear, unknown};
use crate::sop::chain::{Chain, Fit, LinkId, Origin};
use crate::sop::checklist::Gate;
use crate::sop::commit::Sha;
use crate::sop::operation::Action;
use crate::sop::pipeline::{PendingApproval, Run, RunId};
use crate::sop::pull_request::{CheckState, Mergeability, PullRequest, PullRequestState};
use crate::sop::repository::{GitHubSetting, Repository};
use crate::sop::review::Standing;

/// The conditions on an action on GitHub, in the order in which they are shown.
pub(super) fn conditions(action: &Action, s: &Situation<'_>) -> Vec<(Id, LockState)> {
    let mut locks = vec![(Id::Writable, writable(s))];
    let Some(github) = s.github else {
        locks.push((Id::Repository, blocked("no repository is configured: see [github]")));
        return locks;
    };
    locks.push((Id::Repository, fresh(&github)));
    locks.push((Id::Command, command(s)));
    if let Some(gate) = gate(action, github.setting) {
        locks.extend(checklist(gate, s));
    }
    locks.extend(own(action, &github));
    locks
}

/// Which of the checklist's gates an action is. Other environments than the release's have
/// checklists of their own.
fn gate(action: &Action, setting: &GitHubSetting) -> Option<Gate> {
    match action {
        Action::Merge { .. } => Some(Gate::Merge),
        Action::Approve { environment, .. } if *environment == setting.environment => Some(Gate::Approve),
        _ => None,
    }
}

/// What only this action asks for.
fn own(action: &Action, github: &OnGitHub<'_>) -> Vec<(Id, LockState)> {
    let setting = github.setting;
    match action {
        Action::Propose { head, base, title, .. } => {
            vec![(Id::PullRequest, proposable(head, base, title, github))]
        }
        Action::Merge { number, head } => on_request(github, *number, Id::PullRequest, |request| {
            vec![
                (Id::PullRequest, open(request)),
                (Id::Head, head_as_shown(request, head)),
                (Id::Mergeable, mergeable(request)),
                (Id::Checks, checks(request)),
                (Id::Reviews, reviews(request, setting)),
                (Id::Role, role(setting.merge_role.as_deref(), "merge", github)),
            ]
        }),
        Action::DeleteBranch { branch } => {
            vec![(Id::Branch, deletable(branch, setting)), (Id::PullRequest, merged(branch, github))]
        }
        Action::Approve { run, head, environment, environment_id, .. } => on_run(github, run, head, |now| {
            vec![
                (Id::Waiting, waiting(now, environment, *environment_id)),
                (Id::Approver, approver(now, environment, github)),
                (Id::Role, role(setting.approve_role.as_deref(), "approve", github)),
                (Id::Newest, newest(now, github)),
                (Id::Chain, chain(environment, github)),
            ]
        }),
        Action::Reject { run, head, environment, environment_id, .. } => on_run(github, run, head, |now| {
            vec![
                (Id::Waiting, waiting(now, environment, *environment_id)),
                (Id::Approver, approver(now, environment, github)),
            ]
        }),
        Action::Rerun { run, .. } => match known(github, run) {
            Ok(now) => vec![(Id::Run, over(now, run)), (Id::OldCommit, old_commit(now, github))],
            Err(state) => vec![(Id::Run, state)],
        },
        Action::Cancel { run, .. } => {
            vec![(Id::Run, known(github, run).map_or_else(|state| state, |now| under_way(now, run)))]
        }
        // A dispatch rests on nothing that is read; the rest is not on GitHub.
        _ => Vec::new(),
    }
}

fn fresh(github: &OnGitHub<'_>) -> LockState {
    match github.freshness {
        _ if github.repository.is_none() => unknown("GitHub was not read yet"),
        Freshness::Never => unknown("GitHub was not read yet"),
        Freshness::ReadNow => clear("read just now"),
        Freshness::Age(age) if age > github.setting.stale_after => {
            blocked(format!("GitHub was last read {} s ago", age.as_secs()))
        }
        Freshness::Age(age) => clear(format!("{} s old", age.as_secs())),
    }
}

fn repository<'a>(github: &OnGitHub<'a>) -> Result<&'a Repository, LockState> {
    github.repository.ok_or_else(|| unknown("GitHub was not read yet"))
}

/// The pull request of that number, or why there is none to judge.
fn request<'a>(github: &OnGitHub<'a>, number: u64) -> Result<&'a PullRequest, LockState> {
    match &repository(github)?.pull_request {
        Some(request) if request.number == number => Ok(request),
        Some(other) => Err(blocked(format!("#{number} was shown, #{} is the release's now", other.number))),
        None => Err(unknown(format!("#{number} was not read"))),
    }
}

fn on_request(
    github: &OnGitHub<'_>,
    number: u64,
    id: Id,
    judge: impl FnOnce(&PullRequest) -> Vec<(Id, LockState)>,
) -> Vec<(Id, LockState)> {
    request(github, number).map_or_else(|state| vec![(id, state)], judge)
}

fn proposable(head: &str, base: &str, title: &str, github: &OnGitHub<'_>) -> LockState {
    let request = match repository(github) {
        Ok(repository) => repository.pull_request.as_ref(),
        Err(state) => return state,
    };
    let same = request.filter(|request| request.head_branch == head && request.base_branch == base);
    match same {
        Some(request) if matches!(request.state, PullRequestState::Open | PullRequestState::Draft) => {
            blocked(format!("#{} is open already: {}", request.number, request.title))
        }
        _ if title.trim().is_empty() => blocked("it has no title yet"),
        _ => clear(format!("none is open from {head} to {base}")),
    }
}

fn open(request: &PullRequest) -> LockState {
    match &request.state {
        PullRequestState::Open => clear(format!("#{} is open", request.number)),
        PullRequestState::Draft => {
            blocked(format!("#{} is a draft: mark it ready for review first", request.number))
        }
        PullRequestState::Closed => blocked(format!("#{} was closed without a merge", request.number)),
        PullRequestState::Merged { commit, by, .. } => {
            let by = by.as_deref().unwrap_or("somebody");
            blocked(format!("{by} merged #{} already, as {}", request.number, commit.sha))
        }
    }
}

fn head_as_shown(request: &PullRequest, shown: &Sha) -> LockState {
    if request.head.sha == *shown {
        return clear(format!("at {shown}"));
    }
    blocked(format!(
        "the head moved: {shown} was shown, {} is there now: look at what was pushed",
        request.head.sha
    ))
}

fn mergeable(request: &PullRequest) -> LockState {
    match &request.mergeability {
        Mergeability::Clean => clear("yes"),
        Mergeability::Computing => unknown("GitHub is still working it out: it is asked again"),
        Mergeability::Conflicts => {
            blocked(format!("it has conflicts with {}: merge that in first", request.base_branch))
        }
        Mergeability::Held(word) => blocked(match word.as_str() {
            "blocked" => format!("the rules of {} hold it", request.base_branch),
            "behind" => format!("it is behind {}: update the branch", request.base_branch),
            other => format!("GitHub holds it: {other}"),
        }),
    }
}

fn checks(request: &PullRequest) -> LockState {
    let head = &request.head.sha;
    let checks = &request.checks;
    if checks.commit.as_ref() != Some(head) {
        return unknown(format!("the checks of {head} were not read"));
    }
    let named = |wanted: fn(&CheckState) -> bool| -> Vec<&str> {
        checks.all.iter().filter(|check| wanted(&check.state)).map(|check| check.name.as_str()).collect()
    };
    let failed = named(|state| *state == CheckState::Failed);
    let running = named(|state| *state == CheckState::Running);
    let strange = checks.all.iter().find_map(|check| match &check.state {
        CheckState::Other(word) => Some(format!("{} says `{word}`", check.name)),
        _ => None,
    });
    match (failed.as_slice(), running.as_slice(), strange) {
        ([_, ..], _, _) => blocked(format!("failed: {}", listed(&failed))),
        (_, [_, ..], _) => blocked(format!("still running: {}", listed(&running))),
        (_, _, Some(strange)) => unknown(strange),
        _ if checks.all.is_empty() => unknown(format!("nothing was checked at {head}")),
        _ => clear(format!("{} passed at {head}", checks.all.len())),
    }
}

/// Names, the first few of them.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 3;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn reviews(request: &PullRequest, setting: &GitHubSetting) -> LockState {
    let standing = Standing::of(request, setting);
    let counted = standing.approved.len();
    if !standing.wants_changes.is_empty() {
        return blocked(format!("{} asks for changes", listed(&standing.wants_changes)));
    }
    if counted < standing.wanted {
        let mut words = format!("{counted} of {} approvals count", standing.wanted);
        if !standing.outdated.is_empty() {
            words.push_str(&format!("; given before the last push: {}", listed(&standing.outdated)));
        }
        if standing.author_approved {
            words.push_str(&format!("; {}'s own does not, being the author's", request.author));
        }
        return blocked(words);
    }
    match standing.missing_roles.first() {
        Some(role) => blocked(format!("no approval of a {role} counts")),
        None if counted == 0 => clear("none is asked for"),
        None => clear(format!("approved by {}", listed(&standing.approved))),
    }
}

/// Whether the token's user has the role to which something is reserved.
fn role(role: Option<&str>, what: &str, github: &OnGitHub<'_>) -> LockState {
    let Some(role) = role else { return clear("reserved to nobody") };
    let Some(user) = repository(github).ok().and_then(|repository| repository.user.as_deref()) else {
        return unknown(format!("to {what} takes the {role}; whose token this is was not read"));
    };
    if github.setting.has_role(user, role) {
        return clear(format!("{user} is {role}"));
    }
    let people = github.setting.people.get(role).map(|logins| logins.join(", "));
    match people.filter(|people| !people.is_empty()) {
        Some(people) => blocked(format!("to {what} is for the {role} ({people}); this token is {user}'s")),
        None => blocked(format!("to {what} is for the {role}, and [people] names nobody as that")),
    }
}

fn deletable(branch: &str, setting: &GitHubSetting) -> LockState {
    if setting.is_long_lived(branch) {
        return blocked(format!("{branch} is long-lived: releases come from it again"));
    }
    clear(format!("{branch} is not long-lived"))
}

/// Whether what a branch brought was merged.
fn merged(branch: &str, github: &OnGitHub<'_>) -> LockState {
    let request = match repository(github) {
        Ok(repository) => repository.pull_request.as_ref(),
        Err(state) => return state,
    };
    match request.filter(|request| request.head_branch == branch) {
        None => blocked(format!("no pull request from {branch} is known")),
        Some(PullRequest { number, state: PullRequestState::Merged { .. }, .. }) => {
            clear(format!("#{number} was merged"))
        }
        Some(request) => blocked(format!("#{} is not merged", request.number)),
    }
}

/// The run of that id, whatever its attempt, or why there is none to judge.
fn known<'a>(github: &OnGitHub<'a>, id: &RunId) -> Result<&'a Run, LockState> {
    let repository = repository(github)?;
    let run = repository.run.iter().chain(&repository.runs).find(|run| run.id.id == id.id);
    run.ok_or_else(|| unknown(format!("run {} was not read", id.id)))
}

/// Conditions on exactly the run that was shown.
fn on_run(
    github: &OnGitHub<'_>,
    shown: &RunId,
    head: &Sha,
    judge: impl FnOnce(&Run) -> Vec<(Id, LockState)>,
) -> Vec<(Id, LockState)> {
    let run = match known(github, shown) {
        Ok(run) => run,
        Err(state) => return vec![(Id::Run, state)],
    };
    let state = if run.head != *head {
        blocked(format!("{head} was shown, the run is of {}", run.head))
    } else {
        same_attempt(run, shown)
            .unwrap_or_else(|| clear(format!("#{} attempt {} of {head}", run.number, shown.attempt)))
    };
    let mut locks = vec![(Id::Run, state)];
    locks.extend(judge(run));
    locks
}

/// Why a run is no longer the attempt that was shown.
fn same_attempt(run: &Run, shown: &RunId) -> Option<LockState> {
    let (then, now) = (shown.attempt, run.id.attempt);
    (then != now).then(|| blocked(format!("attempt {then} was shown, attempt {now} runs now")))
}

fn waits<'r>(run: &'r Run, environment: &str) -> Option<&'r PendingApproval> {
    run.waiting.iter().find(|waiting| waiting.environment == environment)
}

/// Whether the run waits for exactly this environment.
fn waiting(run: &Run, environment: &str, id: u64) -> LockState {
    if let Some(waiting) = waits(run, environment) {
        if waiting.environment_id != id {
            return blocked(format!("{environment} was deleted and made anew"));
        }
        return clear(format!("for {environment}"));
    }
    let decided =
        run.decisions.iter().rev().find(|known| known.environments.iter().any(|e| e == environment));
    if let Some(decision) = decided {
        let what = if decision.approved { "approved" } else { "rejected" };
        return blocked(format!("{} {what} it for {environment} already", decision.by));
    }
    if run.state.is_over() {
        return blocked(format!("the run is over: {}", run.state.word()));
    }
    blocked(match run.waiting.first() {
        Some(other) => format!("it waits for {}, not for {environment}", other.environment),
        None => format!("it does not wait for {environment} (it is {})", run.state.word()),
    })
}

/// Whether the token's user may decide; else who may.
fn approver(run: &Run, environment: &str, github: &OnGitHub<'_>) -> LockState {
    let user = github.repository.and_then(|repository| repository.user.as_deref());
    let user = user.unwrap_or("this token's user");
    match waits(run, environment) {
        None => unknown(format!("only told while it waits for {environment}")),
        Some(waiting) if waiting.may_approve => clear(format!("{user} may")),
        Some(waiting) if waiting.reviewers.is_empty() => {
            blocked(format!("{user} may not; who may is not told"))
        }
        Some(waiting) => blocked(format!("{user} may not; {} may", waiting.reviewers.join(", "))),
    }
}

/// The newest run of the same workflow on the same branch, where it is not this one.
fn newer<'a>(run: &Run, github: &OnGitHub<'a>) -> Option<&'a Run> {
    let runs = github.repository.iter().flat_map(|repository| &repository.runs);
    let same = runs.filter(|other| other.path == run.path && other.branch == run.branch);
    same.filter(|other| other.number > run.number).max_by_key(|other| other.number)
}

fn newest(run: &Run, github: &OnGitHub<'_>) -> LockState {
    match newer(run, github) {
        None => clear(format!("no newer run on {}", run.branch)),
        Some(newer) => blocked(format!(
            "superseded by #{} of {} on {}: approve that one",
            newer.number, newer.head, run.branch
        )),
    }
}

/// The chain of evidence from the pull request to this run: what goes to production has
/// to be what was reviewed. Other environments have no pull request of their own.
fn chain(environment: &str, github: &OnGitHub<'_>) -> LockState {
    if environment != github.setting.environment {
        return clear(format!("{environment} takes no release"));
    }
    let origin = match repository(github) {
        Ok(repository) => Origin::of(repository, None),
        Err(state) => return state,
    };
    let chain = Chain { links: origin.links };
    match chain.weakest(LinkId::Run) {
        None => clear("what was reviewed is what runs"),
        Some(link) if matches!(link.fit, Fit::Unknown(_)) => unknown(link.words()),
        Some(link) => blocked(link.words()),
    }
}

fn old_commit(run: &Run, github: &OnGitHub<'_>) -> LockState {
    match newer(run, github).filter(|newer| newer.head != run.head) {
        None => clear(format!("{} is the newest that ran on {}", run.head, run.branch)),
        Some(newer) => blocked(format!(
            "it would deploy {} again; #{} is of {}, which is newer",
            run.head, newer.number, newer.head
        )),
    }
}

fn over(run: &Run, shown: &RunId) -> LockState {
    same_attempt(run, shown).unwrap_or_else(|| {
        if run.state.is_over() {
            clear(format!("#{} is over: {}", run.number, run.state.word()))
        } else {
            blocked(format!("#{} is not over (it is {})", run.number, run.state.word()))
        }
    })
}

fn under_way(run: &Run, shown: &RunId) -> LockState {
    same_attempt(run, shown).unwrap_or_else(|| {
        if run.state.is_over() {
            blocked(format!("#{} is over: {}", run.number, run.state.word()))
        } else {
            clear(format!("#{} is {}", run.number, run.state.word()))
        }
    })
}
