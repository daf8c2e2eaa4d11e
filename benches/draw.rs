//! How long one frame takes with everything there can be: 2,000 pods, a full log.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/releases.rs"]
mod releases;
#[path = "../tests/support/rooms.rs"]
mod rooms;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use cutover::room::intent::{Intent, LogIntent};
use cutover::room::message::{Change, Observation};
use cutover::sop::colour::Colour;
use cutover::ui::{self, Look};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rooms::Stage;

const LOOK: Look = Look { colour: true, unicode: true };

/// 1,000 pods of each colour, all of green's verified, and 100,000 log lines.
fn full() -> Stage {
    let mut stage = Stage::pair("v1.0.0", "v1.1.0", 1_000);
    let mut record = rooms::record();
    record.verification = Some(rooms::verification(Colour::Green, "v1.1.0", 1_000, stage.now.wall));
    stage.see(Observation::Record(record));
    let around = stage.now.wall;
    stage.log_lines(100_000, around);
    stage
}

fn draw(criterion: &mut Criterion) {
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    let mut stage = full();
    let mut frame = |stage: &Stage| {
        terminal.draw(|frame| ui::draw(frame, black_box(&stage.room), &LOOK)).unwrap();
    };
    criterion.bench_function("draw 200x50, 2,000 pods, 100,000 lines", |bench| bench.iter(|| frame(&stage)));
    criterion.bench_function("draw 200x50 after a pod changed", |bench| {
        bench.iter(|| {
            let changed = vec![rooms::pod(Colour::Green, "v1.1.0", 500)];
            stage.see(Observation::Pods(Change::Some { changed, gone: Vec::new() }));
            frame(&stage);
        });
    });
    stage.room.setting.github = Some(rooms::github());
    stage.hear(releases::repository(Some(releases::merged_request()), Some(releases::failed_run())));
    criterion.bench_function("draw 200x50 with a pipeline", |bench| bench.iter(|| frame(&stage)));
    stage.want(Intent::Logs(LogIntent::Groups));
    criterion.bench_function("draw 200x50, groups", |bench| bench.iter(|| frame(&stage)));
}

criterion_group!(benches, draw);
criterion_main!(benches);
