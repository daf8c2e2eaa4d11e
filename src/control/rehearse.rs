//! `cutover rehearse`: the ordinary room on a world of its own, on the screen, by the
//! autopilot line by line, or the world alone.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::interval;

use super::autopilot::{Autopilot, Decision, Ending};
use super::printer::Printer;
use super::score::{Score, Scorer};
use super::{Control, InRehearsal, Use};
use crate::cli::{Output, Rehearse};
use crate::clock::Clock;
use crate::config::Environment;
use crate::rehearsal::faults::Active;
use crate::rehearsal::github::seed::HOTFIX;
use crate::rehearsal::scenario::{DEFAULT, SHIPPED, Scenario, ScenarioError};
use crate::rehearsal::stage::{Stage, StageError};
use crate::room::Room;
use crate::room::intent::Intent;
use crate::room::message::{Body, Effect, Observation, Outcome, Urgency};
use crate::room::rehearsal::Rehearsal;
use crate::sop::command::Operator;
use crate::sop::hotfix::Hotfix;
use crate::sop::note::Noted;
use crate::sop::operation::{ActionKind, Order};
use crate::term::signals;

/// How often the autopilot looks when nothing else happens.
const LOOK: Duration = Duration::from_millis(200);

/// The scenario that the command line asks for.
///
/// # Errors
/// When there is no such scenario.
pub fn scenario(options: &Rehearse) -> Result<Scenario, ScenarioError> {
    Scenario::find(options.scenario.as_deref().unwrap_or(DEFAULT))
}

/// Prints the scenarios that there are.
pub fn list(output: Output) {
    for (name, _) in SHIPPED {
        let Ok(scenario) = Scenario::find(name) else { continue };
        let text = match output {
            Output::Text => {
                let description = scenario.description.trim().replace('\n', "\n    ");
                format!("{name}\n    {}.\n    {description}\n", scenario.title)
            }
            Output::Json => json!({
                "name": name, "title": scenario.title, "description": scenario.description.trim(),
                "from": scenario.from, "to": scenario.to,
            })
            .to_string(),
        };
        // A reader that went away wants no more.
        let _ = writeln!(io::stdout(), "{text}");
    }
}

/// Raises the stage.
///
/// # Errors
/// When the system has no port or directory for it.
pub async fn raise(options: &Rehearse, scenario: Scenario) -> Result<Stage, StageError> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let directory = options.dir.as_deref();
    Stage::raise(scenario, seed, options.speed, directory).await
}

/// The stage's environment, on the fast track where a hotfix is rehearsed. The autopilot
/// keeps no checklist: what people have to say it cannot.
fn environment(stage: &Stage, options: &Rehearse, clock: Clock) -> Result<Environment, StageError> {
    let mut environment = stage.environment()?;
    if stage.world.scenario.github.hotfix {
        let detected = clock.now().wall;
        environment = environment.for_hotfix(HOTFIX, Hotfix { detected })?;
    }
    if options.autopilot || options.plain {
        environment.checklist = None;
        environment.policy.checklist = false;
    }
    Ok(environment)
}

/// A room on the stage.
///
/// # Errors
/// When the stage's own configuration is wrong.
pub fn room(
    stage: &Stage,
    options: &Rehearse,
    operator: Operator,
    clock: Clock,
) -> Result<Control, StageError> {
    // A rehearsal may play on another day.
    let clock = clock.with_lead(stage.world.clock.lead());
    let environment = environment(stage, options, clock)?;
    let words = Rehearsal {
        scenario: stage.world.scenario.name.clone(),
        speed: options.speed,
        seed: stage.world.seed,
    };
    let state = stage.directory().join("state");
    let rehearsal = InRehearsal { words, faults: stage.world.faults.clone(), state };
    let mut control = Control::start_in(environment, operator, clock, Use::Screen, Some(rehearsal));
    control.pilot = Some(Pilot::new(stage, options.autopilot || options.plain));
    Ok(control)
}

/// What the autopilot wants.
pub(super) enum Wish {
    Order(Box<Order>),
    Note(Noted),
    Ask(ActionKind),
}

