//! The signals pane as an operator sees it, with data and without: text by snapshot,
//! meaning in styles by assertion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/drawing.rs"]
mod drawing;
#[path = "support/rooms.rs"]
mod rooms;

use std::collections::BTreeMap;
use std::time::Duration;

use cutover::room::intent::{Intent, Pane};
use cutover::room::message::{Effect, LinkState, Observation, Probe, SourceId};
use cutover::sop::alert::{Alert, AlertState, Duty, OnCall};
use cutover::sop::colour::Colour;
use cutover::sop::signal::{Reading, Sample, Sampled, Signal, SignalId};
use drawing::{ASCII, COLOUR, SIZES, cell, drawn, text};
use ratatui::style::Color;
use rooms::Stage;

/// The pane with the keys in all sizes; then as the whole screen, in ASCII, too.
fn snapshots(name: &str, stage: &mut Stage) {
    stage.want(Intent::Focus(Pane::Signals));
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text(&stage.room, size, COLOUR));
    }
    stage.want(Intent::Zoom);
    for size in SIZES {
        insta::assert_snapshot!(
            format!("{name}_zoomed_{}x{}", size.0, size.1),
            text(&stage.room, size, COLOUR)
        );
    }
    insta::assert_snapshot!(format!("{name}_zoomed_ascii_80x24"), text(&stage.room, (80, 24), ASCII));
    stage.want(Intent::Zoom);
}

fn alert(name: &str, p0: bool, state: AlertState, since: jiff::Timestamp, summary: &str) -> Alert {
    Alert {
        id: name.into(),
        name: name.into(),
        labels: BTreeMap::new(),
        severity: "critical".into(),
        p0,
        state,
        since,
        summary: summary.into(),
    }
}

/// What each colour serves, and how often it fails.
fn by_colour(stage: &mut Stage, green: (f64, f64), blue: (f64, f64)) {
    let at = stage.now.wall;
    let sampled = |id: &str, colour, value| Sampled {
        signal: id.into(),
        colour: Some(colour),
        sample: Sample::new(at, Reading::of(value)),
    };
    stage.see(Observation::Samples(vec![
        sampled(SignalId::REQUESTS, Colour::Green, green.0),
        sampled(SignalId::REQUESTS, Colour::Blue, blue.0),
        sampled(SignalId::ERROR_RATE, Colour::Green, green.1),
        sampled(SignalId::ERROR_RATE, Colour::Blue, blue.1),
    ]));
}

/// A release whose watch has a bit of everything: both colours measured, alerts from
/// before and after the switch, a path of the API, a dashboard, somebody on call.
fn full() -> Stage {
    let mut stage = Stage::measuring(|setting| {
        setting.api_path = Some("/api/v1/fiscal-services?limit=1".into());
        setting.dashboard = Some("https://grafana.taxasge.example/d/api-overview".into());
    });
    for _ in 0..40 {
        stage.sample(rooms::GOOD);
        by_colour(&mut stage, (0.0, 0.0), (1_043.0, 0.003_1));
    }
    stage.switch_over();
    let switched = stage.room.switched.as_ref().unwrap().at;
    for _ in 0..40 {
        stage.sample(rooms::GOOD);
        by_colour(&mut stage, (1_042.8, 0.003_1), (0.2, 0.0));
    }
    let (before, after) = (switched - Duration::from_secs(600), switched + Duration::from_secs(60));
    stage.see(Observation::Alerts(vec![
        alert("DiskWillFill", false, AlertState::Firing, before, "db-1 is 81 % full"),
        alert("NodeClockSkew", false, AlertState::Silenced, before, ""),
        alert("SlowPayments", false, AlertState::Silenced, after, "P99 of /pay above 2 s"),
        alert("QueueGrows", false, AlertState::Pending, after, "jobs wait for 40 s"),
        alert("PaymentsDown", true, AlertState::Firing, after, "no payment for 1 min"),
    ]));
    let on_call = vec![OnCall { name: "Ana Obiang".into(), level: 1, until: None }];
    stage.see(Observation::Duty(Duty { on_call, incidents: Vec::new() }));
    let probe = |millis| Probe {
        answer: Ok(200),
        latency: Duration::from_millis(millis),
        version: Some("v1.1.0".into()),
    };
    stage.see(Observation::Probe(probe(38))).see(Observation::ApiProbe(probe(45)));
    stage
}

