//! What the graph of revisions and a database's place in it come to.

use super::{Astray, Downgrade, Graph, Script};
use crate::sop::checklist::evidence::Found;

/// Most revisions that are named one by one.
const NAMED: usize = 12;

/// What was found, in words.
pub type Look = (Found, String);

/// Whether the revisions have one head.
#[must_use]
pub fn single_head(graph: &Graph) -> Look {
    match graph.heads().as_slice() {
        [] => (Found::Unknown, "there are no revisions".to_owned()),
        [head] => (Found::Pass, format!("one head: {}", named(head))),
        heads => {
            let heads: Vec<String> = heads.iter().map(|head| named(head)).collect();
            (Found::Fail, format!("{} heads, merge them: {}", heads.len(), heads.join(", ")))
        }
    }
}

/// What a database still lacks, one by one. It fails where the database is at a revision
/// that the release does not have.
#[must_use]
pub fn pending(graph: &Graph, current: &[String], database: &str) -> Look {
    let at = place(current);
    match graph.pending(current) {
        Err(astray) => stranger(&astray, database),
        Ok(pending) if pending.is_empty() => {
            (Found::Pass, format!("{database} is at {at}: nothing is pending"))
        }
        Ok(pending) => {
            (Found::Pass, format!("{database} is at {at}; {} pending: {}", pending.len(), list(&pending)))
        }
    }
}

/// Whether a database has everything that the release has.
#[must_use]
pub fn at_head(graph: &Graph, current: &[String], database: &str) -> Look {
    let at = place(current);
    match graph.pending(current) {
        Err(astray) => stranger(&astray, database),
        Ok(pending) if pending.is_empty() => {
            (Found::Pass, format!("{database} is at the release's head {at}"))
        }
        Ok(pending) => (
            Found::Fail,
            format!("{database} is at {at}, it lacks {} of the release's: {}", pending.len(), list(&pending)),
        ),
    }
}

/// Whether everything that is pending can be taken back.
#[must_use]
pub fn downgrade(graph: &Graph, current: &[String], database: &str) -> Look {
    let pending = match graph.pending(current) {
        Err(astray) => return stranger(&astray, database),
        Ok(pending) => pending,
    };
    let without: Vec<String> = pending
        .iter()
        .filter_map(|script| match script.downgrade {
            Downgrade::Written => None,
            Downgrade::Empty => Some(format!("{} (its downgrade does nothing)", script.file)),
            Downgrade::Missing => Some(format!("{} (it has no downgrade)", script.file)),
        })
        .collect();
    match (pending.len(), without.as_slice()) {
        (0, _) => (Found::Pass, "nothing is pending".to_owned()),
        (count, []) => (Found::Pass, format!("all {count} pending have a downgrade")),
        (_, without) => (Found::Fail, format!("no way back: {}", without.join(", "))),
    }
}

/// What the pending revisions destroy. Whether that is meant nobody but an operator knows.
#[must_use]
pub fn destructive(graph: &Graph, current: &[String], database: &str) -> Look {
    let pending = match graph.pending(current) {
        Err(astray) => return stranger(&astray, database),
        Ok(pending) => pending,
    };
    let hazards: Vec<String> = pending
        .iter()
        .flat_map(|script| script.hazards.iter().map(|hazard| (&script.file, hazard)))
        .map(|(file, hazard)| format!("{file}:{} {}", hazard.line, hazard.what))
        .collect();
    match hazards.as_slice() {
        [] => (Found::Pass, format!("{} pending, none of them destroys anything", pending.len())),
        hazards => {
            let more = hazards.len().saturating_sub(NAMED);
            let shown: Vec<&str> = hazards.iter().take(NAMED).map(String::as_str).collect();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            (Found::Unknown, format!("an operator has to accept it: {}{more}", shown.join(", ")))
        }
    }
}

fn stranger(astray: &Astray, database: &str) -> Look {
    let words = format!(
        "{database} is at {}, which the release does not have: it was migrated from elsewhere",
        astray.0
    );
    (Found::Fail, words)
}

/// `e3a1 Add webhooks table`.
fn named(script: &Script) -> String {
    if script.title.is_empty() {
        script.revision.clone()
    } else {
        format!("{} {}", script.revision, script.title)
    }
}

fn list(scripts: &[&Script]) -> String {
    let names: Vec<String> = scripts.iter().take(NAMED).map(|script| named(script)).collect();
    let more = scripts.len().saturating_sub(NAMED);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

fn place(current: &[String]) -> String {
    if current.is_empty() { "no revision".to_owned() } else { current.join(" and ") }
}
