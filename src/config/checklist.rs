//! Checklists: `[checklist]` says which one an environment keeps, a file of its own holds
//! it. The procedure's are part of the program; a team's own may begin with one of them.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::findings::{Finding, Notes};
use super::nearest::nearest;
use super::reader::Table;
use super::source::printable;
use super::values::{self, Form, Reason};
use super::{ConfigError, Mistake, Origin, note_syntax, place};
use crate::sop::checklist::{Checklist, Group, Item, Language, MayWaive, Verifier, Words};

mod lists;
mod on_github;
#[cfg(test)]
mod tests;
mod verifier;

use lists::{each_word, gate, input};

/// The checklists that are part of the program.
const SHIPPED: [(&str, &str); 3] = [
    ("production", include_str!("../../assets/sop/production.toml")),
    ("staging", include_str!("../../assets/sop/staging.toml")),
    ("hotfix", include_str!("../../assets/sop/hotfix.toml")),
];

const SHIPPED_NAME: Form<&'static str> = Form {
    expected: "one of production, staging, hotfix",
    parse: |name| values::one_of(name, &SHIPPED.map(|(name, _)| (name, name))),
};
const LANGUAGE: Form<Language> = Form {
    expected: "one of en, fr",
    parse: |name| values::one_of(name, &[("en", Language::English), ("fr", Language::French)]),
};
const MAY_WAIVE: Form<MayWaive> = Form {
    expected: "one of anyone, in-command, nobody",
    parse: |name| {
        let known =
            [("anyone", MayWaive::Anyone), ("in-command", MayWaive::InCommand), ("nobody", MayWaive::Nobody)];
        values::one_of(name, &known)
    },
};

const SECOND: Duration = Duration::from_secs(1);
/// Longest time that anything that was seen holds.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);
/// Most items: more nobody goes through.
const MOST: usize = 100;

/// Which checklist an environment keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistSource {
    pub(super) from: From,
    pub(super) language: Language,
}

/// Where it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    Shipped(&'static str),
    File(PathBuf),
}

/// Reads `[checklist]`; `None` where none is named: none is kept then.
pub(super) fn read(table: &Table<'_>, origin: &Origin) -> Option<ChecklistSource> {
    let language = table.text("language", &LANGUAGE).unwrap_or_default();
    let from = match table.one_of(&["name", "file"])? {
        "name" => From::Shipped(table.text("name", &SHIPPED_NAME)?),
        _ => From::File(origin.resolve(&table.text("file", &values::PATH)?)),
    };
    Some(ChecklistSource { from, language })
}

/// Loads a checklist. Blocks where it is a file.
pub(super) fn load(source: &ChecklistSource) -> Result<Checklist, ConfigError> {
    let checklist = match &source.from {
        From::Shipped(name) => parse(shipped_text(name), &format!("the shipped checklist {name}")),
        From::File(path) => {
            let file = printable(&path.to_string_lossy());
            match super::read(path)? {
                Ok(text) => parse(&text, &file),
                Err(mistake) => Err(vec![Mistake { file, ..mistake }]),
            }
        }
    };
    let checklist = checklist.map_err(|mistakes| ConfigError::Mistakes { mistakes })?;
    Ok(Checklist { language: source.language, ..checklist })
}

/// The procedure's short checklist of a hotfix.
pub(super) fn hotfix(language: Language) -> Result<Checklist, ConfigError> {
    load(&ChecklistSource { from: From::Shipped("hotfix"), language })
}

fn shipped_text(name: &str) -> &'static str {
    SHIPPED.into_iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

/// Checks a checklist's text; the mistakes come in the order in which they stand in it.
pub(super) fn parse(text: &str, file: &str) -> Result<Checklist, Vec<Mistake>> {
    let notes = Notes::default();
    let (document, broken) = DeTable::parse_recoverable(text);
    let checklist = if broken.is_empty() {
        Some(Table::root(&notes, document.get_ref()).finish(whole))
    } else {
        note_syntax(&notes, text, &broken);
        None
    };
    let findings = notes.into_findings();
    match checklist {
        Some(checklist) if findings.is_empty() => Ok(checklist),
        _ => Err(place(text, file, findings)),
    }
}

fn whole(root: &Table<'_>) -> Checklist {
    let included = root.text("include", &SHIPPED_NAME);
    // It is the program's own, and a test reads it.
    let base = included.and_then(|name| parse(shipped_text(name), name).ok());
    let base = base.unwrap_or_else(|| Checklist {
        name: String::new(),
        language: Language::default(),
        groups: Vec::new(),
        items: Vec::new(),
    });
    let name = root.text("name", &values::TEXT);
    let mut groups = base.groups;
    groups.extend(root.each("groups", group).unwrap_or_default().into_iter().flatten());
    let mut items = overridden(root, base.items);
    items.extend(root.each("items", |table| item(table, None)).unwrap_or_default().into_iter().flatten());
    check(root, &groups, &items);
    // In the groups' order, so that a team's own items stand where they belong.
    let place = |item: &Item| groups.iter().position(|group| group.id == item.group);
    items.sort_by_key(place);
    let name = name.or_else(|| included.map(str::to_owned)).unwrap_or_else(|| "checklist".to_owned());
    Checklist { name, language: base.language, groups, items }
}

