//! `[pagerduty]`: who is on call, and what for.

use std::time::Duration;

use super::reader::Table;
use super::types::PagerDuty;
use super::{Origin, endpoint, values};

const SECOND: Duration = Duration::from_secs(1);

/// Reads the table; `None` without a URL: nobody is asked then.
pub(super) fn read(table: &Table<'_>, origin: &Origin) -> Option<PagerDuty> {
    let endpoint = endpoint::read(table, "url", origin);
    // PagerDuty counts requests: 960 a minute for a whole account.
    let interval = table.duration("interval", 30 * SECOND, 5 * SECOND..=600 * SECOND);
    let service = table.text("service", &values::TEXT);
    let escalation_policy = table.text("escalation_policy", &values::TEXT);
    let endpoint = endpoint?;
    if endpoint.token.is_none() {
        table.blame(
            "url",
            "expected a token beside it: name it with token_env, token_file or token_command",
            None,
        );
    }
    Some(PagerDuty { endpoint, interval, service, escalation_policy })
}
