//! Events gathered into few messages: at once when it is quiet, at most five a
//! second when much happens. What is gathered meanwhile is bounded by the number of
//! objects, because a later state replaces the earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::reader::Seen;
use crate::room::message::{Change, LinkState, Observation};

/// Shortest time between two messages of one source.
pub(super) const PACE: Duration = Duration::from_millis(200);
/// Most changes held back; more go out before their time.
const MOST: usize = 10_000;

/// Something that has a name of its own.
pub(super) trait Named {
    fn name(&self) -> &str;
}

/// Turns what was seen into observations.
pub(super) trait Gather<T> {
    fn take_in(&mut self, seen: Seen<T>);
    /// What there is to tell, in order; nothing is left behind.
    fn give_out(&mut self) -> Vec<Observation>;
    /// How many changes are held back.
    fn held(&self) -> usize;
}

/// Passes on what is seen until the reader ends or nobody listens.
pub(super) async fn deliver<T>(
    mut events: mpsc::Receiver<Seen<T>>,
    mut gather: impl Gather<T>,
    sender: &mpsc::Sender<Observation>,
) {
    let mut pace = Pace::default();
    let mut due: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = sender.closed() => return,
            () = until(due) => {
                for observation in gather.give_out() {
                    if sender.send(observation).await.is_err() {
                        return;
                    }
                }
                pace.told(Instant::now());
                due = None;
            }
            event = events.recv() => {
                let Some(event) = event else { break };
                // How the connection stands is never held back.
                let urgent = matches!(event, Seen::Link(_) | Seen::All(_) | Seen::More(_));
                gather.take_in(event);
                due = Some(pace.due(Instant::now(), urgent || gather.held() >= MOST));
            }
        }
    }
    for observation in gather.give_out() {
        if sender.send(observation).await.is_err() {
            return;
        }
    }
}

/// When the next message may go out.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
}

impl Pace {
    fn told(&mut self, now: Instant) {
        self.last = Some(now);
    }

