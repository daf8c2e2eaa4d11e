//! The screens, as an operator sees them: text by snapshot, meaning in styles by assertion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/drawing.rs"]
mod drawing;
#[path = "support/rooms.rs"]
mod rooms;

use std::time::Duration;

use cutover::room::intent::{Intent, LogIntent, Overlay, Pane};
use cutover::room::logs::{Entry, Gap, LogBatch, LogNews, Origin};
use cutover::room::message::{Effect, LinkState, Notice, Observation, SourceId, Urgency};
use cutover::sop::access::Right;
use cutover::sop::checklist::evidence::Inputs;
use cutover::sop::colour::Colour;
use cutover::sop::command::Command;
use cutover::sop::note::Noted;
use cutover::sop::operation::ActionKind;
use cutover::ui::{self, Look};
use drawing::{ASCII, COLOUR, PLAIN, SIZES, cell, rows};
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use rooms::Stage;

fn drawn(stage: &Stage, size: (u16, u16), look: Look) -> Buffer {
    drawing::drawn(&stage.room, size, look)
}

fn text(stage: &Stage, size: (u16, u16), look: Look) -> String {
    drawing::text(&stage.room, size, look)
}

/// One snapshot for each size, and one in ASCII.
fn snapshots(name: &str, stage: &Stage) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text(stage, size, COLOUR));
    }
    insta::assert_snapshot!(format!("{name}_ascii_80x24"), text(stage, (80, 24), ASCII));
}

#[test]
fn loading() {
    snapshots("loading", &Stage::loading());
}

#[test]
fn prepare() {
    snapshots("prepare", &Stage::pair("v1.0.0", "v1.0.0", 3));
}

#[test]
fn ready_to_switch() {
    snapshots("ready", &Stage::ready());
}

#[test]
fn watch() {
    snapshots("watch", &Stage::watch());
}

#[test]
fn tall_and_zoomed() {
    let mut stage = Stage::watch();
    insta::assert_snapshot!("tall_100x50", text(&stage, (100, 50), COLOUR));
    stage.want(Intent::Focus(Pane::Operation)).want(Intent::Zoom);
    insta::assert_snapshot!("zoomed_80x24", text(&stage, (80, 24), COLOUR));
}

#[test]
fn stale() {
    snapshots("stale", &Stage::stale());
}

#[test]
fn failing_rollout() {
    snapshots("failing", &Stage::failing());
}

#[test]
fn many_pods() {
    let mut stage = Stage::pair("v1.0.0", "v1.1.0", 300);
    stage.streams(600, 40);
    snapshots("many_pods", &stage);
}

#[test]
fn groups() {
    let mut stage = Stage::watch();
    stage.want(Intent::Focus(Pane::Errors)).want(Intent::Logs(LogIntent::Groups));
    snapshots("groups", &stage);
}

#[test]
fn lines_with_a_gap_and_a_search() {
    let mut stage = Stage::watch();
    let origin = Origin { pod: "backend-green-84d4c7b9f-6rrw5".into(), colour: Colour::Green };
    let gap = Gap { origin, since: None, until: stage.now.wall };
    stage.log(LogNews::Batch(LogBatch { entries: vec![Entry::Gap(gap)], read: 0 }));
    stage.want(Intent::Focus(Pane::Errors)).want(Intent::Logs(LogIntent::Search)).type_in("TREASURY");
    stage.want(Intent::Accept).want(Intent::Logs(LogIntent::Wrap));
    snapshots("lines", &stage);
    let buffer = drawn(&stage, (120, 40), COLOUR);
    assert!(cell(&buffer, "treasury").modifier.contains(Modifier::REVERSED));
}

fn dialog(mut stage: Stage, kind: ActionKind) -> Stage {
    stage.want(Intent::Ask(kind)).pass(Duration::from_millis(400));
    stage
}

#[test]
fn switch_dialog_clear() {
    let mut stage = dialog(Stage::ready(), ActionKind::Switch);
    snapshots("switch_clear", &stage);
    stage.type_in("green");
    let text = text(&stage, (80, 24), COLOUR);
    assert!(text.contains("[ switch ]") && text.contains("Enter: switch now"), "{text}");
}

