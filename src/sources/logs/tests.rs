//! The source against a cluster that is played: logs that grow, connections that are cut
//! anywhere, containers that restart, files that are rotated away.

use proptest::prelude::*;
use tokio::task::JoinHandle;

use self::fake::{Fake, Run, at};
use super::connect::{Ask, From};
use super::follow::Follow;
use super::*;
use crate::config::LogFilter;
use crate::room::logs::{Entry, Gap, Level, LogLine, LogNews, StreamStatus};

mod fake;

fn pod(name: &str, created: i64) -> LogPod {
    let created = Timestamp::from_second(created).ok();
    LogPod { name: name.into(), colour: Colour::Green, created, started: true, failing: false, restarts: 0 }
}

/// Everything fast, and a silent stream left alone.
fn timing() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        window: ms(2),
        opening: ms(50),
        batch_every: ms(1),
        plan_every: ms(1),
        count_every: ms(5),
        idle_at_end: ms(5),
        retry: (ms(1), ms(2)),
        ..Timing::default()
    }
}

/// The source at work, and the room at its other end.
struct Rig {
    fake: Fake,
    pods: watch::Sender<Vec<LogPod>>,
    orders: watch::Sender<LogOrder>,
    events: mpsc::Receiver<LogEvent>,
    entries: Vec<Entry>,
    read: u64,
    status: StreamStatus,
    generation: u64,
    task: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rig {
    fn start(fake: &Fake, pods: Vec<LogPod>, max_streams: usize) -> Self {
        Self::start_with(fake, pods, max_streams, timing())
    }

    fn start_with(fake: &Fake, pods: Vec<LogPod>, max_streams: usize, timing: Timing) -> Self {
        let settings = Settings { container: "backend".to_owned(), tail: 3, max_streams, timing };
        let (pods, pods_told) = watch::channel(pods);
        let (orders, ordered) = watch::channel(order(0, Level::Error));
        let (sender, events) = mpsc::channel(1);
        let follow = Follow::new(Arc::new(fake.clone()), settings, pods_told, ordered);
        let task = tokio::spawn(async move { follow.run(&sender, |event| event).await });
        let (entries, status) = (Vec::new(), StreamStatus::default());
        Self { fake: fake.clone(), pods, orders, events, entries, read: 0, status, generation: 0, task }
    }

    /// Takes events until `enough` of them came; gives up after a time that no test takes.
    async fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        let limit = Duration::from_secs(20);
        while !enough(self) {
            let event = tokio::time::timeout(limit, self.events.recv()).await;
            let event =
                event.unwrap_or_else(|_| panic!("only {:?}, {:?}", self.entries, self.status)).unwrap();
            if event.generation != self.generation {
                continue;
            }
            match event.news {
                LogNews::Status(status) => self.status = status,
                LogNews::Batch(batch) => {
                    self.entries.extend(batch.entries);
                    self.read += batch.read;
                }
            }
        }
    }

    async fn until_lines(&mut self, count: usize) {
        self.until(|rig| rig.lines().count() >= count).await;
    }

    fn lines(&self) -> impl Iterator<Item = &LogLine> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Line(line) => Some(line),
            Entry::Gap(_) => None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        self.lines().map(|line| &*line.text).collect()
    }

    fn gaps(&self) -> Vec<&Gap> {
        self.entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Gap(gap) => Some(gap),
                Entry::Line(_) => None,
            })
            .collect()
    }

    fn asked(&self, pod: &str) -> Vec<Ask> {
        self.fake.lock().get(pod).map(|pod| pod.asks.clone()).unwrap_or_default()
    }
}

fn order(generation: u64, level: Level) -> LogOrder {
    LogOrder { generation, filter: Arc::new(LogFilter::Level(level)) }
}

/// A cluster with one pod `p` whose container runs.
fn one_pod() -> Fake {
    let fake = Fake::default();
    fake.begin_run("p");
    fake
}

