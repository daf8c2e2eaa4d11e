//! The world's Prometheus: it scrapes the pods each second, keeps what it finds, answers
//! questions in PromQL, and has one alert rule, like the lab's.
//!
//! `exposition` reads what pods tell, `store` keeps it, `past` makes up what was before,
//! `promql` evaluates queries, `rule` alerts, `api` serves it all as Prometheus does.

pub(super) mod answer;
pub mod api;
mod exposition;
mod form;
mod past;
pub mod promql;
pub mod rule;
pub mod series;
mod store;
pub mod target;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::past::Past;
use self::promql::{Query, QueryError};
use self::rule::Alerting;
use self::series::{Labels, NAME, Sample, Series};
use self::store::Store;
pub use self::store::{Selector, Source};
use self::target::{Target, targets};
use super::world::World;

/// Time between two scrapes, as in the lab.
pub const SCRAPE_EVERY: Duration = Duration::from_secs(1);
/// Most queries that are kept read: a room asks the same ones again and again.
const MOST_QUERIES: usize = 200;
/// Whether a target answers.
const UP: &str = "up";

/// What one world's Prometheus knows.
#[derive(Debug)]
pub struct Prometheus {
    pub(super) world: Arc<World>,
    memory: Mutex<Memory>,
    alerting: Mutex<Alerting>,
    /// By their texts.
    queries: Mutex<HashMap<String, Arc<Query>>>,
}

/// What was scraped, and what was before.
#[derive(Debug)]
struct Memory {
    store: Store,
    past: Arc<Past>,
    /// What each pod told last.
    told: BTreeMap<String, BTreeSet<Labels>>,
}

impl Prometheus {
    /// Knows the past of a world, and nothing yet of what goes on in it.
    #[must_use]
    pub fn new(world: Arc<World>) -> Arc<Self> {
        let version = world.scenario.from.clone();
        let users = world.scenario.users_of(&version);
        let past = Past::new(now(&world), &version, users, &targets(&world));
        let memory = Memory { store: Store::default(), past: Arc::new(past), told: BTreeMap::new() };
        Arc::new(Self {
            world,
            memory: Mutex::new(memory),
            alerting: Mutex::default(),
            queries: Mutex::default(),
        })
    }

    /// The time, in milliseconds. Not the API server's, whose clock may be wrong.
    #[must_use]
    pub fn now(&self) -> i64 {
        now(&self.world)
    }

    /// The alert rule as it stands.
    #[must_use]
    pub fn alerting(&self) -> Alerting {
        self.alerting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Scrapes and evaluates until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(SCRAPE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.scrape().await;
            let at = self.now();
            let found = self.query(rule::QUERY).and_then(|query| rule::evaluate(&*self, &query, at));
            self.alerting.lock().unwrap_or_else(PoisonError::into_inner).note(at, found);
        }
    }

    /// Scrapes every pod once.
    pub async fn scrape(&self) {
        let targets = targets(&self.world);
        let gone: Vec<String> = {
            let memory = self.memory();
            let is_there = |pod: &String| targets.iter().any(|target| target.pod == *pod);
            memory.told.keys().filter(|pod| !is_there(pod)).cloned().collect()
        };
        for pod in gone {
            let (at, mut memory) = (self.now(), self.memory());
            let before = memory.told.remove(&pod).unwrap_or_default();
            memory.store.take(at, &[], &before);
        }
        for target in &targets {
            let text = exposition(&self.world, &target.pod).await;
            let found = found(target, text.as_deref());
            let (at, mut memory) = (self.now(), self.memory());
            let before = memory.told.remove(&target.pod).unwrap_or_default();
            let told = memory.store.take(at, &found, &before);
            memory.told.insert(target.pod.clone(), told);
        }
    }

    /// A query by its text.
    ///
    /// # Errors
    /// When the text is none.
    pub fn query(&self, text: &str) -> Result<Arc<Query>, QueryError> {
        let queries = || self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = queries().get(text) {
            return Ok(Arc::clone(query));
        }
        let query = Arc::new(Query::parse(text)?);
        let mut queries = queries();
        if queries.len() >= MOST_QUERIES {
            queries.clear();
        }
        queries.insert(text.to_owned(), Arc::clone(&query));
        Ok(query)
    }

