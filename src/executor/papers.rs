//! The paperwork of an operation: journal and shared record. What must stand before
//! a change is written at once or refuses it; what is owed afterwards, or for a
//! rollback, is kept and written as soon as it can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::report::Reporter;
use crate::journal::{Entry, Journal, JournalError, What};
use crate::room::message::Urgency;
use crate::sop::note::Note;
use crate::sop::operation::OperationId;
use crate::sop::record::{Measured, OperationRecord, OutcomeRecord, Record};
use crate::sop::verification::Verification;
use crate::warroom::{RecordError, SharedRecord};

/// Most entries owed to the journal, and to the record, at one time.
const MOST_OWED: usize = 256;
/// Longest pause between two tries to write what is owed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A change to the shared record that can be kept and applied later.
#[derive(Clone, Debug)]
pub(super) enum RecordChange {
    Intend(OperationRecord),
    Settle(OperationId, OutcomeRecord),
    Measure(Measured, Duration, Timestamp),
    Verified(Verification),
    Note(Note),
}

impl RecordChange {
    fn apply(&self, record: &mut Record) {
        match self.clone() {
            Self::Intend(operation) => record.intend(operation),
            Self::Settle(id, outcome) => record.settle(&id, outcome),
            Self::Note(note) => record.note(note),
            Self::Measure(of, took, at) => record.measure(of, took, at),
            Self::Verified(verification) => {
                let known = record.verification.as_ref().map(|known| known.at);
                if known.is_none_or(|known| known <= verification.at) {
                    record.verification = Some(verification);
                }
            }
        }
    }
}

/// Journal and record. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Papers {
    pub journal: Journal,
    pub record: SharedRecord,
    me: String,
    journal_debts: Debts<Entry>,
    record_debts: Debts<RecordChange>,
}

#[derive(Debug)]
struct Debts<T> {
    queue: Sender<T>,
    open: Arc<Open>,
}

impl<T> Clone for Debts<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), open: Arc::clone(&self.open) }
    }
}

#[derive(Debug, Default)]
struct Open {
    count: AtomicUsize,
    settled: Notify,
}

impl<T> Debts<T> {
    fn new() -> (Self, Receiver<T>) {
        let (queue, debts) = channel(MOST_OWED);
        (Self { queue, open: Arc::default() }, debts)
    }

    fn owe(&self, debt: T) {
        self.open.count.fetch_add(1, Ordering::SeqCst);
        if self.queue.try_send(debt).is_err() {
            self.paid();
            tracing::error!("too much is owed to the journal or the record: an entry was dropped");
        }
    }

    fn paid(&self) {
        self.open.count.fetch_sub(1, Ordering::SeqCst);
        self.open.settled.notify_waiters();
    }

    async fn all_paid(&self) {
        loop {
            let settled = self.open.settled.notified();
            if self.open.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }
}

impl Papers {
    /// Starts the tasks that pay what is owed; they end with the last clone.
    pub(super) fn new(journal: Journal, record: SharedRecord, me: String, reporter: &Reporter) -> Self {
        let (journal_debts, entries) = Debts::new();
        let (record_debts, changes) = Debts::new();
        tokio::spawn(pay_journal(
            journal.clone(),
            entries,
            Arc::clone(&journal_debts.open),
            reporter.clone(),
        ));
        tokio::spawn(pay_record(record.clone(), changes, Arc::clone(&record_debts.open), reporter.clone()));
        Self { journal, record, me, journal_debts, record_debts }
    }

    /// Writes an entry now.
    ///
    /// # Errors
    /// When it is not known to be on the disk.
    pub(super) async fn journal_now(&self, what: What) -> Result<(), JournalError> {
        self.journal.write(self.entry(what)).await
    }

    /// Changes the record now.
    ///
    /// # Errors
    /// When the change is not known to be in it.
    pub(super) async fn record_now(&self, change: &RecordChange) -> Result<Record, RecordError> {
        self.record.change(|record| change.apply(record)).await
    }

    /// Has an entry written as soon as it can be, after those owed before it.
    pub(super) fn owe_journal(&self, what: What) {
        self.journal_debts.owe(self.entry(what));
    }

