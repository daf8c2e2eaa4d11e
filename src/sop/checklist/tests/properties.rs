//! For whatever was found, said and passed.

use proptest::prelude::*;

use super::*;

fn some_inputs() -> impl Strategy<Value = Inputs> {
    let one = || proptest::option::of("[ab]");
    (one(), one()).prop_map(|(head, image)| Inputs { head, image, ..Inputs::default() })
}

fn some_item() -> impl Strategy<Value = Item> {
    let depends = proptest::sample::subsequence(Input::ALL.to_vec(), 0..=2);
    let holds = proptest::option::of(1..10_000_u64);
    let may_waive = proptest::sample::select(vec![MayWaive::Anyone, MayWaive::InCommand, MayWaive::Nobody]);
    (any::<[bool; 3]>(), depends, holds, may_waive).prop_map(|(flags, depends, holds, may_waive)| Item {
        depends,
        holds: holds.map(Duration::from_secs),
        may_waive,
        may_confirm: flags[1],
        if_necessary: flags[2],
        needs_database: false,
        ..item(if flags[0] { Verifier::Manual } else { asked() })
    })
}

fn some_evidence() -> impl Strategy<Value = Option<Evidence>> {
    let found = proptest::sample::select(vec![Found::Pass, Found::Fail, Found::Unknown]);
    proptest::option::of((found, 0..10_000_u64, some_inputs()))
        .prop_map(|some| some.map(|(found, seconds, of)| evidence(found, seconds, &of)))
}

fn some_mark() -> impl Strategy<Value = Option<Note>> {
    proptest::option::of((0..4_u8, 0..10_000_u64, some_inputs())).prop_map(|some| {
        some.map(|(kind, seconds, of)| {
            note(
                seconds,
                match kind {
                    0 => ticked(&of),
                    1 => waived(&of),
                    2 => not_applicable(&of),
                    _ => Noted::Unticked { item: "tests".into() },
                },
            )
        })
    })
}

proptest! {
    #[test]
    fn nothing_but_a_holding_pass_or_word_settles_an_item(
        item in some_item(),
        evidence in some_evidence(),
        mark in some_mark(),
        running: bool,
        release in some_inputs(),
        now in 0..20_000_u64,
    ) {
        let known = Known { evidence: evidence.as_ref(), running, mark: mark.as_ref() };
        let standing = stand(&item, known, &release, moment(now));
        let holds = |seconds: u64, of: &Inputs| {
            let expired = item.holds.is_some_and(|holds| Duration::from_secs(now.saturating_sub(seconds)) >= holds);
            !expired && of.changed(&release, &item.depends).is_none()
        };
        let passed = evidence.as_ref().is_some_and(|evidence| {
            evidence.found == Found::Pass && holds(evidence.at.uptime.as_secs(), &evidence.of)
        });
        let said = mark.as_ref().is_some_and(|mark| {
            let seconds = u64::try_from(mark.at.duration_since(moment(0).wall).as_secs()).unwrap();
            match &mark.what {
                Noted::Ticked { of, .. } => item.takes_ticks() && holds(seconds, of),
                Noted::Waived { of, .. } => item.may_waive != MayWaive::Nobody && holds(seconds, of),
                Noted::NotApplicable { of, .. } => item.if_necessary && holds(seconds, of),
                _ => false,
            }
        });
        if standing.state.is_settled() {
            prop_assert!(passed || said, "{:?}", standing);
        }
        // What fails now is let go by a word that lets go, never by a tick.
        let fails = evidence.as_ref().is_some_and(|evidence| {
            evidence.found == Found::Fail && holds(evidence.at.uptime.as_secs(), &evidence.of)
        });
        if fails {
            prop_assert_ne!(standing.state, State::Pass);
        }
        prop_assert!(!standing.words.is_empty());
    }

    #[test]
    fn without_a_word_unknown_and_old_never_become_a_pass(
        item in some_item(),
        evidence in some_evidence(),
        release in some_inputs(),
        now in 0..20_000_u64,
    ) {
        let known = Known { evidence: evidence.as_ref(), running: false, mark: None };
        let standing = stand(&item, known, &release, moment(now));
        if evidence.as_ref().is_none_or(|evidence| evidence.found != Found::Pass) {
            prop_assert!(!standing.state.is_settled(), "{:?}", standing);
        }
        if let (Some(evidence), Some(holds)) = (&evidence, item.holds)
            && moment(now).since(evidence.at) >= holds
        {
            prop_assert_eq!(standing.state, State::Stale);
        }
    }

    #[test]
    fn only_evidence_that_depends_on_what_changed_becomes_stale(
        item in some_item(),
        before in some_inputs(),
        after in some_inputs(),
    ) {
        let pass = evidence(Found::Pass, 0, &before);
        let unlimited = Item { holds: None, ..item };
        let known = Known { evidence: Some(&pass), ..Known::default() };
        let standing = stand(&unlimited, known, &after, moment(0));
        let changed = unlimited.depends.iter().any(|input| {
            after.get(*input).is_some() && after.get(*input) != before.get(*input)
        });
        prop_assert_eq!(standing.state, if changed { State::Stale } else { State::Pass });
    }
}
