//! What is read of scripts, and what their graph comes to.

use super::judge::{at_head, destructive, downgrade, pending, single_head};
use super::*;
use crate::sop::checklist::evidence::Found;

fn script(text: &str) -> Script {
    read("001_x.py", text).unwrap()
}

fn why(text: &str) -> String {
    read("001_x.py", text).unwrap_err().why
}

/// A script that follows others.
fn revision(revision: &str, down: &[&str]) -> Script {
    Script {
        file: format!("{revision}.py"),
        revision: revision.to_owned(),
        title: String::new(),
        down: at(down),
        depends: Vec::new(),
        labels: Vec::new(),
        downgrade: Downgrade::Written,
        hazards: Vec::new(),
    }
}

fn names(scripts: &[&Script]) -> Vec<String> {
    scripts.iter().map(|script| script.revision.clone()).collect()
}

fn at(revisions: &[&str]) -> Vec<String> {
    revisions.iter().map(|&revision| revision.to_owned()).collect()
}

#[test]
fn a_script_says_what_it_follows_in_every_form_that_alembic_writes() {
    let whole = script(concat!(
        "\"\"\"Add webhooks table\n\nRevision ID: b\n\"\"\"\nfrom typing import Union\n\n",
        "revision: str = 'b'\ndown_revision: Union[str, None] = ('a', \"c\",)\n",
        "branch_labels = ['hooks']\ndepends_on = 'd'\n",
        "def upgrade():\n    pass\ndef downgrade():\n    op.drop_table('x')\n",
    ));
    let expected = Script {
        file: "001_x.py".into(),
        title: "Add webhooks table".into(),
        depends: at(&["d"]),
        labels: at(&["hooks"]),
        ..revision("b", &["a", "c"])
    };
    assert_eq!(whole, expected);
    let first = script("revision = 'a'\ndown_revision = None\n");
    assert_eq!((first.down.len(), first.downgrade), (0, Downgrade::Missing));
}

#[test]
fn what_is_worked_out_or_broken_is_not_read() {
    let cases = [
        ("down_revision = None", "it does not say its `revision`"),
        ("revision = 'a'", "it does not say its `down_revision`"),
        ("revision = 'a'\ndown_revision = LAST", "its `down_revision` is no plain string"),
        ("revision = 'a' + 'b'\ndown_revision = None", "its `revision` is no plain string"),
        ("revision = f'{a}'\ndown_revision = None", "its `revision` is no plain string"),
        ("revision = 'a'\ndown_revision = ('b', LAST)", "its `down_revision` is no plain string"),
        ("revision = 'a'\ndown_revision = (", "it is not Python that can be read"),
        ("if True:\n    revision = 'a'\ndown_revision = None", "it does not say its `revision`"),
    ];
    for (text, words) in cases {
        assert!(why(text).starts_with(words), "{text}: {}", why(text));
    }
}

#[test]
fn a_downgrade_that_does_nothing_is_no_way_back() {
    let cases = [
        ("    pass", Downgrade::Empty),
        ("    ...", Downgrade::Empty),
        ("    return", Downgrade::Empty),
        ("    raise NotImplementedError()", Downgrade::Empty),
        ("    \"\"\"nothing\"\"\"\n    # op.drop_table('x')\n    pass", Downgrade::Empty),
        ("    op.drop_table('x')", Downgrade::Written),
        ("    \"\"\"back\"\"\"\n    op.drop_table('x')", Downgrade::Written),
    ];
    for (body, expected) in cases {
        let text = format!("revision = 'a'\ndown_revision = None\ndef downgrade():\n{body}\n");
        assert_eq!(script(&text).downgrade, expected, "{body}");
    }
}

#[test]
fn what_an_upgrade_destroys_is_pointed_out_with_its_line() {
    let cases = [
        ("op.drop_table('users')", Some("drop_table users")),
        ("batch.drop_column('email')", Some("drop_column email")),
        ("op.drop_constraint('uq', 'users')", Some("drop_constraint uq.users")),
        ("op.drop_index('i')", None),
        ("op.add_column('users', sa.Column('a', sa.Integer))", None),
        ("op.alter_column('users', 'a', type_=sa.Text())", Some("alter_column users.a: another type")),
        ("op.alter_column('users', 'a', nullable=False)", Some("alter_column users.a: not null")),
        ("op.alter_column('users', 'a', nullable=True)", None),
        ("op.alter_column('users', 'a', nullable=STRICT)", Some("alter_column users.a: perhaps not null")),
        ("op.alter_column('users', 'a', new_column_name='b')", Some("alter_column users.a: renamed")),
        ("op.alter_column('users', 'a', server_default='1')", None),
        ("op.execute('DROP TABLE users')", Some("execute DROP TABLE users")),
        ("op.execute(sa.text('delete from users'))", Some("execute delete from users")),
        ("op.execute('TRUN' 'CATE users')", Some("execute TRUNCATE users")),
        ("op.execute('ALTER TABLE u ALTER COLUMN a SET NOT NULL')", Some("execute ALTER TABLE u ALTER")),
        ("op.execute('ALTER TABLE u ALTER a TYPE text')", Some("execute ALTER TABLE u ALTER a TYPE")),
        ("op.execute('CREATE TABLE a (b int REFERENCES c ON DELETE CASCADE)')", None),
        ("op.execute('SELECT 1 -- DROP TABLE users')", None),
        ("op.execute(text(('UPDATE a ' 'SET b = 1')))", None),
        ("op.execute(STATEMENT)", Some("SQL that is worked out when it runs: STATEMENT")),
        ("op.execute(f'UPDATE {table} SET a = 1')", Some("SQL that is worked out when it runs: f'UPDATE")),
        ("op.execute('UPDATE %s' % table)", Some("SQL that is worked out when it runs")),
        ("op.execute(users.update().values(a='x'))", Some("SQL that is worked out when it runs")),
        ("op.execute(users.delete())", Some("SQL that is worked out when it runs")),
        ("op.execute(sqltext='DROP TABLE a')", Some("execute DROP TABLE a")),
        ("session.delete(row)", Some("session.delete(row)")),
        ("op.drop_everything('x')", Some("drop_everything x")),
        ("# op.drop_table('users')", None),
    ];
    for (line, expected) in cases {
        let text = format!(
            "revision = 'a'\ndown_revision = None\ndef upgrade():\n    pass\n    {line}\n\
             def downgrade():\n    op.drop_table('new')\n"
        );
        let hazards = script(&text).hazards;
        match expected {
            None => assert_eq!(hazards, [], "{line}"),
            Some(words) => {
                let hazard = hazards.first().unwrap_or_else(|| panic!("{line}: nothing found"));
                assert!(hazard.what.starts_with(words) && hazard.line == 5, "{line}: {hazard:?}");
            }
        }
    }
}

