//! A walk through a TOML file's tables that goes on after a mistake, so that
//! all of them are found in one pass.
//!
//! A [`Table`] is one place of the configuration, with up to two layers of text
//! behind it: an environment's own table, and the table of the same name at the
//! root that all environments share. Keys are looked up in that order. Each
//! question notes its key as known; whatever nobody asked for is an unknown key.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::{Finding, Notes, Span};
use super::nearest::nearest;
use super::source::{names_a_secret, printable};
use super::values::{self, Form, Reason};

/// Most strings of one array.
const MOST_STRINGS: usize = 100;

/// What is said to whoever writes a secret into the configuration.
const NO_SECRETS_HERE: &str = "a secret never stands in the configuration";
const SECRET_HELP: &str = "name where it is found instead: token_env = \"VARIABLE\", \
     token_file = \"PATH\" or token_command = [\"PROGRAM\", \"ARGUMENT\"]; \
     and replace the secret: this file was not a safe place for it";

/// One text behind a table.
#[derive(Clone, Debug)]
struct Layer<'d> {
    table: &'d DeTable<'d>,
    path: String,
    place: Span,
}

/// A value that was found.
#[derive(Clone, Debug)]
pub(super) struct Found<'d> {
    pub(super) value: &'d DeValue<'d>,
    pub(super) span: Span,
    pub(super) key_span: Span,
    pub(super) path: String,
}

impl Found<'_> {
    /// A mistake about this value.
    pub(super) fn mistake(&self, what: impl Into<String>, help: Option<String>) -> Finding {
        Finding {
            span: Some(self.span.clone()),
            key: self.path.clone(),
            what: what.into(),
            help,
            hidden: None,
        }
    }

    fn wrong_type(&self, expected: &str) -> Finding {
        self.mistake(format!("expected {expected}, found {}", type_of(self.value)), None)
    }
}

