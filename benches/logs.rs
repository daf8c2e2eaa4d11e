//! A burst of 10,000 log lines: what the source's tasks do with it, and what the room's
//! thread does. The room's share must stay well below a frame's 16 ms.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use cutover::config::{self, LogFilter};
use cutover::room::logs::{
    Capture, Criteria, Entry, Level, LogBatch, LogEvent, LogLine, LogNews, Logs, Origin, shape,
};
use cutover::sop::colour::Colour;
use jiff::Timestamp;
use regex::Regex;

const BURST: u64 = 10_000;

/// Raw lines, one in `errors` of which is an error: plain text, logfmt and JSON.
fn raw(errors: u64) -> Vec<String> {
    (0..BURST)
        .map(|number| {
            let (level, words) = if number % errors == 0 { ("ERROR", "TimeoutError: upstream treasury gateway did not answer in 2s") } else { ("INFO", "request answered with status 200") };
            let id = number.wrapping_mul(0x9e37_79b9) & 0xffff_ffff;
            match number % 3 {
                0 => format!("2026-11-22T21:25:00.{number:06}Z {level} backend.api request_id={id:08x} path=/api/v1/fiscal-services {words}"),
                1 => format!("time=2026-11-22T21:25:00.{number:06}Z level={level} caller=api.go:{} request_id={id:08x} msg=\"{words}\" took={number}ms", number % 90),
                _ => format!(r#"{{"time":"2026-11-22T21:25:00.{number:06}Z","level":"{level}","client":"10.1.2.{}:51234","request_id":"{id:08x}","msg":"{words}"}}"#, number % 250),
            }
        })
        .collect()
}

fn capture_all(lines: &[String], filter: &Arc<LogFilter>) -> Vec<Entry> {
    let mut capture = Capture::new(Arc::clone(filter));
    let origin = Origin { pod: "backend-green-84d4c9f7b6-6rrw5".into(), colour: Colour::Green };
    let captured = lines.iter().filter_map(|line| capture.read(line.as_bytes(), 0));
    captured
        .map(|captured| {
            Entry::Line(LogLine {
                at: Timestamp::UNIX_EPOCH,
                origin: origin.clone(),
                level: captured.level,
                shape: shape(&captured.text).into(),
                text: captured.text.into(),
                previous: false,
            })
        })
        .collect()
}

fn empty() -> Logs {
    Logs::new(&config::Logs {
        filter: LogFilter::Level(Level::Error),
        tail: 100,
        max_lines: 100_000,
        max_bytes: 16 << 20,
        max_streams: 40,
    })
}

fn burst(entries: &[Entry]) -> LogEvent {
    let batch = LogBatch { entries: entries.to_vec(), read: BURST };
    LogEvent { generation: 0, news: LogNews::Batch(batch) }
}

fn source(c: &mut Criterion) {
    let everything = Arc::new(LogFilter::Level(Level::Trace));
    let errors = Arc::new(LogFilter::Level(Level::Error));
    let lines = raw(10);
    c.bench_function("source: 10,000 lines, all captured", |b| {
        b.iter(|| capture_all(black_box(&lines), &everything))
    });
    c.bench_function("source: 10,000 lines, one in ten captured", |b| {
        b.iter(|| capture_all(black_box(&lines), &errors))
    });
}

fn room(c: &mut Criterion) {
    let entries = capture_all(&raw(1), &Arc::new(LogFilter::Level(Level::Trace)));
    let fill = |logs: &mut Logs| {
        for _ in 0..10 {
            logs.apply(burst(&entries));
        }
    };
    c.bench_function("room: 10,000 lines into a full store", |b| {
        let mut logs = empty();
        fill(&mut logs);
        b.iter_batched(|| burst(&entries), |event| logs.apply(event), BatchSize::LargeInput);
    });
    c.bench_function("room: 10,000 lines into a full store, filtered and searched", |b| {
        let mut logs = empty();
        fill(&mut logs);
        logs.narrow(Criteria { text: Regex::new("gateway").ok(), ..Criteria::default() });
        logs.search(Regex::new("path=.*fiscal").ok(), 40);
        while logs.advance() {}
        b.iter_batched(|| burst(&entries), |event| logs.apply(event), BatchSize::LargeInput);
    });
    c.bench_function("room: 10,000 lines of 10,000 shapes", |b| {
        let mut entries = entries.clone();
        for (number, entry) in entries.iter_mut().enumerate() {
            if let Entry::Line(line) = entry {
                line.shape = format!("shape {number}").into();
            }
        }
        let mut logs = empty();
        b.iter_batched(|| burst(&entries), |event| logs.apply(event), BatchSize::LargeInput);
    });
    c.bench_function("room: a new filter on 100,000 lines, until the newest are shown", |b| {
        let mut logs = empty();
        fill(&mut logs);
        let criteria = Criteria { text: Regex::new("path=.*fiscal").ok(), ..Criteria::default() };
        b.iter(|| {
            logs.narrow(criteria.clone());
            black_box(logs.visible(40).len())
        });
    });
}

criterion_group!(benches, source, room);
criterion_main!(benches);
