//! GitHub: who the token is, what it may do, and how much of the hour is left.

use super::Finding;
use crate::config::{Environment, GitHub};
use crate::sources::github::{Access, Client, access};

const WHAT: &str = "GitHub";

/// Nothing where no repository is configured.
pub(super) async fn examine(environment: &Environment) -> Vec<Finding> {
    let Some(config) = &environment.github else { return Vec::new() };
    let read = match Client::new(config).await {
        Ok(client) => access(&client, &config.setting).await.map_err(|trouble| trouble.words().to_owned()),
        Err(why) => Err(why),
    };
    match read {
        Ok(access) => findings(config, &access),
        Err(why) => {
            vec![
                Finding::fail(WHAT, format!("{}: {why}", config.setting.repository)).advise("check [github]"),
            ]
        }
    }
}

fn findings(config: &GitHub, access: &Access) -> Vec<Finding> {
    let setting = &config.setting;
    let mut findings = vec![identity(config, access)];
    findings.push(match &access.workflow {
        Ok(name) => Finding::ok("workflow", format!("{}: {name}", setting.workflow)),
        Err(why) => Finding::fail("workflow", format!("{}: {why}", setting.workflow))
            .advise("check github.workflow: a file of .github/workflows on the default branch"),
    });
    findings.push(match &access.reviewers {
        Ok(reviewers) if reviewers.is_empty() => {
            Finding::warn("approval", format!("{} asks nobody for an approval", setting.environment))
                .advise("give the environment required reviewers: nothing else stops a pipeline")
        }
        Ok(reviewers) => {
            Finding::ok("approval", format!("{}: {} may approve", setting.environment, reviewers.join(", ")))
        }
        Err(why) => Finding::unknown("approval", format!("{}: {why}", setting.environment)),
    });
    findings
}

fn identity(config: &GitHub, access: &Access) -> Finding {
    let who = access.user.as_deref().map_or_else(|| "an app".to_owned(), |user| format!("as {user}"));
    let (may, sound) = match access.may_push {
        Some(true) => ("may merge and approve", true),
        Some(false) => ("may only read", false),
        None => ("its rights are not told", true),
    };
    let left = access.rate.map_or_else(String::new, |rate| {
        format!("; {} of {} requests left this hour", rate.left, rate.limit)
    });
    let seen = format!("{} {who}: {may}{left}", config.setting.repository);
    if !sound {
        return Finding::warn(WHAT, seen).advise("merging and approving need a token with write access");
    }
    match access.rate {
        Some(rate) if rate.left < rate.limit / 10 => {
            Finding::warn(WHAT, seen).advise("something else uses this token up: give cutover one of its own")
        }
        _ => Finding::ok(WHAT, seen),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Verdict;
    use super::*;
    use crate::config::Endpoint;
    use crate::sop::repository::{GitHubSetting, Rate, ReleaseChoice};
    use crate::sop::stages::StagePatterns;

    fn config() -> GitHub {
        GitHub {
            endpoint: Endpoint::anonymous("https://api.github.com", Duration::from_secs(1)),
            setting: GitHubSetting::of("taxasge/backend"),
            interval: Duration::from_secs(5),
            stages: StagePatterns::default(),
            release: ReleaseChoice::Found,
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let well = Access {
            user: Some("ops1".into()),
            may_push: Some(true),
            workflow: Ok("Deploy to production".into()),
            reviewers: Ok(vec!["olga".into()]),
            rate: Some(Rate { limit: 5000, left: 4987, resets: None }),
        };
        let told = |access: &Access| -> Vec<(Verdict, String)> {
            findings(&config(), access).into_iter().map(|finding| (finding.verdict, finding.seen)).collect()
        };
        assert_eq!(
            told(&well),
            [
                (
                    Verdict::Ok,
                    "taxasge/backend as ops1: may merge and approve; 4987 of 5000 requests left this hour"
                        .into()
                ),
                (Verdict::Ok, "production.yml: Deploy to production".into()),
                (Verdict::Ok, "production: olga may approve".into()),
            ]
        );
        let ill = Access {
            user: None,
            may_push: Some(false),
            workflow: Err("it is not there".into()),
            reviewers: Ok(Vec::new()),
            rate: None,
        };
        let verdicts: Vec<Verdict> = told(&ill).into_iter().map(|(verdict, _)| verdict).collect();
        assert_eq!(verdicts, [Verdict::Warn, Verdict::Fail, Verdict::Warn]);
        let used_up = Access { rate: Some(Rate { limit: 5000, left: 499, resets: None }), ..well };
        assert_eq!(told(&used_up)[0].0, Verdict::Warn);
    }
}
