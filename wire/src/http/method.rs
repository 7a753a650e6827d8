//! Request methods (RFC 9110 section 9, RFC 5789).

/// A request method. Those that registries and agents use have a name, the rest is [`Method::Other`], so that a
/// metric label made of it is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Each variant is the method of the same name.
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Connect,
    Trace,
    Other,
}

impl Method {
    /// Every method, for metrics that exist from the start.
    pub const ALL: [Self; 10] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Options,
        Self::Connect,
        Self::Trace,
        Self::Other,
    ];

    /// The method of a request line. Methods are case-sensitive (RFC 9110 section 9.1).
    pub fn parse(token: &[u8]) -> Self {
        Self::ALL.into_iter().find(|m| m.as_str().as_bytes() == token).unwrap_or(Self::Other)
    }

    /// The method as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Connect => "CONNECT",
            Self::Trace => "TRACE",
            Self::Other => "OTHER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Method;

    #[test]
    fn names_are_exact() {
        assert_eq!(Method::parse(b"GET"), Method::Get);
        assert_eq!(Method::parse(b"PATCH"), Method::Patch);
        for other in [&b"get"[..], b"PROPFIND", b"", b"GETX", b"OTHER"] {
            assert_eq!(Method::parse(other), Method::Other);
        }
    }
}