/// What looks over the operator's shoulder in a rehearsal: the scorer, and the autopilot
/// where it plays.
#[derive(Debug)]
pub(super) struct Pilot {
    autopilot: Option<Autopilot>,
    scorer: Scorer,
    faults: tokio::sync::watch::Receiver<Active>,
    pub(super) ending: Option<Ending>,
}

impl Pilot {
    fn new(stage: &Stage, plays: bool) -> Self {
        Self {
            autopilot: plays.then(|| Autopilot::new(stage.world.scenario.to.clone())),
            scorer: Scorer::default(),
            faults: stage.world.faults.subscribe(),
            ending: None,
        }
    }

    /// Looks at the room; what the autopilot wants, if it wants anything.
    pub(super) fn look(&mut self, room: &mut Room) -> Option<Wish> {
        if self.faults.borrow_and_update().all().any(|fault| fault.is_of_the_release()) {
            self.scorer.fault(room.now);
        }
        self.scorer.look(room);
        let autopilot = self.autopilot.as_mut().filter(|_| self.ending.is_none())?;
        match autopilot.next(room) {
            Decision::Wait => None,
            Decision::Write(noted) => Some(Wish::Note(noted)),
            Decision::Ask(kind) => Some(Wish::Ask(kind)),
            Decision::Perform(action, overrides) => {
                let id = room.next_operation_id();
                let (reason, evidence) = (room.reason_for(&action), Box::new(room.assessed.evidence.clone()));
                let order = Order::new(id, action, room.expectation());
                Some(Wish::Order(Box::new(Order { overrides, reason, evidence, ..order })))
            }
            Decision::End(ending) => {
                self.ending = Some(ending);
                None
            }
        }
    }

    /// The score sheet so far.
    fn score(&self, stage: &Stage) -> Score {
        self.scorer.score(&stage.world.application.tally.counts())
    }
}

impl Control {
    /// Has the pilot of a rehearsal look at the room; what is to be done about it.
    pub(super) fn fly(&mut self) -> Vec<Effect> {
        let Some(pilot) = &mut self.pilot else { return Vec::new() };
        let was_over = pilot.ending.is_some();
        let wish = pilot.look(&mut self.room);
        if let Some(ending) = pilot.ending.as_ref().filter(|_| !was_over) {
            let words = format!("the autopilot has ended: {}", ending.words());
            self.tell(Urgency::Warning, words);
        }
        match wish {
            None => Vec::new(),
            Some(Wish::Ask(kind)) => self.take(Body::Intent(Intent::Ask(kind))),
            Some(Wish::Order(order)) => {
                // The dialog that found the words for it is done with.
                if self.room.is_proposing() {
                    self.take(Body::Intent(Intent::Close));
                }
                self.take(Body::Intent(Intent::Perform(order)))
            }
            Some(Wish::Note(noted)) => vec![self.room.write_down(noted)],
        }
    }
}

/// Plays the whole procedure by the autopilot, a line for each thing that happens; the
/// exit status.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn plain(stage: &Stage, mut control: Control, output: Output) -> io::Result<u8> {
    let mut signals = ends()?;
    let mut teller = Teller { printer: Printer { output }, phase: None, verdict: None };
    teller.began(stage, &control);
    let mut looks = interval(LOOK);
    let status = loop {
        let mut effects = tokio::select! {
            status = signals.recv() => break status.unwrap_or(1),
            _ = looks.tick() => control.take(Body::Tick),
            message = control.next() => {
                let Some(message) = message else { break 1 };
                teller.hear(&message.body);
                control.take_one(message)
            }
        };
        effects.extend(control.fly());
        control.carry_out(effects);
        teller.look(&control.room);
        if let Some(ending) = control.pilot.as_ref().and_then(|pilot| pilot.ending.clone()) {
            teller.ended(&ending, control.pilot.as_ref().map(|pilot| pilot.score(stage)));
            break ending.exit_status();
        }
    };
    control.leave().await;
    Ok(status)
}

/// Tells what happens in the room.
struct Teller {
    printer: Printer,
    phase: Option<&'static str>,
    verdict: Option<String>,
}