#[tokio::test]
async fn it_begins_with_the_last_lines_and_follows() {
    let fake = one_pod();
    for number in 0..5 {
        fake.write("p", number, &format!("ERROR {number}"));
    }
    fake.write("p", 5, "INFO not captured");
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until_lines(2).await;
    fake.write("p", 6, "ERROR new");
    rig.until_lines(3).await;
    assert_eq!(rig.texts(), ["ERROR 3", "ERROR 4", "ERROR new"]);
    assert_eq!((rig.read, &rig.status.troubles.len()), (4, &0));
    assert_eq!((rig.status.followed, rig.status.connected, rig.status.total), (1, 1, 1));
    let line = rig.lines().next().unwrap();
    assert_eq!((&*line.origin.pod, line.level, line.at), ("p", Some(Level::Error), at(3)));
}

#[tokio::test]
async fn several_pods_are_merged_in_time() {
    let fake = Fake::default();
    for (pod, times) in [("a", [1, 4, 5]), ("b", [2, 3, 6])] {
        fake.begin_run(pod);
        for time in times {
            fake.write(pod, time, &format!("ERROR {time}"));
        }
    }
    let mut rig = Rig::start(&fake, vec![pod("a", 0), pod("b", 0)], 40);
    rig.until_lines(6).await;
    assert_eq!(rig.texts(), ["ERROR 1", "ERROR 2", "ERROR 3", "ERROR 4", "ERROR 5", "ERROR 6"]);
}

/// What the restart is known by: the list of pods, or the log alone.
async fn a_restart(told: bool) {
    let fake = one_pod();
    fake.write("p", 10_000, "ERROR first");
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until_lines(1).await;
    // The connection breaks; then come the last words, and the container is started again.
    fake.change("p", |pod| {
        let run = pod.runs.last_mut().unwrap();
        run.ended = true;
        run.lines.push((at(10_000), "ERROR first".to_owned()));
        run.lines.push((at(10_001), "FATAL last words".to_owned()));
        run.unfinished = true;
        pod.runs.push(Run::default());
    });
    if told {
        rig.pods.send_modify(|pods| pods[0].restarts = 1);
    }
    fake.write("p", 11_000, "ERROR second run");
    rig.until_lines(4).await;
    assert_eq!(rig.texts(), ["ERROR first", "ERROR first", "FATAL last words", "ERROR second run"]);
    assert!(rig.gaps().is_empty(), "{:?}", rig.gaps());
    assert!(!rig.lines().last().unwrap().previous);
}

#[tokio::test]
async fn a_restart_that_is_told_loses_nothing() {
    a_restart(true).await;
}

#[tokio::test]
async fn a_restart_that_is_not_told_yet_loses_nothing() {
    a_restart(false).await;
}

#[tokio::test]
async fn the_previous_run_of_a_crashed_container_comes_first() {
    let fake = one_pod();
    fake.write("p", 1, "FATAL why");
    fake.begin_run("p");
    fake.write("p", 2, "ERROR now");
    let mut rig = Rig::start(&fake, vec![LogPod { restarts: 3, ..pod("p", 0) }], 40);
    rig.until_lines(2).await;
    let previous: Vec<_> = rig.lines().map(|line| (&*line.text, line.previous)).collect();
    assert_eq!(previous, [("FATAL why", true), ("ERROR now", false)]);
    assert!(rig.gaps().is_empty());
}

