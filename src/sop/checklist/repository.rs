//! What the release's repository shows of an item: checks, coverage, reviews and changed
//! files, judged by what the room reads of it anyway; and what has to be asked for.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::evidence::Found;
use super::facts::Look;
use super::{Compare, Pattern};
use crate::sop::commit::Sha;
use crate::sop::moment::Moment;
use crate::sop::pipeline::{Run, RunState};
use crate::sop::pull_request::{CheckState, PullRequest, PullRequestState};
use crate::sop::repository::{GitHubSetting, Repository};
use crate::sop::review::Standing;

#[cfg(test)]
mod tests;

/// Where all of this is seen.
const GITHUB: &str = "GitHub";

/// What must be so in what the room reads of the repository.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Checks(Checks),
    Reviews(Reviews),
    Changed(Changed),
}

/// Checks, commit statuses and workflow runs of the release's head, by their names. Each
/// pattern has to be some check's, and everything that it names has to have passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks {
    pub names: Vec<Pattern>,
    pub coverage: Option<Coverage>,
}

/// What a check says of the share of the code that tests run through, in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    pub check: Pattern,
    pub compare: Compare,
}

/// Approvals that count for the release's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviews {
    /// How many are wanted; `None`: as many as the repository's rules, and one at least.
    pub approvals: Option<usize>,
}

/// Files that the release has to change; one that fits one of the patterns is enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub files: Vec<Pattern>,
    /// What it means that none was: a fail, or nothing where somebody has to say whether
    /// there was need.
    pub otherwise: Found,
}

/// What has to be asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Issues with one of these labels: none may be open, or for a hotfix one has to be.
    Issues { labels: Vec<String>, open: bool },
    /// A release or a draft of one, of the release's version, with a text.
    Notes { version: String },
    /// The environment has a successful deployment of the release's files, and has had it
    /// for so long without another one.
    Deployed { environment: String, stable: Duration },
    /// The release's commit on the base branch has come to this branch.
    MergedBack { into: String },
}

impl Wanted {
    /// The text of it that may name something of the release.
    pub(super) const fn text(&self) -> Option<&String> {
        match self {
            Self::Notes { version } => Some(version),
            _ => None,
        }
    }

    /// In words, for who wonders how it is verified.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Issues { labels, open: false } => {
                format!("GitHub: no open issue is labelled {}", labels.join(" or "))
            }
            Self::Issues { labels, open: true } => {
                format!("GitHub: an open issue is labelled {}", labels.join(" or "))
            }
            Self::Notes { .. } => "GitHub: a release or a draft of this version has a text".to_owned(),
            Self::Deployed { environment, stable } => {
                let hours = stable.as_secs() / 3600;
                format!("GitHub: {environment} has had these files for {hours} h")
            }
            Self::MergedBack { into } => format!("GitHub: the release's commit is on {into}"),
        }
    }
}

impl Rule {
    /// In words, for who wonders how it is verified.
    #[must_use]
    pub fn words(&self) -> String {
        let listed = |patterns: &[Pattern]| -> String {
            patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" and ")
        };
        match self {
            Self::Checks(Checks { names, coverage: None }) => format!("GitHub: checks {}", listed(names)),
            Self::Checks(Checks { names, coverage: Some(coverage) }) => {
                format!("GitHub: checks {}; coverage {} %", listed(names), coverage.compare.words())
            }
            Self::Reviews(_) => "GitHub: approvals of the head that count".to_owned(),
            Self::Changed(changed) => format!("GitHub: the release changes {}", listed(&changed.files)),
        }
    }
}

/// What is known of the repository.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub setting: &'a GitHubSetting,
    /// `None` while it was not read.
    pub read: Option<(Moment, &'a Repository)>,
    /// Why it cannot be read now.
    pub trouble: Option<&'a str>,
    /// Whether what was read is of a release that is over: it says nothing of the next.
    pub over: bool,
}

