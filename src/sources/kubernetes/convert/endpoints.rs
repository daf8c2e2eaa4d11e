use std::collections::BTreeMap;

use super::cleaned;
use crate::sop::cluster::EndpointState;
use crate::sources::kubernetes::slim::{EndpointAddress, EndpointSlice, Endpoints, TargetRef};
use crate::sources::text::clean;

/// The addresses behind a Service, from its EndpointSlices.
///
/// An endpoint may stand in several slices while the controller rearranges them,
/// and once for each address family: each pod counts once, and as ready when any
/// slice says so. A missing `ready` means ready (API reference, `EndpointConditions`).
pub fn from_slices<'s>(slices: impl IntoIterator<Item = &'s EndpointSlice>) -> Vec<EndpointState> {
    let endpoints = slices.into_iter().flat_map(|slice| slice.endpoints.iter().flatten());
    merged(endpoints.filter_map(|endpoint| {
        let address = endpoint.addresses.as_ref()?.first()?;
        let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
        Some(state(address, endpoint.target_ref.as_ref(), ready))
    }))
}

/// The addresses behind a Service, from its Endpoints (servers before 1.21).
#[must_use]
pub fn from_endpoints(object: &Endpoints) -> Vec<EndpointState> {
    let of = |addresses: &'_ Option<Vec<EndpointAddress>>, ready| -> Vec<EndpointState> {
        addresses.iter().flatten().map(|a| state(&a.ip, a.target_ref.as_ref(), ready)).collect()
    };
    merged(object.subsets.iter().flatten().flat_map(|subset| {
        let mut all = of(&subset.addresses, true);
        all.extend(of(&subset.not_ready_addresses, false));
        all
    }))
}

fn state(address: &str, target: Option<&TargetRef>, ready: bool) -> EndpointState {
    let pod = target.filter(|target| target.kind.as_deref().is_none_or(|kind| kind == "Pod"));
    EndpointState { address: clean(address), pod: pod.and_then(|pod| cleaned(pod.name.as_ref())), ready }
}

/// Each pod, or each address of no pod, once; ready when any of its entries is.
#[must_use]
pub fn merged(endpoints: impl Iterator<Item = EndpointState>) -> Vec<EndpointState> {
    let mut by_pod: BTreeMap<String, EndpointState> = BTreeMap::new();
    for endpoint in endpoints {
        let key = endpoint.pod.clone().unwrap_or_else(|| endpoint.address.clone());
        by_pod.entry(key).and_modify(|known| known.ready |= endpoint.ready).or_insert(endpoint);
    }
    by_pod.into_values().collect()
}
