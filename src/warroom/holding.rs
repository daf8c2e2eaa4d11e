//! Being in command: taking the lock, keeping it, noticing its loss, giving it up.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::task::AbortOnDropHandle;

use super::lease::{DeployLock, LeaseSeen, LockError};
use super::observer::{DURATION, LeaseObserver, RENEW_EVERY};
use crate::clock::Clock;
use crate::sop::command::Command;
use crate::sop::moment::Moment;

/// Own renewals must have succeeded within this time, or this session no longer
/// counts itself in command: some seconds before anybody else may think so.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often a foreign lock of unknown age is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// When the lock may be taken from somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// Only when it is free or has expired.
    WhenFree,
    /// Whoever holds it: a reason was given, or it is a rollback.
    Now,
}

/// What taking command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// This session is in command; whether it was before, and whose lock it took.
    Held { fence: i64, already: bool, from: Option<String> },
    /// Somebody else is.
    Foreign(Command),
}

/// How command was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Somebody took it over.
    Taken { by: String },
    /// The Lease was deleted.
    Deleted,
    /// It could not be renewed in time; why.
    NotRenewed(String),
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken { by } => write!(f, "command was taken over by {by}"),
            Self::Deleted => f.write_str("command was lost: somebody deleted the deploy lock"),
            Self::NotRenewed(why) => {
                write!(
                    f,
                    "command was lost: the lock could not be renewed for {} s ({why})",
                    RENEW_DEADLINE.as_secs()
                )
            }
        }
    }
}

/// Called when command is lost.
type OnLoss = Arc<dyn Fn(Loss) + Send + Sync>;

/// This session's side of the deploy lock. Cheap to clone.
#[derive(Clone)]
pub struct Holding {
    inner: Arc<Inner>,
}

struct Inner {
    lock: DeployLock,
    clock: Clock,
    observer: Mutex<LeaseObserver>,
    held: Mutex<Option<Held>>,
    /// One attempt to take or give up at a time.
    turn: AsyncMutex<()>,
    on_loss: OnLoss,
    /// Woken when this session takes, loses or gives up command.
    changed: Notify,
}

struct Held {
    lease: Lease,
    fence: i64,
    renewed: Moment,
    /// Ends the renewing when command is gone. Never read: dropping it is its use.
    _renewing: Option<AbortOnDropHandle<()>>,
}

impl std::fmt::Debug for Holding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holding").field("lock", &self.inner.lock.name()).finish_non_exhaustive()
    }
}

impl Holding {
    /// Not in command yet. `on_loss` must not block.
    pub fn new(
        lock: DeployLock,
        me: String,
        clock: Clock,
        on_loss: impl Fn(Loss) + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            lock,
            clock,
            observer: Mutex::new(LeaseObserver::new(me)),
            held: Mutex::new(None),
            turn: AsyncMutex::new(()),
            on_loss: Arc::new(on_loss),
            changed: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The lock itself.
    #[must_use]
    pub fn lock(&self) -> &DeployLock {
        &self.inner.lock
    }

    /// Takes in the Lease as somebody has read it.
    pub fn observe(&self, lease: Option<&Lease>) {
        let now = self.inner.clock.now();
        lock(&self.inner.observer).observe(lease.map(LeaseSeen::of), now);
    }

    /// Who is in command. This session counts only while it renews in time.
    #[must_use]
    pub fn command(&self) -> Command {
        let now = self.inner.clock.now();
        if let Some(fence) = self.fence() {
            return Command::Mine { fence };
        }
        match lock(&self.inner.observer).command(now) {
            // The Lease may name this session although it has given up on it.
            Command::Mine { .. } => Command::Nobody,
            other => other,
        }
    }

    /// The fence while this session is in command.
    #[must_use]
    pub fn fence(&self) -> Option<i64> {
        let now = self.inner.clock.now();
        let held = lock(&self.inner.held);
        held.as_ref().filter(|held| now.since(held.renewed) < RENEW_DEADLINE).map(|held| held.fence)
    }

    /// Waits until this session takes, loses or gives up command.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// When what is known of a foreign lock changes by itself: it expires.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        lock(&self.inner.observer).expires_in(self.inner.clock.now())
    }