#[test]
fn switch_dialog_blocked() {
    let mut stage = Stage::failing();
    stage.see(Observation::Command(Command::Other {
        holder: "ops2@bastion-2/s9".into(),
        fence: 3,
        expired: false,
        renewed: None,
    }));
    snapshots("switch_blocked", &dialog(stage, ActionKind::Switch));
}

#[test]
fn switch_dialog_overridden() {
    let mut stage = Stage::ready();
    let mut service = rooms::service(Colour::Blue, "argocd-controller", -30 * 86_400);
    service.gitops = Some(rooms::gitops());
    stage.see(Observation::Service(Some(service)));
    let mut stage = dialog(stage, ActionKind::Switch);
    stage.want(Intent::PreviousField).type_in("sync is paused until 23:00");
    snapshots("switch_override", &stage);
}

#[test]
fn rollback_dialog() {
    snapshots("rollback", &dialog(Stage::watch(), ActionKind::Rollback));
}

#[test]
fn a_rollback_shows_whether_the_previous_version_works_with_the_new_schema() {
    let of = Inputs::default;
    let item = || "previous-version".to_owned();
    let cases = [
        (None, "! previous version works with the new schema: nobody has said it of this"),
        (
            Some(Noted::Ticked { item: item(), words: "tried on staging".into(), of: of() }),
            "previous version works with the new schema: yes (ops2@bastion-2:",
        ),
        (
            Some(Noted::Waived { item: item(), reason: "email is gone".into(), of: of() }),
            "! previous version works with the new schema: NO (ops2@bastion-2:",
        ),
        (
            Some(Noted::NotApplicable { item: item(), reason: "no migration".into(), of: of() }),
            "previous version works with the new schema: the schema is the same",
        ),
    ];
    for (said, words) in cases {
        let mut stage = Stage::watch();
        let mut record = stage.room.record.clone().unwrap();
        record.notes.clear();
        said.into_iter().for_each(|noted| record.note(rooms::said_at(stage.now.wall, noted)));
        stage.room.setting.checklist = Some(rooms::with_database());
        stage.see(Observation::Record(record));
        let screen = text(&dialog(stage, ActionKind::Rollback), (120, 40), COLOUR);
        assert!(screen.contains(words), "{words}: {screen}");
    }
    // Where no database is configured nothing is asked, and nothing shown.
    let screen = text(&dialog(Stage::listing(), ActionKind::Rollback), (120, 40), COLOUR);
    assert!(!screen.contains("new schema"), "{screen}");
}

#[test]
fn deploy_and_retire_dialogs() {
    let mut deploy = dialog(Stage::pair("v1.0.0", "v1.0.0", 3), ActionKind::Deploy);
    deploy.type_in("v1.1.0");
    snapshots("deploy", &deploy);
    snapshots("retire", &dialog(Stage::watch(), ActionKind::Retire));
}

#[test]
fn overlays() {
    for (name, overlay) in [
        ("help", Overlay::Help),
        ("interlocks", Overlay::Interlocks),
        ("history", Overlay::History),
        ("palette", Overlay::Palette),
        ("pod", Overlay::Pod),
    ] {
        let mut stage = Stage::watch();
        stage.want(Intent::Open(overlay));
        snapshots(name, &stage);
    }
}

#[test]
fn diagnostics_draw_in_any_size() {
    let mut stage = Stage::watch();
    stage.want(Intent::Open(Overlay::Diagnostics));
    for size in SIZES {
        assert!(text(&stage, size, COLOUR).contains("Diagnostics"));
    }
}

#[test]
fn too_small() {
    let stage = Stage::watch();
    insta::assert_snapshot!("too_small_40x10", text(&stage, (40, 10), COLOUR));
    assert!(text(&stage, (59, 16), COLOUR).contains("at least 60x16"));
    assert!(!text(&stage, (60, 16), COLOUR).contains("at least"));
}