/// Looks at what was read.
#[must_use]
pub fn look(rule: &Rule, known: Option<&Known<'_>>) -> Look {
    let unknown = |words: String| (Found::Unknown, words, GITHUB);
    let Some(known) = known else {
        return unknown("no repository is configured ([github])".to_owned());
    };
    let Some((_, repository)) = known.read else {
        return unknown(match known.trouble {
            Some(why) => format!("GitHub cannot be read: {why}"),
            None => "GitHub was not read yet".to_owned(),
        });
    };
    if known.over {
        return unknown("no release is under way: its pull request is not open yet".to_owned());
    }
    let request = || {
        let request = repository.pull_request.as_ref();
        request.ok_or_else(|| "no pull request of the release is known".to_owned())
    };
    let judged = match rule {
        Rule::Checks(checks) => checked(checks, repository),
        Rule::Reviews(reviews) => request().map(|request| reviewed(*reviews, request, known.setting)),
        Rule::Changed(changed) => request().map(|request| changes(changed, request)),
    };
    let (found, words) = judged.unwrap_or_else(|why| (Found::Unknown, why));
    (found, words, GITHUB)
}

/// The commit that the release is: the pull request's head, as long as what it became has
/// the same files; else what it became, else what runs. Evidence of one is evidence of the
/// other only then.
#[must_use]
pub fn head(repository: &Repository) -> Option<&Sha> {
    match &repository.pull_request {
        Some(request) => match &request.state {
            PullRequestState::Merged { commit, .. }
                if commit.holds_the_same(&request.head) == Some(false) =>
            {
                Some(&commit.sha)
            }
            _ => Some(&request.head.sha),
        },
        None => repository.run.as_ref().map(|run| &run.head),
    }
}

/// Something that has a name and came out somehow.
struct Named<'a> {
    name: &'a str,
    state: Outcome<'a>,
    says: &'a str,
}

enum Outcome<'a> {
    Passed,
    Failed,
    Running,
    /// Left out, or neither good nor bad: nothing was tried.
    Nothing,
    Other(&'a str),
}

fn checked(checks: &Checks, repository: &Repository) -> Result<(Found, String), String> {
    let head = head(repository).ok_or("no release is known: neither a pull request nor a run")?;
    let all = tried(repository, head)?;
    let mut seen = Vec::new();
    let mut worst = Found::Pass;
    for name in &checks.names {
        let (found, words) = by_name(name, &all, head);
        worst = worse(worst, found);
        seen.push((found, words));
    }
    if let Some(coverage) = &checks.coverage {
        let (found, words) = covered(coverage, &all, head);
        worst = worse(worst, found);
        seen.push((found, words));
    }
    // What is bad is said alone: the rest would hide it.
    let words: Vec<String> =
        seen.into_iter().filter(|(found, _)| *found == worst).map(|(_, words)| words).collect();
    let words = words.join("; ");
    Ok((worst, if worst == Found::Pass { format!("{words} at {head}") } else { words }))
}

const fn worse(one: Found, other: Found) -> Found {
    match (one, other) {
        (Found::Fail, _) | (_, Found::Fail) => Found::Fail,
        (Found::Unknown, _) | (_, Found::Unknown) => Found::Unknown,
        _ => Found::Pass,
    }
}

