//! Errors of the API, in the operator's words: what failed, why, what to do.

use std::error::Error;
use std::io;

use kube::client::AuthError;
use kube::core::Status;

use crate::sources::text::clean;

/// What a failed request means and what to do about it. kube's own top-level words
/// say next to nothing; the cause is found along `source()`.
#[must_use]
pub fn explain(error: &kube::Error) -> String {
    explain_error(error)
}

/// [`explain`] for any error, the deepest known cause first: those of a watch, of a
/// probe, of the TLS stack.
#[must_use]
pub fn explain_error(error: &(dyn Error + 'static)) -> String {
    let chain = causes(error);
    for cause in chain.iter().rev() {
        if let Some(words) = known_cause(*cause) {
            return words;
        }
    }
    if chain.iter().any(|cause| is_dns(*cause)) {
        return "the server's name cannot be resolved: check the address, DNS and the VPN".to_owned();
    }
    for cause in &chain {
        if let Some(words) = told_by_kube(*cause) {
            return words;
        }
    }
    clean(&chain.last().map_or_else(|| error.to_string(), ToString::to_string))
}

/// The error and its causes, outermost first. An `io::Error` hides what it wraps
/// from `source()`, so that is unwrapped here.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    let mut chain: Vec<&'e (dyn Error + 'static)> = Vec::new();
    let mut next = Some(error);
    // No honest error has this many causes.
    while let Some(error) = next.filter(|_| chain.len() < 20) {
        chain.push(error);
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    chain
}

fn known_cause(error: &(dyn Error + 'static)) -> Option<String> {
    let boxed = || error.downcast_ref::<Box<Status>>().map(AsRef::as_ref);
    if let Some(status) = error.downcast_ref::<Status>().or_else(boxed) {
        return Some(status_words(status));
    }
    if let Some(error) = error.downcast_ref::<AuthError>() {
        return Some(credential_words(error));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls_words(error));
    }
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(TIMED_OUT.to_owned());
    }
    io_words(error.downcast_ref::<io::Error>()?)
}

const TIMED_OUT: &str = "no answer in time: is the server up, the VPN on, a firewall or proxy in between?";

fn io_words(error: &io::Error) -> Option<String> {
    use io::ErrorKind as Kind;
    let words = match error.kind() {
        Kind::ConnectionRefused => "connection refused: nothing listens at the server's address",
        Kind::TimedOut => TIMED_OUT,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            "the server, or something in between, closed the connection"
        }
        Kind::UnexpectedEof => "the connection ended in the middle of an answer",
        Kind::HostUnreachable | Kind::NetworkUnreachable => {
            "the server's network cannot be reached: is the VPN on?"
        }
        _ => return None,
    };
    Some(words.to_owned())
}

fn is_dns(error: &(dyn Error + 'static)) -> bool {
    let words = error.to_string();
    words.contains("dns error") || words.contains("failed to lookup address")
}

fn told_by_kube(error: &(dyn Error + 'static)) -> Option<String> {
    match error.downcast_ref::<kube::Error>()? {
        kube::Error::SerdeError(error) => {
            Some(format!("the server's answer cannot be read: {}", clean(&error.to_string())))
        }
        kube::Error::InferKubeconfig(error) => {
            Some(format!("the kubeconfig cannot be used: {}", clean(&error.to_string())))
        }
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            Some("the proxy's protocol is not supported: use an http:// or https:// proxy".to_owned())
        }
        _ => None,
    }
}

fn status_words(status: &Status) -> String {
    let message = clean(&status.message);
    match status.code {
        401 => "credentials expired or not accepted (401): log in again, then try again".to_owned(),
        403 => format!("{} (403): ask for the role in rbac.yaml", denied(&message)),
        404 => not_found(status, &message),
        409 => format!("changed or held by somebody else meanwhile (409): {message}"),
        410 => "the server no longer has that state (410): read anew".to_owned(),
        422 => format!("refused as invalid (422): {}", or_reason(&message, "the object is not as expected")),
        429 => "the server asks for fewer requests (429): it is overloaded".to_owned(),
        code @ 500..=599 => {
            format!("the server failed ({code}): {}", or_reason(&message, "it gives no reason"))
        }
        code => format!("the server refused ({code}): {}", or_reason(&message, &clean(&status.reason))),
    }
}

fn or_reason(message: &str, otherwise: &str) -> String {
    if message.trim().is_empty() { otherwise.to_owned() } else { message.to_owned() }
}

fn not_found(status: &Status, message: &str) -> String {
    match status.details.as_ref().filter(|details| !details.name.is_empty()) {
        Some(details) => format!("there is no {} `{}` (404)", clean(&details.kind), clean(&details.name)),
        None => format!("not found (404): {}", or_reason(message, "the server has no such API")),
    }
}

/// The right that is missing, out of the authoriser's sentence: `user "x" may not
/// patch services in namespace y`. The whole sentence where it reads otherwise.
fn denied(message: &str) -> String {
    let quoted = |after: &str| {
        let (_, rest) = message.split_once(after)?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let parts = || {
        let user = quoted("User \"")?;
        let (_, rest) = message.split_once(" cannot ")?;
        let (verb, _) = rest.split_once(" resource \"")?;
        let resource = quoted(" resource \"")?;
        let group = quoted("API group \"").filter(|group| !group.is_empty());
        let resource = group.map_or_else(|| resource.to_owned(), |group| format!("{resource}.{group}"));
        let place = quoted("in the namespace \"").map_or_else(String::new, |n| format!(" in namespace {n}"));
        Some(format!("user \"{user}\" may not {verb} {resource}{place}"))
    };
    parts().unwrap_or_else(|| or_reason(message, "forbidden"))
}

/// Neither what the plugin wrote nor its command line is shown: they may hold secrets.
fn credential_words(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => format!(
            "credentials expired: {}, then try again (the kubeconfig's credential plugin failed with {})",
            log_in(cmd),
            out.status
        ),
        AuthError::AuthExecStart(error) => format!(
            "the kubeconfig's credential plugin cannot be started ({}): is it installed and in PATH?",
            clean(&error.to_string())
        ),
        AuthError::ReadTokenFile(error, path) => {
            format!("the token file {} cannot be read: {error}", clean(&path.display().to_string()))
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the kubeconfig's credential plugin did not answer with credentials: run it by hand to see why"
                .to_owned()
        }
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "the credentials hold characters that no header may have".to_owned()
        }
        AuthError::UnrefreshableTokenResponse => {
            "credentials expired: log in again, then try again".to_owned()
        }
        other => format!("the kubeconfig's credentials cannot be used: {}", clean(&other.to_string())),
    }
}

