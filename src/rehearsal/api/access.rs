//! What a user may do: Roles and RoleBindings of the namespace, evaluated as Kubernetes
//! does (RBAC), and the reviews that ask about it.

use serde_json::{Value, json};

use super::status::Failure;
use super::who::Who;
use crate::rehearsal::cluster::object::text;
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::{Key, Store};

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ask {
    pub verb: String,
    pub group: String,
    /// The plural.
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

impl Ask {
    /// `pods/log`, as rules name it.
    fn qualified(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// 403, worded as Kubernetes words it.
    #[must_use]
    pub(super) fn forbidden(&self, who: &Who) -> Failure {
        let plural = if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        };
        let object = if self.name.is_empty() { plural } else { format!("{plural} \"{}\"", self.name) };
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", self.namespace)
        };
        let message = format!(
            "{object} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            who.user,
            self.verb,
            self.qualified(),
            self.group
        );
        let details = json!({"name": self.name, "group": self.group, "kind": self.resource});
        Failure { details: Some(details), ..Failure::new(403, "Forbidden", message) }
    }
}

/// Whether `who` may do it.
#[must_use]
pub(super) fn allows(store: &Store, who: &Who, ask: &Ask) -> bool {
    // Everybody may ask what he may.
    let asks_about_himself = ask.group == "authorization.k8s.io" && ask.resource.starts_with("selfsubject");
    who.is_master()
        || asks_about_himself
        || rules(store, who, &ask.namespace).iter().any(|rule| grants(rule, ask))
}

/// The rules that hold for `who` in a namespace.
fn rules(store: &Store, who: &Who, namespace: &str) -> Vec<Value> {
    let (_, bindings) = store.list(Resource::RoleBindings, Some(namespace));
    bindings
        .iter()
        .filter(|binding| is_bound(binding, who))
        .filter_map(|binding| {
            store.get(&Key::new(Resource::Roles, namespace, text(binding, "/roleRef/name")))
        })
        .flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default())
        .collect()
}

fn is_bound(binding: &Value, who: &Who) -> bool {
    text(binding, "/roleRef/kind") == "Role"
        && binding["subjects"].as_array().into_iter().flatten().any(|subject| match text(subject, "/kind") {
            "User" => name_of(subject) == who.user,
            "Group" => who.groups.contains(&name_of(subject)),
            _ => false,
        })
}

fn name_of(subject: &Value) -> &str {
    text(subject, "/name")
}

fn grants(rule: &Value, ask: &Ask) -> bool {
    let lists = |key: &str, wanted: &str| {
        rule[key].as_array().into_iter().flatten().any(|each| each == "*" || each == wanted)
    };
    let names = rule["resourceNames"].as_array().filter(|names| !names.is_empty());
    lists("verbs", &ask.verb)
        && lists("apiGroups", &ask.group)
        && lists("resources", &ask.qualified())
        && names.is_none_or(|names| names.iter().any(|name| *name == ask.name))
}

/// Answers a review that was sent to be created.
///
/// # Errors
/// 400 where it cannot be read.
pub(super) fn review(store: &Store, who: &Who, plural: &str, body: &Value) -> Result<Value, Failure> {
    let mut answer = body.clone();
    match plural {
        "selfsubjectaccessreviews" => {
            let asked = body.pointer("/spec/resourceAttributes");
            let allowed = match asked {
                Some(asked) => allows(store, who, &ask_of(asked)),
                // Paths that are no resources: everybody may look around.
                None => body.pointer("/spec/nonResourceAttributes").is_some(),
            };
            let reason = if allowed { "RBAC: allowed" } else { "" };
            answer["status"] = json!({"allowed": allowed, "reason": reason});
        }
        "selfsubjectrulesreviews" => {
            let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
            let rules = match who.is_master() {
                true => all,
                false => rules(store, who, text(body, "/spec/namespace")).into(),
            };
            answer["status"] = json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false});
        }
        _ => return Err(Failure::no_such_path()),
    }
    Ok(answer)
}

fn ask_of(asked: &Value) -> Ask {
    let part = |key: &str| text(asked, key).to_owned();
    Ask {
        verb: part("/verb"),
        group: part("/group"),
        resource: part("/resource"),
        subresource: part("/subresource"),
        namespace: part("/namespace"),
        name: part("/name"),
    }
}

/// The name that a list or watch is limited to, so that rules for named objects apply.
#[must_use]
pub(super) fn name_in_selector(field_selector: &str) -> &str {
    field_selector
        .split(',')
        .find_map(|part| part.strip_prefix("metadata.name="))
        .map_or("", |name| name.trim_start_matches('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::api::who::USERS;

    fn store() -> Store {
        let store = Store::default();
        let role = json!({"metadata": {"name": "r"}, "rules": [
            {"apiGroups": [""], "resources": ["services"], "resourceNames": ["backend"], "verbs": ["get", "list", "patch"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        ]});
        let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "Group", "name": "oncall"}]});
        store.create(Key::new(Resource::Roles, "taxasge", "r"), role).unwrap();
        store.create(Key::new(Resource::RoleBindings, "taxasge", "b"), binding).unwrap();
        store
    }

    fn ask(verb: &str, resource: &str, name: &str) -> Ask {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Ask {
            verb: verb.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: "taxasge".into(),
            name: name.into(),
            ..Ask::default()
        }
    }

    #[test]
    fn rules_grant_by_verb_resource_and_name() {
        let store = store();
        let [admin, oncall, viewer, _] = USERS;
        let cases = [
            (&admin, ask("delete", "nodes", ""), true),
            (&oncall, ask("patch", "services", "backend"), true),
            (&oncall, ask("patch", "services", "other"), false),
            (&oncall, ask("list", "services", ""), false),
            (&oncall, ask("get", "pods/log", "p"), true),
            (&oncall, ask("get", "pods", "p"), false),
            (&viewer, ask("patch", "services", "backend"), false),
        ];
        for (who, ask, allowed) in cases {
            assert_eq!(allows(&store, who, &ask), allowed, "{} {ask:?}", who.user);
        }
        let elsewhere = Ask { namespace: "default".into(), ..ask("patch", "services", "backend") };
        assert!(!allows(&store, &oncall, &elsewhere));
    }

    #[test]
    fn a_refusal_names_user_verb_and_place() {
        let words = ask("patch", "services", "backend").forbidden(&USERS[2]).message;
        assert_eq!(
            words,
            "services \"backend\" is forbidden: User \"viewer\" cannot patch resource \"services\" in API group \"\" \
             in the namespace \"taxasge\""
        );
    }

    #[test]
    fn reviews_answer_for_the_one_who_asks() {
        let body = json!({"spec": {"resourceAttributes": {"verb": "patch", "resource": "services", "namespace": "taxasge", "name": "backend"}}});
        let allowed = |who: &Who| {
            review(&store(), who, "selfsubjectaccessreviews", &body).unwrap()["status"]["allowed"].clone()
        };
        assert_eq!((allowed(&USERS[1]), allowed(&USERS[2])), (json!(true), json!(false)));
        assert!(review(&store(), &USERS[1], "nonsense", &body).is_err());
        assert_eq!(name_in_selector("metadata.name=backend,x=y"), "backend");
        assert_eq!(name_in_selector("metadata.name==backend"), "backend");
    }
}
