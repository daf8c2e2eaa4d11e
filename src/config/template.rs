//! Query texts with placeholders, and what becomes of them: a text for everything
//! behind the Service, or for each colour, or both.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::nearest::nearest;
use super::types::{Asked, Kubernetes};
use crate::sop::colour::{Colour, PerColour};

/// What may stand between `{{` and `}}`.
const PLACEHOLDERS: [&str; 9] =
    ["colour", "colours", "container", "deployment", "deployments", "namespace", "pods", "service", "window"];

#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by a test")]
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{\{\s*([^{}]*?)\s*\}\}").unwrap());

/// The names that stand in `text` within double braces.
fn names(text: &str) -> impl Iterator<Item = &str> {
    PLACEHOLDER.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str()))
}

/// The first placeholder of `text` that there is not, and what may have been meant.
pub(super) fn unknown(text: &str) -> Option<(&str, Option<&'static str>)> {
    let name = names(text).find(|name| !PLACEHOLDERS.contains(name))?;
    Some((name, nearest(name, PLACEHOLDERS)))
}

/// All placeholders, for advice.
pub(super) fn all() -> String {
    PLACEHOLDERS.map(|name| format!("{{{{{name}}}}}")).join(", ")
}

/// Puts the names in. `{{colour}}` and `{{deployment}}` are one colour's: the text is
/// asked once for each. `{{colours}}`, `{{deployments}}` and `{{pods}}` are regular
/// expressions: the text is asked for both colours together, and for each. Any other
/// text is asked once.
pub(super) fn expand(text: &str, kubernetes: &Kubernetes, window: Duration) -> Asked {
    let has = |wanted: &[&str]| names(text).any(|name| wanted.contains(&name));
    let (one, any) = (has(&["colour", "deployment"]), has(&["colours", "deployments", "pods"]));
    let put = |scope| put(text, kubernetes, window, scope);
    Asked {
        total: (!one).then(|| put(None)),
        colours: (one || any).then(|| PerColour::from_fn(|colour| put(Some(colour)))),
    }
}

fn put(text: &str, kubernetes: &Kubernetes, window: Duration, scope: Option<Colour>) -> String {
    let value = |colour: Colour| literal(&kubernetes.colours[colour].value);
    let deployment = |colour: Colour| literal(&kubernetes.colours[colour].deployment);
    let either = |name: &dyn Fn(Colour) -> String| match scope {
        Some(colour) => name(colour),
        None => format!("({}|{})", name(Colour::Blue), name(Colour::Green)),
    };
    let one = |name: fn(&super::types::ColourNames) -> &String| {
        scope.map(|colour| name(&kubernetes.colours[colour]).clone()).unwrap_or_default()
    };
    let put = |found: &regex::Captures<'_>| match &found[1] {
        "colour" => one(|names| &names.value),
        "colours" => either(&value),
        "container" => kubernetes.container.clone(),
        "deployment" => one(|names| &names.deployment),
        "deployments" => either(&deployment),
        "namespace" => kubernetes.namespace.clone(),
        // A pod is called like its Deployment, its ReplicaSet's hash, and five letters.
        "pods" => format!("{}-[^-]+-[^-]+", either(&deployment)),
        "service" => kubernetes.service.clone(),
        "window" => format!("{}s", window.as_secs().max(1)),
        _ => String::new(),
    };
    PLACEHOLDER.replace_all(text, put).trim().to_owned()
}

/// A name as a regular expression. It has letters, digits, `-`, `_` and `.` only.
fn literal(name: &str) -> String {
    name.replace('.', "[.]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ColourNames;

    fn kubernetes() -> Kubernetes {
        let names = |value: &str| ColourNames { value: value.into(), deployment: format!("backend.{value}") };
        Kubernetes {
            kubeconfig: None,
            context: None,
            namespace: "taxasge".into(),
            service: "backend".into(),
            selector_key: "version".into(),
            colours: PerColour { blue: names("blue"), green: names("green") },
            container: "api".into(),
            port: 8000,
            token: None,
        }
    }

    fn expanded(text: &str) -> Asked {
        expand(text, &kubernetes(), Duration::from_secs(60))
    }

    #[test]
    fn a_text_without_a_colour_is_asked_once() {
        let asked = expanded(r#"sum(rate(x{namespace="{{namespace}}",s="{{ service }}"}[{{window}}]))"#);
        assert_eq!(asked.total.as_deref(), Some(r#"sum(rate(x{namespace="taxasge",s="backend"}[60s]))"#));
        assert_eq!(asked.colours, None);
    }

    #[test]
    fn one_colours_name_is_asked_for_each_and_never_for_both() {
        let asked = expanded(r#"x{ {{{colour}}"{{deployment}}" }"#);
        assert_eq!(asked.total, None);
        assert_eq!(asked.colours.unwrap().green, r#"x{ {green"backend.green" }"#);
    }

    #[test]
    fn a_pattern_is_asked_for_both_and_for_each() {
        let asked = expanded(r#"x{pod=~"{{pods}}",c=~"{{colours}}"}"#);
        assert_eq!(
            asked.total.as_deref(),
            Some(r#"x{pod=~"(backend[.]blue|backend[.]green)-[^-]+-[^-]+",c=~"(blue|green)"}"#)
        );
        assert_eq!(asked.colours.unwrap().blue, r#"x{pod=~"backend[.]blue-[^-]+-[^-]+",c=~"blue"}"#);
    }

    #[test]
    fn what_there_is_not_is_found() {
        assert_eq!(unknown("{{color}} {{pods}}"), Some(("color", Some("colour"))));
        assert_eq!(unknown("{{ }}"), Some(("", None)));
        assert_eq!(unknown("x{a=\"b\"} {{service}}"), None);
        assert!(PLACEHOLDERS.iter().all(|name| unknown(&format!("{{{{{name}}}}}")).is_none()));
    }
}
