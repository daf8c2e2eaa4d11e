//! Verifiers of the checklist that ask the outside: HTTP, programs, Prometheus. They run
//! side by side, a few at a time; again when what they found has expired, when an operator
//! asks, and when what they found was of another release. One that cannot find out says
//! unknown, never pass.

mod command;
mod database;
mod http;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Database, GitHub, Metrics};
use crate::room::checklist::CheckOrder;
use crate::room::message::{CheckNews, Observation};
use crate::sop::checklist::evidence::{Evidence, Found, Inputs};
use crate::sop::checklist::{Ask, Checklist, Expect, Item, Question, Verifier};
use crate::sources::github::{Client, Evidence as GitHubEvidence};
use crate::sources::http::spoken;
use crate::sources::text::clean;

/// Verifiers that run at once.
const AT_ONCE: usize = 4;
/// What did not pass is looked at again after so long.
const AGAIN: Duration = Duration::from_secs(60);
/// A database changes by itself, and a question to it costs little.
const DATABASE_AGAIN: Duration = Duration::from_secs(5 * 60);
/// What passed is looked at again so long before it expires, but not sooner than half way.
const BEFORE_EXPIRY: Duration = Duration::from_secs(60);
/// What an item can wait for that is never due.
const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a verifier found: the finding and what was seen.
pub(super) type Answer = (Found, String);

/// What is configured of the outside.
#[derive(Clone, Debug)]
pub struct Asked {
    pub metrics: Option<Arc<Metrics>>,
    pub database: Option<Arc<Database>>,
    /// The release's repository.
    pub github: Option<Arc<GitHub>>,
}

/// Runs the verifiers for as long as anybody listens.
pub async fn run(
    checklist: Arc<Checklist>,
    configured: Asked,
    clock: Clock,
    order: watch::Receiver<CheckOrder>,
    sender: mpsc::Sender<Observation>,
    stop: CancellationToken,
) {
    let prometheus = match &configured.metrics {
        None => Err("no metrics are configured: name your Prometheus in [metrics]".to_owned()),
        Some(metrics) => super::prometheus::Prometheus::new(metrics.endpoint.clone()).await,
    };
    // One client for all: one token, one count of what is left, answers that still hold.
    let client = match &configured.github {
        None => Err("no repository is configured: name it in [github]".to_owned()),
        Some(github) => Client::new(github).await.map(|client| (Arc::new(client), github)),
    };
    let github = client.clone().map(|(client, config)| GitHubEvidence::new(client, config, clock));
    let repository = client.map(|(client, config)| database::Repository::new(client, config));
    let database = configured.database;
    let outside =
        Arc::new(Outside { prometheus, database, github, repository, slots: Semaphore::new(AT_ONCE) });
    let rounds = Rounds { clock, outside, sender: sender.clone(), running: JoinSet::new() };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sender.closed() => {}
        () = rounds.run(&checklist, order) => {}
    }
}

/// What verifiers ask with.
#[derive(Debug)]
struct Outside {
    prometheus: Result<super::prometheus::Prometheus, String>,
    github: Result<GitHubEvidence, String>,
    database: Option<Arc<Database>>,
    /// Where the migrations are, unless they are in a directory.
    repository: Result<database::Repository, String>,
    slots: Semaphore,
}

/// When an item was last looked at, and for what.
#[derive(Debug, Default)]
struct Looked {
    /// When it is due again; `None`: it is being looked at.
    due: Option<Instant>,
    again: u64,
    of: Inputs,
    found: Option<Found>,
}

struct Rounds {
    clock: Clock,
    outside: Arc<Outside>,
    sender: mpsc::Sender<Observation>,
    /// Dropped with the rounds: what runs is ended then.
    running: JoinSet<(String, Option<Evidence>)>,
}

