//! Who is who: the people of the repository, what each may do, and their tokens.

use std::time::Duration;

/// What somebody may do in the repository, each including those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    Read,
    Write,
    Admin,
}

/// Somebody with an account.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    pub login: &'static str,
    pub id: u64,
    pub name: &'static str,
    pub right: Right,
    /// How long after a request somebody who plays along reviews a pull request, at the
    /// usual pace; nothing for those who do not review by themselves.
    pub reviews_after: Option<Duration>,
    /// Whether this is an app and not a human.
    pub is_bot: bool,
}

/// The people of the repository. The one who rehearses is [`PLAYER`].
pub static PEOPLE: [Person; 4] = [
    Person {
        login: "ops1",
        id: 5_101_001,
        name: "Operations",
        right: Right::Write,
        reviews_after: None,
        is_bot: false,
    },
    Person {
        login: "orchestrator",
        id: 5_101_002,
        name: "Orchestrator",
        right: Right::Admin,
        reviews_after: Some(Duration::from_secs(4)),
        is_bot: false,
    },
    Person {
        login: "developer",
        id: 5_101_003,
        name: "Developer on call",
        right: Right::Write,
        reviews_after: Some(Duration::from_secs(2)),
        is_bot: false,
    },
    Person {
        login: "viewer",
        id: 5_101_004,
        name: "Viewer",
        right: Right::Read,
        reviews_after: None,
        is_bot: false,
    },
];

/// Who rehearses.
pub static PLAYER: &Person = &PEOPLE[0];
/// Who leads releases and may approve them.
pub static ORCHESTRATOR: &Person = &PEOPLE[1];
/// Who writes the code.
pub static DEVELOPER: &Person = &PEOPLE[2];
/// Who may only look.
pub static VIEWER: &Person = &PEOPLE[3];

/// What acts for the workflows.
pub static ACTIONS: Person = Person {
    login: "github-actions[bot]",
    id: 41_898_282,
    name: "github-actions[bot]",
    right: Right::Write,
    reviews_after: None,
    is_bot: true,
};

/// The person of that login, in any case of letters.
#[must_use]
pub fn person(login: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.login.eq_ignore_ascii_case(login))
}

impl Person {
    /// The token of this person: no secret, for the world is one to practise in.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-token", self.login)
    }

    /// The address that commits carry.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }

    /// Whether this one may do what needs that right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.right >= right
    }
}