#[test]
fn production_is_unmistakable_without_colours() {
    let stage = Stage::watch();
    for look in [COLOUR, PLAIN, ASCII] {
        let buffer = drawn(&stage, (80, 24), look);
        let badge = cell(&buffer, "PRODUCTION");
        assert!(badge.modifier.contains(Modifier::REVERSED | Modifier::BOLD));
    }
    let mut setting = rooms::setting();
    (setting.environment, setting.production, setting.read_only) = ("staging".into(), false, true);
    let mut stage = Stage::with(setting);
    stage.fill("v1.0.0", "v1.1.0", 3);
    let buffer = drawn(&stage, (80, 24), COLOUR);
    assert!(!rows(&buffer).join("").contains("PRODUCTION"));
    assert!(cell(&buffer, "READ-ONLY").modifier.contains(Modifier::REVERSED));
}

#[test]
fn without_colours_there_are_none() {
    for stage in [Stage::watch(), Stage::stale(), dialog(Stage::failing(), ActionKind::Switch)] {
        let buffer = drawn(&stage, (120, 40), PLAIN);
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    }
}

#[test]
fn only_the_sixteen_colours_are_used() {
    let indexed = |colour: Color| matches!(colour, Color::Rgb(..) | Color::Indexed(_));
    for stage in [Stage::watch(), Stage::failing(), dialog(Stage::ready(), ActionKind::Switch)] {
        let buffer = drawn(&stage, (200, 50), COLOUR);
        assert!(!buffer.content.iter().any(|cell| indexed(cell.fg) || indexed(cell.bg)));
    }
}

#[test]
fn what_is_stale_is_dimmed_and_says_so() {
    let buffer = drawn(&Stage::stale(), (120, 40), COLOUR);
    assert!(cell(&buffer, "backend-green-84d4c7b9f-6rrw5").modifier.contains(Modifier::DIM));
    assert!(rows(&buffer).join("\n").contains("STALE 40 s"));
    let buffer = drawn(&Stage::watch(), (120, 40), COLOUR);
    assert!(!cell(&buffer, "backend-green-84d4c7b9f-6rrw5").modifier.contains(Modifier::DIM));
}

#[test]
fn the_active_colour_stands_out_and_stands_first() {
    let buffer = drawn(&Stage::watch(), (80, 24), PLAIN);
    assert!(cell(&buffer, " ACTIVE ").modifier.contains(Modifier::REVERSED));
    let rows = rows(&buffer);
    let place = |words: &str| rows.iter().position(|row| row.contains(words)).unwrap();
    assert!(place("GREEN   ACTIVE") < place("BLUE  standby"));
}

#[test]
fn an_alarm_stays_until_a_key_is_pressed_after_it_was_seen() {
    let mut stage = Stage::watch();
    let alarm = Notice { urgency: Urgency::Alarm, words: "traffic went to BLUE (by kubectl)".into() };
    stage.see(Observation::Notice(alarm));
    stage.want(Intent::FocusNext).pass(Duration::from_secs(3600)).live();
    let buffer = drawn(&stage, (80, 24), COLOUR);
    assert!(cell(&buffer, "traffic went to BLUE").modifier.contains(Modifier::REVERSED));
    stage.want(Intent::FocusNext);
    assert!(!text(&stage, (80, 24), COLOUR).contains("traffic went to BLUE"));
}

#[test]
fn nothing_seen_is_not_nothing_there() {
    let mut stage = Stage::loading();
    assert!(text(&stage, (80, 24), COLOUR).contains("reading backend"));
    stage.see(Observation::Link(SourceId::Service, LinkState::Live));
    stage.see(Observation::Service(None));
    assert!(text(&stage, (80, 24), COLOUR).contains("backend does not exist"));
    stage.see(Observation::Link(SourceId::Service, LinkState::Lost { why: "refused".into() }));
    assert!(text(&stage, (80, 24), COLOUR).contains("connection lost"));
}

#[test]
fn a_viewer_reads_the_missing_permission() {
    let mut stage = Stage::ready();
    stage.see(Observation::Access(rooms::access(Right::Denied)));
    let stage = dialog(stage, ActionKind::Switch);
    assert!(text(&stage, (80, 24), COLOUR).contains("you may not patch services"));
}