    /// Has the record changed as soon as it can be, after the changes owed before.
    pub(super) fn owe_record(&self, change: RecordChange) {
        self.record_debts.owe(change);
    }

    /// Waits until nothing is owed, at most for `limit`; whether that is so.
    pub(super) async fn all_written(&self, limit: Duration) -> bool {
        let both = async { tokio::join!(self.journal_debts.all_paid(), self.record_debts.all_paid()) };
        tokio::time::timeout(limit, both).await.is_ok()
    }

    fn entry(&self, what: What) -> Entry {
        Entry { at: Timestamp::now(), by: self.me.clone(), what }
    }
}

async fn pay_journal(journal: Journal, mut debts: Receiver<Entry>, open: Arc<Open>, reporter: Reporter) {
    while let Some(entry) = debts.recv().await {
        let mut patience = Patience::new("journal", &reporter);
        while let Err(error) = journal.write(entry.clone()).await {
            patience.failed(&error.to_string()).await;
        }
        patience.succeeded().await;
        paid(&open);
    }
}

async fn pay_record(
    record: SharedRecord,
    mut debts: Receiver<RecordChange>,
    open: Arc<Open>,
    reporter: Reporter,
) {
    while let Some(change) = debts.recv().await {
        let mut patience = Patience::new("shared record", &reporter);
        loop {
            match record.change(|record| change.apply(record)).await {
                Ok(_) => break,
                // Neither gets better by waiting.
                Err(error @ (RecordError::Forbidden(_) | RecordError::Unreadable { .. })) => {
                    reporter.notice(Urgency::Warning, format!("{error}; left out of it")).await;
                    break;
                }
                Err(error) => patience.failed(&error.to_string()).await,
            }
        }
        patience.succeeded().await;
        paid(&open);
    }
}

fn paid(open: &Open) {
    open.count.fetch_sub(1, Ordering::SeqCst);
    open.settled.notify_waiters();
}

/// Growing pauses, with one word at the first failure and one at the end.
struct Patience<'r> {
    what: &'static str,
    pause: Duration,
    told: bool,
    reporter: &'r Reporter,
}

impl<'r> Patience<'r> {
    const fn new(what: &'static str, reporter: &'r Reporter) -> Self {
        Self { what, pause: Duration::from_millis(200), told: false, reporter }
    }

    async fn failed(&mut self, why: &str) {
        if !std::mem::replace(&mut self.told, true) {
            let words = format!("not written yet: {why}; it is kept and written as soon as that works");
            self.reporter.notice(Urgency::Warning, words).await;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    async fn succeeded(&self) {
        if self.told {
            self.reporter.notice(Urgency::Info, format!("the {} is up to date again", self.what)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::LockChange;
    use crate::sop::command::Operator;
    use crate::warroom::Place;

    fn command(words: &str) -> What {
        What::Command { change: LockChange::Taken, fence: None, words: words.into() }
    }

    #[tokio::test]
    async fn what_is_owed_is_written_in_order_once_the_disk_lets_it() {
        let directory = tempfile::tempdir().unwrap();
        // A file where the journal's directory should be: nothing can be written.
        let blocked = directory.path().join("state");
        std::fs::write(&blocked, "").unwrap();
        let journal = Journal::new(Some(&blocked), "taxasge", "backend", "production");
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let me = Operator { user: "ops1".into(), host: "b".into(), session: "s".into() };
        let place = Place { client, namespace: "taxasge".into(), service: "backend".into(), me };
        let (room, mut told) = channel(8);
        let reporter = Reporter::new(room, crate::clock::Clock::start());
        let papers = Papers::new(journal, SharedRecord::new(&place), "ops1@b/s".into(), &reporter);
        papers.owe_journal(command("first"));
        papers.owe_journal(command("second"));
        told.recv().await.unwrap();
        assert!(papers.journal_now(command("now")).await.is_err());
        std::fs::remove_file(&blocked).unwrap();
        papers.journal_debts.all_paid().await;
        let words: Vec<String> = papers
            .journal
            .replay()
            .unwrap()
            .filter_map(|entry| match entry.what {
                What::Command { words, .. } => Some(words),
                _ => None,
            })
            .collect();
        assert_eq!(words, ["first", "second"]);
    }
}