#[tokio::test]
async fn a_log_that_was_rotated_away_leaves_a_gap() {
    let fake = one_pod();
    fake.write("p", 10_000, "ERROR before");
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until_lines(1).await;
    fake.change("p", |pod| {
        // The connection ends, and what comes meanwhile is rotated away.
        pod.runs[0].ended = true;
        pod.runs[0].lines.push((at(10_500), "ERROR lost".to_owned()));
        pod.runs[0].rotated = 2;
    });
    rig.until(|rig| rig.status.connected == 0).await;
    fake.change("p", |pod| {
        pod.runs[0].ended = false;
        pod.runs[0].lines.push((at(11_000), "ERROR after".to_owned()));
    });
    rig.until_lines(2).await;
    assert_eq!(rig.texts(), ["ERROR before", "ERROR after"]);
    let gaps = rig.gaps();
    assert_eq!((gaps.len(), gaps[0].since, gaps[0].until), (1, Some(at(10_000)), at(11_000)));
    assert!(matches!(rig.entries[1], Entry::Gap(_)), "{:?}", rig.entries);
}

#[tokio::test]
async fn a_silent_stream_is_opened_anew_without_a_word() {
    let fake = one_pod();
    fake.write("p", 10_000, "ERROR before");
    let quick = Timing { idle: Duration::from_millis(3), ..timing() };
    let mut rig = Rig::start_with(&fake, vec![pod("p", 0)], 40, quick);
    rig.until_lines(1).await;
    while rig.asked("p").len() < 4 {
        tokio::task::yield_now().await;
    }
    fake.write("p", 10_000, "ERROR before");
    rig.until_lines(2).await;
    assert_eq!(rig.texts(), ["ERROR before", "ERROR before"]);
    assert!(rig.gaps().is_empty() && rig.status.connected == 1);
}

#[tokio::test]
async fn a_container_that_starts_is_waited_for() {
    let fake = Fake::default();
    fake.change("p", |_| {});
    let idle = LogPod { started: false, ..pod("idle", 0) };
    let mut rig = Rig::start(&fake, vec![pod("p", 0), idle], 40);
    // The one is asked for its log and has none yet; the other is not asked.
    rig.until(|rig| rig.status.waiting == ["idle".into(), "p".into()]).await;
    assert_eq!(rig.status.followed, 1);
    assert!(rig.status.troubles.is_empty());
    fake.begin_run("p");
    fake.write("p", 1, "ERROR hello");
    rig.until_lines(1).await;
    fake.begin_run("idle");
    fake.write("idle", 2, "ERROR hello too");
    rig.pods.send_modify(|pods| pods[1].started = true);
    rig.until_lines(2).await;
    rig.until(|rig| rig.status.waiting.is_empty()).await;
}

#[tokio::test]
async fn a_pod_that_goes_is_read_to_its_last_word() {
    let fake = one_pod();
    fake.write("p", 1, "ERROR one");
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until_lines(1).await;
    rig.pods.send_modify(Vec::clear);
    fake.change("p", |pod| {
        pod.runs[0].lines.push((at(2), "ERROR two".to_owned()));
        pod.runs[0].lines.push((at(3), "FATAL unfinished".to_owned()));
        pod.runs[0].unfinished = true;
        pod.runs[0].ended = true;
    });
    rig.until_lines(3).await;
    assert_eq!(rig.texts(), ["ERROR one", "ERROR two", "FATAL unfinished"]);
    rig.until(|rig| rig.status.total == 0 && rig.status.followed == 0).await;
}

#[tokio::test]
async fn the_last_word_of_a_crash_is_not_kept_until_the_restart() {
    let fake = one_pod();
    fake.write("p", 10_000, "FATAL no line break");
    fake.change("p", |pod| (pod.runs[0].ended, pod.runs[0].unfinished) = (true, true));
    let quick = Timing { settled: Duration::from_millis(3), ..timing() };
    let mut rig = Rig::start_with(&fake, vec![pod("p", 0)], 40, quick);
    rig.until_lines(1).await;
    fake.begin_run("p");
    fake.write("p", 11_000, "ERROR second run");
    rig.until_lines(2).await;
    assert_eq!(rig.texts(), ["FATAL no line break", "ERROR second run"]);
    assert!(rig.gaps().is_empty());
}

