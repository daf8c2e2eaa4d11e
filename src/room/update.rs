//! The one function that changes the room.

use std::time::Duration;

use super::Room;
use super::dialog::{DEAF_FOR, Dialog};
use super::github::nothing_to_do;
use super::intent::{Edit, Extent, Intent, Motion, Overlay, Pane};
use super::log_intents::pattern;
use super::logs::{Level, LogFilter};
use super::message::{Body, Effect, LinkState, Message, Notice, Observation, Outcome, SourceId, Urgency};
use super::view::{Palette, Prompt, PromptKind, moved};
use super::world::keep_probe;
use crate::sop::operation::{Action, ActionKind};
use crate::sop::phase::switched;

/// How long a first "quit" counts while an operation runs.
const QUIT_TWICE_WITHIN: Duration = Duration::from_secs(5);
/// How long after an operation what it did may still come to be seen.
const OURS_FOR: Duration = Duration::from_secs(30);

/// Whether an observation changes what follows from what is measured.
const fn is_news(observation: &Observation) -> bool {
    matches!(
        observation,
        Observation::Samples(_)
            | Observation::Past(_)
            | Observation::Alerts(_)
            | Observation::Service(_)
            | Observation::Record(_)
            | Observation::Probe(_)
            | Observation::ApiProbe(_)
            | Observation::Command(_)
            | Observation::Repository(_)
            | Observation::Check(..)
            | Observation::Duty(_)
    )
}

