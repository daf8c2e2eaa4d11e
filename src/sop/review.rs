//! Which reviews of a pull request count (sop.md, production step 2: two reviewers, the
//! developer on call and the orchestrator).
//!
//! Of each person the latest decisive review counts; a comment decides nothing. The
//! author's own does not count, nor one that was given before the last push.

use super::pull_request::{PullRequest, Review, ReviewState};
use super::repository::GitHubSetting;

/// How the reviews of a pull request stand. Logins, in the order of their reviews.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing<'r> {
    /// Whose approval counts.
    pub approved: Vec<&'r str>,
    /// Who approved before the last push.
    pub outdated: Vec<&'r str>,
    /// Who asks for changes: nobody else's approval makes up for it.
    pub wants_changes: Vec<&'r str>,
    /// The author approved it: no help.
    pub author_approved: bool,
    /// Roles of which no approval counts.
    pub missing_roles: Vec<&'r str>,
    /// How many approvals are wanted.
    pub wanted: usize,
}

impl<'r> Standing<'r> {
    /// Applies the rule.
    #[must_use]
    pub fn of(request: &'r PullRequest, setting: &'r GitHubSetting) -> Self {
        let mut standing = Self { wanted: setting.approvals, ..Self::default() };
        for review in latest(&request.reviews) {
            let author = review.author.as_str();
            let own = author.eq_ignore_ascii_case(&request.author);
            match review.state {
                ReviewState::ChangesRequested if !own => standing.wants_changes.push(author),
                ReviewState::Approved if own => standing.author_approved = true,
                ReviewState::Approved if review.commit.as_ref() == Some(&request.head.sha) => {
                    standing.approved.push(author);
                }
                ReviewState::Approved => standing.outdated.push(author),
                _ => {}
            }
        }
        let missing = setting.each_role.iter().map(String::as_str);
        standing.missing_roles = missing
            .filter(|role| !standing.approved.iter().any(|login| setting.has_role(login, role)))
            .collect();
        standing
    }

    /// Whether it may be merged, as far as reviews go.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.wants_changes.is_empty() && self.approved.len() >= self.wanted && self.missing_roles.is_empty()
    }
}

