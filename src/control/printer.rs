//! What a run without a screen prints: one line for people, or one JSON object.

use std::io::{self, Write};

use serde_json::json;

use super::headless::Refusal;
use crate::cli::Output;
use crate::room::message::{Conclusion, Notice, Outcome, Step, StepState};
use crate::sop::operation::OperationId;

/// One line a step, or one JSON object a line.
pub(super) struct Printer {
    pub output: Output,
}

impl Printer {
    pub(super) fn outcome(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Began { id, action } => self.line(
                || format!("{} ({id})", action.kind()),
                || json!({"event": "began", "operation": id, "order": action}),
            ),
            Outcome::Step { id, step } => {
                self.line(|| step_text(step), || step_json(id, step));
            }
            Outcome::Ended { id, conclusion } => self.line(
                || format!("{}: {}", result_word(conclusion), conclusion.words()),
                || {
                    json!({
                        "event": "ended",
                        "operation": id,
                        "result": result_word(conclusion),
                        "exit_status": conclusion.exit_status(),
                        "words": conclusion.words(),
                        "interlocks": match conclusion {
                            Conclusion::Blocked { interlocks } => json!(interlocks),
                            _ => json!([]),
                        },
                    })
                },
            ),
            Outcome::Command { words, .. } => {
                self.line(|| words.clone(), || json!({"event": "command", "words": words}));
            }
            Outcome::Settled { id, words } => self.line(
                || format!("settled {id}: {words}"),
                || json!({"event": "settled", "operation": id, "words": words}),
            ),
            Outcome::Told(notice) => self.notice(notice),
        }
    }

    pub(super) fn notice(&self, notice: &Notice) {
        self.line(|| notice.words.clone(), || json!({"event": "notice", "words": notice.words}));
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        match self.output {
            // Nobody may be there to read it.
            Output::Text => drop(writeln!(io::stderr(), "cutover: {refusal}")),
            Output::Json => self.line(String::new, || {
                json!({"event": "refused", "exit_status": refusal.exit_status(), "words": refusal.to_string()})
            }),
        }
    }

    pub(super) fn line(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        let line = match self.output {
            Output::Text => text(),
            Output::Json => json().to_string(),
        };
        // A closed pipe must not stop what is under way.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

fn step_text(step: &Step) -> String {
    let state = match step.state {
        StepState::Running => "...",
        StepState::Done => "ok",
        StepState::Failed => "FAILED",
        StepState::Unknown => "unknown",
    };
    let took = step.took.map_or(String::new(), |took| format!(" ({:.3} s)", took.as_secs_f64()));
    format!("  {:<22} {state:<8} {}{took}", step.name, step.words)
}

fn step_json(id: &OperationId, step: &Step) -> serde_json::Value {
    let state = match step.state {
        StepState::Running => "running",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Unknown => "unknown",
    };
    json!({
        "event": "step",
        "operation": id,
        "step": step.name,
        "state": state,
        "words": step.words,
        "seconds": step.took.map(|took| took.as_secs_f64()),
    })
}

const fn result_word(conclusion: &Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Verified { .. } => "verified",
        Conclusion::AppliedNotVerified { .. } => "applied, not verified",
        Conclusion::Failed { .. } => "failed",
        Conclusion::Blocked { .. } => "blocked",
    }
}