    /// The labels of every series that has a sample in that time.
    fn known(&self, from: i64, to: i64) -> BTreeSet<Labels> {
        let memory = self.memory();
        let past = memory.past.known(from, to);
        memory.store.known(from, to).cloned().chain(past).collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Prometheus {
    /// A series goes on where its past ends.
    fn select(&self, matchers: &Selector, from: i64, to: i64) -> Vec<Series> {
        let (earlier, stored) = {
            let memory = self.memory();
            (Arc::clone(&memory.past), memory.store.select(matchers, from, to))
        };
        let earlier = earlier.select(matchers, from, to);
        if earlier.is_empty() {
            return stored;
        }
        let mut all: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
        for series in earlier.into_iter().chain(stored) {
            all.entry(series.labels).or_default().extend(series.samples);
        }
        all.into_iter().map(|(labels, samples)| Series { labels, samples }).collect()
    }
}

/// What a pod tells a scraper; `None` where it does not listen.
pub async fn exposition(world: &World, pod: &str) -> Option<String> {
    let process = world.application.current(pod).filter(|process| process.is_serving())?;
    Some(process.answer(world, "/metrics").await.body)
}

fn now(world: &World) -> i64 {
    world.clock.now().wall.as_millisecond()
}

/// What a scrape of one target found: its series with the target's labels, and whether
/// there was an answer at all.
fn found(target: &Target, text: Option<&str>) -> Vec<(Labels, f64)> {
    let up = target.labels.clone().with(NAME, UP);
    let mut found = vec![(up, f64::from(u8::from(text.is_some())))];
    let told = text.map(exposition::read).unwrap_or_default();
    found.extend(told.into_iter().map(|(labels, value)| {
        let labelled = target.labels.iter().fold(labels, |labels, (name, value)| labels.with(name, value));
        (labelled, value)
    }));
    found
}

#[cfg(test)]
mod tests {
    use promql::{Value, instant};

    use super::*;
    use crate::rehearsal::cluster;
    use crate::rehearsal::scenario::Scenario;

    fn number(prometheus: &Prometheus, query: &str) -> f64 {
        match instant(prometheus, &Query::parse(query).unwrap(), prometheus.now()).unwrap() {
            Value::Vector(elements) if elements.len() == 1 => elements[0].value,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn pods_are_scraped_with_the_labs_labels_and_end_when_they_go() {
        let world = World::new(Scenario::default(), 1);
        cluster::seed(&world);
        let prometheus = Prometheus::new(Arc::clone(&world));
        tokio::time::sleep(Duration::from_millis(2)).await;
        prometheus.scrape().await;
        assert_eq!(number(&prometheus, "sum(up)"), 6.0);
        assert_eq!(
            number(
                &prometheus,
                r#"count(db_connections_max{color="blue",job="pods",pod=~"backend-blue-[^-]+-[^-]+",instance=~".+:8000"})"#
            ),
            3.0
        );
        let pod = targets(&world).remove(0).pod;
        world.application.current(&pod).unwrap().end();
        tokio::time::sleep(Duration::from_millis(2)).await;
        prometheus.scrape().await;
        assert_eq!(number(&prometheus, "sum(up)"), 5.0, "one is down");
        assert_eq!(number(&prometheus, "count(db_connections_max)"), 5.0, "its series have ended at once");
        assert!(world.store.version() > 0);
    }

    #[tokio::test]
    async fn the_hour_before_and_a_week_ago_can_be_asked_for() {
        let world = World::new(Scenario::default(), 1);
        cluster::seed(&world);
        let prometheus = Prometheus::new(world);
        for query in [
            "sum(rate(http_requests_total[60s]))",
            "sum(rate(http_requests_total[60s] offset 1h))",
            "sum(rate(http_requests_total[60s] offset 1w))",
        ] {
            let rate = number(&prometheus, query);
            assert!((900.0..1100.0).contains(&rate), "{query}: {rate}");
        }
        let p95 = number(
            &prometheus,
            "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[60s])))",
        );
        assert!((0.05..0.1).contains(&p95), "twice the mean of 40 ms: {p95}");
    }
}