#[tokio::test]
async fn too_many_pods_are_left_out_and_taken_up_again_where_they_were() {
    let fake = Fake::default();
    for name in ["old", "new"] {
        fake.begin_run(name);
    }
    fake.write("old", 10_000, "ERROR old 1");
    let mut rig = Rig::start(&fake, vec![pod("old", 1)], 1);
    rig.until_lines(1).await;
    rig.pods.send_modify(|pods| pods.push(pod("new", 2)));
    rig.until(|rig| rig.status.left_out == ["old".into()]).await;
    fake.write("new", 10_001, "ERROR new 1");
    rig.until_lines(2).await;
    fake.write("old", 10_002, "ERROR old 2");
    rig.pods.send_modify(|pods| pods[0].failing = true);
    rig.until_lines(3).await;
    assert_eq!(rig.texts(), ["ERROR old 1", "ERROR new 1", "ERROR old 2"]);
    assert!(rig.gaps().is_empty());
    rig.until(|rig| rig.status.left_out == ["new".into()]).await;
}

#[tokio::test]
async fn another_filter_begins_again_at_the_last_lines() {
    let fake = one_pod();
    fake.write("p", 1, "ERROR a");
    fake.write("p", 2, "INFO b");
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until_lines(1).await;
    rig.entries.clear();
    rig.generation = 1;
    rig.orders.send_replace(order(1, Level::Info));
    rig.until_lines(2).await;
    assert_eq!(rig.texts(), ["ERROR a", "INFO b"]);
    let tails = rig.asked("p").iter().filter(|ask| ask.from == From::Tail(3)).count();
    assert_eq!(tails, 2);
}

#[tokio::test]
async fn a_room_that_does_not_listen_stops_the_reading() {
    let fake = one_pod();
    let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
    rig.until(|rig| rig.status.connected == 1).await;
    fake.change("p", |pod| {
        let lines = (0..40_000).map(|number| (at(number), format!("ERROR {number}")));
        pod.runs[0].lines.extend(lines);
    });
    // The room takes nothing until the source has nothing to do any more.
    let mut given = 0;
    let mut quiet = 0;
    while quiet < 1_000 {
        tokio::task::yield_now().await;
        let now = fake.change("p", |pod| pod.given);
        quiet = if now == given && now > 0 { quiet + 1 } else { 0 };
        given = now;
    }
    assert!(given < 20_000, "{given} lines were read ahead");
    rig.until_lines(40_000).await;
    assert!(rig.lines().map(|line| line.at).is_sorted());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Wherever connections are cut, in a line or between lines, with an error or without,
    /// every line comes once and in its order, repeated texts and equal timestamps included.
    #[test]
    fn no_line_is_lost_and_none_comes_twice(
        steps in proptest::collection::vec((0_i64..600, 0_u8..3, any::<bool>()), 1..60),
        cuts in proptest::collection::vec((0_usize..400, any::<bool>()), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (texts, wanted, gaps) = runtime.block_on(async {
            let fake = one_pod();
            fake.change("p", |pod| pod.cuts = cuts);
            // The first line is there before the first connection.
            fake.write("p", 10_000, "ERROR begin");
            let mut wanted = vec!["ERROR begin".to_owned()];
            let mut rig = Rig::start(&fake, vec![pod("p", 0)], 40);
            rig.until_lines(1).await;
            let mut time = 10_000;
            for (step, word, breathe) in steps {
                time += if step < 200 { 0 } else { step };
                let text = format!("ERROR {}", ["again", "other", "third"][usize::from(word)]);
                fake.write("p", time, &text);
                wanted.push(text);
                if breathe {
                    let count = wanted.len();
                    rig.until_lines(count).await;
                }
            }
            let count = wanted.len();
            rig.until_lines(count).await;
            let texts: Vec<_> = rig.texts().iter().map(|text| (*text).to_owned()).collect();
            (texts, wanted, rig.gaps().len())
        });
        prop_assert_eq!(texts, wanted);
        prop_assert_eq!(gaps, 0);
    }
}
