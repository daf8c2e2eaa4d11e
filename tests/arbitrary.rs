//! Whatever arrives in whatever order: nothing panics, nothing is ordered that was
//! not confirmed, and nothing harmful reaches the terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use cutover::room::checklist::CheckIntent;
use cutover::room::dialog::Readiness;
use cutover::room::intent::{Edit, Extent, Intent, LogIntent, Motion, Overlay, Pane, Writing};
use cutover::room::logs::{LogBatch, LogNews};
use cutover::room::message::{
    Body, Change, Conclusion, Effect, Heartbeat, LinkState, Notice, Observation, Outcome, Probe, SourceId,
    Step, StepState, Urgency,
};
use cutover::room::roster::Roster;
use cutover::sop::access::Right;
use cutover::sop::cluster::{AutoscalerState, DeploymentState, PodState};
use cutover::sop::colour::Colour;
use cutover::sop::command::Command;
use cutover::sop::interlock::{Situation, interlocks};
use cutover::sop::operation::{Action, ActionKind, OperationId};
use cutover::ui::{self, Look, keymap};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use rooms::Stage;

fn colour() -> impl Strategy<Value = Colour> {
    prop_oneof![Just(Colour::Blue), Just(Colour::Green)]
}

/// Names and words as nobody would want them.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\u{1b}[2J\u{1b}[31mred\u{7}".to_owned()),
        Just("日本語\u{301}\u{202e}gnirts\u{200b}".to_owned()),
        Just(String::new()),
        Just("a\r\nb\tc\u{9b}1m".to_owned()),
        "\\PC{0,40}",
        "[a-z]{1,80}",
    ]
}

fn pod() -> impl Strategy<Value = PodState> {
    (colour(), 0..12_usize, any::<[bool; 4]>(), hostile(), any::<i32>()).prop_map(
        |(colour, n, [ready, terminating, reason, named], words, restarts)| {
            let mut pod = rooms::pod(colour, "v1.1.0", n);
            (pod.ready, pod.terminating, pod.restarts) = (ready, terminating, restarts);
            pod.reason = reason.then(|| words.clone());
            pod.message = reason.then(|| words.clone());
            if named {
                pod.name = words;
            }
            pod
        },
    )
}

fn deployment() -> impl Strategy<Value = (Colour, Option<Box<DeploymentState>>)> {
    (colour(), any::<Option<[i32; 5]>>(), hostile(), any::<bool>()).prop_map(
        |(colour, counts, words, paused)| {
            let deployment = counts.map(|[desired, replicas, updated, ready, available]| {
                let image = Some(words).filter(|words| !words.is_empty());
                let known = rooms::deployment(colour, "v1.1.0", 3);
                let image = image.or_else(|| known.image.clone());
                Box::new(DeploymentState {
                    desired,
                    replicas,
                    updated,
                    ready,
                    available,
                    paused,
                    image,
                    ..known
                })
            });
            (colour, deployment)
        },
    )
}

