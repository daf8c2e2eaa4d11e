//! Pauses between attempts.

use std::time::Duration;

/// Doubles the pause with each failed attempt, up to a bound. Each pause is drawn from its
/// upper half, so that many streams which broke together do not come back together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new((first, most): (Duration, Duration)) -> Self {
        Self { first, most, next: first }
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.most);
        pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }

    /// An attempt went well: the next failure is a first one.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_begin_again() {
        let (first, most) = (Duration::from_millis(100), Duration::from_millis(350));
        let mut backoff = Backoff::new((first, most));
        for longest in [100, 200, 350, 350] {
            let longest = Duration::from_millis(longest);
            let pause = backoff.pause();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }
}
