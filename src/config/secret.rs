//! Where a secret comes from. Secrets never stand in the configuration itself,
//! and nothing here puts one, or what a command wrote, into an error or a log.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::source::printable;
use crate::process_group::ProcessGroup;

/// Longest secret, in bytes.
const LONGEST: usize = 64 * 1024;
/// How long a command may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Where a token is found when it is needed.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `token_env`: the name of an environment variable.
    Env(String),
    /// `token_file`: read anew at each use.
    File(PathBuf),
    /// `token_command`: argv, never a shell; its standard output, trimmed.
    Command(Vec<String>),
}

/// Names the source, for messages: a command by its program alone, because
/// arguments may hold what should not be seen.
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {}", printable(name)),
            Self::File(path) => write!(f, "the file {}", printable(&path.to_string_lossy())),
            Self::Command(argv) => {
                write!(f, "the command {}", printable(argv.first().map_or("", String::as_str)))
            }
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretSource({self})")
    }
}

/// Why there is no secret. Never contains it, nor what a command wrote.
#[derive(Debug, thiserror::Error)]
#[error("no token from {from}: {why}")]
pub struct SecretError {
    /// The source, as [`SecretSource`] is displayed.
    pub from: String,
    pub why: WhyNoSecret,
}

/// What is wrong with a secret's source.
#[derive(Debug, thiserror::Error)]
pub enum WhyNoSecret {
    #[error("it is not set; export it before the program starts")]
    NotSet,
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it is not a regular file")]
    NotAFile,
    #[error(
        "it cannot be started: {0}; the first element of token_command is the program, no shell reads it"
    )]
    NotStarted(io::Error),
    /// `told`: how many bytes it wrote to its standard error.
    #[error("it failed ({status}){}", said(*.told))]
    Failed { status: ExitStatus, told: u64 },
    #[error("it took longer than {} s and was ended; it cannot ask for anything", .0.as_secs())]
    TooSlow(Duration),
    #[error("it gives more than {LONGEST} bytes")]
    TooLong,
    #[error("it is empty")]
    Empty,
    #[error("what it gives is not UTF-8 text")]
    NotText,
    #[error("what it gives contains a control character; a token is one line")]
    ControlCharacter,
}

fn said(bytes: u64) -> String {
    match bytes {
        0 => " without a word".to_owned(),
        _ => format!(
            "; the {bytes} bytes it wrote to its standard error are not shown, they may hold the secret: \
             run it by hand to see them"
        ),
    }
}

impl SecretSource {
    /// Reads the secret anew, without white space around it.
    ///
    /// A command runs without a terminal, for at most 10 s; then it and
    /// everything it started are ended. So they are when the future is dropped.
    ///
    /// # Errors
    /// When the source gives nothing that could be sent as a token.
    pub async fn read(&self) -> Result<SecretString, SecretError> {
        self.read_within(TIME_LIMIT).await
    }

    async fn read_within(&self, limit: Duration) -> Result<SecretString, SecretError> {
        let bytes = match self {
            Self::Env(name) => variable(name),
            Self::File(path) => file(path).await,
            Self::Command(argv) => command(argv, limit).await,
        };
        bytes
            .and_then(|bytes| checked(&bytes))
            .inspect(crate::redaction::remember)
            .map_err(|why| SecretError { from: self.to_string(), why })
    }
}

type Bytes = Zeroizing<Vec<u8>>;

fn checked(bytes: &[u8]) -> Result<SecretString, WhyNoSecret> {
    let text = std::str::from_utf8(bytes).map_err(|_| WhyNoSecret::NotText)?.trim();
    match text {
        "" => Err(WhyNoSecret::Empty),
        _ if text.chars().any(char::is_control) => Err(WhyNoSecret::ControlCharacter),
        _ => Ok(SecretString::from(text)),
    }
}

fn variable(name: &str) -> Result<Bytes, WhyNoSecret> {
    match std::env::var(name) {
        Ok(value) => Ok(Zeroizing::new(value.into_bytes())),
        Err(std::env::VarError::NotPresent) => Err(WhyNoSecret::NotSet),
        Err(std::env::VarError::NotUnicode(_)) => Err(WhyNoSecret::NotText),
    }
}

async fn file(path: &Path) -> Result<Bytes, WhyNoSecret> {
    // Opening a pipe could wait for ever: look before.
    let metadata = tokio::fs::metadata(path).await.map_err(WhyNoSecret::Unreadable)?;
    if !metadata.is_file() {
        return Err(WhyNoSecret::NotAFile);
    }
    warn_if_exposed(path, &metadata);
    let file = tokio::fs::File::open(path).await.map_err(WhyNoSecret::Unreadable)?;
    read_bounded(file).await
}

fn warn_if_exposed(path: &Path, metadata: &std::fs::Metadata) {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o004 != 0 {
        let path = printable(&path.to_string_lossy());
        tracing::warn!("every user of this machine can read the token in {path}: chmod o= it");
    }
}

/// Reads to the end, but not more than a secret can have.
async fn read_bounded(from: impl AsyncRead + Unpin) -> Result<Bytes, WhyNoSecret> {
    // Never grown, so that no copy of the secret stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let mut from = from.take(LONGEST as u64 + 1);
    from.read_to_end(&mut bytes).await.map_err(WhyNoSecret::Unreadable)?;
    if bytes.len() > LONGEST { Err(WhyNoSecret::TooLong) } else { Ok(bytes) }
}

