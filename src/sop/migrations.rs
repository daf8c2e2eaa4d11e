//! Alembic's migrations (sop.md, "Database migrations"): the graph of a release's
//! revisions, what of it a database still lacks, and what its scripts would destroy. What
//! cannot be read is named and is never good.

use std::collections::{BTreeMap, BTreeSet};

pub mod connections;
mod hazard;
pub mod judge;
mod python;
#[cfg(test)]
mod tests;

pub use python::read;

/// One migration script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file's name: `001_add_webhooks_table.py`.
    pub file: String,
    pub revision: String,
    /// The first line of its docstring, or nothing.
    pub title: String,
    /// The revisions that it follows: none of a first one, several of a merge.
    pub down: Vec<String>,
    /// Revisions or labels of other branches that have to be there before.
    pub depends: Vec<String>,
    /// Names of its branch.
    pub labels: Vec<String>,
    pub downgrade: Downgrade,
    /// What its upgrade destroys, or may destroy.
    pub hazards: Vec<Hazard>,
}

/// Whether a script can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    Written,
    /// It does nothing, or only refuses.
    Empty,
    Missing,
}

/// An operation that destroys something, or cannot be read well enough to rule it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Counted from 1.
    pub line: usize,
    /// `drop_table users`.
    pub what: String,
}

/// A script that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub file: String,
    pub why: String,
}

/// The revisions of a release, parents before children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    scripts: Vec<Script>,
    /// The places of what each follows.
    down: Vec<Vec<usize>>,
    /// The places of what each depends on.
    depends: Vec<Vec<usize>>,
    /// All places, none before what it needs.
    order: Vec<usize>,
}

/// A revision that a database has and the release does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Astray(pub String);

impl Graph {
    /// Links scripts.
    ///
    /// # Errors
    /// Why Alembic would refuse them: a revision that stands in two files, one that
    /// follows a revision which is not there, a circle.
    pub fn new(scripts: Vec<Script>) -> Result<Self, String> {
        let mut places = BTreeMap::new();
        for (place, script) in scripts.iter().enumerate() {
            if let Some(before) = places.insert(script.revision.as_str(), place) {
                let other = &scripts[before].file;
                return Err(format!(
                    "{} and {other} have the same revision {}",
                    script.file, script.revision
                ));
            }
        }
        let find = |script: &Script, name: &str| {
            let found = places.get(name).copied().or_else(|| by_label_or_beginning(&scripts, name));
            found.ok_or_else(|| format!("{} needs the revision {name}, which is in no script", script.file))
        };
        let link = |names: fn(&Script) -> &[String]| -> Result<Vec<Vec<usize>>, String> {
            let of = |script: &Script| names(script).iter().map(|name| find(script, name)).collect();
            scripts.iter().map(of).collect()
        };
        let (down, depends) = (link(|script| &script.down)?, link(|script| &script.depends)?);
        let order = ordered(&down, &depends);
        if order.len() < scripts.len() {
            let astray = (0..scripts.len()).find(|place| !order.contains(place)).unwrap_or_default();
            return Err(format!("the revisions run in a circle, {} among them", scripts[astray].file));
        }
        Ok(Self { scripts, down, depends, order })
    }

    /// How many revisions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// The revisions that no other follows; `alembic upgrade head` wants one.
    #[must_use]
    pub fn heads(&self) -> Vec<&Script> {
        let followed: BTreeSet<usize> = self.down.iter().flatten().copied().collect();
        self.order
            .iter()
            .filter(|place| !followed.contains(place))
            .map(|place| &self.scripts[*place])
            .collect()
    }

    /// What a database at some revisions still lacks, in the order in which it is run.
    ///
    /// # Errors
    /// When the database is at a revision that is not among these.
    pub fn pending(&self, current: &[String]) -> Result<Vec<&Script>, Astray> {
        let mut reached = BTreeSet::new();
        let mut open = Vec::new();
        for revision in current {
            let place = self.scripts.iter().position(|script| script.revision == *revision);
            open.push(place.ok_or_else(|| Astray(revision.clone()))?);
        }
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                open.extend(self.down[place].iter().chain(&self.depends[place]));
            }
        }
        let lacking = self.order.iter().filter(|place| !reached.contains(place));
        Ok(lacking.map(|place| &self.scripts[*place]).collect())
    }
}

/// Alembic lets a dependency be named by its branch's label (`label@head` too), or by the
/// beginning of its id where that is one revision's alone.
fn by_label_or_beginning(scripts: &[Script], name: &str) -> Option<usize> {
    let label = name.strip_suffix("@head").unwrap_or(name);
    if let Some(place) = scripts.iter().position(|script| script.labels.iter().any(|known| known == label)) {
        return Some(place);
    }
    let mut beginning = scripts
        .iter()
        .enumerate()
        .filter(|(_, script)| !name.is_empty() && script.revision.starts_with(name));
    match (beginning.next(), beginning.next()) {
        (Some((place, _)), None) => Some(place),
        _ => None,
    }
}

/// All places that are in no circle, none before what it needs; the same every time.
fn ordered(down: &[Vec<usize>], depends: &[Vec<usize>]) -> Vec<usize> {
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); down.len()];
    let mut open: Vec<usize> = Vec::with_capacity(down.len());
    for (place, (down, depends)) in down.iter().zip(depends).enumerate() {
        let needs: BTreeSet<usize> = down.iter().chain(depends).copied().collect();
        open.push(needs.len());
        for need in needs {
            needed_by[need].push(place);
        }
    }
    let mut ready: BTreeSet<usize> = (0..open.len()).filter(|place| open[*place] == 0).collect();
    let mut order = Vec::with_capacity(open.len());
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for child in &needed_by[place] {
            open[*child] -= 1;
            if open[*child] == 0 {
                ready.insert(*child);
            }
        }
    }
    order
}
