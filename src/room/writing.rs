//! Notes that operators write: what each needs, and what becomes of it.

use std::time::Duration;

use super::Room;
use super::intent::Writing;
use super::message::{Effect, Notice, Urgency};
use super::view::{Prompt, PromptKind};
use crate::sop::command::Command;
use crate::sop::command::Operator;
use crate::sop::note::Noted;

/// Longest extension of a watch, in minutes.
const LONGEST_EXTENSION: u64 = 24 * 60;

impl Room {
    /// Opens the prompt for a note, or says why there is nothing to write.
    pub(super) fn begin_writing(&mut self, writing: Writing) {
        match self.may_write(writing) {
            Ok(()) => {
                self.view.overlay = None;
                self.view.prompt = Some(Prompt::new(PromptKind::Write(writing)));
            }
            Err(words) => self.notice(Notice { urgency: Urgency::Warning, words }),
        }
    }

    fn may_write(&self, writing: Writing) -> Result<(), String> {
        if self.setting.read_only {
            return Err("read-only: nothing is written down".into());
        }
        if self.released().is_none() {
            return Err("nothing is being watched: the traffic has not moved to a new version".into());
        }
        let raised = self.countdown().is_some() || self.open_triggers().next().is_some();
        match (writing, &self.command) {
            (Writing::Stop, _) if !raised => Err("there is no rollback to stop".into()),
            // How long is watched is decided by the one who answers for it.
            (Writing::Extend | Writing::End, Command::Other { holder, expired: false, .. }) => {
                Err(format!("{} is in command: ask", Operator::shown(holder)))
            }
            _ => Ok(()),
        }
    }

    /// Takes what was typed; with a fault in it the prompt stays and says so.
    pub(super) fn finish_writing(&mut self, writing: Writing, mut prompt: Prompt) -> Vec<Effect> {
        let typed = prompt.text.as_str().trim().to_owned();
        match self.may_write(writing).and_then(|()| noted(writing, typed)) {
            Ok(noted) => vec![self.write_down(noted)],
            Err(trouble) => {
                prompt.trouble = Some(trouble);
                self.view.prompt = Some(prompt);
                Vec::new()
            }
        }
    }
}

fn noted(writing: Writing, typed: String) -> Result<Noted, String> {
    if typed.is_empty() {
        return Err(match writing {
            Writing::Bug => "say what is wrong".into(),
            _ => "a reason is needed".into(),
        });
    }
    Ok(match writing {
        Writing::Bug => Noted::Bug { words: typed },
        Writing::Stop => Noted::Stopped { reason: typed },
        Writing::End => Noted::Ended { reason: typed },
        Writing::Tick | Writing::Waive | Writing::NotApply => {
            return Err("that is said of an item of the checklist".into());
        }
        Writing::Extend => {
            let (minutes, reason) = typed.split_once(char::is_whitespace).unwrap_or((&typed, ""));
            let minutes: u64 = minutes
                .parse()
                .ok()
                .filter(|minutes| (1..=LONGEST_EXTENSION).contains(minutes))
                .ok_or("write the minutes first, then why: `15 the batch job still runs`")?;
            let reason = reason.trim();
            if reason.is_empty() {
                return Err("a reason is needed after the minutes".into());
            }
            Noted::Extended {
                seconds: Duration::from_secs(minutes * 60).as_secs(),
                reason: reason.to_owned(),
            }
        }
    })
}
