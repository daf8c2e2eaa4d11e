//! The pull request in a few lines: state, mergeability, checks, reviews, what it changes.

use ratatui::text::{Line, Span};

use crate::sop::pull_request::{CheckState, Checks, Mergeability, PullRequest, PullRequestState};
use crate::sop::review::Standing;
use crate::ui::scene::Scene;
use crate::ui::text::{columns, fit, padded};
use crate::ui::theme::Tone;

use super::fitting::{Weighed, Weight};

/// Column for what a line is about.
const NAMES: usize = 8;
/// Most failing checks, and issues, that are named.
const MOST_NAMED: usize = 3;

/// All lines of it; once it is merged, one.
pub(super) fn lines(scene: &Scene<'_>, request: &PullRequest, width: usize) -> Vec<Weighed> {
    let title = title_line(scene, request, width);
    if matches!(request.state, PullRequestState::Merged { .. }) {
        return vec![(Weight::Release, title)];
    }
    let mut lines = vec![(Weight::Must, title)];
    let mut add = |weight, name, (words, tone): (String, Tone)| {
        lines.push((weight, detail(scene, name, &words, tone, width)));
    };
    add(Weight::Must, "merge", merge_words(scene, request));
    add(Weight::Must, "checks", check_words(scene, request));
    if let Some(words) = review_words(scene, request) {
        add(Weight::Must, "reviews", words);
    }
    add(Weight::Head, "changes", (change_words(scene, request), Tone::Plain));
    lines
}

/// The pull request in one line.
pub(super) fn summary(scene: &Scene<'_>, request: &PullRequest) -> (String, Tone) {
    let (state, tone) = state_words(scene, request);
    let dot = scene.glyphs().dot;
    match request.state {
        PullRequestState::Open | PullRequestState::Draft => {
            let (checks, tone) = check_words(scene, request);
            (format!("#{} {state} {dot} {checks}", request.number), tone)
        }
        _ => (format!("#{} {state}", request.number), tone),
    }
}