/// Everything that was tried on the release's files: check runs and statuses of its pull
/// request, else the jobs and steps of its run; and of every workflow its newest run.
fn tried<'a>(repository: &'a Repository, head: &Sha) -> Result<Vec<Named<'a>>, String> {
    let mut all = Vec::new();
    match (&repository.pull_request, &repository.run) {
        (Some(request), _) if request.checks.commit.as_ref() != Some(head) => {
            return Err(format!("the checks of {head} were not read"));
        }
        (Some(request), _) => all.extend(request.checks.all.iter().map(|check| Named {
            name: &check.name,
            state: of_check(&check.state),
            says: &check.summary,
        })),
        (None, run) => {
            for job in run.iter().flat_map(|run| &run.jobs) {
                all.push(Named { name: &job.name, state: of_run(&job.state), says: "" });
                let steps = job.steps.iter();
                all.extend(steps.map(|step| Named {
                    name: &step.name,
                    state: of_run(&step.state),
                    says: "",
                }));
            }
        }
    }
    let of_head = |run: &&Run| run.head == *head;
    let is_newest = |run: &&Run| {
        let same = repository.runs.iter().filter(of_head).filter(|other| other.path == run.path);
        same.map(|other| other.number).max() == Some(run.number)
    };
    let runs = repository.runs.iter().filter(of_head).filter(is_newest);
    all.extend(runs.map(|run| Named { name: &run.workflow, state: of_run(&run.state), says: "" }));
    Ok(all)
}

fn of_check(state: &CheckState) -> Outcome<'_> {
    match state {
        CheckState::Passed => Outcome::Passed,
        CheckState::Failed => Outcome::Failed,
        CheckState::Running => Outcome::Running,
        CheckState::Neutral => Outcome::Nothing,
        CheckState::Other(word) => Outcome::Other(word),
    }
}

fn of_run(state: &RunState) -> Outcome<'_> {
    match state {
        RunState::Passed => Outcome::Passed,
        RunState::Failed | RunState::Cancelled | RunState::TimedOut => Outcome::Failed,
        RunState::Queued | RunState::Waiting | RunState::Running => Outcome::Running,
        RunState::Skipped | RunState::Neutral => Outcome::Nothing,
        RunState::Other(word) => Outcome::Other(word),
    }
}