/// One table of the configuration.
#[derive(Debug)]
pub(super) struct Table<'d> {
    notes: &'d Notes,
    path: String,
    /// Where it is said that something is missing.
    place: Span,
    layers: Vec<Layer<'d>>,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Table<'d> {
    /// The file's root.
    pub(super) fn root(notes: &'d Notes, table: &'d DeTable<'d>) -> Self {
        let layer = Layer { table, path: String::new(), place: 0..0 };
        Self::new(notes, String::new(), 0..0, vec![layer])
    }

    /// A table that is an element of an array, or an entry of a table of tables.
    fn single(notes: &'d Notes, table: &'d DeTable<'d>, path: String, place: Span) -> Self {
        let layer = Layer { table, path: path.clone(), place: place.clone() };
        Self::new(notes, path, place, vec![layer])
    }

    fn new(notes: &'d Notes, path: String, place: Span, layers: Vec<Layer<'d>>) -> Self {
        Self { notes, path, place, layers, known: RefCell::default() }
    }

    /// Reads the table under `key`; it may be absent, and then has no values.
    pub(super) fn within<T>(&self, key: &'static str, read: impl FnOnce(&Self) -> T) -> T {
        self.read(key, self.layers_of(key), read)
    }

    /// Reads the table under `key`, with the one under the same key of `shared`
    /// for what it does not say.
    pub(super) fn within_shared<T>(
        &self,
        key: &'static str,
        shared: &Self,
        read: impl FnOnce(&Self) -> T,
    ) -> T {
        let mut layers = self.layers_of(key);
        layers.extend(shared.layers_of(key));
        self.read(key, layers, read)
    }

    fn read<T>(&self, key: &'static str, layers: Vec<Layer<'d>>, read: impl FnOnce(&Self) -> T) -> T {
        let path = join(&self.path, key);
        // The table's own place if it has one: a shared table is not where an
        // environment's missing value belongs.
        let place = layers.iter().find(|layer| layer.path == path).map(|layer| layer.place.clone());
        let table = Self::new(self.notes, path, place.unwrap_or_else(|| self.place.clone()), layers);
        table.finish(read)
    }

    /// Runs the questions, then reports the keys that nobody asked for.
    pub(super) fn finish<T>(&self, read: impl FnOnce(&Self) -> T) -> T {
        let value = read(self);
        for layer in &self.layers {
            for key in layer.table.keys() {
                if !self.known.borrow().contains(&key.get_ref().as_ref()) {
                    self.unknown(layer, key);
                }
            }
        }
        value
    }

    fn unknown(&self, layer: &Layer<'d>, key: &Spanned<std::borrow::Cow<'d, str>>) {
        let name = key.get_ref().as_ref();
        let mut known = self.known.borrow().clone();
        known.sort_unstable();
        let near = nearest(name, known.iter().copied());
        let literal = names_a_secret(name) && near.is_none_or(|near| !near.starts_with("token_"));
        let (what, help) = if literal {
            (NO_SECRETS_HERE.to_owned(), SECRET_HELP.to_owned())
        } else {
            let all = format!("known here: {}", known.join(", "));
            let help = near.map_or_else(|| all.clone(), |near| format!("did you mean `{near}`? {all}"));
            ("unknown key".to_owned(), help)
        };
        let hidden = literal.then(|| layer.table.get(name).map(Spanned::span)).flatten();
        let key_path = join(&layer.path, name);
        self.notes.note(Finding { span: Some(key.span()), key: key_path, what, help: Some(help), hidden });
    }

    fn layers_of(&self, key: &'static str) -> Vec<Layer<'d>> {
        self.all(key)
            .into_iter()
            .filter_map(|found| match found.value {
                DeValue::Table(table) => Some(Layer { table, path: found.path, place: found.span }),
                _ => {
                    self.notes.note(found.wrong_type("a table"));
                    None
                }
            })
            .collect()
    }

    /// What the layers say under `key`, the nearest first.
    fn all(&self, key: &'static str) -> Vec<Found<'d>> {
        self.learn(key);
        self.layers
            .iter()
            .filter_map(|layer| {
                let (name, value) = layer.table.get_key_value(key)?;
                let path = join(&layer.path, key);
                Some(Found { value: value.get_ref(), span: value.span(), key_span: name.span(), path })
            })
            .collect()
    }

    fn learn(&self, key: &'static str) {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
    }

    /// What the nearest layer says under `key`.
    pub(super) fn find(&self, key: &'static str) -> Option<Found<'d>> {
        self.all(key).into_iter().next()
    }

    /// Notes a mistake about `key`, at its value or, if it has none, at the table.
    pub(super) fn blame(&self, key: &'static str, what: impl Into<String>, help: Option<String>) {
        self.notes.note(match self.find(key) {
            Some(found) => found.mistake(what, help),
            None => Finding {
                span: Some(self.place.clone()),
                key: join(&self.path, key),
                what: what.into(),
                help,
                hidden: None,
            },
        });
    }

    /// Notes a mistake about a value whose text must not be shown.
    pub(super) fn note_hidden(&self, found: &Found<'d>, what: impl Into<String>, help: Option<String>) {
        let hidden = Some(found.span.clone());
        self.notes.note(Finding { hidden, ..found.mistake(what, help) });
    }

    /// Notes any mistake.
    pub(super) fn note(&self, finding: Finding) {
        self.notes.note(finding);
    }

    /// A string of a certain form.
    pub(super) fn text<T>(&self, key: &'static str, form: &Form<T>) -> Option<T> {
        let found = self.find(key)?;
        self.parse(&found, form)
    }

    /// A string of a certain form that has no default.
    pub(super) fn required<T>(&self, key: &'static str, form: &Form<T>) -> Option<T> {
        if self.find(key).is_none() {
            self.missing(key, form.expected);
        }
        self.text(key, form)
    }

    fn missing(&self, key: &'static str, expected: &str) {
        if !self.notes.is_partial() {
            let what = format!("missing: expected {expected}");
            let place = match self.path.contains('[') {
                // An array's element has no header that names it.
                true => "in this table".to_owned(),
                false => format!("under [{}]", self.path),
            };
            self.blame(key, what, Some(format!("write `{key} = …` {place}")));
        }
    }

    /// Whether this need not be complete: an environment may say the rest.
    pub(super) fn is_partial(&self) -> bool {
        self.notes.is_partial()
    }

    /// Reads a value that was found as a string of a certain form.
    pub(super) fn parse<T>(&self, found: &Found<'d>, form: &Form<T>) -> Option<T> {
        let DeValue::String(text) = found.value else {
            self.notes.note(found.wrong_type(form.expected));
            return None;
        };
        match (form.parse)(text) {
            Ok(value) => Some(value),
            Err(Reason { why, help, hide }) => {
                let what = format!("expected {}: {why}", form.expected);
                let hidden = hide.then(|| found.span.clone());
                self.notes.note(Finding { hidden, ..found.mistake(what, help) });
                None
            }
        }
    }

    /// Reads the name of an entry as a string of a certain form.
    pub(super) fn parse_key<T>(&self, found: &Found<'d>, name: &str, form: &Form<T>) -> Option<T> {
        (form.parse)(name)
            .map_err(|Reason { why, help, .. }| {
                let what = format!("expected {}: {why}", form.expected);
                let span = Some(found.key_span.clone());
                self.notes.note(Finding { span, ..found.mistake(what, help) });
            })
            .ok()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        match self.find(key) {
            None => default,
            Some(found) => found.value.as_bool().unwrap_or_else(|| {
                self.notes.note(found.wrong_type("true or false"));
                default
            }),
        }
    }

    /// A whole number within a range.
    pub(super) fn number<N>(&self, key: &'static str, default: N, range: RangeInclusive<N>) -> N
    where
        N: Copy + Display + PartialOrd + TryFrom<i64>,
    {
        let Some(found) = self.find(key) else {
            return default;
        };
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(digits) = found.value else {
            self.notes.note(found.wrong_type(&expected));
            return default;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        match number.and_then(|n| N::try_from(n).ok()).filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                self.notes.note(found.mistake(format!("expected {expected}"), None));
                default
            }
        }
    }

    /// A duration within a range.
    pub(super) fn duration(
        &self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(found) = self.find(key) else {
            return default;
        };
        let Some(duration) = self.parse(&found, &values::DURATION) else {
            return default;
        };
        if range.contains(&duration) {
            return duration;
        }
        let (least, most) = (values::spell(*range.start()), values::spell(*range.end()));
        self.notes.note(found.mistake(format!("expected a duration from {least} to {most}"), None));
        default
    }

    /// Which of some keys that exclude each other is given. A layer that gives
    /// one overrules what the layers behind it say with any of them.
    pub(super) fn one_of(&self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().for_each(|key| self.learn(key));
        for layer in &self.layers {
            let given: Vec<_> = keys.iter().copied().filter(|key| layer.table.contains_key(*key)).collect();
            let (first, rest) = match given.split_first() {
                None => continue,
                Some(split) => split,
            };
            if rest.is_empty() {
                return Some(first);
            }
            for key in rest {
                self.blame(key, format!("`{first}` is given already: only one of them can apply"), None);
            }
            return None;
        }
        None
    }

    /// The tables of an array of tables; `None` when the key is absent.
    pub(super) fn each<T>(&self, key: &'static str, read: impl Fn(&Self) -> T) -> Option<Vec<T>> {
        let found = self.find(key)?;
        let DeValue::Array(array) = found.value else {
            self.notes.note(found.wrong_type("an array of tables"));
            return None;
        };
        let tables = array.iter().enumerate().filter_map(|(index, element)| {
            let path = format!("{}[{index}]", found.path);
            match element.get_ref() {
                DeValue::Table(table) => {
                    Some(Self::single(self.notes, table, path, element.span()).finish(&read))
                }
                other => {
                    let what = format!("expected a table, found {}", type_of(other));
                    self.notes.note(Finding {
                        key: path,
                        span: Some(element.span()),
                        ..found.mistake(what, None)
                    });
                    None
                }
            }
        });
        Some(tables.collect())
    }

    /// The tables of a table whose keys are names, with these names.
    pub(super) fn named<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Found<'d>, &str, &Self) -> T,
    ) -> Vec<(&'d str, T)> {
        let entries = self.entries(key).into_iter();
        entries
            .filter_map(|(name, found)| match found.value {
                DeValue::Table(table) => {
                    let table = Self::single(self.notes, table, found.path.clone(), found.span.clone());
                    Some((name, table.finish(|table| read(&found, name, table))))
                }
                _ => {
                    self.notes.note(found.wrong_type("a table"));
                    None
                }
            })
            .collect()
    }

    /// What a table holds whose keys are names.
    pub(super) fn entries(&self, key: &'static str) -> Vec<(&'d str, Found<'d>)> {
        let Some(layer) = self.layers_of(key).into_iter().next() else {
            return Vec::new();
        };
        let found = layer.table.iter().map(|(name, value)| {
            let path = join(&layer.path, name.get_ref());
            let found = Found { value: value.get_ref(), span: value.span(), key_span: name.span(), path };
            (name.get_ref().as_ref(), found)
        });
        found.collect()
    }

    /// The strings of an array, each of a certain form.
    pub(super) fn strings<T>(&self, key: &'static str, form: &Form<T>) -> Option<Vec<T>> {
        let found = self.find(key)?;
        self.list(&found, form)
    }

    /// Reads a value that was found as an array of strings of a certain form.
    pub(super) fn list<T>(&self, found: &Found<'d>, form: &Form<T>) -> Option<Vec<T>> {
        let DeValue::Array(array) = found.value else {
            self.notes.note(found.wrong_type("an array of strings"));
            return None;
        };
        if array.len() > MOST_STRINGS {
            self.notes.note(found.mistake(format!("expected at most {MOST_STRINGS}"), None));
            return None;
        }
        let each = array.iter().enumerate().filter_map(|(index, element)| {
            let element = Found {
                value: element.get_ref(),
                span: element.span(),
                key_span: found.key_span.clone(),
                path: format!("{}[{index}]", found.path),
            };
            self.parse(&element, form)
        });
        Some(each.collect())
    }

    /// A value that is itself a table: `{ matches = "…" }`.
    pub(super) fn open<T>(&self, found: &Found<'d>, read: impl FnOnce(&Self) -> T) -> Option<T> {
        let DeValue::Table(table) = found.value else {
            return None;
        };
        Some(Self::single(self.notes, table, found.path.clone(), found.span.clone()).finish(read))
    }
}

/// A key's path, written as TOML writes it.
fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if bare { printable(key) } else { format!("\"{}\"", printable(key)) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