impl Teller {
    fn began(&self, stage: &Stage, control: &Control) {
        let Some(rehearsal) = &control.room.setting.rehearsal else { return };
        let scenario = &stage.world.scenario;
        self.printer.line(
            || {
                format!(
                    "rehearsal: {} ({}), speed {}, seed {}",
                    scenario.name, scenario.title, rehearsal.speed, rehearsal.seed
                )
            },
            || {
                json!({"event": "rehearsal", "scenario": scenario.name, "from": scenario.from, "to": scenario.to,
                       "speed": rehearsal.speed, "seed": rehearsal.seed})
            },
        );
    }

    fn hear(&mut self, body: &Body) {
        match body {
            Body::Outcome(outcome) => self.printer.outcome(outcome),
            Body::Observation(Observation::Notice(notice)) => {
                self.printer.outcome(&Outcome::Told(notice.clone()));
            }
            Body::Observation(Observation::Faults(faults)) => {
                let on: Vec<&str> =
                    faults.iter().filter(|fault| fault.is_on).map(|fault| fault.name).collect();
                self.printer.line(
                    || format!("faults: {}", if on.is_empty() { "none".into() } else { on.join(", ") }),
                    || json!({"event": "faults", "active": on}),
                );
            }
            _ => {}
        }
    }

    fn look(&mut self, room: &Room) {
        let phase = room.phase().map(|phase| phase.word());
        if phase != self.phase {
            self.phase = phase;
            let word = phase.unwrap_or("unknown");
            self.printer.line(|| format!("phase: {word}"), || json!({"event": "phase", "phase": phase}));
        }
        let judgement = room.judgement();
        let word = judgement.verdict.word().to_owned();
        if self.verdict.as_ref() != Some(&word) {
            let reason = judgement.reasons.first().cloned().unwrap_or_default();
            let colon = if reason.is_empty() { "" } else { ": " };
            self.printer.line(
                || format!("verdict: {word}{colon}{reason}"),
                || json!({"event": "verdict", "verdict": word, "reasons": judgement.reasons}),
            );
            self.verdict = Some(word);
        }
    }

    fn ended(&self, ending: &Ending, score: Option<Score>) {
        let score = score.unwrap_or_default();
        let why = match ending {
            Ending::Stuck(why) => Some(why.as_str()),
            Ending::Closed | Ending::RolledBack => None,
        };
        self.printer.line(
            || {
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                format!("\n{}{why}\n  {}", ending.word(), score.lines().join("\n  "))
            },
            || {
                json!({"event": "summary", "ending": ending.word(), "why": why,
                       "exit_status": ending.exit_status(), "score": score})
            },
        );
    }
}

/// Prints the score sheet of a rehearsal that was played on the screen.
pub fn print_score(stage: &Stage, control: &Control) {
    let Some(pilot) = &control.pilot else { return };
    for line in pilot.score(stage).lines() {
        // Nobody may be there to read it.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// Leaves the world running without a room until it is told to end; the exit status.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn serve(stage: &Stage, output: Output) -> io::Result<u8> {
    let mut signals = ends()?;
    // A reader that went away wants no more.
    let _ = writeln!(io::stdout(), "{}", served(stage.directory(), &stage.urls(), output));
    let _ = io::stdout().flush();
    signals.recv().await;
    Ok(0)
}

/// Tells the exit status with which a signal asks this program to end.
fn ends() -> io::Result<mpsc::Receiver<u8>> {
    let (sender, statuses) = mpsc::channel(1);
    signals::watch_for_end(move |status| {
        // One is enough: the program ends.
        let _ = sender.try_send(status);
    })?;
    Ok(statuses)
}

fn served(directory: &Path, urls: &serde_json::Value, output: Output) -> String {
    if output == Output::Json {
        let mut all = urls.clone();
        all["directory"] = json!(directory);
        all["kubeconfig"] = json!(directory.join("kubeconfig"));
        return all.to_string();
    }
    let url = |name: &str| urls[name].as_str().unwrap_or_default().to_owned();
    format!(
        "the world runs until it is interrupted\n\
         \x20 kubeconfig    {}\n\
         \x20 application   {}\n\
         \x20 metrics       {}\n\
         \x20 control       {}\n\
         \x20 a room on it  cutover --config {}",
        directory.join("kubeconfig").display(),
        url("application"),
        urls["prometheus"].as_str().unwrap_or("none"),
        url("control"),
        directory.join("config.toml").display()
    )
}
