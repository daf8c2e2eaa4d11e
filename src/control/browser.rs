//! Addresses opened in the operator's browser, where there is one.

use std::process::Stdio;

use tokio::process::Command;

/// The program that opens an address on this machine; `None` over SSH, where the browser
/// is on another one, and without a desktop. `is_set` tells of environment variables.
fn opener(is_set: impl Fn(&str) -> bool) -> Option<&'static str> {
    let remote = ["SSH_CONNECTION", "SSH_TTY"].into_iter().any(&is_set);
    if remote {
        None
    } else if cfg!(target_os = "macos") {
        Some("open")
    } else {
        ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set).then_some("xdg-open")
    }
}

/// Opens an address; says whether that was possible at all. What is no web address is
/// never handed to another program: it came from outside.
pub(super) fn open(address: &str) -> bool {
    let web = ["https://", "http://"].into_iter().any(|scheme| address.starts_with(scheme));
    let Some(program) = opener(|name| std::env::var_os(name).is_some()).filter(|_| web) else {
        return false;
    };
    let command = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = command else { return false };
    tokio::spawn(async move { child.wait().await });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ssh_and_without_a_desktop_there_is_no_browser() {
        let with = |set: &'static [&str]| opener(move |name| set.contains(&name));
        assert_eq!(with(&["SSH_CONNECTION", "DISPLAY"]), None);
        assert_eq!(with(&["SSH_TTY", "WAYLAND_DISPLAY"]), None);
        if !cfg!(target_os = "macos") {
            assert_eq!(with(&[]), None);
            assert_eq!(with(&["DISPLAY"]), Some("xdg-open"));
        }
    }

    #[test]
    fn only_web_addresses_are_opened() {
        assert!(!open("file:///etc/passwd") && !open("--help") && !open(""));
    }
}