impl Rounds {
    async fn run(mut self, checklist: &Checklist, mut order: watch::Receiver<CheckOrder>) {
        let items: Vec<(&Item, &Question)> = checklist.items.iter().filter_map(asked).collect();
        if items.is_empty() {
            return;
        }
        let mut looked: BTreeMap<String, Looked> = BTreeMap::new();
        loop {
            let wanted = order.borrow_and_update().clone();
            let mut next = Instant::now() + NEVER;
            for (item, question) in &items {
                match due(item, looked.get(&item.id), &wanted) {
                    Some(due) if due <= Instant::now() => {
                        let again = wanted.again.get(&item.id).copied().unwrap_or_default();
                        let now = Looked { due: None, again, of: wanted.release.clone(), found: None };
                        looked.insert(item.id.clone(), now);
                        self.look(item, question, &wanted.release);
                        if self.tell(&item.id, CheckNews::Running).await.is_err() {
                            return;
                        }
                    }
                    Some(due) => next = next.min(due),
                    None => {}
                }
            }
            tokio::select! {
                changed = order.changed() => if changed.is_err() { return },
                () = sleep_until(next) => {}
                Some(ended) = self.running.join_next() => {
                    let Ok((id, Some(evidence))) = ended else { continue };
                    let item = items.iter().find(|(item, _)| item.id == id);
                    if let (Some(known), Some((item, _))) = (looked.get_mut(&id), item) {
                        known.due = Some(Instant::now() + pause(item, evidence.found));
                        known.found = Some(evidence.found);
                    }
                    if self.tell(&id, CheckNews::Found(evidence)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn look(&mut self, item: &Item, question: &Question, release: &Inputs) {
        let (outside, clock) = (Arc::clone(&self.outside), self.clock);
        let (id, question, of) = (item.id.clone(), question.clone(), release.clone());
        self.running.spawn(async move {
            let Ok(_slot) = outside.slots.acquire().await else { return (id, None) };
            let (found, seen) = answer(&outside, &question, &of).await;
            let evidence = Evidence { found, seen: clean(&seen), from: from(&question), at: clock.now(), of };
            (id, Some(evidence))
        });
    }

    async fn tell(&self, item: &str, news: CheckNews) -> Result<(), ()> {
        self.sender.send(Observation::Check(item.to_owned(), news)).await.map_err(drop)
    }
}

const fn asked(item: &Item) -> Option<(&Item, &Question)> {
    match &item.verifier {
        Verifier::Asked(question) => Some((item, question)),
        _ => None,
    }
}

/// When an item is to be looked at; `None` while it is.
fn due(item: &Item, looked: Option<&Looked>, wanted: &CheckOrder) -> Option<Instant> {
    let Some(looked) = looked else { return Some(Instant::now()) };
    let due = looked.due?;
    let again = wanted.again.get(&item.id).copied().unwrap_or_default() != looked.again;
    // What could not be found out of one state of the release may be known of another.
    let another = item.is_of_another(&looked.of, &wanted.release)
        || (looked.found == Some(Found::Unknown) && looked.of != wanted.release);
    Some(if again || another { Instant::now() } else { due })
}

/// How long what was found is left alone. What has not changed on GitHub costs nothing to
/// ask for again, and an issue that was opened since should not go unseen for hours.
fn pause(item: &Item, found: Found) -> Duration {
    if item.is_of_repository() {
        return item.holds.map_or(AGAIN, |holds| holds.min(AGAIN));
    }
    let pause = by_expiry(item, found);
    match &item.verifier {
        Verifier::Asked(Question { ask: Ask::Database(_), .. }) => pause.min(DATABASE_AGAIN),
        _ => pause,
    }
}

fn by_expiry(item: &Item, found: Found) -> Duration {
    match (found, item.holds) {
        (Found::Pass, None) => NEVER,
        (Found::Pass, Some(holds)) => holds.saturating_sub(BEFORE_EXPIRY).max(holds / 2),
        (Found::Fail | Found::Unknown, holds) => holds.map_or(AGAIN, |holds| holds.min(AGAIN)),
    }
}

async fn answer(outside: &Outside, question: &Question, release: &Inputs) -> Answer {
    let asking = async {
        match &question.ask {
            Ask::Http(asked) => http::ask(asked, question.limit, release).await,
            Ask::Command(asked) => command::ask(asked, release).await,
            Ask::Database(rules) => {
                database::ask(outside.database.as_deref(), &outside.repository, rules, release).await
            }
            Ask::Query(asked) => query::ask(&outside.prometheus, asked, question.limit, release).await,
            Ask::GitHub(wanted) => match &outside.github {
                Ok(github) => github.find_out(wanted, release).await,
                Err(why) => Err(why.clone()),
            },
        }
    };
    match tokio::time::timeout(question.limit, asking).await {
        Ok(answer) => answer.unwrap_or_else(|why| (Found::Unknown, why)),
        Err(_) => (Found::Unknown, format!("no answer within {}", spoken(question.limit))),
    }
}

/// Where it is seen. Of a program its name alone: arguments may hold what should not be seen.
fn from(question: &Question) -> String {
    match &question.ask {
        Ask::Http(http) => clean(http.url.split('?').next().unwrap_or_default()),
        Ask::Command(command) => clean(command.argv.first().map_or("", String::as_str)),
        Ask::Query(_) => "Prometheus".to_owned(),
        Ask::Database(_) => "PostgreSQL and Alembic's scripts".to_owned(),
        Ask::GitHub(_) => "GitHub".to_owned(),
    }
}

/// Whether a text is as it must be, with the release put into what is expected.
fn is_as_expected(expect: &Expect, text: &str, release: &Inputs) -> Result<bool, String> {
    Ok(match expect {
        Expect::Equal(wanted) => text == release.fill(wanted)?,
        Expect::Match(pattern) => pattern.is_match(text),
    })
}

/// `"ok"`, `a match of ^v1`.
fn expected(expect: &Expect) -> String {
    match expect {
        Expect::Equal(wanted) => format!("\"{wanted}\""),
        Expect::Match(pattern) => format!("a match of {pattern}"),
    }
}

/// The beginning of a text, for a line on the screen.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let text = clean(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim());
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
