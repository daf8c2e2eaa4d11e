//! What is said when the configuration cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::source::{Excerpt, printable};

/// Why there is no configuration. For the operator: what failed, where, and
/// what to do; the program then ends with status 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file at any of the usual places.
    #[error("no configuration was found; looked for{}\n{HOW_TO_BEGIN}", list(.looked))]
    NotFound { looked: Vec<PathBuf> },
    /// The file is there, or was named, but cannot be read.
    #[error("cannot read the configuration {}: {source}", shown(.path))]
    Unreadable { path: PathBuf, source: io::Error },
    /// More than a configuration can be.
    #[error("{} has more than {limit} bytes: it is not a configuration of cutover", shown(.path))]
    TooLong { path: PathBuf, limit: u64 },
    /// The file says something that cannot be meant; everything that was found.
    #[error("{}", all(.mistakes))]
    Mistakes { mistakes: Vec<Mistake> },
}

const HOW_TO_BEGIN: &str =
    "Name one with --config PATH, or begin with a copy of the commented config.toml that comes with cutover.";

fn shown(path: &std::path::Path) -> String {
    printable(&path.to_string_lossy())
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("\n  {}", shown(path))).collect()
}

fn all(mistakes: &[Mistake]) -> String {
    let each: Vec<_> = mistakes.iter().map(Mistake::to_string).collect();
    let count = match mistakes.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    format!("{}\n{count} in the configuration; nothing was done.", each.join("\n"))
}

/// One mistake in the configuration. All its text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, counted from 1; `None` when the mistake stands nowhere
    /// in the file, such as an environment that does not exist.
    pub place: Option<(usize, usize)>,
    /// The key's full path, `environments.production.kubernetes.port`; empty
    /// when the mistake is not about one key.
    pub key: String,
    /// What is wrong, and what was expected.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
    pub(super) excerpt: Option<Excerpt>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        writeln!(f, ": {}", self.what)?;
        if let (Some((line, _)), Some(excerpt)) = (self.place, &self.excerpt) {
            excerpt.write(f, line)?;
        }
        match &self.help {
            Some(help) => writeln!(f, " = {help}"),
            None => Ok(()),
        }
    }
}