/// What everything of that name came to.
fn by_name(name: &Pattern, all: &[Named<'_>], head: &Sha) -> (Found, String) {
    let matching: Vec<&Named<'_>> = all.iter().filter(|known| name.is_match(known.name)).collect();
    let of = |wanted: fn(&Outcome<'_>) -> bool| -> Vec<&str> {
        matching.iter().filter(|known| wanted(&known.state)).map(|known| known.name).collect()
    };
    let failed = of(|state| matches!(state, Outcome::Failed));
    let running = of(|state| matches!(state, Outcome::Running));
    let passed = of(|state| matches!(state, Outcome::Passed));
    let strange = matching.iter().find_map(|known| match known.state {
        Outcome::Other(word) => Some(format!("{} says `{word}`", known.name)),
        _ => None,
    });
    match (failed.as_slice(), running.as_slice(), strange, passed.as_slice()) {
        ([_, ..], ..) => (Found::Fail, format!("failed at {head}: {}", listed(&failed))),
        (_, [_, ..], ..) => (Found::Unknown, format!("still running at {head}: {}", listed(&running))),
        (_, _, Some(strange), _) => (Found::Unknown, strange),
        (.., [_, ..]) => (Found::Pass, format!("passed: {}", listed(&passed))),
        _ => (
            Found::Unknown,
            match matching.first() {
                Some(skipped) => format!("{} was left out at {head}", skipped.name),
                None => format!("no check, status or run at {head} is named {}", name.as_str()),
            },
        ),
    }
}

/// What the coverage is, by the checks that tell it: all of them have to be good.
fn covered(coverage: &Coverage, all: &[Named<'_>], head: &Sha) -> (Found, String) {
    let matching = || all.iter().filter(|known| coverage.check.is_match(known.name));
    let Some(first) = matching().next() else {
        let words = format!("no check at {head} tells the coverage (named {})", coverage.check.as_str());
        return (Found::Unknown, words);
    };
    // A job is called so as well, and says nothing of it.
    let mut told: Vec<&Named<'_>> = matching().filter(|known| percent(known.says).is_some()).collect();
    if told.is_empty() {
        told.push(first);
    }
    let judged = told.into_iter().map(|known| {
        let of = format!("{}: {}", known.name, known.says);
        match (percent(known.says), &known.state) {
            (_, Outcome::Running) => (Found::Unknown, format!("still running at {head}: {}", known.name)),
            (None, _) => (Found::Unknown, format!("{} tells no coverage: \"{}\"", known.name, known.says)),
            (Some(share), state) if coverage.compare.holds(share) => match state {
                Outcome::Passed | Outcome::Nothing => (Found::Pass, format!("coverage {share} % ({of})")),
                Outcome::Failed => (Found::Fail, format!("coverage {share} %, but {} failed", known.name)),
                _ => {
                    (Found::Unknown, format!("coverage {share} %, but how {} ended is not known", known.name))
                }
            },
            (Some(share), _) => {
                let bound = coverage.compare.words();
                (Found::Fail, format!("coverage {share} %, expected {bound} % ({of})"))
            }
        }
    });
    let mut worst = (Found::Pass, String::new());
    for (found, words) in judged {
        if worst.1.is_empty() || worse(worst.0, found) != worst.0 {
            worst = (found, words);
        }
    }
    worst
}

/// The first share in percent that a text names, from 0 to 100. A sign before it makes it
/// a difference, which is no share.
fn percent(text: &str) -> Option<f64> {
    static SHARE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:^|[^0-9.,+\-−–])([0-9]{1,3}(?:[.,][0-9]{1,6})?)\s*%").ok());
    let found = SHARE.as_ref()?.captures_iter(text).filter_map(|found| found.get(1));
    let mut shares = found.filter_map(|share| share.as_str().replace(',', ".").parse::<f64>().ok());
    shares.next().filter(|share| (0.0..=100.0).contains(share))
}

fn reviewed(reviews: Reviews, request: &PullRequest, setting: &GitHubSetting) -> (Found, String) {
    // A checklist that asks for reviews asks for one at least.
    let wanted = reviews.approvals.unwrap_or(setting.approvals).max(1);
    let fast = reviews.approvals.is_some_and(|approvals| approvals < setting.approvals);
    let each_role = if fast { Vec::new() } else { setting.each_role.clone() };
    let setting = GitHubSetting { approvals: wanted, each_role, ..setting.clone() };
    let standing = Standing::of(request, &setting);
    if standing.suffices() {
        return (
            Found::Pass,
            format!("#{} approved at {} by {}", request.number, request.head.sha, listed(&standing.approved)),
        );
    }
    let words = if !standing.wants_changes.is_empty() {
        format!("{} asks for changes", listed(&standing.wants_changes))
    } else if standing.approved.len() < wanted {
        let mut words =
            format!("{} of {wanted} approvals of #{} count", standing.approved.len(), request.number);
        if !standing.outdated.is_empty() {
            words.push_str(&format!("; given before the last push: {}", listed(&standing.outdated)));
        }
        words
    } else {
        let role = standing.missing_roles.first().copied().unwrap_or("role");
        format!("of the role {role} nobody has approved it")
    };
    (Found::Fail, words)
}

fn changes(changed: &Changed, request: &PullRequest) -> (Found, String) {
    let fits = |path: &str| changed.files.iter().any(|pattern| pattern.is_match(path));
    if let Some(file) = request.files.iter().find(|file| fits(&file.path)) {
        return (Found::Pass, format!("{} (+{} −{})", file.path, file.added, file.removed));
    }
    let names: Vec<&str> = changed.files.iter().map(Pattern::as_str).collect();
    let names = names.join(" or ");
    if request.more_files {
        let read = request.files.len();
        return (
            Found::Unknown,
            format!("{names} is not among the first {read} changed files; there are more"),
        );
    }
    if request.files.is_empty() {
        return (Found::Unknown, format!("#{} changes no file that was read", request.number));
    }
    let words = format!("#{} does not change {names}", request.number);
    match changed.otherwise {
        Found::Fail => (Found::Fail, words),
        _ => (Found::Unknown, format!("{words}: was there need?")),
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
