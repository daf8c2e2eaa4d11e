//! The arithmetic of a rolling update (upstream's `rolling.go` and `deployment_util.go`):
//! never more pods than `maxSurge` allows, never fewer that serve than `maxUnavailable`.

use serde_json::Value;

/// What a rolling update may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub surge: i64,
    pub unavailable: i64,
}

impl Limits {
    /// The limits of a Deployment of so many pods: shares of the surge are rounded up,
    /// those of the unavailable down; both zero would never get anywhere.
    pub(super) fn of(strategy: &Value, desired: i64) -> Self {
        if strategy["type"] == "Recreate" {
            return Self { surge: 0, unavailable: desired };
        }
        let rolling = &strategy["rollingUpdate"];
        let surge = amount(&rolling["maxSurge"], desired, true);
        let unavailable = amount(&rolling["maxUnavailable"], desired, false);
        Self { surge, unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(desired) } }
    }
}

/// A number, or a percentage of `of`; a quarter where it says neither.
fn amount(value: &Value, of: i64, up: bool) -> i64 {
    if let Some(number) = value.as_i64() {
        return number.max(0);
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok()).unwrap_or(25);
    let percent = percent.max(0);
    if up { (of * percent + 99) / 100 } else { of * percent / 100 }
}

/// How the pods of one ReplicaSet stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Pods that are asked for.
    pub wanted: i64,
    pub available: i64,
}

/// How many pods the new ReplicaSet is to have next.
pub(super) fn scale_up(desired: i64, limits: Limits, new: Count, all: i64) -> i64 {
    if new.wanted >= desired {
        return desired;
    }
    let room = (desired + limits.surge - all).max(0);
    new.wanted + room.min(desired - new.wanted)
}

/// How many pods each old ReplicaSet, the oldest first, is to have next.
pub(super) fn scale_down(desired: i64, limits: Limits, new: Count, old: &[Count]) -> Vec<i64> {
    let mut next: Vec<i64> = old.iter().map(|count| count.wanted).collect();
    let all = new.wanted + next.iter().sum::<i64>();
    let least = desired - limits.unavailable;
    let mut may_go = (all - least - (new.wanted - new.available)).max(0);
    // Those that do not serve go first: nobody misses them.
    for (next, count) in next.iter_mut().zip(old) {
        let unwell = (count.wanted - count.available).clamp(0, may_go);
        *next -= unwell;
        may_go -= unwell;
    }
    let serving = new.available + old.iter().map(|count| count.available).sum::<i64>();
    let mut spare = (serving - least).max(0);
    for next in &mut next {
        let going = spare.min(*next);
        *next -= going;
        spare -= going;
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_rounded_as_upstream_rounds_them() {
        let limits = |surge: Value, unavailable: Value, desired| {
            Limits::of(
                &json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}),
                desired,
            )
        };
        assert_eq!(limits(json!("25%"), json!("25%"), 3), Limits { surge: 1, unavailable: 0 });
        assert_eq!(limits(json!(2), json!("50%"), 5), Limits { surge: 2, unavailable: 2 });
        assert_eq!(limits(json!(0), json!(0), 3), Limits { surge: 0, unavailable: 1 });
        assert_eq!(Limits::of(&json!({"type": "Recreate"}), 3), Limits { surge: 0, unavailable: 3 });
    }

    #[test]
    fn three_pods_are_replaced_one_by_one() {
        let limits = Limits { surge: 1, unavailable: 0 };
        let old = Count { wanted: 3, available: 3 };
        assert_eq!(scale_up(3, limits, Count::default(), 3), 1);
        let starting = Count { wanted: 1, available: 0 };
        assert_eq!(scale_down(3, limits, starting, &[old]), [3], "the new one does not serve yet");
        assert_eq!(scale_down(3, limits, Count { wanted: 1, available: 1 }, &[old]), [2]);
    }

    proptest! {
        #[test]
        fn the_limits_hold_at_every_step(
            desired in 1_i64..20, surge in 0_i64..5, unavailable in 0_i64..5, seed in any::<u64>(),
        ) {
            let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable }.min(desired);
            let limits = Limits { surge, unavailable };
            let (mut new, mut old) = (Count::default(), Count { wanted: desired, available: desired });
            let mut chance = seed;
            for _ in 0..1000 {
                new.wanted = scale_up(desired, limits, new, new.wanted + old.wanted);
                prop_assert!(new.wanted + old.wanted <= desired + surge);
                let next = scale_down(desired, limits, new, &[old])[0];
                old = Count { wanted: next, available: old.available.min(next) };
                prop_assert!(new.available + old.available >= desired - unavailable);
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if chance >> 63 == 1 && new.available < new.wanted {
                    new.available += 1;
                }
            }
            prop_assert_eq!((new.wanted, old.wanted), (desired, 0), "it gets there");
        }
    }
}
