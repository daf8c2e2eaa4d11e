//! Questions about the database and the release's migrations: Alembic's scripts are read
//! from a directory or the release's repository, PostgreSQL is asked in transactions that
//! cannot write. What one of several rules cannot find out makes the whole answer unknown,
//! never a pass.

mod questions;
mod repository;
mod scripts;
mod session;
mod trouble;

use std::fmt::Write as _;

use super::Answer;
use crate::config::{Database, DatabaseServer};
use crate::sop::checklist::database::DatabaseRule;
use crate::sop::checklist::evidence::{Found, Inputs};
use crate::sop::migrations::{Graph, judge};
pub(super) use repository::Repository;
use session::Session;

/// Asks everything that the rules need, once.
///
/// # Errors
/// When no database is configured.
pub(super) async fn ask(
    database: Option<&Database>,
    repository: &Result<Repository, String>,
    rules: &[DatabaseRule],
    release: &Inputs,
) -> Result<Answer, String> {
    let database = database.ok_or("no database is configured: name it in [database]")?;
    let graph = match rules.iter().any(|rule| rule.reads_scripts()) {
        true => scripts::graph(database.migrations.as_ref(), repository, release).await,
        false => Err((Found::Unknown, String::new())),
    };
    let own = match rules.iter().any(|rule| rule.asks_own()) {
        true => Some(Asked::open(database.own.as_ref(), OWN, database).await),
        false => None,
    };
    let mut answers = Vec::with_capacity(rules.len());
    for rule in rules {
        let answer = match rule {
            DatabaseRule::StagingAtHead => {
                let staging = Asked::open(database.staging.as_ref(), STAGING, database).await;
                let answer = staging.answer(*rule, database, &graph).await;
                staging.close().await;
                answer
            }
            DatabaseRule::SingleHead => graph.as_ref().map_or_else(Clone::clone, judge::single_head),
            rule => match &own {
                Some(own) => own.answer(*rule, database, &graph).await,
                None => (Found::Unknown, "it was not asked".to_owned()),
            },
        };
        answers.push(answer);
    }
    let version = own.as_ref().and_then(Asked::version);
    if let Some(own) = own {
        own.close().await;
    }
    Ok(together(answers, version))
}

/// A database and what it is called in the configuration.
#[derive(Clone, Copy, Debug)]
struct Called {
    words: &'static str,
    table: &'static str,
}

const OWN: Called = Called { words: "the database", table: "database" };
const STAGING: Called = Called { words: "staging", table: "database.staging" };

/// A database that was reached, or why it was not.
#[derive(Debug)]
struct Asked {
    called: Called,
    session: Result<Session, String>,
    /// At which revisions it is.
    current: Result<Vec<String>, String>,
}

impl Asked {
    async fn open(server: Option<&DatabaseServer>, called: Called, database: &Database) -> Self {
        let named = |why: String| format!("{}: {why}", called.words);
        let Some(server) = server else {
            let why = format!("{} is not configured: name its url in [{}]", called.words, called.table);
            return Self { called, session: Err(why.clone()), current: Err(why) };
        };
        let session = match Session::open(server, called.table).await.map_err(named) {
            Ok(session) => session,
            Err(why) => return Self { called, session: Err(why.clone()), current: Err(why) },
        };
        let current = questions::current(&session, &database.version_table).await.map_err(named);
        // What else is asked has an answer all the same.
        let session = match &current {
            Err(_) => session.again().await.map_err(named).map(|()| session),
            Ok(_) => Ok(session),
        };
        Self { called, session, current }
    }

    fn version(&self) -> Option<String> {
        self.session.as_ref().ok().and_then(|session| session.version.clone())
    }

    async fn answer(&self, rule: DatabaseRule, database: &Database, graph: &Result<Graph, Answer>) -> Answer {
        let unknown = |why: &String| (Found::Unknown, why.clone());
        let asked = match (&self.session, rule) {
            (Err(why), DatabaseRule::NoLocks | DatabaseRule::Connections) => return unknown(why),
            (Ok(session), DatabaseRule::NoLocks) => {
                questions::locks(session, database.long_transaction).await
            }
            (Ok(session), DatabaseRule::Connections) => {
                questions::connections(session, database.per_colour).await
            }
            (_, rule) => {
                return match (graph, &self.current) {
                    (Err(answer), _) => answer.clone(),
                    (_, Err(why)) => unknown(why),
                    (Ok(graph), Ok(current)) => judged(rule, graph, current, self.called.words),
                };
            }
        };
        match (asked, &self.session) {
            (Ok(answer), _) => answer,
            (Err(why), session) => {
                if let Ok(session) = session {
                    // Where that fails the next question says so.
                    let _ = session.again().await;
                }
                (Found::Unknown, format!("{}: {why}", self.called.words))
            }
        }
    }

    async fn close(self) {
        if let Ok(session) = self.session {
            session.close().await;
        }
    }
}

fn judged(rule: DatabaseRule, graph: &Graph, current: &[String], database: &str) -> Answer {
    match rule {
        DatabaseRule::Pending => judge::pending(graph, current, database),
        DatabaseRule::Downgrade => judge::downgrade(graph, current, database),
        DatabaseRule::NotDestructive => judge::destructive(graph, current, database),
        DatabaseRule::AtHead | DatabaseRule::StagingAtHead => judge::at_head(graph, current, database),
        DatabaseRule::SingleHead => judge::single_head(graph),
        DatabaseRule::NoLocks | DatabaseRule::Connections => (Found::Unknown, "it was not asked".to_owned()),
    }
}

/// All answers as one: one fail makes a fail, else one unknown makes it unknown. The worst
/// stands first, the same words once.
fn together(mut answers: Vec<Answer>, version: Option<String>) -> Answer {
    let rank = |found: Found| match found {
        Found::Fail => 0,
        Found::Unknown => 1,
        Found::Pass => 2,
    };
    answers.sort_by_key(|(found, _)| rank(*found));
    answers.dedup();
    let found = answers.first().map_or(Found::Unknown, |(found, _)| *found);
    let words: Vec<String> = answers.into_iter().map(|(_, words)| words).collect();
    let mut words = words.join("; ");
    if let Some(version) = version {
        // Writing into a string cannot fail.
        let _ = write!(words, " (PostgreSQL {version})");
    }
    (found, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_answer_counts_and_stands_first() {
        let answer = |found, words: &str| (found, words.to_owned());
        let (pass, unknown, fail) =
            (answer(Found::Pass, "p"), answer(Found::Unknown, "u"), answer(Found::Fail, "f"));
        let cases = [
            (vec![], (Found::Unknown, "")),
            (vec![pass.clone()], (Found::Pass, "p")),
            (vec![pass.clone(), unknown.clone(), unknown.clone()], (Found::Unknown, "u; p")),
            (vec![pass, unknown, fail], (Found::Fail, "f; u; p")),
        ];
        for (answers, (found, words)) in cases {
            assert_eq!(together(answers, None), (found, words.to_owned()));
        }
        let told = together(vec![answer(Found::Pass, "p")], Some("15.14".to_owned()));
        assert_eq!(told.1, "p (PostgreSQL 15.14)");
    }
}
