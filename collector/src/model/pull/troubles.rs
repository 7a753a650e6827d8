//! What has gone wrong in a pull and was not made good since.

use wire::trouble::Trouble;

/// Most that are remembered; the oldest gives way.
const MOST: usize = 16;

/// What something went wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// The way to a registry: name, connection, TLS.
    Connection,
    /// The credentials.
    Token,
    /// A manifest or blob, by its hash.
    Subject(u64),
}

/// The troubles, oldest first.
#[derive(Default)]
pub(super) struct Troubles(Vec<(With, Trouble)>);

impl Troubles {
    /// Something went wrong.
    pub fn add(&mut self, with: With, trouble: Trouble) {
        self.0.retain(|(known, _)| *known != with);
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((with, trouble));
    }

    /// A manifest or blob has come: so have the connection and the token that it took.
    pub fn made_good(&mut self, subject: Option<u64>) {
        self.0.retain(|(with, _)| match with {
            With::Connection | With::Token => false,
            With::Subject(known) => Some(*known) != subject,
        });
    }

    /// What is still wrong: the last of it.
    pub fn last(&self) -> Option<Trouble> {
        self.0.last().map(|(_, trouble)| *trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_all_is_no_trouble() {
        let mut troubles = Troubles::default();
        troubles.add(With::Connection, Trouble::ConnectionRefused);
        troubles.add(With::Subject(1), Trouble::NotFound);
        troubles.made_good(Some(2));
        assert_eq!(troubles.last(), Some(Trouble::NotFound));
        troubles.made_good(Some(1));
        assert_eq!(troubles.last(), None);
    }

    #[test]
    fn the_last_trouble_counts() {
        let mut troubles = Troubles::default();
        troubles.add(With::Subject(1), Trouble::ServerError);
        troubles.add(With::Connection, Trouble::Timeout);
        troubles.add(With::Subject(1), Trouble::Reset);
        assert_eq!(troubles.last(), Some(Trouble::Reset));
        for subject in 2..100 {
            troubles.add(With::Subject(subject), Trouble::NotFound);
        }
        assert_eq!(troubles.0.len(), MOST);
    }
}
