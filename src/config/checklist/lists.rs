//! Lists of words in a checklist's items.

use toml::de::DeValue;

use super::{Finding, Form, Reason, Table, values};
use crate::sop::checklist::Gate;
use crate::sop::checklist::evidence::Input;

pub(super) const fn gate() -> Form<Gate> {
    Form {
        expected: "actions among merge, approve, deploy, switch, retire, close",
        parse: |name| values::one_of(name, &Gate::ALL.map(|gate| (gate.word(), gate))),
    }
}

pub(super) const fn input() -> Form<Input> {
    Form {
        expected: "inputs among head, image",
        parse: |name| values::one_of(name, &Input::ALL.map(|input| (input.word(), input))),
    }
}

/// The words of an array; `None` where there is none.
pub(super) fn each_word<T>(table: &Table<'_>, key: &'static str, form: &Form<T>) -> Option<Vec<T>> {
    let found = table.find(key)?;
    let DeValue::Array(array) = found.value else {
        table.note(found.mistake(format!("expected {} as an array of strings", form.expected), None));
        return None;
    };
    let words = array.iter().enumerate().filter_map(|(place, element)| {
        let read = element.get_ref().as_str().ok_or_else(|| Reason::from("found no string"));
        let read = read.and_then(form.parse);
        read.map_err(|Reason { why, help, .. }| {
            let what = format!("expected {}: {why}", form.expected);
            let key = format!("{}[{place}]", found.path);
            table.note(Finding { span: Some(element.span()), key, ..found.mistake(what, help) });
        })
        .ok()
    });
    Some(words.collect())
}