fn observation() -> impl Strategy<Value = Observation> {
    let source = prop_oneof![
        Just(SourceId::Service),
        Just(SourceId::Pods),
        Just(SourceId::Deployments),
        Just(SourceId::Heartbeat)
    ];
    let state = prop_oneof![
        Just(LinkState::Live),
        hostile().prop_map(|why| LinkState::Lost { why }),
        hostile().prop_map(|why| LinkState::Unavailable { why })
    ];
    let command = prop_oneof![
        Just(Command::Unknown),
        Just(Command::Nobody),
        Just(Command::Mine { fence: 1 }),
        (hostile(), any::<bool>()).prop_map(|(holder, expired)| Command::Other {
            holder,
            fence: 2,
            expired,
            renewed: None
        }),
    ];
    prop_oneof![
        Just(Observation::Service(None)),
        (colour(), hostile(), any::<i32>()).prop_map(|(colour, words, at)| {
            Observation::Service(Some(rooms::service(colour, &words, i64::from(at))))
        }),
        deployment().prop_map(|(colour, deployment)| Observation::Deployment(colour, deployment)),
        proptest::collection::vec(pod(), 0..20).prop_map(|pods| Observation::Pods(Change::All(pods))),
        (proptest::collection::vec(pod(), 0..5), hostile())
            .prop_map(|(changed, name)| Observation::Pods(Change::Some { changed, gone: vec![name] })),
        (colour(), 0..5_usize).prop_map(|(colour, n)| Observation::Endpoints(rooms::endpoints(colour, n))),
        (hostile(), colour()).prop_map(|(name, colour)| Observation::Autoscalers(vec![AutoscalerState {
            name,
            colour,
            min: 1,
            max: i32::MAX
        }])),
        any::<bool>().prop_map(|held| {
            Observation::Access(rooms::access(if held { Right::Held } else { Right::Denied }))
        }),
        command.prop_map(Observation::Command),
        any::<i32>().prop_map(|at| {
            let mut record = rooms::record();
            record.operations.push(rooms::switch_record(rooms::at(i64::from(at))));
            record.verification =
                Some(rooms::verification(Colour::Green, "v1.1.0", 3, rooms::at(i64::from(at))));
            Observation::Record(record)
        }),
        hostile().prop_map(Observation::RecordUnreadable),
        (source, state).prop_map(|(source, state)| Observation::Link(source, state)),
        Just(Observation::Heartbeat(Heartbeat { round_trip: Duration::ZERO, skew_seconds: None })),
        (any::<Result<u16, ()>>(), hostile()).prop_map(|(answer, words)| Observation::Probe(Probe {
            answer: answer.map_err(|()| words.clone()),
            latency: Duration::from_millis(7),
            version: Some(words),
        })),
        hostile().prop_map(|words| Observation::Notice(Notice { urgency: Urgency::Alarm, words })),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let id = || OperationId("s1-1".into());
    let state = prop_oneof![
        Just(StepState::Running),
        Just(StepState::Done),
        Just(StepState::Failed),
        Just(StepState::Unknown)
    ];
    prop_oneof![
        colour().prop_map(move |to| Outcome::Began { id: id(), action: Action::Switch { to } }),
        (state, hostile()).prop_map(move |(state, words)| {
            let step = Step { name: "patch".into(), state, words, took: None };
            Outcome::Step { id: id(), step }
        }),
        hostile()
            .prop_map(move |words| { Outcome::Ended { id: id(), conclusion: Conclusion::Failed { words } } }),
    ]
}

fn motion() -> impl Strategy<Value = Motion> {
    prop_oneof![
        Just(Motion::Up),
        Just(Motion::Down),
        Just(Motion::PageUp),
        Just(Motion::PageDown),
        Just(Motion::Home),
        Just(Motion::End)
    ]
}

fn kind() -> impl Strategy<Value = ActionKind> {
    proptest::sample::select(ActionKind::ALL.to_vec())
}

/// The kinds that a room without a repository has.
fn kind_on_the_cluster() -> impl Strategy<Value = ActionKind> {
    let kinds = ActionKind::ALL.into_iter().filter(|kind| !kind.is_on_github());
    proptest::sample::select(kinds.collect::<Vec<_>>())
}

fn intent() -> impl Strategy<Value = Intent> {
    let overlays = [
        Overlay::Help,
        Overlay::Interlocks,
        Overlay::History,
        Overlay::Diagnostics,
        Overlay::Palette,
        Overlay::Pod,
        Overlay::Evidence,
    ];
    let logs = [
        LogIntent::Pause,
        LogIntent::Follow,
        LogIntent::Wrap,
        LogIntent::Left,
        LogIntent::Right,
        LogIntent::Groups,
        LogIntent::OpenGroup,
        LogIntent::Search,
        LogIntent::NextHit,
        LogIntent::PreviousHit,
        LogIntent::NextColour,
        LogIntent::NextPod,
        LogIntent::NextLevel,
        LogIntent::Pattern,
        LogIntent::Save,
        LogIntent::Copy,
    ];
    let edit = prop_oneof![
        any::<char>().prop_map(Edit::Insert),
        hostile().prop_map(Edit::Paste),
        Just(Edit::Paste("green".into())),
        Just(Edit::Backspace),
        Just(Edit::Clear)
    ];
    prop_oneof![
        proptest::sample::select(Pane::ALL.to_vec()).prop_map(Intent::Focus),
        Just(Intent::FocusNext),
        Just(Intent::Zoom),
        (motion(), 0..50_usize, 0..500_usize)
            .prop_map(|(motion, page, most)| Intent::Move(motion, Extent { page, most })),
        proptest::sample::select(overlays.to_vec()).prop_map(Intent::Open),
        Just(Intent::Close),
        kind().prop_map(Intent::Ask),
        edit.prop_map(Intent::Edit),
        Just(Intent::Accept),
        Just(Intent::NextField),
        Just(Intent::PreviousField),
        Just(Intent::TakeCommand),
        Just(Intent::GiveUpCommand),
        proptest::sample::select(Writing::ALL.to_vec()).prop_map(Intent::Write),
        proptest::sample::select(vec![CheckIntent::Untick, CheckIntent::Again, CheckIntent::Filter])
            .prop_map(Intent::Check),
        Just(Intent::Quit),
        proptest::sample::select(logs.to_vec()).prop_map(Intent::Logs),
    ]
}

/// What happens to a room.
#[derive(Clone, Debug)]
enum Event {
    Body(Box<Body>),
    Pass(u64),
    /// A word typed letter by letter, and Enter.
    Word(&'static str),
    Log(String),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => observation().prop_map(|observation| Event::Body(Box::new(Body::Observation(observation)))),
        1 => outcome().prop_map(|outcome| Event::Body(Box::new(Body::Outcome(outcome)))),
        6 => intent().prop_map(|intent| Event::Body(Box::new(Body::Intent(intent)))),
        2 => (0..2_000_u64).prop_map(Event::Pass),
        2 => proptest::sample::select(vec!["green", "blue", "backend", "nonsense"]).prop_map(Event::Word),
        1 => hostile().prop_map(Event::Log),
    ]
}

fn start() -> impl Strategy<Value = u8> {
    0..4_u8
}

fn stage(which: u8) -> Stage {
    match which {
        0 => Stage::loading(),
        1 => Stage::ready(),
        2 => Stage::watch(),
        _ => Stage::failing(),
    }
}

fn play(stage: &mut Stage, event: &Event) {
    match event {
        Event::Body(body) => {
            send(stage, (**body).clone());
        }
        Event::Pass(millis) => {
            stage.pass(Duration::from_millis(*millis));
        }
        Event::Word(word) => {
            for char in word.chars() {
                send(stage, Body::Intent(Intent::Edit(Edit::Insert(char))));
            }
            send(stage, Body::Intent(Intent::Accept));
        }
        Event::Log(text) => {
            let entry = rooms::line(stage.now.wall, Colour::Green, text);
            stage.log(LogNews::Batch(LogBatch { entries: vec![entry], read: 1 }));
        }
    }
}

/// Sends a message and holds every order against the dialog that it came from.
fn send(stage: &mut Stage, body: Body) {
    let accepts = matches!(body, Body::Intent(Intent::Accept));
    let dialog = stage.room.view.dialog.clone();
    let prompted = stage.room.view.prompt.is_some();
    let ready = dialog.as_ref().map(|dialog| dialog.readiness(&stage.room));
    let word = dialog.as_ref().and_then(|dialog| {
        dialog.action().map(|action| action.confirmation(&stage.room.setting.service).into_owned())
    });
    stage.effects.clear();
    stage.send(body);
    for effect in &stage.effects {
        if let Effect::Execute(order) = effect {
            assert!(accepts && !prompted, "only Enter in a dialog gives an order");
            let dialog = dialog.as_ref().expect("an order needs a dialog");
            assert_eq!(ready, Some(Readiness::Armed));
            assert_eq!(Some(dialog.typed.as_str().trim()), word.as_deref());
            assert!(stage.now.since(dialog.opened) >= Duration::from_millis(300), "deaf at first");
            assert_eq!(Some(&order.action), dialog.action().as_ref());
        }
    }
}

fn drawn(stage: &Stage, (width, height): (u16, u16), look: Look) -> ratatui::buffer::Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| ui::draw(frame, &stage.room, &look)).unwrap();
    terminal.backend().buffer().clone()
}

