//! Whether the deploy lock's holder is alive, judged by what is seen from here.

use std::time::Duration;

use super::lease::LeaseSeen;
use crate::sop::command::Command;
use crate::sop::moment::Moment;

/// How long a holder may be silent.
pub const DURATION: Duration = Duration::from_secs(15);
/// How often a holder renews.
pub const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Longest silence that a holder of another version may ask for.
const LONGEST: Duration = Duration::from_secs(60);

/// Watches one Lease. Clocks of different machines differ, so a lease has expired
/// when it has not changed for its duration *as seen from here*, whatever times it
/// carries (client-go's leader election judges so too).
#[derive(Clone, Debug)]
pub struct LeaseObserver {
    /// Identity of this session.
    me: String,
    read: bool,
    seen: Option<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    lease: LeaseSeen,
    /// When this state of the lease was seen first.
    since: Moment,
    /// Whether the state before it was seen too: then `since` is its true age.
    witnessed: bool,
}

impl LeaseObserver {
    /// An observer that has seen nothing yet.
    #[must_use]
    pub const fn new(me: String) -> Self {
        Self { me, read: false, seen: None }
    }

    /// Takes in the lease as it was read; `None` when there is none.
    pub fn observe(&mut self, lease: Option<LeaseSeen>, now: Moment) {
        let before = self.seen.take();
        let had_read = std::mem::replace(&mut self.read, true);
        self.seen = lease.map(|lease| match before {
            Some(before) if before.lease.is_same_state(&lease) => Seen { lease, ..before },
            _ => Seen { lease, since: now, witnessed: had_read },
        });
    }

    /// Who is in command.
    #[must_use]
    pub fn command(&self, now: Moment) -> Command {
        let Some(seen) = &self.seen else {
            return if self.read { Command::Nobody } else { Command::Unknown };
        };
        let fence = seen.lease.fence;
        match &seen.lease.holder {
            None => Command::Nobody,
            Some(holder) if *holder == self.me => Command::Mine { fence },
            Some(holder) => Command::Other {
                holder: holder.clone(),
                fence,
                expired: now.since(seen.since) >= duration(&seen.lease),
                renewed: seen.lease.renewed,
            },
        }
    }

    /// How long until the lock expires if nothing more is heard of its holder; `None`
    /// when somebody else does not hold it or it has expired.
    #[must_use]
    pub fn expires_in(&self, now: Moment) -> Option<Duration> {
        let seen =
            self.seen.as_ref().filter(|seen| seen.lease.holder.as_ref().is_some_and(|h| *h != self.me))?;
        duration(&seen.lease).checked_sub(now.since(seen.since)).filter(|left| !left.is_zero())
    }

    /// Whether a foreign lease was seen but never seen to change: its holder may
    /// have been dead for days.
    #[must_use]
    pub fn age_is_unknown(&self, now: Moment) -> bool {
        self.expires_in(now).is_some() && self.seen.as_ref().is_some_and(|seen| !seen.witnessed)
    }
}

fn duration(lease: &LeaseSeen) -> Duration {
    lease.duration.unwrap_or(DURATION).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { uptime: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    fn lease(holder: &str, fence: i64, version: &str) -> LeaseSeen {
        LeaseSeen {
            holder: Some(holder.to_owned()).filter(|holder| !holder.is_empty()),
            fence,
            // Hours ahead of this machine's clock: must not matter.
            renewed: Some("2090-01-01T00:00:00Z".parse().unwrap()),
            duration: Some(DURATION),
            version: version.into(),
        }
    }

    fn expired(observer: &LeaseObserver, now: Moment) -> bool {
        matches!(observer.command(now), Command::Other { expired: true, .. })
    }

    #[test]
    fn nothing_read_is_unknown_and_no_lease_is_nobody() {
        let mut observer = LeaseObserver::new("me@a/1".into());
        assert_eq!(observer.command(at(0)), Command::Unknown);
        observer.observe(None, at(0));
        assert_eq!(observer.command(at(0)), Command::Nobody);
        observer.observe(Some(lease("", 3, "1")), at(1));
        assert_eq!(observer.command(at(1)), Command::Nobody);
    }

    #[test]
    fn another_session_of_the_same_person_is_somebody_else() {
        let mut observer = LeaseObserver::new("me@a/1".into());
        observer.observe(Some(lease("me@a/1", 4, "1")), at(0));
        assert_eq!(observer.command(at(99)), Command::Mine { fence: 4 });
        observer.observe(Some(lease("me@a/2", 5, "2")), at(100));
        assert!(observer.command(at(100)).is_foreign());
    }

    #[test]
    fn silence_is_measured_here_from_the_last_change() {
        let mut observer = LeaseObserver::new("me@a/1".into());
        observer.observe(Some(lease("other@b/1", 1, "1")), at(10));
        assert!(!expired(&observer, at(24)));
        assert!(expired(&observer, at(25)));
        // Read again without a change: no sign of life.
        observer.observe(Some(lease("other@b/1", 1, "1")), at(26));
        assert!(expired(&observer, at(26)));
        // Renewed: alive again.
        observer.observe(Some(lease("other@b/1", 1, "2")), at(27));
        assert!(!expired(&observer, at(41)));
        assert_eq!(observer.expires_in(at(40)), Some(Duration::from_secs(2)));
        assert_eq!(observer.expires_in(at(42)), None);
    }

    #[test]
    fn the_first_lease_seen_is_of_unknown_age_until_it_changes_or_expires() {
        let mut observer = LeaseObserver::new("me@a/1".into());
        observer.observe(Some(lease("other@b/1", 1, "1")), at(0));
        assert!(observer.age_is_unknown(at(14)));
        assert!(!observer.age_is_unknown(at(15)), "expired by now, whatever its age was");
        observer.observe(Some(lease("other@b/1", 1, "2")), at(3));
        assert!(!observer.age_is_unknown(at(4)));
    }

    #[test]
    fn a_lease_that_asks_for_a_year_gets_a_minute() {
        let mut observer = LeaseObserver::new("me@a/1".into());
        let year = Duration::from_secs(365 * 24 * 3600);
        observer.observe(Some(LeaseSeen { duration: Some(year), ..lease("other@b/1", 1, "1") }), at(0));
        assert!(!expired(&observer, at(59)));
        assert!(expired(&observer, at(60)));
    }
}
