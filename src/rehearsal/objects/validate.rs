//! What may not be written: the rules of validation that users of these kinds meet, in
//! the API's own form (`details.causes`).

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

use super::Cause;
use crate::rehearsal::cluster::object::{number, text};
use crate::rehearsal::cluster::resource::Resource;

/// RFC 1123 subdomain, as names of objects are.
static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok());

/// Everything that is wrong with an object; `before` is what it replaces.
#[must_use]
pub fn validate(resource: Resource, before: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut found = Findings(Vec::new());
    found.name(resource, object);
    match resource {
        Resource::Deployments | Resource::ReplicaSets => {
            found.workload(object);
            if let Some(before) = before {
                found.immutable(before, object, "spec.selector");
            }
        }
        Resource::Pods => found.containers(&object["spec"], "spec"),
        Resource::Services => {
            found.service(object);
            if let Some(before) = before {
                found.immutable(before, object, "spec.clusterIP");
            }
        }
        Resource::Leases => found.lease(object),
        Resource::RoleBindings => {
            if let Some(before) = before {
                found.immutable(before, object, "roleRef");
            }
        }
        _ => {}
    }
    found.0
}

struct Findings(Vec<Cause>);

impl Findings {
    fn invalid(&mut self, field: impl Into<String>, value: &Value, why: &str) {
        let message = format!("Invalid value: {value}: {why}");
        self.0.push(Cause { reason: "FieldValueInvalid", field: field.into(), message });
    }

    fn required(&mut self, field: impl Into<String>, why: &str) {
        let message =
            if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        self.0.push(Cause { reason: "FieldValueRequired", field: field.into(), message });
    }

    fn name(&mut self, resource: Resource, object: &Value) {
        let name = text(object, "/metadata/name");
        if name.is_empty() {
            self.required("metadata.name", "name or generateName is required");
        } else if !matches!(resource, Resource::Roles | Resource::RoleBindings)
            && (name.len() > 253 || SUBDOMAIN.as_ref().is_some_and(|form| !form.is_match(name)))
        {
            self.invalid(
                "metadata.name",
                &object["metadata"]["name"],
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                 and must start and end with an alphanumeric character",
            );
        }
    }

    fn workload(&mut self, object: &Value) {
        if let Some(replicas) = number(object, "/spec/replicas").filter(|replicas| *replicas < 0) {
            self.invalid("spec.replicas", &Value::from(replicas), "must be greater than or equal to 0");
        }
        let selector = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        match selector.filter(|labels| !labels.is_empty()) {
            None if object.pointer("/spec/selector/matchExpressions").is_none() => {
                self.required("spec.selector", "");
            }
            None => {}
            Some(selector) => {
                let labels = &object["spec"]["template"]["metadata"]["labels"];
                if selector.iter().any(|(key, value)| labels.get(key) != Some(value)) {
                    self.invalid(
                        "spec.template.metadata.labels",
                        labels,
                        "`selector` does not match template `labels`",
                    );
                }
            }
        }
        self.containers(&object["spec"]["template"]["spec"], "spec.template.spec");
    }

    fn containers(&mut self, spec: &Value, path: &str) {
        let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        if containers.is_empty() {
            self.required(format!("{path}.containers"), "");
        }
        for (place, container) in containers.iter().enumerate() {
            let path = format!("{path}.containers[{place}]");
            if text(container, "/name").is_empty() {
                self.required(format!("{path}.name"), "");
            }
            if text(container, "/image").trim().is_empty() {
                self.required(format!("{path}.image"), "");
            }
            for (place, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
                self.port(format!("{path}.ports[{place}].containerPort"), &port["containerPort"]);
            }
        }
    }

    fn port(&mut self, field: String, port: &Value) {
        if !port.as_i64().is_some_and(|port| (1..=65535).contains(&port)) {
            self.invalid(field, port, "must be between 1 and 65535, inclusive");
        }
    }

    fn service(&mut self, object: &Value) {
        let ports = object.pointer("/spec/ports").and_then(Value::as_array);
        if ports.is_none_or(Vec::is_empty) {
            self.required("spec.ports", "");
        }
        for (place, port) in ports.into_iter().flatten().enumerate() {
            self.port(format!("spec.ports[{place}].port"), &port["port"]);
        }
    }

    fn lease(&mut self, object: &Value) {
        if let Some(seconds) = number(object, "/spec/leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
            self.invalid("spec.leaseDurationSeconds", &Value::from(seconds), "must be greater than 0");
        }
        if let Some(count) = number(object, "/spec/leaseTransitions").filter(|count| *count < 0) {
            self.invalid("spec.leaseTransitions", &Value::from(count), "must be greater than or equal to 0");
        }
    }

    fn immutable(&mut self, before: &Value, after: &Value, field: &str) {
        let pointer = format!("/{}", field.replace('.', "/"));
        let (before, after) = (before.pointer(&pointer), after.pointer(&pointer));
        if before.is_some() && before != after {
            self.invalid(field, after.unwrap_or(&Value::Null), "field is immutable");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(resource: Resource, before: Option<&Value>, object: &Value) -> Vec<String> {
        let told = |cause: Cause| format!("{}: {}", cause.field, cause.message);
        validate(resource, before, object).into_iter().map(told).collect()
    }

    fn deployment() -> Value {
        json!({"metadata": {"name": "backend"}, "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "b"}},
            "template": {"metadata": {"labels": {"app": "b"}}, "spec": {"containers": [{"name": "b", "image": "i"}]}},
        }})
    }

    #[test]
    fn a_sound_deployment_passes_and_each_mistake_is_named() {
        assert_eq!(fields(Resource::Deployments, None, &deployment()), Vec::<String>::new());
        let mut wrong = deployment();
        wrong["spec"]["replicas"] = json!(-1);
        assert_eq!(
            fields(Resource::Deployments, None, &wrong),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
        );
        wrong = deployment();
        wrong["spec"]["template"]["metadata"]["labels"]["app"] = json!("c");
        wrong["spec"]["template"]["spec"]["containers"][0]["image"] = json!("");
        let told = fields(Resource::Deployments, None, &wrong);
        assert!(told[0].contains("`selector` does not match template `labels`"), "{told:?}");
        assert_eq!(told[1], "spec.template.spec.containers[0].image: Required value");
        wrong = deployment();
        wrong["spec"]["selector"]["matchLabels"]["x"] = json!("y");
        wrong["spec"]["template"]["metadata"]["labels"]["x"] = json!("y");
        let told = fields(Resource::Deployments, Some(&deployment()), &wrong);
        assert!(told[0].ends_with("field is immutable"), "{told:?}");
    }

    #[test]
    fn names_and_ports_have_their_form() {
        let service =
            |name: &str, port: i64| json!({"metadata": {"name": name}, "spec": {"ports": [{"port": port}]}});
        assert!(fields(Resource::Services, None, &service("backend", 80)).is_empty());
        assert_eq!(fields(Resource::Services, None, &service("Back_end", 0)).len(), 2);
        assert!(
            fields(Resource::Services, None, &json!({"metadata": {}}))[0]
                .starts_with("metadata.name: Required")
        );
    }
}
