//! Which proxy, if any, a connection goes through.
//!
//! kube compares `NO_PROXY` with the proxy's own address instead of the server's
//! (its `ConfigLoader::proxy_url`), so the choice is made here, as `golang.org/x/net/http/httpproxy`
//! makes it for kubectl: by the scheme of the server's URL, never for loopback,
//! `NO_PROXY` compared with the server.

use std::net::IpAddr;

/// The environment variables that name proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProxyVariables {
    /// For `https` servers.
    pub https: Option<String>,
    /// For `http` servers.
    pub http: Option<String>,
    /// Servers that are asked directly.
    pub none_for: Option<String>,
}

impl ProxyVariables {
    /// Reads them; upper case wins, empty counts as unset.
    pub(super) fn from_environment() -> Self {
        let read = |upper: &str, lower: &str| {
            [upper, lower]
                .into_iter()
                .filter_map(|name| std::env::var(name).ok())
                .find(|v| !v.trim().is_empty())
        };
        Self {
            https: read("HTTPS_PROXY", "https_proxy"),
            http: read("HTTP_PROXY", "http_proxy"),
            none_for: read("NO_PROXY", "no_proxy"),
        }
    }

    /// The proxy for a server, by its URL's scheme, host and port.
    pub(super) fn proxy_for(&self, scheme: &str, host: &str, port: u16) -> Option<&str> {
        let proxy = if scheme == "http" { self.http.as_deref()? } else { self.https.as_deref()? };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let direct = is_loopback(host)
            || self
                .none_for
                .as_deref()
                .is_some_and(|list| list.split(',').any(|rule| matches(rule, host, port)));
        (!direct).then_some(proxy.trim())
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether one entry of `NO_PROXY` covers the server: `*`, an address, a CIDR block,
/// a domain with its subdomains, `.domain` for subdomains alone, each with `:port` or without.
fn matches(rule: &str, host: &str, port: u16) -> bool {
    let rule = rule.trim();
    if rule.is_empty() {
        return false;
    }
    if rule == "*" {
        return true;
    }
    if let Some((network, bits)) = rule.split_once('/') {
        return in_network(network, bits, host);
    }
    let (name, rule_port) = split_port(rule);
    if rule_port.is_some_and(|rule_port| rule_port != port) {
        return false;
    }
    if let (Ok(a), Ok(b)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return a == b;
    }
    let (name, host) = (name.to_ascii_lowercase(), host.to_ascii_lowercase());
    let name = name.strip_prefix('*').unwrap_or(&name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn split_port(rule: &str) -> (&str, Option<u16>) {
    if let Some(bracketed) = rule.strip_prefix('[') {
        return match bracketed.split_once(']') {
            Some((address, rest)) => (address, rest.strip_prefix(':').and_then(|port| port.parse().ok())),
            None => (bracketed, None),
        };
    }
    match rule.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (rule, None),
    }
}

fn in_network(network: &str, bits: &str, host: &str) -> bool {
    let (Ok(network), Ok(bits), Ok(host)) =
        (network.parse::<IpAddr>(), bits.parse::<u32>(), host.parse::<IpAddr>())
    else {
        return false;
    };
    match (network, host) {
        (IpAddr::V4(n), IpAddr::V4(h)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            n.to_bits() & mask == h.to_bits() & mask
        }
        (IpAddr::V6(n), IpAddr::V6(h)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            n.to_bits() & mask == h.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(none_for: &str) -> ProxyVariables {
        ProxyVariables {
            https: Some("http://proxy:3128".into()),
            http: None,
            none_for: Some(none_for.into()).filter(|list: &String| !list.is_empty()),
        }
    }

    #[test]
    fn the_server_is_compared_not_the_proxy() {
        let direct = |list: &str, host: &str| variables(list).proxy_for("https", host, 6443).is_none();
        assert!(!direct("", "eks.example.com"));
        assert!(!direct("proxy", "eks.example.com"), "NO_PROXY names the proxy itself");
        for rule in ["eks.example.com", ".example.com", "example.com", "*.example.com", "*", "x, EXAMPLE.com"]
        {
            assert!(direct(rule, "eks.example.com"), "{rule}");
        }
        assert!(!direct("ample.com", "eks.example.com"));
        assert!(!direct(".eks.example.com", "eks.example.com"));
        assert!(direct("eks.example.com:6443", "eks.example.com"));
        assert!(!direct("eks.example.com:443", "eks.example.com"));
    }

    #[test]
    fn addresses_and_networks_count() {
        let direct = |list: &str, host: &str| variables(list).proxy_for("https", host, 443).is_none();
        assert!(direct("10.0.0.0/8", "10.1.2.3"));
        assert!(!direct("10.0.0.0/8", "11.1.2.3"));
        assert!(direct("0.0.0.0/0", "192.0.2.1"));
        assert!(direct("2001:db8::/32", "[2001:db8::1]"));
        assert!(!direct("2001:db8::/129", "[2001:db8::1]"));
        assert!(direct("192.0.2.1", "192.0.2.1"));
        assert!(direct("", "127.0.0.1"), "loopback never goes through a proxy");
        assert!(direct("", "localhost"));
    }

    #[test]
    fn the_scheme_chooses_the_variable() {
        assert_eq!(variables("").proxy_for("http", "example.com", 80), None);
        assert_eq!(variables("").proxy_for("https", "example.com", 443), Some("http://proxy:3128"));
    }
}
