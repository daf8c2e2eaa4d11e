//! What the room's one thread does with news of 2,000 pods. Its share must stay well
//! below a frame's 16 ms.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/rooms.rs"]
mod rooms;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use cutover::room::message::{Change, Observation};
use cutover::sop::cluster::PodState;
use cutover::sop::colour::Colour;
use rooms::Stage;

fn pods(numbers: std::ops::Range<usize>) -> Vec<PodState> {
    numbers.map(|number| rooms::pod(Colour::Green, "v1.1.0", number)).collect()
}

fn update(criterion: &mut Criterion) {
    let mut stage = Stage::pair("v1.0.0", "v1.1.0", 1_000);
    criterion.bench_function("update: all of 2,000 pods", |bench| {
        let all = || {
            let mut all: Vec<PodState> = (0..1_000).map(|n| rooms::pod(Colour::Blue, "v1.0.0", n)).collect();
            all.extend(pods(0..1_000));
            Observation::Pods(Change::All(all))
        };
        bench.iter_batched(all, |news| stage.see(news).effects.len(), BatchSize::LargeInput);
    });
    criterion.bench_function("update: 100 of 2,000 pods changed, then judged", |bench| {
        let some = || Observation::Pods(Change::Some { changed: pods(0..100), gone: Vec::new() });
        bench.iter_batched(some, |news| stage.see(news).room.judgement(), BatchSize::LargeInput);
    });
}

criterion_group!(benches, update);
criterion_main!(benches);
