//! `config.toml`: found, read, checked.
//!
//! [`load`] gives the rest of the program one [`Environment`] with every default
//! filled in, or says everything that is wrong at once. The file's path goes
//! through `locate`, its tree through `reader`, and one module for each table
//! (`kubernetes`, `application`, `verify`, `settings`) builds the types. A checklist stands
//! in a file of its own.

mod alerts;
mod application;
mod checklist;
mod database;
mod endpoint;
mod environment;
mod error;
mod findings;
mod github;
mod hotfix;
mod kubernetes;
mod locate;
mod metrics;
mod nearest;
mod pagerduty;
mod presets;
mod reader;
pub mod secret;
mod settings;
mod source;
mod template;
mod types;
mod values;
mod verify;
mod window;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use locate::Home;
use toml::de::DeTable;

pub use checklist::ChecklistSource;
pub use error::{ConfigError, Mistake};
pub use types::*;

use crate::sop::colour::{Colour, PerColour};
use findings::{Finding, Notes};
use source::{Source, printable};

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Every query of every preset by its preset and signal, as it is asked for a namespace
/// `taxasge` with the Service `backend`, the Deployments `backend-blue` and
/// `backend-green`, and a window of a minute: what a metrics server has to understand.
pub fn shipped_queries() -> impl Iterator<Item = (String, String)> {
    let names = |colour: Colour| ColourNames {
        value: colour.name().to_owned(),
        deployment: format!("backend-{colour}"),
    };
    let kubernetes = Kubernetes {
        kubeconfig: None,
        context: None,
        namespace: "taxasge".to_owned(),
        service: "backend".to_owned(),
        selector_key: "version".to_owned(),
        colours: PerColour::from_fn(names),
        container: "backend".to_owned(),
        port: 8000,
        token: None,
    };
    presets::texts().filter_map(move |(name, text)| {
        let asked = template::expand(&text, &kubernetes, std::time::Duration::from_secs(60));
        Some((name, asked.total?))
    })
}

/// Finds, reads and checks the configuration, and chooses an environment.
///
/// `explicit` is `--config`; without it `./config.toml` is taken, else the
/// user's `cutover/config.toml`. `environment` is `--env`; without it the
/// file's `default_environment`, else the only environment there is.
///
/// Blocks: it is called once, before anything else runs.
///
/// # Errors
/// When no file is found, it cannot be read, or anything in it is wrong; all
/// environments are checked, not only the chosen one.
pub fn load(explicit: Option<&Path>, environment: Option<&str>) -> Result<Environment, ConfigError> {
    let home = Home::from_environment();
    let path = locate::locate(explicit, Path::new("."), &home)?;
    let origin = Origin::new(&path, home.home);
    match read(&path)? {
        Ok(text) => parse(&text, &origin, environment),
        Err(mistake) => Err(vec![Mistake { file: origin.file.clone(), ..mistake }]),
    }
    .map_err(|mistakes| ConfigError::Mistakes { mistakes })
    .and_then(with_checklist)
}

/// The environment with the checklist that it names.
fn with_checklist(environment: Environment) -> Result<Environment, ConfigError> {
    let checklist = environment.checklist_source.as_ref().map(checklist::load).transpose()?;
    suited(Environment { checklist, ..environment })
}

/// With a checklist that asks nothing of what is not configured.
fn suited(environment: Environment) -> Result<Environment, ConfigError> {
    let (has_repository, has_database) = (environment.github.is_some(), environment.database.is_some());
    let checklist = environment.checklist.map(|checklist| {
        let checklist = if has_repository { checklist } else { checklist.without_repository() };
        if has_database { checklist } else { checklist.without_database() }
    });
    Ok(Environment { checklist, ..environment })
}

/// Reads a configuration that stands in no file: [`load`] for a text whose relative
/// paths begin at `directory`.
///
/// # Errors
/// When anything in it is wrong.
pub fn read_text(text: &str, directory: &Path, environment: &str) -> Result<Environment, ConfigError> {
    let origin = Origin::new(&directory.join("config.toml"), None);
    parse(text, &origin, Some(environment))
        .map_err(|mistakes| ConfigError::Mistakes { mistakes })
        .and_then(with_checklist)
}

/// Reads the file's text; the inner error is that it is none.
fn read(path: &Path) -> Result<Result<String, Mistake>, ConfigError> {
    let unreadable = |source: io::Error| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed shows that the file is longer.
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(ConfigError::TooLong { path: path.to_owned(), limit: LONGEST });
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let sound =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        Mistake {
            file: String::new(),
            place: Some(Source::new(&sound, []).line_and_column(sound.len())),
            key: String::new(),
            what: "expected UTF-8 text: this byte is none".to_owned(),
            help: None,
            excerpt: None,
        }
    }))
}

/// Where a configuration's text comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The file as mistakes name it.
    file: String,
    /// Paths in the file are relative to this.
    directory: PathBuf,
    /// What `~/` stands for.
    home: Option<PathBuf>,
}

impl Origin {
    fn new(path: &Path, home: Option<PathBuf>) -> Self {
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        Self { file: printable(&path.to_string_lossy()), directory, home }
    }

    /// A path of the configuration as the system understands it.
    fn resolve(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.directory.join(path),
        }
    }
}

/// Checks a configuration's text and chooses an environment: [`load`] without
/// the file system. Mistakes come in the order in which they stand in the text.
pub(crate) fn parse(
    text: &str,
    origin: &Origin,
    environment: Option<&str>,
) -> Result<Environment, Vec<Mistake>> {
    let notes = Notes::default();
    let (document, broken) = DeTable::parse_recoverable(text);
    let chosen = if broken.is_empty() {
        environment::read(&notes, document.get_ref(), origin, environment)
    } else {
        // What a broken file seems to say beyond that would only mislead.
        note_syntax(&notes, text, &broken);
        None
    };
    let findings = notes.into_findings();
    match chosen {
        Some(chosen) if findings.is_empty() => Ok(chosen),
        _ => Err(place(text, &origin.file, findings)),
    }
}

/// Notes what is not TOML: the first of each line, for the rest follows from it.
fn note_syntax(notes: &Notes, text: &str, broken: &[toml::de::Error]) {
    let source = Source::new(text, []);
    let mut last = None;
    // A hostile file may have one in each byte.
    for error in broken.iter().take(1000) {
        let line = error.span().map(|span| source.line_and_column(span.start).0);
        if line.is_some() && line == last {
            continue;
        }
        last = line;
        notes.note(Finding {
            span: error.span(),
            key: String::new(),
            what: format!("not TOML: {}", printable(error.message())),
            help: None,
            hidden: None,
        });
    }
}

/// Turns bytes into lines, columns and excerpts.
fn place(text: &str, file: &str, mut findings: Vec<Finding>) -> Vec<Mistake> {
    let source = Source::new(text, findings.iter().filter_map(|finding| finding.hidden.clone()));
    findings.sort_by_key(|finding| finding.span.as_ref().map_or(usize::MAX, |span| span.start));
    let mistakes = findings.into_iter().map(|finding| Mistake {
        file: file.to_owned(),
        place: finding.span.as_ref().map(|span| source.line_and_column(span.start)),
        excerpt: finding.span.as_ref().map(|span| source.excerpt(span)),
        key: finding.key,
        what: finding.what,
        help: finding.help,
    });
    mistakes.collect()
}

#[cfg(test)]
mod tests;
