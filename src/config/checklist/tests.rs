//! The shipped checklists, a team's own, and what is said of mistakes in one.

use std::collections::BTreeSet;

use super::*;
use crate::sop::checklist::{Ask, Gate};
use crate::sop::window::Days;

fn parsed(text: &str) -> Checklist {
    parse(text, "team.toml").unwrap_or_else(|mistakes| panic!("{}", ConfigError::Mistakes { mistakes }))
}

fn said(text: &str) -> String {
    let mistakes = parse(text, "team.toml").expect_err(text);
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn production_has_the_procedures_items_in_its_six_groups() {
    let checklist = parsed(shipped_text("production")).without_database();
    let count = |group: &str| checklist.items.iter().filter(|item| item.group == group).count();
    let groups: Vec<(&str, usize)> =
        checklist.groups.iter().map(|group| (group.words.en.as_str(), count(&group.id))).collect();
    let expected = [
        ("Code quality", 4),
        ("Testing", 4),
        ("Documentation", 4),
        ("Infrastructure", 4),
        ("Communication", 4),
        ("Timing", 3),
    ];
    assert_eq!(groups, expected);
    assert_eq!(checklist.items.len(), 23);
    let if_necessary: Vec<&str> =
        checklist.items.iter().filter(|item| item.if_necessary).map(|item| item.id.as_str()).collect();
    assert_eq!(if_necessary, ["runbook", "migrations", "users-told"]);
}

#[test]
fn every_shipped_item_has_words_in_both_languages_and_blocks_something() {
    for (name, text) in SHIPPED {
        let checklist = parsed(text);
        assert_eq!(checklist.name, name);
        let ids: BTreeSet<&str> = checklist.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), checklist.items.len(), "{name}");
        for item in &checklist.items {
            assert!(!item.words.en.is_empty() && !item.words.fr.is_empty(), "{name}: {}", item.id);
            assert!(!item.blocks.is_empty(), "{name}: {}", item.id);
        }
    }
    let hotfix = parsed(shipped_text("hotfix"));
    let last = hotfix.items.last().unwrap();
    assert_eq!(
        (last.id.as_str(), last.blocks.as_slice(), last.overridable),
        ("merged-back", &[Gate::Close][..], false)
    );
}

#[test]
fn a_teams_own_file_changes_leaves_out_and_adds() {
    let checklist = parsed(
        r#"
        include = "production"
        name = "taxes"
        [override.backup]
        kind = "query"
        query = "time() - max(backup_finished_seconds)"
        below = "24h"
        may_waive = "anyone"
        [override.performance]
        remove = true
        [override.not-friday]
        kind = "clock"
        rule = "not-on"
        days = "fri-sun"
        [[items]]
        id = "treasury"
        group = "communication"
        fr = "le Trésor est prévenu"
        kind = "command"
        command = ["./treasury", "{{version}}"]
        matches = "^ok"
        timeout = "5s"
        holds = "1h 30m"
        blocks = ["switch"]
        "#,
    );
    assert_eq!((checklist.name.as_str(), checklist.items.len()), ("taxes", 28));
    assert_eq!(checklist.place("performance"), None);
    let backup = checklist.item("backup").unwrap();
    let Verifier::Asked(question) = &backup.verifier else { panic!("{backup:?}") };
    assert!(matches!(&question.ask, Ask::Query(query) if query.compare.words() == "< 86400"));
    assert_eq!(
        (backup.may_waive, backup.words.en.as_str()),
        (MayWaive::Anyone, "recent database backup (< 24 h)")
    );
    let friday = checklist.item("not-friday").unwrap();
    let Verifier::Clock(crate::sop::checklist::Clock::NotOn(days)) = friday.verifier else {
        panic!("{friday:?}")
    };
    assert_eq!(days, Days::range(jiff::civil::Weekday::Friday, jiff::civil::Weekday::Sunday));
    let treasury = checklist.item("treasury").unwrap();
    assert_eq!(treasury.words.say(Language::English), "le Trésor est prévenu");
    assert_eq!(treasury.holds, Some(Duration::from_secs(5400)));
    let place = |id| checklist.place(id).unwrap();
    assert!(place("treasury") > place("rollback-plan") && place("treasury") < place("window"));
}

#[test]
fn mistakes_are_told_with_file_line_and_what_may_have_been_meant() {
    let cases = [
        (
            "include = 'prodction'",
            "team.toml:1:11: include: expected one of production, staging, hotfix: it is none of them\n",
            "did you mean `production`?",
        ),
        (
            "include = 'production'\n[override.bakup]\nmay_waive = 'anyone'",
            "team.toml:2:11: override.bakup: there is no such item to change\n",
            "did you mean `backup`?",
        ),
        (
            "include = 'production'\n[override.backup]\nblocks = ['swich']",
            "team.toml:3:11: override.backup.blocks[0]: expected actions among merge, approve, deploy, switch, retire, close: it is none of them\n",
            "did you mean `switch`?",
        ),
        (
            "include = 'production'\n[override.backup]\nkind = 'http'\nurl = 'http://h/x'",
            "team.toml:2:1: override.backup.equals: missing: expected what the answer must be; without it nothing is a pass\n",
            "equals",
        ),
        (
            "include = 'production'\n[override.backup]\nkind = 'command'\ncommand = 'rm -rf'\nequals = 'x'",
            "team.toml:4:11: override.backup.command: expected a program and its arguments as an array of strings; no shell reads them\n",
            "for example",
        ),
        (
            "include = 'production'\n[[items]]\nid = 'x'\ngroup = 'tming'\nen = 'x'\nkind = 'manual'",
            "team.toml:2:1: items: expected the group of `x` among the groups",
            "did you mean `timing`?",
        ),
        (
            "include = 'production'\n[override.backup]\nhold = '1h'",
            "team.toml:3:1: override.backup.hold: unknown key\n",
            "did you mean `holds`?",
        ),
        ("items = 1 1", "team.toml:1:9: not TOML", ""),
        ("name = 'empty'", "items: expected at least one item", ""),
    ];
    for (text, first, more) in cases {
        let said = said(text);
        assert!(said.contains(first), "{text}\n{said}");
        assert!(said.contains(more), "{text}\n{said}");
    }
}
