//! Whether credentials were presented in a pull.

use wire::http::Credentials;

use super::record::Known;

/// The evidence. It is about presence only; credentials themselves never come here.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a piece of evidence of its own")]
pub(super) struct Presented {
    /// Somebody showed some.
    shown: bool,
    /// The API that asked for the pull said that there are none.
    none_given: bool,
    /// A request to the registry had none.
    bare: bool,
    /// The API may have given some, or a request may have had some.
    unsure: bool,
}

impl Presented {
    /// What the API said that asked for the pull; `None` where it can't be known: it may have given some.
    pub fn by_api(&mut self, credentials: Option<bool>) {
        match credentials {
            Some(true) => self.shown = true,
            Some(false) => self.none_given = true,
            None => self.unsure = true,
        }
    }

    /// What a request to the registry brought along. `token`: whether the token that the process last had for the repository
    /// was given for credentials, if it is known.
    pub fn by_request(&mut self, credentials: Credentials, token: Option<bool>) {
        match (credentials, token) {
            (Credentials::None, _) | (Credentials::Bearer, Some(false)) => self.bare = true,
            (Credentials::Basic, _) | (Credentials::Bearer, Some(true)) => self.shown = true,
            (Credentials::Bearer, None) | (Credentials::Other | Credentials::Unknown, _) => {
                self.unsure = true;
            }
        }
    }

    /// What was asked for a token with.
    pub fn by_token_request(&mut self, with_credentials: bool) {
        self.shown |= with_credentials;
    }

    /// The answer. `hidden`: requests may have been made that nobody could read.
    pub fn known(self, hidden: bool) -> Known {
        match self {
            Self { shown: true, .. } => Known::Yes,
            Self { unsure: true, .. } => Known::Unknown,
            Self { bare: true, .. } | Self { none_given: true, .. } if !hidden => Known::No,
            _ => Known::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(evidence: impl FnOnce(&mut Presented)) -> Known {
        let mut presented = Presented::default();
        evidence(&mut presented);
        presented.known(false)
    }

    #[test]
    fn credentials_are_known_by_what_was_seen() {
        assert_eq!(presented(|_| ()), Known::Unknown);
        assert_eq!(presented(|p| p.by_api(Some(false))), Known::No);
        assert_eq!(presented(|p| p.by_request(Credentials::None, None)), Known::No);
        assert_eq!(presented(|p| p.by_request(Credentials::Basic, None)), Known::Yes);
        assert_eq!(presented(|p| p.by_request(Credentials::Bearer, Some(false))), Known::No);
        assert_eq!(presented(|p| p.by_request(Credentials::Bearer, Some(true))), Known::Yes);
    }

    /// The runtime may have credentials of its own that the request for the pull did not bring.
    #[test]
    fn what_the_registry_gets_counts_more_than_what_the_api_said() {
        let both = |p: &mut Presented| {
            p.by_api(Some(false));
            p.by_request(Credentials::Basic, None);
        };
        assert_eq!(presented(both), Known::Yes);
    }

    #[test]
    fn doubt_is_no_answer() {
        let token = |p: &mut Presented| {
            p.by_request(Credentials::None, None);
            p.by_request(Credentials::Bearer, None);
        };
        assert_eq!(presented(token), Known::Unknown);
        assert_eq!(presented(|p| p.by_api(None)), Known::Unknown);
        let seen = |p: &mut Presented| {
            p.by_api(None);
            p.by_request(Credentials::None, None);
        };
        assert_eq!(presented(seen), Known::Unknown);
        let mut hidden = Presented::default();
        hidden.by_api(Some(false));
        assert_eq!(hidden.known(true), Known::Unknown);
    }
}
