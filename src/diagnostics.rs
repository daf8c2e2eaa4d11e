//! The program's own diagnostics: through tracing, into the overlay and, when
//! wanted, into a file. Application logs are not diagnostics.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::redaction::Redacting;

/// Most diagnostics kept for the overlay.
const MOST_KEPT: usize = 1000;

/// Why diagnostics cannot be kept as asked.
#[derive(Debug, thiserror::Error)]
pub enum DiagnosticsError {
    #[error(
        "--log-level `{given}` is no filter: {source}\nWrite a level (error, warn, info, debug, trace) or levels by module (`cutover=debug,kube=info`)."
    )]
    Filter { given: String, source: ParseError },
    #[error("cannot write diagnostics to {path}: {source}")]
    File { path: String, source: io::Error },
}

/// Starts keeping diagnostics. The file is appended to and readable by its owner only.
///
/// tui-logger's own start is left out on purpose: it wakes a thread a hundred times
/// a second, which alone would use up the idle budget. [`collect`] does its work.
///
/// # Errors
/// When the filter cannot be read or the file cannot be opened.
pub fn start(filter: &str, file: Option<&Path>) -> Result<(), DiagnosticsError> {
    let parse = || {
        EnvFilter::builder()
            .with_default_directive(LevelFilter::INFO.into())
            .parse(filter)
            .map_err(|source| DiagnosticsError::Filter { given: filter.to_owned(), source })
    };
    let to_file = match file {
        None => None,
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(|source| DiagnosticsError::File { path: path.display().to_string(), source })?;
            Some(fmt::layer().with_ansi(false).with_writer(Mutex::new(Redacting(file))).with_filter(parse()?))
        }
    };
    tui_logger::set_default_level(tui_logger::LevelFilter::Trace);
    tui_logger::set_buffer_depth(MOST_KEPT);
    // The overlay shows this program's own words only: what libraries say of requests
    // and answers passes through no hand that could strike secrets out of it.
    let ours = filter_fn(|metadata| metadata.target().starts_with("cutover"));
    let to_overlay = tui_logger::TuiTracingSubscriberLayer.with_filter(parse()?.and(ours));
    // Only a second start in one process fails; the first one goes on then.
    let _ = tracing_subscriber::registry().with(to_overlay).with(to_file).try_init();
    Ok(())
}

/// Moves what was said since the last time to where the overlay finds it.
pub fn collect() {
    tui_logger::move_events();
}
