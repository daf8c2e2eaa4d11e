//! Ready-made queries for the signals of the procedure, as data: one file for each
//! way in which requests are counted, and one for what they all share.

use std::collections::BTreeMap;

use serde::Deserialize;

const BASE: &str = include_str!("../../assets/presets/base.toml");
/// The presets by name; the first one is the default.
const PRESETS: [(&str, &str); 5] = [
    ("http", include_str!("../../assets/presets/http.toml")),
    ("opentelemetry", include_str!("../../assets/presets/opentelemetry.toml")),
    ("ingress-nginx", include_str!("../../assets/presets/ingress-nginx.toml")),
    ("istio", include_str!("../../assets/presets/istio.toml")),
    ("traefik", include_str!("../../assets/presets/traefik.toml")),
];

/// How deep fragments may stand within fragments.
const DEPTH: usize = 4;

/// The queries of one preset, by signal.
pub(super) type Preset = BTreeMap<String, PresetQueries>;

/// The texts of one signal, placeholders and all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetQueries {
    pub(super) query: String,
    pub(super) volume_query: Option<String>,
    pub(super) bad_query: Option<String>,
    pub(super) all_query: Option<String>,
    pub(super) maximum_query: Option<String>,
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    fragments: BTreeMap<String, String>,
    // No other table of a preset: their keys are the signals'.
    #[serde(flatten)]
    signals: BTreeMap<String, PresetQueries>,
}

/// The names that can be chosen, the default first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.into_iter().map(|(name, _)| name)
}

/// A preset's queries, the shared ones among them; `None` when there is no such preset.
pub(super) fn preset(name: &str) -> Option<Preset> {
    let (_, text) = PRESETS.into_iter().find(|(known, _)| *known == name)?;
    // Files of the program itself, which a test reads: the default never applies.
    let read = |text| toml::from_str::<File>(text).unwrap_or_default();
    let (mut all, own) = (read(BASE), read(text));
    all.fragments.extend(own.fragments);
    all.signals.extend(own.signals);
    Some(filled(all))
}

/// All texts of all presets, fragments put in, placeholders not.
pub(super) fn texts() -> impl Iterator<Item = (String, String)> {
    names().flat_map(|name| {
        let queries = preset(name).unwrap_or_default().into_iter();
        queries.flat_map(move |(id, queries)| {
            let beside = [queries.volume_query, queries.bad_query, queries.all_query, queries.maximum_query];
            let texts = std::iter::once(queries.query).chain(beside.into_iter().flatten());
            texts.map(move |text| (format!("{name}: {id}"), text)).collect::<Vec<_>>()
        })
    })
}

/// The signals with the file's fragments put in.
fn filled(file: File) -> Preset {
    let fill = |text: String| {
        (0..DEPTH).fold(text, |text, _| {
            file.fragments.iter().fold(text, |text, (name, fragment)| {
                text.replace(&format!("{{{{{name}}}}}"), fragment.trim())
            })
        })
    };
    let filled = file.signals.into_iter().map(|(id, queries)| {
        let queries = PresetQueries {
            query: fill(queries.query),
            volume_query: queries.volume_query.map(&fill),
            bad_query: queries.bad_query.map(&fill),
            all_query: queries.all_query.map(&fill),
            maximum_query: queries.maximum_query.map(&fill),
        };
        (id, queries)
    });
    filled.collect()
}

#[cfg(test)]
mod tests {
    use super::super::template;
    use super::*;
    use crate::sop::signal::Signal;

    #[test]
    fn every_preset_has_queries_for_the_procedures_five_and_nothing_unknown_in_them() {
        for (name, text) in PRESETS.into_iter().chain([("base", BASE)]) {
            let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(file.signals.values().all(|queries| !queries.query.is_empty()), "{name}");
        }
        for name in names() {
            let preset = preset(name).unwrap();
            for signal in Signal::shipped() {
                let id = signal.id.as_str();
                let queries = &preset[id];
                assert_eq!(signal.minimum_volume > 0, queries.volume_query.is_some(), "{name}: {id}");
                let texts = [
                    Some(&queries.query),
                    queries.volume_query.as_ref(),
                    queries.bad_query.as_ref(),
                    queries.all_query.as_ref(),
                    queries.maximum_query.as_ref(),
                ];
                for text in texts.into_iter().flatten() {
                    assert_eq!(template::unknown(text), None, "{name}: {id}: {text}");
                    let count = |mark| text.matches(mark).count();
                    assert_eq!(count('('), count(')'), "{name}: {id}: {text}");
                    assert_eq!(count('{'), count('}'), "{name}: {id}: {text}");
                }
            }
        }
    }
}
