//! A program with everything it starts, ended together.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// A running program in a process group of its own; dropped before it has ended, it takes
/// everything it started along.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    /// `None` once it has ended: its number may belong to another process then.
    child: Option<Child>,
}

impl ProcessGroup {
    /// Starts a program with its arguments, never through a shell: without a terminal, its
    /// outputs piped, away from this terminal's interrupts.
    pub(crate) fn start(argv: &[String]) -> io::Result<Self> {
        let Some((program, arguments)) = argv.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self { child: Some(child) })
    }

    /// Standard output and standard error; both must be read, for a full pipe would hold
    /// the program up.
    pub(crate) fn outputs(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        let child = self.child.as_mut()?;
        child.stdout.take().zip(child.stderr.take())
    }

    /// Waits for the program itself to end.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some(child) = &mut self.child else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let status = child.wait().await?;
        self.child = None;
        Ok(status)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // Fails only when nothing of it is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