impl Room {
    /// Takes in one message and tells what is to be done about it.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        // Messages of several senders may arrive a little out of order.
        self.now = self.now.max(message.at);
        let (mut effects, mut news) = (Vec::new(), false);
        match message.body {
            Body::Tick => {
                self.logs.advance();
            }
            Body::Observation(observation) => {
                news = is_news(&observation);
                self.observe(observation);
            }
            Body::Intent(intent) => {
                effects = self.intend(intent);
                news = effects.iter().any(|effect| matches!(effect, Effect::Note(_)));
            }
            Body::Outcome(outcome) => {
                effects = self.look_after(&outcome);
                self.learn(outcome);
            }
        }
        self.assess(news);
        effects.extend(self.act_alone());
        effects
    }

    fn observe(&mut self, observation: Observation) {
        // With thousands of pods what follows from them is not worked out for a heartbeat.
        let something_follows = matches!(
            observation,
            Observation::Service(_)
                | Observation::Deployment(..)
                | Observation::ReplicaSets(_)
                | Observation::Pods(_)
                | Observation::Record(_)
        );
        match observation {
            Observation::Connected { context, server } => {
                self.setting.context = context;
                self.setting.server = server;
            }
            Observation::Service(service) => {
                self.world.cluster.service = service;
                self.heard();
            }
            Observation::Deployment(colour, deployment) => {
                self.world.cluster.deployments[colour] = deployment.map(|deployment| *deployment);
                self.heard();
            }
            Observation::ReplicaSets(change) => {
                self.world.replica_sets(change);
                self.heard();
            }
            Observation::Pods(change) => {
                self.world.pods(change);
                self.heard();
            }
            Observation::Endpoints(endpoints) => {
                self.world.endpoints(endpoints);
                self.heard();
            }
            Observation::Autoscalers(autoscalers) => self.world.cluster.autoscalers = autoscalers,
            Observation::Access(access) => self.world.access = access,
            Observation::Command(command) => self.command = command,
            Observation::Record(record) => {
                self.record = Some(record);
                self.record_trouble = None;
                self.gather_notes();
            }
            Observation::RecordUnreadable(why) => self.record_trouble = Some(why),
            Observation::Link(source, state) => self.link(source, state),
            Observation::Heartbeat(heartbeat) => {
                self.world.heartbeat = Some(heartbeat);
                self.heard();
            }
            Observation::Probe(probe) => keep_probe(&mut self.world.probes, probe, self.now),
            Observation::ApiProbe(probe) => keep_probe(&mut self.world.api_probes, probe, self.now),
            Observation::Samples(samples) => {
                self.metrics.samples(samples, self.now);
                self.remember_before();
            }
            Observation::Past(past) => {
                self.metrics.past(past);
                self.remember_before();
            }
            Observation::Alerts(alerts) => self.metrics.alerts(alerts, self.now),
            Observation::Duty(duty) => self.metrics.duty = Some((self.now, duty)),
            Observation::Repository(repository) => self.repository = Some((self.now, *repository)),
            Observation::JobLog(log) => self.job_log(log),
            Observation::Draft { draft, edited } => self.take_draft(draft, edited),
            Observation::Check(item, news) => self.learn_check(item, news),
            Observation::Logs(event) => {
                self.logs.apply(event);
            }
            Observation::Notice(notice) => self.notice(notice),
            Observation::Faults(faults) => self.faults = faults,
        }
        if something_follows {
            self.derive();
        }
    }

    /// Keeps what was measured before the switch.
    fn remember_before(&mut self) {
        self.metrics.remember(self.switched.as_ref().map(|switched| switched.at));
    }

    /// The server was heard just now.
    fn heard(&mut self) {
        self.world.heard = Some(self.now);
    }

    fn link(&mut self, source: SourceId, state: LinkState) {
        if source == SourceId::Heartbeat && state == LinkState::Live {
            self.heard();
        }
        self.world.link(source, state, self.now);
    }

    /// What follows from what was seen.
    fn derive(&mut self) {
        self.pod_facts.take();
        let before = self.switched.take();
        self.switched = switched(&self.world.cluster, self.record.as_ref());
        let ours = self.ordered_move();
        if let Some(switched) = &mut self.switched
            && ours.is_some_and(|action| action.is_way_back_to(switched.to))
        {
            // The record may not have it yet: it waits for nothing on the way back.
            switched.rollback = true;
        }
        self.remember_before();
        if self.switched != before {
            self.logs.switched_at = self.switched.as_ref().map(|switched| switched.at);
        }
        let (seen, active) = (self.last_active, self.world.cluster.active());
        self.last_active = active.or(seen);
        if seen.is_some() && seen != self.last_active {
            self.tell_of_foreign_switch();
        }
        if let Some(mut dialog) = self.view.dialog.take() {
            dialog.refresh(self);
            self.view.dialog = Some(dialog);
        }
    }

    /// A move of the traffic that this program did not make is news.
    fn tell_of_foreign_switch(&mut self) {
        let Some(now) = &self.switched else { return };
        if self.ordered_move().is_none_or(|action| action.traffic_to() != Some(now.to)) {
            let words = format!("traffic went to {} (by {})", now.to.label(), now.by);
            self.notice(Notice { urgency: Urgency::Alarm, words });
        }
    }

    /// What this room has ordered and whose effect may still be coming to be seen.
    fn ordered_move(&self) -> Option<Action> {
        let operation = self.operations.latest()?;
        let recent = operation.ended.as_ref().is_none_or(|(at, _)| self.now.since(*at) < OURS_FOR);
        recent.then(|| operation.action.clone())
    }

    fn learn(&mut self, outcome: Outcome) {
        match &outcome {
            Outcome::Command { words, urgency } => {
                self.notice(Notice { urgency: *urgency, words: words.clone() });
            }
            Outcome::Settled { words, .. } => {
                self.notice(Notice { urgency: Urgency::Warning, words: words.clone() });
            }
            Outcome::Told(notice) => self.notice(notice.clone()),
            Outcome::Began { .. } => self.view.operation_offset = 0,
            Outcome::Step { .. } | Outcome::Ended { .. } => {}
        }
        self.operations.apply(outcome, self.now);
    }

    fn intend(&mut self, intent: Intent) -> Vec<Effect> {
        let by_key = !matches!(intent, Intent::Redraw | Intent::Edit(_));
        if by_key && self.view.dialog.is_none() && self.view.prompt.is_none() {
            self.last_key = Some(self.now);
        }
        match intent {
            Intent::Quit => self.quit(),
            Intent::Suspend => vec![Effect::Suspend],
            Intent::Redraw => vec![Effect::Redraw],
            Intent::Perform(order) => vec![Effect::Execute(*order)],
            Intent::TakeCommand => self.ask_for_command(),
            Intent::GiveUpCommand => vec![Effect::GiveUpCommand],
            Intent::Accept => self.accept(),
            Intent::EditOutside => self.edit_outside(),
            Intent::Logs(intent) => self.log_intent(intent),
            Intent::Release(intent) => self.release_intent(intent),
            Intent::Check(intent) => self.check_intent(intent),
            Intent::ToggleFault => self.toggle_fault(),
            Intent::CopyDashboard => self.dashboard().map(Effect::Copy).into_iter().collect(),
            Intent::OpenDashboard => self.dashboard().map(Effect::Open).into_iter().collect(),
            Intent::Write(writing) => {
                if writing.is_of_checklist() {
                    self.begin_check(writing);
                } else {
                    self.begin_writing(writing);
                }
                Vec::new()
            }
            Intent::Chosen(intent) => {
                self.view.overlay = None;
                self.intend(*intent)
            }
            Intent::Ask(kind) => {
                self.ask(kind);
                self.offer_draft()
            }
            other => {
                self.change_view(other);
                self.leave_log()
            }
        }
    }

    /// Intents that change nothing but the screen.
    fn change_view(&mut self, intent: Intent) {
        match intent {
            Intent::Focus(pane) => self.view.focus = pane,
            Intent::FocusNext => self.focus_next(),
            Intent::Zoom => self.view.zoomed = !self.view.zoomed,
            Intent::Move(motion, extent) => self.scroll(motion, extent),
            Intent::Open(overlay) => self.open(overlay),
            Intent::Close => self.close(),
            Intent::Edit(edit) => self.edit(&edit),
            Intent::NextField => self.field(1),
            Intent::PreviousField => self.field(-1),
            Intent::Quit
            | Intent::Suspend
            | Intent::Redraw
            | Intent::Perform(_)
            | Intent::TakeCommand
            | Intent::GiveUpCommand
            | Intent::Accept
            | Intent::Ask(_)
            | Intent::EditOutside
            | Intent::Chosen(_)
            | Intent::ToggleFault
            | Intent::CopyDashboard
            | Intent::OpenDashboard
            | Intent::Write(_)
            | Intent::Release(_)
            | Intent::Check(_)
            | Intent::Logs(_) => {}
        }
    }

    /// Leaving while an operation runs is asked for twice.
    fn quit(&mut self) -> Vec<Effect> {
        let asked = self.quit_asked.is_some_and(|asked| self.now.since(asked) < QUIT_TWICE_WITHIN);
        match self.operations.running() {
            Some(operation) if !asked => {
                let words = format!(
                    "{} is under way: quit again within 5 s to leave it; its outcome is settled at the next start",
                    operation.action.kind()
                );
                self.quit_asked = Some(self.now);
                self.notice(Notice { urgency: Urgency::Warning, words });
                Vec::new()
            }
            _ => vec![Effect::Quit],
        }
    }

    fn focus_next(&mut self) {
        let panes: Vec<Pane> = self.panes().collect();
        let here = panes.iter().position(|pane| *pane == self.view.focus).unwrap_or(0);
        self.view.focus = panes[(here + 1) % panes.len()];
    }

    fn open(&mut self, overlay: Overlay) {
        self.view.overlay = if self.view.overlay == Some(overlay) { None } else { Some(overlay) };
        self.view.overlay_offset = 0;
        if overlay == Overlay::Evidence {
            self.view.item_asked = self.chosen_item();
        }
        if overlay == Overlay::Pod {
            self.view.pod_shown = self.selected_pod().map(str::to_owned);
        }
        self.view.palette = Palette::default();
    }

    /// Closes what lies on top: prompt, dialog, overlay, zoom.
    fn close(&mut self) {
        if self.view.prompt.take().is_none()
            && self.view.dialog.take().is_none()
            && self.view.overlay.take().is_none()
        {
            self.view.zoomed = false;
        }
    }

    fn ask(&mut self, kind: ActionKind) {
        self.view.overlay = None;
        self.view.dialog = Dialog::open(self, kind);
        if self.view.dialog.is_none() {
            let words = format!("{kind}: {}", nothing_to_do(kind));
            self.notice(Notice { urgency: Urgency::Warning, words });
        }
    }

    fn toggle_fault(&self) -> Vec<Effect> {
        let chosen = self.faults.get(self.view.overlay_offset);
        chosen.map(|fault| Effect::ToggleFault(fault.name)).into_iter().collect()
    }

    fn dashboard(&self) -> Option<String> {
        self.setting.dashboard.clone()
    }

    fn ask_for_command(&mut self) -> Vec<Effect> {
        if self.command.is_foreign() {
            self.view.prompt = Some(Prompt::new(PromptKind::TakeCommand));
            return Vec::new();
        }
        vec![Effect::TakeCommand { reason: None }]
    }

    fn scroll(&mut self, motion: Motion, extent: Extent) {
        if let Some(mut dialog) = self.view.dialog.take() {
            match motion {
                Motion::Up => dialog.choose(-1, self),
                Motion::Down => dialog.choose(1, self),
                _ => {}
            }
            self.view.dialog = Some(dialog);
            return;
        }
        let row = self.stages().and_then(|stages| self.chosen_row(&stages)).unwrap_or(0);
        let view = &mut self.view;
        match (view.overlay, view.focus) {
            (Some(Overlay::Palette), _) => view.palette.chosen = moved(view.palette.chosen, motion, extent),
            (Some(_), _) => view.overlay_offset = moved(view.overlay_offset, motion, extent),
            (None, Pane::Pair) => view.pod = moved(view.pod, motion, extent),
            (None, Pane::Operation) => {
                view.operation_offset = moved(view.operation_offset, motion, extent);
            }
            (None, Pane::Errors) => self.scroll_logs(motion, extent),
            (None, Pane::Checklist) => view.check = moved(view.check, motion, extent),
            (None, Pane::Signals) => view.signal = moved(view.signal, motion, extent),
            (None, Pane::Pipeline) => view.release.row = Some(moved(row, motion, extent)),
        }
    }

    /// Whether the open dialog is still deaf.
    fn deaf(&self) -> bool {
        self.view.dialog.as_ref().is_some_and(|dialog| self.now.since(dialog.opened) < DEAF_FOR)
    }

    fn edit(&mut self, edit: &Edit) {
        if self.deaf() {
            return;
        }
        if let Some(prompt) = &mut self.view.prompt {
            prompt.trouble = None;
            prompt.text.edit(edit);
        } else if let Some(dialog) = &mut self.view.dialog {
            dialog.edit(edit);
        } else if self.view.overlay == Some(Overlay::Palette) {
            self.view.palette.text.edit(edit);
            self.view.palette.chosen = 0;
        }
    }

    fn field(&mut self, by: isize) {
        if self.deaf() {
            return;
        }
        if let Some(dialog) = &mut self.view.dialog {
            dialog.step_field(by);
        }
    }

    fn accept(&mut self) -> Vec<Effect> {
        if self.deaf() {
            return Vec::new();
        }
        if let Some(prompt) = self.view.prompt.take() {
            return self.answer(prompt);
        }
        let Some(dialog) = self.view.dialog.take() else {
            return Vec::new();
        };
        if let Some(order) = dialog.order(self) {
            return vec![Effect::Execute(order)];
        }
        // Enter on an untouched dialog is its default, Cancel. Once something was
        // typed it stays open, so that nothing typed is lost.
        if !dialog.is_untouched() {
            self.view.dialog = Some(dialog);
        }
        Vec::new()
    }

    fn answer(&mut self, mut prompt: Prompt) -> Vec<Effect> {
        let text = prompt.text.as_str().to_owned();
        match prompt.kind {
            PromptKind::Search => self.search_logs(&text),
            PromptKind::SearchJobLog => self.search_job_log(&text),
            PromptKind::TakeCommand if prompt.text.is_blank() => {
                prompt.trouble = Some("a reason is needed".into());
                self.view.prompt = Some(prompt);
            }
            PromptKind::TakeCommand => return vec![Effect::TakeCommand { reason: Some(text) }],
            PromptKind::Write(writing) if writing.is_of_checklist() => {
                return self.finish_check(writing, prompt);
            }
            PromptKind::Write(writing) => return self.finish_writing(writing, prompt),
            PromptKind::Pattern if text.is_empty() => return self.capture(LogFilter::Level(Level::Error)),
            PromptKind::Pattern => match pattern(&text) {
                Ok(pattern) => return self.capture(LogFilter::Pattern(pattern)),
                Err(trouble) => {
                    prompt.trouble = Some(trouble);
                    self.view.prompt = Some(prompt);
                }
            },
        }
        Vec::new()
    }
}