#[test]
fn a_deeply_nested_script_ends_nothing() {
    let deep =
        format!("revision = 'a'\ndown_revision = None\nx = {}1{}\n", "(".repeat(5000), ")".repeat(5000));
    // Whether the grammar takes it or not, there is an answer.
    match read("deep.py", &deep) {
        Ok(script) => assert_eq!(script.revision, "a"),
        Err(unread) => assert!(!unread.why.is_empty()),
    }
}

#[test]
fn a_merge_follows_both_branches_and_what_is_pending_comes_in_order() {
    let scripts = vec![
        revision("z_merge", &["left", "right"]),
        revision("left", &["base"]),
        Script { depends: at(&["other"]), ..revision("right", &["base"]) },
        Script { labels: at(&["other"]), ..revision("elsewhere", &[]) },
        revision("base", &[]),
    ];
    let graph = Graph::new(scripts).unwrap();
    assert_eq!(names(&graph.heads()), ["elsewhere", "z_merge"]);
    let all = names(&graph.pending(&[]).unwrap());
    assert_eq!(all, ["elsewhere", "base", "left", "right", "z_merge"]);
    assert_eq!(names(&graph.pending(&at(&["right"])).unwrap()), ["left", "z_merge"]);
    assert_eq!(names(&graph.pending(&at(&["left", "right"])).unwrap()), ["z_merge"]);
    assert!(graph.pending(&at(&["z_merge"])).unwrap().is_empty());
    assert_eq!(graph.pending(&at(&["base", "gone"])), Err(Astray("gone".into())));
    assert_eq!(single_head(&graph).0, Found::Fail);
}

#[test]
fn what_alembic_would_refuse_is_refused() {
    let twice = vec![revision("a", &[]), Script { file: "other.py".into(), ..revision("a", &[]) }];
    assert_eq!(Graph::new(twice).unwrap_err(), "other.py and a.py have the same revision a");
    let lost = vec![revision("b", &["a"])];
    assert_eq!(Graph::new(lost).unwrap_err(), "b.py needs the revision a, which is in no script");
    let circle = vec![revision("a", &["b"]), revision("b", &["a"]), revision("c", &[])];
    assert_eq!(Graph::new(circle).unwrap_err(), "the revisions run in a circle, a.py among them");
    let short = Graph::new(vec![revision("abcdef", &[]), revision("b", &["abc"])]).unwrap();
    assert_eq!(names(&short.heads()), ["b"]);
    let unclear = vec![revision("abc1", &[]), revision("abc2", &[]), revision("b", &["abc"])];
    assert!(Graph::new(unclear).is_err());
}

#[test]
fn each_judgement_has_its_words() {
    let hazard = Hazard { line: 7, what: "drop_table users".into() };
    let last = Script { downgrade: Downgrade::Missing, hazards: vec![hazard], ..revision("b", &["a"]) };
    let graph = Graph::new(vec![revision("a", &[]), last]).unwrap();
    let (first, head, strange) = (at(&["a"]), at(&["b"]), at(&["x"]));
    let destroys = "an operator has to accept it: b.py:7 drop_table users";
    let cases = [
        (single_head(&graph), Found::Pass, "one head: b"),
        (pending(&graph, &first, "db"), Found::Pass, "db is at a; 1 pending: b"),
        (pending(&graph, &[], "db"), Found::Pass, "db is at no revision; 2 pending: a, b"),
        (pending(&graph, &head, "db"), Found::Pass, "db is at b: nothing is pending"),
        (at_head(&graph, &first, "db"), Found::Fail, "db is at a, it lacks 1 of the release's: b"),
        (at_head(&graph, &head, "db"), Found::Pass, "db is at the release's head b"),
        (downgrade(&graph, &first, "db"), Found::Fail, "no way back: b.py (it has no downgrade)"),
        (downgrade(&graph, &head, "db"), Found::Pass, "nothing is pending"),
        (destructive(&graph, &first, "db"), Found::Unknown, destroys),
        (destructive(&graph, &head, "db"), Found::Pass, "0 pending, none of them destroys anything"),
    ];
    for ((found, words), expected, expected_words) in cases {
        assert_eq!((found, words.as_str()), (expected, expected_words));
    }
    for look in [pending, at_head, downgrade, destructive] {
        let (found, words) = look(&graph, &strange, "db");
        assert_eq!(found, Found::Fail);
        assert!(words.starts_with("db is at x, which the release does not have"), "{words}");
    }
    assert_eq!(single_head(&Graph::new(Vec::new()).unwrap()).0, Found::Unknown);
}