#[test]
fn a_second_changes_only_clocks_and_timers() {
    let mut stage = Stage::watch();
    for size in SIZES {
        let before = drawn(&stage, size, COLOUR);
        stage.pass(Duration::from_secs(1));
        let after = drawn(&stage, size, COLOUR);
        let changed = before.diff(&after).len();
        assert!(changed <= 8, "{changed} cells changed at {size:?}");
        stage.live();
    }
}

/// Bytes per second on the line over a minute, with the URL asked every 5 s.
fn bytes_per_second(stage: &mut Stage, (width, height): (u16, u16)) -> u64 {
    use cutover::room::message::Probe;
    use cutover::term::{Frames, LeanBackend};
    use ratatui::backend::CrosstermBackend;
    use ratatui::layout::Rect;
    use ratatui::{TerminalOptions, Viewport};

    const SECONDS: u64 = 60;
    let file = tempfile::tempfile().unwrap();
    let backend = LeanBackend::new(CrosstermBackend::new(Frames::new(file.try_clone().unwrap())));
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(backend, options).unwrap();
    let mut draw = |stage: &Stage| {
        terminal.draw(|frame| ui::draw(frame, &stage.room, &COLOUR)).unwrap();
        file.metadata().unwrap().len()
    };
    let first = draw(stage);
    let mut last = first;
    for second in 1..=SECONDS {
        stage.pass(Duration::from_secs(1));
        if second % 5 == 0 {
            stage.live();
            let version = stage.room.world.probes.back().and_then(|(_, probe)| probe.version.clone());
            let latency = Duration::from_millis(30 + second % 17);
            stage.see(Observation::Probe(Probe { answer: Ok(200), latency, version }));
        }
        last = draw(stage);
    }
    (last - first) / SECONDS
}

#[test]
fn a_rehearsal_says_so_and_shows_its_faults() {
    let mut stage = Stage::rehearsal();
    for size in SIZES {
        let screen = text(&stage, size, COLOUR);
        assert!(screen.contains("REHEARSAL: bad-release x30") && !screen.contains("PRODUCTION"), "{screen}");
        assert!(screen.contains("F faults"), "{screen}");
    }
    stage.want(Intent::Open(Overlay::Faults));
    snapshots("faults", &stage);
    assert!(
        stage
            .want(Intent::ToggleFault)
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::ToggleFault("errors")))
    );
}

#[test]
fn a_quiet_screen_costs_few_bytes() {
    for size in SIZES {
        let clock = bytes_per_second(&mut Stage::ready(), size);
        let timers = bytes_per_second(&mut Stage::watch(), size);
        println!("{size:?}: {clock} bytes/s with the clock, {timers} with timers");
        assert!(clock <= 60, "{clock} bytes/s with the clock alone at {size:?}");
        assert!(timers <= 150, "{timers} bytes/s with timers at {size:?}");
    }
}

#[test]
fn signals_that_pass() {
    let mut stage = Stage::released(|_| {}).measure(40, rooms::GOOD);
    stage.room.setting.dashboard = Some("https://grafana.taxasge.example/d/api".into());
    snapshots("signals", &stage);
    stage.want(Intent::Focus(Pane::Signals));
    insta::assert_snapshot!("signals_focus_80x24", text(&stage, (80, 24), COLOUR));
    stage.want(Intent::Zoom);
    insta::assert_snapshot!("signals_chart_80x24", text(&stage, (80, 24), COLOUR));
    insta::assert_snapshot!("signals_chart_200x50", text(&stage, (200, 50), COLOUR));
    insta::assert_snapshot!("signals_chart_120x40", text(&stage, (120, 40), COLOUR));
    insta::assert_snapshot!("signals_chart_ascii_120x40", text(&stage, (120, 40), ASCII));
}

#[test]
fn signals_nobody_measures_are_said_to_be_missing() {
    let mut setting = rooms::setting();
    setting.alerts = true;
    let mut stage = Stage::with(setting);
    stage.fill("v1.0.0", "v1.1.0", 3).want(Intent::Focus(Pane::Signals)).want(Intent::Zoom);
    insta::assert_snapshot!("signals_unconfigured_80x24", text(&stage, (80, 24), COLOUR));
}