#[test]
fn a_watch_with_everything() {
    let mut stage = full();
    snapshots("full", &mut stage);
    let buffer = drawn(&stage.room, (120, 40), COLOUR);
    assert_eq!(cell(&buffer, "P0 PaymentsDown").fg, Color::LightRed);
    let buffer = drawn(&stage.room, (200, 50), COLOUR);
    assert_eq!(cell(&buffer, "SlowPayments silenced").fg, Color::Yellow, "silence heals nothing");
}

#[test]
fn the_dashboard_is_opened_or_copied() {
    let mut stage = full();
    let link = stage.room.setting.dashboard.clone().unwrap();
    stage.want(Intent::CopyDashboard);
    assert!(matches!(stage.effects.last(), Some(Effect::Copy(copied)) if *copied == link));
    stage.want(Intent::OpenDashboard);
    assert!(matches!(stage.effects.last(), Some(Effect::Open(opened)) if *opened == link));
}

#[test]
fn a_bad_release() {
    let mut stage = full();
    for _ in 0..4 {
        stage.sample(rooms::FAILING);
        by_colour(&mut stage, (1_042.8, 0.12), (0.2, 0.0));
    }
    stage.see(Observation::ApiProbe(Probe {
        answer: Err("no answer within 2000 ms".into()),
        latency: Duration::from_secs(2),
        version: None,
    }));
    snapshots("bad", &mut stage);
}

#[test]
fn before_the_switch() {
    let mut stage = Stage::measuring(|_| {});
    snapshots("before", &mut stage);
    stage.want(Intent::Zoom);
    let ascii = text(&stage.room, (120, 40), ASCII);
    assert!(!ascii.contains('?') || ascii.matches('?').count() == 1, "only the help's key:\n{ascii}");
}

#[test]
fn never_asked() {
    let mut setting = rooms::setting();
    (setting.signals, setting.alerts) = (Signal::shipped(), true);
    let mut stage = Stage::with(setting);
    stage.fill("v1.0.0", "v1.1.0", 3);
    snapshots("never", &mut stage);
}

#[test]
fn answers_without_values() {
    let mut stage = Stage::released(|_| {}).measure(6, rooms::SILENT);
    snapshots("no_data", &mut stage);
}

#[test]
fn stale() {
    let mut stage = full();
    for source in [SourceId::Metrics, SourceId::Alerts] {
        let why = "connection refused (10.0.0.9:9090)".to_owned();
        stage.see(Observation::Link(source, LinkState::Lost { why }));
    }
    stage.pass(Duration::from_secs(95)).live();
    let screen = text(&stage.room, (120, 40), COLOUR);
    assert!(!screen.contains("PASS"), "{screen}");
    snapshots("stale", &mut stage);
}

#[test]
fn no_metrics_but_alerts() {
    let mut setting = rooms::setting();
    setting.alerts = true;
    let mut stage = Stage::with(setting);
    stage.fill("v1.0.0", "v1.1.0", 3).see(Observation::Alerts(Vec::new()));
    snapshots("alerts_only", &mut stage);
}

#[test]
fn nothing_configured() {
    let mut stage = Stage::with(rooms::setting());
    stage.fill("v1.0.0", "v1.1.0", 3);
    stage.want(Intent::Focus(Pane::Signals));
    assert!(!text(&stage.room, (200, 50), COLOUR).contains("Signals"), "there is no such pane");
}

/// The verdict and its thresholds are what the pane is for: no width does without them.
#[test]
fn verdicts_and_thresholds_are_there_at_every_width() {
    let mut stage = full().measure(4, rooms::FAILING);
    stage.want(Intent::Focus(Pane::Signals));
    for width in (60..=130).chain([160, 200, 220]) {
        for height in [20, 24, 45] {
            let screen = text(&stage.room, (width, height), COLOUR);
            let row = screen.lines().find(|line| {
                let is_row = line.contains("error rate") && line.contains('<');
                is_row && line.contains("✗ FAIL")
            });
            let row = row.unwrap_or_else(|| panic!("no such row at {width}x{height}:\n{screen}"));
            let short = row.contains("<1 >5 %") || row.contains("< 1 %  > 5 %");
            assert!(short && row.contains("12 %"), "{width}x{height}: {row}");
        }
    }
}