/// How to log in with the tool that the plugin belongs to.
fn log_in(command: &str) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("aws-iam-authenticator", "run `aws sso login`"),
        ("gke-gcloud-auth-plugin", "run `gcloud auth login`"),
        ("gcloud", "run `gcloud auth login`"),
        ("kubelogin", "run `az login` or `kubectl oidc-login`"),
        ("oidc-login", "run `kubectl oidc-login`"),
        ("doctl", "run `doctl auth init`"),
        ("tsh", "run `tsh login`"),
        ("oci", "run `oci session authenticate`"),
        ("aws", "run `aws sso login`"),
    ];
    let is_part =
        |name: &str| command.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == name);
    KNOWN.iter().find(|(name, _)| is_part(name)).map_or("log in again", |(_, words)| words)
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::{AlertDescription as Alert, CertificateError as Cert};
    match error {
        rustls::Error::InvalidCertificate(Cert::UnknownIssuer) => {
            "the server's certificate is of an unknown issuer: check the kubeconfig's certificate-authority, or a proxy in between"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => {
            "the server's certificate has expired, or this machine's clock is wrong".to_owned()
        }
        rustls::Error::InvalidCertificate(Cert::NotValidYet | Cert::NotValidYetContext { .. }) => {
            "the server's certificate is not valid yet: is this machine's clock right?".to_owned()
        }
        rustls::Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => {
            "the server's certificate is for another name: check the address, or set tls-server-name".to_owned()
        }
        rustls::Error::AlertReceived(
            Alert::CertificateExpired | Alert::BadCertificate | Alert::CertificateUnknown
            | Alert::CertificateRequired | Alert::UnknownCA,
        ) => "the server refused the client certificate: it has expired or is of another cluster; log in again".to_owned(),
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS there: is the address http instead of https, or another port?".to_owned()
        }
        other => format!("TLS failed: {}", clean(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Status { code, message: message.into(), ..Status::default() }.boxed())
    }

    #[test]
    fn a_missing_right_is_named() {
        let message = "services \"backend\" is forbidden: User \"ada\" cannot patch resource \"services\" in API group \"\" in the namespace \"taxasge\"";
        assert_eq!(
            explain(&api(403, message)),
            "user \"ada\" may not patch services in namespace taxasge (403): ask for the role in rbac.yaml"
        );
        let message = "x is forbidden: User \"ada\" cannot list resource \"deployments\" in API group \"apps\" in the namespace \"a\"";
        assert!(
            explain(&api(403, message))
                .starts_with("user \"ada\" may not list deployments.apps in namespace a")
        );
        assert!(explain(&api(403, "quota \x1b[31m")).starts_with("quota  [31m (403)"));
    }

    #[test]
    fn what_the_server_says_is_told_by_its_code() {
        for (code, words) in
            [(401, "log in again"), (429, "overloaded"), (503, "failed (503)"), (422, "invalid")]
        {
            assert!(explain(&api(code, "")).contains(words), "{code}: {}", explain(&api(code, "")));
        }
        let json = r#"{"code": 404, "reason": "NotFound", "message": "services \"x\" not found",
            "details": {"name": "x", "kind": "services"}}"#;
        let status: Status = serde_json::from_str(json).unwrap();
        assert_eq!(explain(&kube::Error::Api(status.boxed())), "there is no services `x` (404)");
    }

    #[test]
    fn the_cause_is_found_below_empty_words() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = io::Error::other(refused);
        assert!(explain(&kube::Error::Service(Box::new(wrapped))).starts_with("connection refused"));
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, unknown);
        assert!(explain(&kube::Error::Service(Box::new(wrapped))).contains("unknown issuer"));
        let dns = io::Error::other("failed to lookup address information: Name or service not known");
        assert!(explain(&kube::Error::Service(Box::new(dns))).contains("cannot be resolved"));
    }

    #[test]
    fn a_plugins_output_is_never_shown() {
        use std::os::unix::process::ExitStatusExt;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"s3cr3t".to_vec(),
            stderr: b"not accepted: s3cr3t".to_vec(),
        };
        let error = AuthError::AuthExecRun {
            cmd: "TOKEN=\"s3cr3t\" \"aws\" \"eks\" \"get-token\"".into(),
            out: Box::new(out),
        };
        let words = explain(&kube::Error::Auth(error));
        assert!(words.starts_with("credentials expired: run `aws sso login`"), "{words}");
        assert!(!words.contains("s3cr3t"), "{words}");
    }
}