/// Each person's latest decisive review, in the order in which they were given.
fn latest(reviews: &[Review]) -> Vec<&Review> {
    let mut latest: Vec<&Review> = Vec::new();
    for review in reviews {
        let decisive = matches!(
            review.state,
            ReviewState::Approved | ReviewState::ChangesRequested | ReviewState::Dismissed
        );
        if decisive {
            latest.retain(|earlier| !earlier.author.eq_ignore_ascii_case(&review.author));
            latest.push(review);
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::commit::{Commit, Sha};
    use crate::sop::pull_request::{Checks, Mergeability, PullRequestState};

    const HEAD: &str = "a1b2c3d4";
    const BEFORE: &str = "0b2c3d4e";

    fn setting(approvals: usize, each_role: &[&str]) -> GitHubSetting {
        let people = [
            ("orchestrator", vec!["Olga".to_owned()]),
            ("developer", vec!["dev1".to_owned(), "dev2".to_owned()]),
        ];
        GitHubSetting {
            approvals,
            each_role: each_role.iter().map(|&role| role.to_owned()).collect(),
            people: people.into_iter().map(|(role, logins)| (role.to_owned(), logins)).collect(),
            ..GitHubSetting::of("taxasge/backend")
        }
    }

    fn request(reviews: &[(&str, &str, &str)]) -> PullRequest {
        let state = |word: &str| match word {
            "approves" => ReviewState::Approved,
            "changes" => ReviewState::ChangesRequested,
            "comments" => ReviewState::Commented,
            "dismissed" => ReviewState::Dismissed,
            other => ReviewState::Other(other.to_owned()),
        };
        let review = |&(author, word, commit): &(&str, &str, &str)| Review {
            author: author.to_owned(),
            state: state(word),
            commit: (!commit.is_empty()).then(|| Sha(commit.to_owned())),
            at: None,
        };
        PullRequest {
            number: 42,
            title: "Release v1.1.0".into(),
            author: "author".into(),
            url: String::new(),
            head_branch: "develop".into(),
            head: Commit { sha: Sha(HEAD.into()), tree: None, title: String::new() },
            base_branch: "main".into(),
            state: PullRequestState::Open,
            mergeability: Mergeability::Clean,
            reviews: reviews.iter().map(review).collect(),
            checks: Checks::default(),
            files: Vec::new(),
            more_files: false,
            issues: Vec::new(),
        }
    }

    #[test]
    fn only_the_latest_decisive_word_of_others_on_this_head_counts() {
        type Reviews<'a> = &'a [(&'a str, &'a str, &'a str)];
        type Row<'a> = (&'a str, Reviews<'a>, &'a [&'a str], &'a [&'a str], &'a [&'a str], bool);
        let rows: [Row; 12] = [
            ("none", &[], &[], &[], &[], false),
            (
                "two",
                &[("dev1", "approves", HEAD), ("olga", "approves", HEAD)],
                &["dev1", "olga"],
                &[],
                &[],
                true,
            ),
            (
                "one twice",
                &[("dev1", "approves", HEAD), ("DEV1", "approves", HEAD)],
                &["DEV1"],
                &[],
                &[],
                false,
            ),
            (
                "the author",
                &[("Author", "approves", HEAD), ("dev1", "approves", HEAD)],
                &["dev1"],
                &[],
                &[],
                false,
            ),
            (
                "before the push",
                &[("dev1", "approves", BEFORE), ("olga", "approves", HEAD)],
                &["olga"],
                &["dev1"],
                &[],
                false,
            ),
            (
                "of no commit",
                &[("dev1", "approves", ""), ("olga", "approves", HEAD)],
                &["olga"],
                &["dev1"],
                &[],
                false,
            ),
            (
                "taken back",
                &[("dev1", "approves", HEAD), ("olga", "approves", HEAD), ("dev1", "dismissed", HEAD)],
                &["olga"],
                &[],
                &[],
                false,
            ),
            (
                "a comment after",
                &[("dev1", "approves", HEAD), ("olga", "approves", HEAD), ("dev1", "comments", HEAD)],
                &["dev1", "olga"],
                &[],
                &[],
                true,
            ),
            (
                "changes of a third",
                &[("dev1", "approves", HEAD), ("olga", "approves", HEAD), ("dev2", "changes", BEFORE)],
                &["dev1", "olga"],
                &[],
                &["dev2"],
                false,
            ),
            (
                "changes, then approval",
                &[("dev1", "changes", BEFORE), ("dev1", "approves", HEAD), ("olga", "approves", HEAD)],
                &["dev1", "olga"],
                &[],
                &[],
                true,
            ),
            (
                "the author's wishes",
                &[("author", "changes", HEAD), ("dev1", "approves", HEAD), ("olga", "approves", HEAD)],
                &["dev1", "olga"],
                &[],
                &[],
                true,
            ),
            (
                "an unknown word",
                &[("dev1", "approves", HEAD), ("olga", "BLESSED", HEAD)],
                &["dev1"],
                &[],
                &[],
                false,
            ),
        ];
        let setting = setting(2, &[]);
        for (what, reviews, approved, outdated, changes, suffices) in rows {
            let request = request(reviews);
            let standing = Standing::of(&request, &setting);
            assert_eq!(standing.approved, approved, "{what}");
            assert_eq!(standing.outdated, outdated, "{what}");
            assert_eq!(standing.wants_changes, changes, "{what}");
            assert_eq!(standing.suffices(), suffices, "{what}");
            assert_eq!(standing.author_approved, what == "the author", "{what}");
        }
    }

    #[test]
    fn each_role_can_be_asked_for_one_approval() {
        let setting = setting(2, &["orchestrator", "developer"]);
        let both = request(&[("dev2", "approves", HEAD), ("olga", "approves", HEAD)]);
        assert!(Standing::of(&both, &setting).suffices());
        let one = request(&[("dev1", "approves", HEAD), ("dev2", "approves", HEAD)]);
        let standing = Standing::of(&one, &setting);
        assert_eq!(standing.missing_roles, ["orchestrator"]);
        assert!(!standing.suffices());
    }
}