fn harmless(buffer: &ratatui::buffer::Buffer, look: Look) -> Result<(), TestCaseError> {
    for cell in &buffer.content {
        let symbol = cell.symbol();
        prop_assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
        prop_assert!(!symbol.contains(['\u{202e}', '\u{200b}']), "{symbol:?}");
        prop_assert!(look.unicode || symbol.is_ascii(), "{symbol:?}");
    }
    Ok(())
}

/// What is kept from one look at all pods is what another look would find.
fn remembered_is_true(stage: &Stage) -> Result<(), TestCaseError> {
    let remembering = stage.room.situation();
    let looking = Situation { pods: None, ..remembering };
    for kind in ActionKind::ALL {
        if let Some(action) = stage.room.proposal(kind) {
            let (kept, seen) = (interlocks(&action, None, &remembering), interlocks(&action, None, &looking));
            prop_assert_eq!(kept, seen);
        }
    }
    let world = &stage.room.world;
    prop_assert_eq!(&world.roster().order, &Roster::of(&world.cluster).order);
    prop_assert_eq!(world.roster().endpoints, world.cluster.endpoint_count());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_story_can_be_told_and_drawn(
        which in start(),
        events in proptest::collection::vec(event(), 0..60),
        width in 1..=300_u16,
        height in 1..=100_u16,
        colour in any::<bool>(),
        unicode in any::<bool>(),
    ) {
        let mut stage = stage(which);
        let look = Look { colour, unicode };
        for event in &events {
            play(&mut stage, event);
            // Looked at in between, so that there is something to forget.
            let _ = stage.room.phase();
            let _ = stage.room.judgement();
        }
        remembered_is_true(&stage)?;
        harmless(&drawn(&stage, (width, height), look), look)?;
        // The sizes at which a dialog is short of room.
        harmless(&drawn(&stage, (60, 16), look), look)?;
        harmless(&drawn(&stage, (80, 24), look), look)?;
    }

    #[test]
    fn the_word_to_type_and_what_blocks_are_never_hidden(which in 1..4_u8, kind in kind_on_the_cluster()) {
        let mut stage = stage(which);
        stage.want(Intent::Ask(kind)).pass(Duration::from_millis(400));
        let dialog = stage.room.view.dialog.as_ref().expect("the pair is known");
        let action = dialog.action().unwrap();
        let word = format!("type {} to confirm", action.confirmation(&stage.room.setting.service));
        let buffer = drawn(&stage, (60, 16), Look { colour: true, unicode: true });
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        prop_assert!(text.contains(&word) && text.contains("Cancel"), "{text}");
        for lock in dialog.interlocks(&stage.room).iter().filter(|lock| !lock.is_clear()) {
            let condition = format!("✗ {}", lock.id.words());
            prop_assert!(text.contains(&condition), "{condition} is missing");
        }
    }

    #[test]
    fn any_key_in_any_size_is_harmless(
        keys in proptest::collection::vec(any::<char>(), 0..40),
        width in 1..=300_u16,
        height in 1..=100_u16,
    ) {
        use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
        let mut stage = Stage::ready();
        stage.effects.clear();
        for char in keys {
            let event = KeyEvent::new(KeyCode::Char(char), KeyModifiers::NONE);
            if let Some(intent) = keymap::intent(&stage.room, event, Size::new(width, height)) {
                stage.want(intent);
            }
        }
        prop_assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Execute(_))));
    }
}
