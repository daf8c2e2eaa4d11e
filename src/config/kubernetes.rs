//! `[kubernetes]`: what the cluster calls things.

use super::application::secret;
use super::reader::{Found, Table};
use super::types::{ColourNames, Kubernetes};
use super::{Origin, values};
use crate::sop::colour::PerColour;

/// Reads the table; `None` where something without a default is missing or wrong.
pub(super) fn read(table: &Table<'_>, origin: &Origin) -> Option<Kubernetes> {
    let kubeconfig = table.text("kubeconfig", &values::PATH).map(|path| origin.resolve(&path));
    let context = table.text("context", &values::TEXT);
    let namespace = table.required("namespace", &values::LABEL);
    let service = table.required("service", &values::SERVICE);
    let selector_key = table.text("selector_key", &values::LABEL_KEY).unwrap_or_else(|| "version".to_owned());
    let container = table.text("container", &values::LABEL).or_else(|| service.clone());
    let port = table.number("port", 8000, 1..=u16::MAX);
    let token = secret(table, origin);
    let colours = colours(table, service.as_deref());
    Some(Kubernetes {
        kubeconfig,
        context,
        namespace: namespace?,
        service: service?,
        selector_key,
        colours: colours?,
        container: container?,
        port,
        token,
    })
}

/// One colour's table, with the places that say what differs from the defaults.
struct ColourTable<'d> {
    value: String,
    value_at: Option<Found<'d>>,
    deployment: Option<String>,
    deployment_at: Option<Found<'d>>,
}

fn colours(table: &Table<'_>, service: Option<&str>) -> Option<PerColour<ColourNames>> {
    let PerColour { blue, green } = PerColour::from_fn(|colour| {
        let default = service.map(|service| format!("{service}-{colour}"));
        table.within(colour.name(), |table| ColourTable {
            value: table.text("value", &values::LABEL_VALUE).unwrap_or_else(|| colour.name().to_owned()),
            value_at: table.find("value"),
            deployment: table.text("deployment", &values::DEPLOYMENT).or(default),
            deployment_at: table.find("deployment"),
        })
    });
    if blue.value == green.value {
        let what = "expected another value than the other colour's: the switch would move nothing";
        blame(table, green.value_at.or(blue.value_at), what);
    }
    if blue.deployment.is_some() && blue.deployment == green.deployment {
        let what = "expected another Deployment than the other colour's: there would be nothing to switch to";
        blame(table, green.deployment_at.or(blue.deployment_at), what);
    }
    Some(PerColour {
        blue: ColourNames { value: blue.value, deployment: blue.deployment? },
        green: ColourNames { value: green.value, deployment: green.deployment? },
    })
}

fn blame(table: &Table<'_>, place: Option<Found<'_>>, what: &str) {
    if let Some(place) = place {
        table.note(place.mistake(what, None));
    }
}