async fn command(argv: &[String], limit: Duration) -> Result<Bytes, WhyNoSecret> {
    let mut group = ProcessGroup::start(argv).map_err(WhyNoSecret::NotStarted)?;
    match tokio::time::timeout(limit, output(&mut group)).await {
        Ok(output) => output,
        Err(_) => Err(WhyNoSecret::TooSlow(limit)),
    }
}

async fn output(group: &mut ProcessGroup) -> Result<Bytes, WhyNoSecret> {
    let Some((stdout, mut stderr)) = group.outputs() else {
        return Err(WhyNoSecret::Empty);
    };
    // Both at once: a full pipe would hold the command up. What it says on its standard
    // error is counted and thrown away.
    let mut sink = tokio::io::sink();
    let (bytes, told) = tokio::try_join!(read_bounded(stdout), async {
        tokio::io::copy(&mut stderr, &mut sink).await.map_err(WhyNoSecret::Unreadable)
    })?;
    let status = group.wait().await.map_err(WhyNoSecret::Unreadable)?;
    if status.success() { Ok(bytes) } else { Err(WhyNoSecret::Failed { status, told }) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn command(argv: &[&str]) -> SecretSource {
        SecretSource::Command(argv.iter().map(|&argument| argument.to_owned()).collect())
    }

    async fn secret(source: &SecretSource) -> String {
        source.read().await.unwrap().expose_secret().to_owned()
    }

    #[tokio::test]
    async fn each_source_gives_its_secret_trimmed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, " hunter2\n").unwrap();
        assert_eq!(secret(&SecretSource::File(path)).await, "hunter2");
        assert_eq!(secret(&command(&["printf", "%s\\n", "$HOME hunter2"])).await, "$HOME hunter2");
        // Cargo sets it for every test. What is read here is struck out of all text in
        // this process from now on; this is too short for that, and hits no other test.
        let name = "CARGO_PKG_RUST_VERSION".to_owned();
        assert_eq!(secret(&SecretSource::Env(name)).await, env!("CARGO_PKG_RUST_VERSION"));
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let source = SecretSource::File(path.clone());
        let why = async || source.read().await.unwrap_err().why;

        assert!(matches!(why().await, WhyNoSecret::Unreadable(_)));
        fs::write(&path, " \n").unwrap();
        assert!(matches!(why().await, WhyNoSecret::Empty));
        fs::write(&path, "two\nlines").unwrap();
        assert!(matches!(why().await, WhyNoSecret::ControlCharacter));
        fs::write(&path, b"\xff").unwrap();
        assert!(matches!(why().await, WhyNoSecret::NotText));
        fs::write(&path, "a".repeat(LONGEST + 1)).unwrap();
        assert!(matches!(why().await, WhyNoSecret::TooLong));
        let directory = SecretSource::File(directory.path().to_owned());
        assert!(matches!(directory.read().await.unwrap_err().why, WhyNoSecret::NotAFile));
        let unset = SecretSource::Env("CUTOVER_TEST_NOBODY_SETS_THIS".to_owned());
        assert_eq!(
            unset.read().await.unwrap_err().to_string(),
            "no token from the environment variable CUTOVER_TEST_NOBODY_SETS_THIS: \
             it is not set; export it before the program starts"
        );
    }

    #[tokio::test]
    async fn a_failed_command_repeats_nothing_of_what_it_knew() {
        let source = command(&["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"]);
        let error = source.read().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no token from the command sh: it failed (exit status: 3); the 8 bytes it wrote to its standard \
             error are not shown, they may hold the secret: run it by hand to see them"
        );
        assert!(!format!("{error:?} {source:?} {source}").contains("hunter2"));
        let missing = command(&["/nowhere/hunter1", "hunter2"]).read().await.unwrap_err().to_string();
        assert!(missing.contains("/nowhere/hunter1: it cannot be started"), "{missing}");
        assert!(!missing.contains("hunter2"), "{missing}");
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_too_slow() {
        let source = command(&["sleep", "1000"]);
        let error = source.read_within(Duration::from_millis(1)).await.unwrap_err();
        assert!(matches!(error.why, WhyNoSecret::TooSlow(_)), "{error}");
    }

    #[tokio::test]
    async fn a_command_is_ended_with_all_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("alive");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // The command's child holds the pipe open for writing: the reader sees
        // its end only when the child is gone.
        let script = format!("(echo alive; sleep 1000) > '{}' & wait", pipe.display());
        let source = command(&["sh", "-c", &script]);
        let mut alive = {
            let reading = source.read();
            tokio::pin!(reading);
            let first = async {
                let mut alive = tokio::fs::File::open(pipe).await.unwrap();
                let mut line = [0; 6];
                alive.read_exact(&mut line).await.unwrap();
                assert_eq!(&line, b"alive\n");
                alive
            };
            tokio::select! {
                outcome = &mut reading => panic!("ended by itself: {outcome:?}"),
                alive = first => alive,
            }
        };
        assert_eq!(alive.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_that_everybody_can_read_is_still_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(secret(&SecretSource::File(path)).await, "hunter2");
    }
}
