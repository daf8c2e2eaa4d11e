//! A question to a program: its exit status and its output.

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Answer, expected, is_as_expected, shown};
use crate::process_group::ProcessGroup;
use crate::sop::checklist::Command;
use crate::sop::checklist::evidence::{Found, Inputs};

/// Most bytes of an output that are read.
const LONGEST_OUTPUT: u64 = 256 * 1024;

/// Runs the program once; dropped before it has ended, it ends with all it started.
///
/// # Errors
/// Why it could not be found out.
pub(super) async fn ask(asked: &Command, release: &Inputs) -> Result<Answer, String> {
    let argv = asked.argv.iter().map(|word| release.fill(word)).collect::<Result<Vec<_>, _>>()?;
    let mut group = ProcessGroup::start(&argv).map_err(|error| format!("it cannot be started: {error}"))?;
    let (stdout, stderr) = group.outputs().ok_or("it has no output")?;
    let (output, told) = tokio::try_join!(read(stdout), read(stderr))?;
    let status = group.wait().await.map_err(|error| format!("it was lost: {error}"))?;
    let said = || match (shown(&output), shown(&told)) {
        (output, told) if output.is_empty() && told.is_empty() => "without a word".to_owned(),
        (output, told) if output.is_empty() => told,
        (output, _) => output,
    };
    Ok(match status.code() {
        Some(0) if is_as_expected(&asked.expect, output.trim(), release)? => {
            (Found::Pass, format!("exit status 0: {}", shown(&output)))
        }
        Some(0) => (
            Found::Unknown,
            format!("exit status 0, but its output is not {}: {}", expected(&asked.expect), said()),
        ),
        Some(1) => (Found::Fail, format!("exit status 1: {}", said())),
        Some(code) => (Found::Unknown, format!("exit status {code}: {}", said())),
        None => (Found::Unknown, format!("it was ended ({status})")),
    })
}

/// An output to its end, for a full pipe would hold the program up.
///
/// # Errors
/// When there is more of it than anybody would look through.
async fn read(from: impl AsyncRead + Unpin) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut from = from.take(LONGEST_OUTPUT + 1);
    from.read_to_end(&mut bytes).await.map_err(|error| format!("its output cannot be read: {error}"))?;
    if bytes.len() as u64 > LONGEST_OUTPUT {
        return Err(format!("it wrote more than {LONGEST_OUTPUT} bytes"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