#[test]
fn a_new_kind_of_error_keeps_the_watch_from_passing_for_a_while() {
    let mut stage = Stage::released(|_| {}).measure(1, rooms::GOOD);
    let switched = stage.room.switched.as_ref().unwrap().at;
    let watch = |stage: &Stage| stage.room.assessed.evidence.watch.clone().unwrap();
    stage.log_lines(3, switched - jiff::SignedDuration::from_secs(60));
    stage = stage.measure(1, rooms::GOOD);
    assert!(!watch(&stage).reasons.iter().any(|why| why.contains("new kind")), "{:?}", watch(&stage));
    stage.log_line(Colour::Green, stage.now.wall, "ERROR backend.api KeyError: 'iban'");
    stage.log_line(Colour::Green, stage.now.wall, "ERROR backend.api KeyError: 'iban'");
    stage.log_line(Colour::Green, stage.now.wall, "ERROR backend.api KeyError: 'iban'");
    stage = stage.measure(1, rooms::GOOD);
    let said =
        |stage: &Stage| watch(stage).reasons.iter().any(|why| why.contains("1 new kind since the switch"));
    assert!(said(&stage), "{:?}", watch(&stage));
    assert!(watch(&stage).verdict >= cutover::sop::verdict::Verdict::Warn);
    stage = stage.measure(62, rooms::GOOD);
    assert!(!said(&stage), "five quiet minutes later: {:?}", watch(&stage));
}

#[test]
fn signals_that_fail_raise_the_banner() {
    let stage = Stage::released(|_| {}).measure(12, rooms::GOOD).measure(3, rooms::FAILING);
    snapshots("signals_failing", &stage);
    let buffer = drawn(&stage, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "error rate 12 % > 5 %").fg, Color::LightRed);
}

#[test]
fn signals_without_data_are_no_pass() {
    let mut stage = Stage::released(|_| {}).measure(3, rooms::SILENT);
    stage.see(Observation::Link(SourceId::Metrics, LinkState::Lost { why: "connection refused".into() }));
    let screen = text(&stage, (120, 40), COLOUR);
    assert!(screen.contains("STALE") && screen.contains("connection refused"), "{screen}");
    assert!(screen.contains("? NO DATA"), "{screen}");
    insta::assert_snapshot!("signals_silent_120x40", screen);
}

#[test]
fn a_countdown_is_large() {
    let stage =
        Stage::released(|setting| setting.policy.automatic_rollback = true).measure(4, rooms::FAILING);
    snapshots("countdown", &stage);
}

#[test]
fn a_countdown_that_nobody_runs_is_told() {
    let mut stage = Stage::released(|setting| setting.policy.automatic_rollback = true);
    stage.room.command = Command::Nobody;
    let stage = stage.measure(4, rooms::FAILING);
    for size in SIZES {
        let screen = text(&stage, size, COLOUR);
        assert!(screen.contains("No countdown runs: nobody is in command; o takes it"), "{screen}");
    }
}

#[test]
fn the_checklist_beside_the_other_panes() {
    snapshots("checklist", &Stage::listing());
}

#[test]
fn the_checklist_has_the_keys() {
    let mut stage = Stage::listing();
    stage.want(Intent::Focus(Pane::Checklist));
    for size in SIZES {
        insta::assert_snapshot!(format!("checklist_focus_{}x{}", size.0, size.1), text(&stage, size, COLOUR));
    }
    stage.want(Intent::Zoom);
    insta::assert_snapshot!("checklist_zoomed_120x40", text(&stage, (120, 40), COLOUR));
    insta::assert_snapshot!("checklist_zoomed_ascii_80x24", text(&stage, (80, 24), ASCII));
    stage.want(Intent::Open(Overlay::Evidence));
    insta::assert_snapshot!("evidence_80x24", text(&stage, (80, 24), COLOUR));
    let buffer = drawn(&stage, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "✓ pass").fg, Color::Reset, "a pass is told by word and mark");
}