    fn due(&self, now: Instant, urgent: bool) -> Instant {
        match self.last {
            Some(last) if !urgent => now.max(last + PACE),
            _ => now,
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// A set of objects of which only the changes are passed on.
pub(super) struct Changes<T, F, L> {
    all: Option<Vec<T>>,
    changed: BTreeMap<String, T>,
    gone: BTreeSet<String>,
    links: Vec<LinkState>,
    observation: F,
    link: L,
}

impl<T, F, L> Changes<T, F, L> {
    /// `observation` and `link` make the messages.
    pub(super) fn new(observation: F, link: L) -> Self {
        Self {
            all: None,
            changed: BTreeMap::new(),
            gone: BTreeSet::new(),
            links: Vec::new(),
            observation,
            link,
        }
    }
}

impl<T: Named, F, L> Changes<T, F, L> {
    fn change(&mut self, state: T) {
        self.gone.remove(state.name());
        self.changed.insert(state.name().to_owned(), state);
    }
}

impl<T, F, L> Gather<T> for Changes<T, F, L>
where
    T: Named,
    F: Fn(Change<T>) -> Observation,
    L: Fn(LinkState) -> Option<Observation>,
{
    fn take_in(&mut self, seen: Seen<T>) {
        match seen {
            Seen::All(all) => {
                self.all = Some(all);
                self.changed.clear();
                self.gone.clear();
            }
            Seen::More(more) => more.into_iter().for_each(|state| self.change(state)),
            Seen::Changed(state) => self.change(state),
            Seen::Gone(name) => {
                self.changed.remove(&name);
                self.gone.insert(name);
            }
            Seen::Link(state) => keep_link(&mut self.links, state),
        }
    }

    fn give_out(&mut self) -> Vec<Observation> {
        let mut out = Vec::new();
        if let Some(all) = self.all.take() {
            out.push((self.observation)(Change::All(all)));
        }
        if !self.changed.is_empty() || !self.gone.is_empty() {
            let changed = std::mem::take(&mut self.changed).into_values().collect();
            let gone = std::mem::take(&mut self.gone).into_iter().collect();
            out.push((self.observation)(Change::Some { changed, gone }));
        }
        out.extend(self.links.drain(..).filter_map(&self.link));
        out
    }

    fn held(&self) -> usize {
        self.changed.len() + self.gone.len()
    }
}

/// A few objects that are told whole whenever one of them changes.
pub(super) struct Whole<T, F, L> {
    known: BTreeMap<String, T>,
    dirty: bool,
    links: Vec<LinkState>,
    observation: F,
    link: L,
}

impl<T, F, L> Whole<T, F, L> {
    /// `observation` and `link` make the messages.
    pub(super) fn new(observation: F, link: L) -> Self {
        Self { known: BTreeMap::new(), dirty: false, links: Vec::new(), observation, link }
    }
}

impl<T, F, L> Gather<T> for Whole<T, F, L>
where
    T: Named,
    F: FnMut(&BTreeMap<String, T>) -> Observation,
    L: Fn(LinkState) -> Option<Observation>,
{
    fn take_in(&mut self, seen: Seen<T>) {
        match seen {
            Seen::All(all) => {
                self.known = all.into_iter().map(|state| (state.name().to_owned(), state)).collect()
            }
            Seen::More(more) => {
                self.known.extend(more.into_iter().map(|state| (state.name().to_owned(), state)));
            }
            Seen::Changed(state) => {
                self.known.insert(state.name().to_owned(), state);
            }
            Seen::Gone(name) => {
                self.known.remove(&name);
            }
            Seen::Link(state) => return keep_link(&mut self.links, state),
        }
        self.dirty = true;
    }

    fn give_out(&mut self) -> Vec<Observation> {
        let mut out = Vec::new();
        if std::mem::take(&mut self.dirty) {
            out.push((self.observation)(&self.known));
        }
        out.extend(self.links.drain(..).filter_map(&self.link));
        out
    }

    fn held(&self) -> usize {
        self.known.len()
    }
}

/// Only the last state counts, but a loss in between must be seen.
fn keep_link(links: &mut Vec<LinkState>, state: LinkState) {
    if links.last().is_some_and(|last| std::mem::discriminant(last) == std::mem::discriminant(&state)) {
        links.pop();
    }
    if links.len() > 3 {
        links.remove(0);
    }
    links.push(state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::message::SourceId;
    use crate::sop::cluster::PodState;

    fn pod(name: &str, restarts: i32) -> PodState {
        PodState { name: name.into(), restarts, ..PodState::default() }
    }

    fn pods() -> impl Gather<PodState> {
        Changes::new(Observation::Pods, |state| Some(Observation::Link(SourceId::Pods, state)))
    }

    #[test]
    fn the_last_state_of_a_name_wins() {
        let mut gather = pods();
        gather.take_in(Seen::Changed(pod("a", 1)));
        gather.take_in(Seen::Changed(pod("a", 2)));
        gather.take_in(Seen::Changed(pod("b", 0)));
        gather.take_in(Seen::Gone("b".into()));
        gather.take_in(Seen::Gone("c".into()));
        gather.take_in(Seen::Changed(pod("c", 7)));
        let out = gather.give_out();
        let [Observation::Pods(Change::Some { changed, gone })] = out.as_slice() else { panic!("{out:?}") };
        assert_eq!(changed, &[pod("a", 2), pod("c", 7)]);
        assert_eq!(gone, &["b".to_owned()]);
        assert!(gather.give_out().is_empty());
    }

    #[test]
    fn a_list_replaces_what_was_held_back() {
        let mut gather = pods();
        gather.take_in(Seen::Changed(pod("old", 1)));
        gather.take_in(Seen::All(vec![pod("a", 0)]));
        gather.take_in(Seen::Changed(pod("a", 1)));
        gather.take_in(Seen::Link(LinkState::Live));
        let out = gather.give_out();
        let [
            Observation::Pods(Change::All(all)),
            Observation::Pods(Change::Some { changed, .. }),
            Observation::Link(SourceId::Pods, LinkState::Live),
        ] = out.as_slice()
        else {
            panic!("{out:?}")
        };
        assert_eq!(
            (all.as_slice(), changed.as_slice()),
            ([pod("a", 0)].as_slice(), [pod("a", 1)].as_slice())
        );
    }

    #[test]
    fn quiet_is_told_at_once_and_churn_at_a_measured_pace() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(start, false), start);
        pace.told(start);
        let soon = start + Duration::from_millis(10);
        assert_eq!(pace.due(soon, false), start + PACE);
        assert_eq!(pace.due(soon, true), soon, "what is urgent does not wait");
        let later = start + Duration::from_secs(1);
        assert_eq!(pace.due(later, false), later);
    }

    #[tokio::test]
    async fn everything_is_told_before_the_end() {
        let (events, receiver) = mpsc::channel(64);
        let (sender, mut told) = mpsc::channel(64);
        for n in 0..50 {
            events.send(Seen::Changed(pod(&format!("p{}", n % 5), n))).await.unwrap();
        }
        drop(events);
        deliver(receiver, pods(), &sender).await;
        drop(sender);
        let mut known = BTreeMap::new();
        while let Some(Observation::Pods(Change::Some { changed, .. })) = told.recv().await {
            known.extend(changed.into_iter().map(|pod| (pod.name.clone(), pod.restarts)));
        }
        let newest: Vec<i32> = known.into_values().collect();
        assert_eq!(newest, [45, 46, 47, 48, 49]);
    }

    #[tokio::test]
    async fn a_closed_room_ends_the_delivery() {
        let (events, receiver) = mpsc::channel::<Seen<PodState>>(1);
        let (sender, told) = mpsc::channel(1);
        drop(told);
        deliver(receiver, pods(), &sender).await;
        assert!(events.is_closed());
    }
}