/// `#42 Release v1.1.0                merged b2c3d4e`.
fn title_line(scene: &Scene<'_>, request: &PullRequest, width: usize) -> Line<'static> {
    let (state, tone) = state_words(scene, request);
    let room = width.saturating_sub(columns(&state) + 1);
    let title = padded(&format!("#{} {}", request.number, request.title), room, scene.look);
    Line::from(vec![
        Span::styled(format!("{title} "), scene.style(Tone::Strong)),
        Span::styled(state, scene.style(tone)),
    ])
}

fn state_words(scene: &Scene<'_>, request: &PullRequest) -> (String, Tone) {
    match &request.state {
        PullRequestState::Draft => ("draft".to_owned(), Tone::Warn),
        PullRequestState::Open => ("open".to_owned(), Tone::Strong),
        PullRequestState::Closed => (format!("{} closed without a merge", scene.glyphs().bad), Tone::Bad),
        PullRequestState::Merged { commit, .. } => {
            (format!("{} merged {}", scene.glyphs().good, commit.sha.short()), Tone::Plain)
        }
    }
}

fn merge_words(scene: &Scene<'_>, request: &PullRequest) -> (String, Tone) {
    let glyphs = scene.glyphs();
    let (words, tone) = match &request.mergeability {
        Mergeability::Computing => (format!("{} GitHub is working it out", glyphs.unknown), Tone::Dim),
        Mergeability::Clean => (format!("{} clean", glyphs.good), Tone::Plain),
        Mergeability::Conflicts => {
            (format!("{} conflicts with {}", glyphs.bad, request.base_branch), Tone::Bad)
        }
        Mergeability::Held(word) => (format!("{} held: {word}", glyphs.warn), Tone::Warn),
    };
    let (dot, head, arrow) = (glyphs.dot, request.head.sha.short(), glyphs.arrow);
    (format!("{words} {dot} {} {head} {arrow} {}", request.head_branch, request.base_branch), tone)
}

/// `✓ 5 passed · ▶ 1 running · ✗ 1 failed: bandit`; said when they are of another head.
fn check_words(scene: &Scene<'_>, request: &PullRequest) -> (String, Tone) {
    let checks: &Checks = &request.checks;
    let glyphs = scene.glyphs();
    match &checks.commit {
        None => return ("not read yet".to_owned(), Tone::Dim),
        Some(commit) if *commit != request.head.sha => {
            return (format!("{} those of {commit} are outdated", glyphs.unknown), Tone::Warn);
        }
        Some(_) if checks.all.is_empty() => return ("none".to_owned(), Tone::Warn),
        Some(_) => {}
    }
    let named = |wanted: fn(&CheckState) -> bool| -> Vec<&str> {
        checks.all.iter().filter(|check| wanted(&check.state)).map(|check| check.name.as_str()).collect()
    };
    let passed = named(|state| matches!(state, CheckState::Passed | CheckState::Neutral));
    let running = named(|state| matches!(state, CheckState::Running));
    let failed = named(|state| matches!(state, CheckState::Failed));
    let other = named(|state| matches!(state, CheckState::Other(_)));
    let mut parts = Vec::new();
    if !failed.is_empty() {
        parts.push(format!("{} {} failed: {}", glyphs.bad, failed.len(), some(&failed)));
    }
    if !other.is_empty() {
        parts.push(format!("{} {} unclear: {}", glyphs.unknown, other.len(), some(&other)));
    }
    if !running.is_empty() {
        parts.push(format!("{} {} running", glyphs.now, running.len()));
    }
    if !passed.is_empty() {
        parts.push(format!("{} {} passed", glyphs.good, passed.len()));
    }
    let tone = if !failed.is_empty() {
        Tone::Bad
    } else if !other.is_empty() {
        Tone::Warn
    } else {
        Tone::Plain
    };
    (parts.join(&format!(" {} ", glyphs.dot)), tone)
}

/// `1 of 2 approvals (dev) · outdated: orch`.
fn review_words(scene: &Scene<'_>, request: &PullRequest) -> Option<(String, Tone)> {
    let standing = Standing::of(request, scene.room.setting.github.as_ref()?);
    let glyphs = scene.glyphs();
    let mark = if standing.suffices() { glyphs.good } else { glyphs.pending };
    let mut words = format!("{mark} {} of {} approvals", standing.approved.len(), standing.wanted);
    if !standing.approved.is_empty() {
        words.push_str(&format!(" ({})", some(&standing.approved)));
    }
    let mut add = |what: &str, who: &[&str]| {
        if !who.is_empty() {
            words.push_str(&format!(" {} {what}{}", glyphs.dot, some(who)));
        }
    };
    add("changes wanted by ", &standing.wants_changes);
    add("outdated: ", &standing.outdated);
    add("none of: ", &standing.missing_roles);
    if standing.author_approved {
        add("the author's does not count: ", &[request.author.as_str()]);
    }
    let tone = match (standing.suffices(), standing.wants_changes.is_empty()) {
        (true, _) => Tone::Plain,
        (false, true) => Tone::Warn,
        (false, false) => Tone::Bad,
    };
    Some((words, tone))
}

/// `12 files +340 -12 · issues #7 #9`.
fn change_words(scene: &Scene<'_>, request: &PullRequest) -> String {
    let sum = |of: fn(&crate::sop::pull_request::ChangedFile) -> u64| {
        request.files.iter().map(of).fold(0_u64, u64::saturating_add)
    };
    let more = if request.more_files { "+" } else { "" };
    let mut words = format!(
        "{}{more} files +{} -{}",
        request.files.len(),
        sum(|file| file.added),
        sum(|file| file.removed)
    );
    if !request.issues.is_empty() {
        let issues: Vec<String> = request.issues.iter().map(|issue| format!("#{issue}")).collect();
        let issues: Vec<&str> = issues.iter().map(String::as_str).collect();
        words.push_str(&format!(" {} issues {}", scene.glyphs().dot, some(&issues)));
    }
    words
}

/// The first few names, and how many more there are.
fn some(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn detail(scene: &Scene<'_>, name: &str, words: &str, tone: Tone, width: usize) -> Line<'static> {
    let name = padded(name, NAMES, scene.look);
    Line::from(vec![
        Span::styled(format!(" {name}"), scene.style(Tone::Dim)),
        Span::styled(fit(words, width.saturating_sub(NAMES + 1), scene.look), scene.style(tone)),
    ])
}