/// What holds of all items together.
fn check(root: &Table<'_>, groups: &[Group], items: &[Item]) {
    for (place, item) in items.iter().enumerate() {
        if items[..place].iter().any(|before| before.id == item.id) {
            let what = format!("expected each item once: `{}` stands there twice", item.id);
            root.blame("items", what, Some(format!("to change it write [override.{}]", item.id)));
        }
        if !groups.iter().any(|group| group.id == item.group) {
            let known: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
            let near = nearest(&item.group, known.iter().copied());
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let what = format!(
                "expected the group of `{}` among the groups ({}): there is no `{}`",
                item.id,
                known.join(", "),
                item.group
            );
            root.blame("items", what, help);
        }
    }
    if items.is_empty() {
        root.blame("items", "expected at least one item", None);
    }
    if items.len() > MOST {
        root.blame("items", format!("expected at most {MOST} items"), None);
    }
}

fn group(table: &Table<'_>) -> Option<Group> {
    let id = table.required("id", &values::LABEL);
    let words = words(table, None);
    Some(Group { id: id?, words: words? })
}

/// The words in both languages; one of them is enough.
fn words(table: &Table<'_>, before: Option<&Words>) -> Option<Words> {
    let (en, fr) = (table.text("en", &values::TEXT), table.text("fr", &values::TEXT));
    if en.is_none() && fr.is_none() && before.is_none() {
        let missing = table.find("en").is_none() && table.find("fr").is_none();
        if missing {
            let help = "write `en = \"…\"`, `fr = \"…\"` or both in this table".to_owned();
            table.blame("en", "missing: expected the words that are shown", Some(help));
        }
        return None;
    }
    let before = before.cloned().unwrap_or_default();
    Some(Words { en: en.unwrap_or(before.en), fr: fr.unwrap_or(before.fr) })
}

/// The included items as `[override.ID]` changes them.
fn overridden(root: &Table<'_>, mut items: Vec<Item>) -> Vec<Item> {
    let known: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
    let changes = root.named("override", |found, id, table| {
        let Some(before) = items.iter().find(|item| item.id == id) else {
            let near = nearest(id, known.iter().map(String::as_str));
            let help = near.map(|near| format!("did you mean `{near}`?")).or_else(|| {
                known.is_empty().then(|| "nothing is included: write `include = \"production\"`".to_owned())
            });
            let what = "there is no such item to change";
            table.note(Finding { span: Some(found.key_span.clone()), ..found.mistake(what, help) });
            // Its keys are known all the same.
            item(table, None);
            table.flag("remove", false);
            return None;
        };
        let removed = table.flag("remove", false);
        Some((item(table, Some(before)), removed))
    });
    for (id, change) in changes {
        let Some((changed, removed)) = change else { continue };
        if removed {
            items.retain(|item| item.id != id);
        } else if let (Some(changed), Some(place)) = (changed, items.iter().position(|item| item.id == id)) {
            items[place] = changed;
        }
    }
    items
}

/// One item: what its table says, else what it was before.
fn item(table: &Table<'_>, before: Option<&Item>) -> Option<Item> {
    let (id, group) = match before {
        Some(before) => (
            Some(before.id.clone()),
            table.text("group", &values::LABEL).or_else(|| Some(before.group.clone())),
        ),
        None => (table.required("id", &values::LABEL), table.required("group", &values::LABEL)),
    };
    let words = words(table, before.map(|before| &before.words));
    let verifier = verifier::read(table, before.map(|before| &before.verifier));
    let holds = match table.find("holds") {
        Some(_) => Some(table.duration("holds", LONGEST, SECOND..=LONGEST)),
        None => before.and_then(|before| before.holds),
    };
    let depends = each_word(table, "depends", &input());
    let blocks = each_word(table, "blocks", &gate());
    let may_waive = table.text("may_waive", &MAY_WAIVE);
    let default = |of: fn(&Item) -> bool, without| before.map_or(without, of);
    let may_confirm = table.flag("may_confirm", default(|item| item.may_confirm, false));
    if may_confirm && matches!(verifier, Some(Verifier::Manual)) && table.find("may_confirm").is_some() {
        table.blame("may_confirm", "an item that is ticked by hand needs no leave for it", None);
    }
    Some(Item {
        id: id?,
        group: group?,
        words: words?,
        verifier: verifier?,
        holds,
        depends: depends.unwrap_or_else(|| before.map(|before| before.depends.clone()).unwrap_or_default()),
        blocks: blocks.unwrap_or_else(|| before.map(|before| before.blocks.clone()).unwrap_or_default()),
        may_waive: may_waive.unwrap_or_else(|| before.map_or(MayWaive::InCommand, |before| before.may_waive)),
        may_confirm,
        overridable: table.flag("overridable", default(|item| item.overridable, true)),
        if_necessary: table.flag("if_necessary", default(|item| item.if_necessary, false)),
        needs_database: table.flag("needs_database", default(|item| item.needs_database, false)),
    })
}