    /// Reads the lock now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn look(&self) -> Result<Command, LockError> {
        let lease = self.inner.lock.read().await?;
        self.observe(lease.as_ref());
        Ok(self.command())
    }

    /// Whether the foreign lock that was read may have been dead for long: it was
    /// never seen to change.
    #[must_use]
    pub fn age_is_unknown(&self) -> bool {
        lock(&self.inner.observer).age_is_unknown(self.inner.clock.now())
    }

    /// Waits until a foreign lock of unknown age is renewed or has expired.
    ///
    /// # Errors
    /// When the lock cannot be read at the end of that time.
    pub async fn learn_age(&self) -> Result<Command, LockError> {
        loop {
            let looked = self.look().await;
            match self.expires_in() {
                Some(left) if self.age_is_unknown() => {
                    tokio::time::sleep(left.min(LOOK_EVERY).max(Duration::from_millis(10))).await;
                }
                _ => return looked,
            }
        }
    }

    /// Takes command. Contention is answered by reading again, never by force.
    ///
    /// # Errors
    /// When the lock can be neither read nor written; what is held then is unknown.
    pub async fn acquire(&self, take_over: TakeOver) -> Result<Acquired, LockError> {
        let _turn = self.inner.turn.lock().await;
        let mut error = LockError::Contended;
        for _ in 0..5 {
            if let Some(fence) = self.fence() {
                return Ok(Acquired::Held { fence, already: true, from: None });
            }
            match self.try_acquire(take_over).await {
                Err(LockError::Contended) => error = LockError::Contended,
                other => return other,
            }
        }
        Err(error)
    }

    async fn try_acquire(&self, take_over: TakeOver) -> Result<Acquired, LockError> {
        let before = self.inner.lock.read().await?;
        self.observe(before.as_ref());
        let command = lock(&self.inner.observer).command(self.inner.clock.now());
        let sent = self.inner.clock.now();
        let (lease, from) = match (&command, before) {
            (_, None) => (self.inner.lock.create().await?, None),
            (Command::Other { expired: false, .. }, Some(_)) if take_over == TakeOver::WhenFree => {
                return Ok(Acquired::Foreign(command));
            }
            (Command::Other { holder, .. }, Some(before)) => {
                (self.inner.lock.take(&before).await?, Some(holder.clone()))
            }
            (_, Some(before)) => (self.inner.lock.take(&before).await?, None),
        };
        self.observe(Some(&lease));
        let fence = LeaseSeen::of(&lease).fence;
        let renewing = AbortOnDropHandle::new(tokio::spawn(keep_renewing(Arc::downgrade(&self.inner))));
        *lock(&self.inner.held) = Some(Held { lease, fence, renewed: sent, _renewing: Some(renewing) });
        self.inner.changed.notify_one();
        Ok(Acquired::Held { fence, already: false, from })
    }

    /// Gives command up, if this session has it. Returns the fence that it had.
    ///
    /// # Errors
    /// When the server could not be told; the lock then expires by itself.
    pub async fn give_up(&self) -> Result<Option<i64>, LockError> {
        let _turn = self.inner.turn.lock().await;
        let held = lock(&self.inner.held).take();
        let Some(held) = held else {
            return Ok(None);
        };
        match self.inner.lock.release(&held.lease).await {
            Err(LockError::Contended) => {
                // A renewal may have been on its way; one more look, then it may expire.
                let now = self.inner.lock.read().await?;
                if let Some(lease) = now.filter(|lease| self.is_mine(lease, held.fence)) {
                    self.inner.lock.release(&lease).await?;
                }
            }
            other => other?,
        }
        self.look().await.ok();
        self.inner.changed.notify_one();
        Ok(Some(held.fence))
    }

    /// Renews, trying again until the deadline.
    async fn renew_in_time(&self) -> Result<(), Loss> {
        let mut why = "no answer".to_owned();
        loop {
            let Some((lease, renewed)) =
                lock(&self.inner.held).as_ref().map(|held| (held.lease.clone(), held.renewed))
            else {
                return Ok(());
            };
            let left = RENEW_DEADLINE.checked_sub(self.inner.clock.now().since(renewed));
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                return Err(Loss::NotRenewed(why));
            };
            let sent = self.inner.clock.now();
            match tokio::time::timeout(left, self.inner.lock.renew(&lease)).await {
                Ok(Ok(lease)) => {
                    self.keep(lease, sent);
                    return Ok(());
                }
                Ok(Err(LockError::Contended)) => {
                    if let Some(words) = self.adopt(left).await? {
                        why = words;
                    }
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(500).min(left)).await;
        }
    }

    /// After a conflict: goes on from the Lease as it is now if it still names this
    /// session under the same number. Words when it could not be read.
    async fn adopt(&self, within: Duration) -> Result<Option<String>, Loss> {
        let fence = lock(&self.inner.held).as_ref().map(|held| held.fence).unwrap_or_default();
        match tokio::time::timeout(within, self.inner.lock.read()).await {
            Ok(Ok(Some(lease))) if self.is_mine(&lease, fence) => {
                if let Some(held) = lock(&self.inner.held).as_mut() {
                    held.lease = lease;
                }
                Ok(None)
            }
            Ok(Ok(Some(lease))) => {
                self.observe(Some(&lease));
                let by = LeaseSeen::of(&lease).holder.unwrap_or_else(|| "somebody, who gave it up".into());
                Err(Loss::Taken { by: crate::sop::command::Operator::shown(&by).to_owned() })
            }
            Ok(Ok(None)) => {
                self.observe(None);
                Err(Loss::Deleted)
            }
            Ok(Err(error)) => Ok(Some(error.to_string())),
            Err(_) => Ok(None),
        }
    }

    fn is_mine(&self, lease: &Lease, fence: i64) -> bool {
        let mut observer = lock(&self.inner.observer).clone();
        let now = self.inner.clock.now();
        observer.observe(Some(LeaseSeen::of(lease)), now);
        observer.command(now) == Command::Mine { fence }
    }

    fn keep(&self, lease: Lease, sent: Moment) {
        self.observe(Some(&lease));
        if let Some(held) = lock(&self.inner.held).as_mut() {
            held.lease = lease;
            held.renewed = sent;
        }
    }

    /// Stops counting this session in command and says so. The renewing task ends by
    /// itself, so its handle must not abort it half-way through telling.
    fn lose(&self, loss: Loss) {
        let held = lock(&self.inner.held).take();
        (self.inner.on_loss)(loss);
        self.inner.changed.notify_one();
        drop(held);
    }
}

/// Renews as long as command is held and anybody is interested in it.
async fn keep_renewing(holding: Weak<Inner>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let Some(inner) = holding.upgrade() else { return };
        let holding = Holding { inner };
        if let Err(loss) = holding.renew_in_time().await {
            holding.lose(loss);
            return;
        }
    }
}

/// How long after its last renewal anybody else may take the lock.
const _: () = assert!(RENEW_DEADLINE.as_secs() < DURATION.as_secs());

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
