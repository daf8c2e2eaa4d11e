//! Shows a page in the operator's browser, where this machine has one to show it in. On a
//! bastion it seldom has: then the link is copied, which reaches the operator's own machine.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long the browser's starter may take; the browser itself is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a window could be seen by whoever sits at this terminal.
pub(super) fn is_within_sight() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let displays = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    displays || (cfg!(target_os = "macos") && !is_set("SSH_CONNECTION"))
}

/// Has the page shown; what came of it. The program gets nothing of this terminal.
///
/// # Errors
/// In the operator's words, when no starter of browsers could do it.
pub(super) async fn show(url: &str) -> Result<(), String> {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(format!("{url} is no page"));
    }
    let mut why = "this machine has no program that opens pages".to_owned();
    for starter in open::commands(url) {
        let program = starter.get_program().to_string_lossy().into_owned();
        let mut starter = Command::from(starter);
        starter.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match tokio::time::timeout(PATIENCE, starter.status()).await {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => why = format!("{program} ended with {status}"),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(Err(error)) => why = format!("{program}: {error}"),
            // It is still there: some starters are the browser itself.
            Err(_) => return Ok(()),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_but_a_page_is_opened() {
        for link in ["file:///etc/passwd", "javascript:alert(1)", "-version", "/bin/sh", "http:", ""] {
            assert_eq!(show(link).await, Err(format!("{link} is no page")));
        }
    }
}
