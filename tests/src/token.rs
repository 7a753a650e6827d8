//! A token server, as registries with token authentication name it in their 401 challenge. It is ours: Debian has
//! none. docker-registry checks its tokens for real, against the certificate made here.
//!
//! Follows distribution's "Token Authentication Specification" and "Token Authentication Implementation": GET with
//! `service` and `scope`, optionally with Basic credentials; answered with a JWT signed by ES256.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answer::Answer;
use crate::http::{Request, Service};
use crate::log::Log;
use crate::loopback::free_address;

const SERVICE: &str = "pullscope-registry";
const ISSUER: &str = "pullscope-tokens";
const VALID: Duration = Duration::from_secs(3600);

/// A running token server.
pub struct TokenServer {
    service: Service,
    credentials: Option<(String, String)>,
    realm: String,
    dir: TempDir,
}

/// What is needed to make a token.
struct Signer {
    key: EncodingKey,
    certificate: String,
    /// The Authorization field that is asked for; `None`: tokens for anyone.
    authorization: Option<String>,
}

impl TokenServer {
    /// Gives tokens to anyone.
    #[track_caller]
    pub fn open() -> Self {
        Self::start(free_address(), None, None)
    }

    /// Gives tokens to who presents these credentials with Basic authentication.
    #[track_caller]
    pub fn for_user(user: &str, password: &str) -> Self {
        Self::start(free_address(), None, Some((user.to_owned(), password.to_owned())))
    }

    /// The same behind a front, whose `origin` (`https://name:port`) challenges name.
    #[track_caller]
    pub fn for_user_behind(origin: &str, user: &str, password: &str) -> Self {
        Self::start(free_address(), Some(origin.to_owned()), Some((user.to_owned(), password.to_owned())))
    }

    /// Gives tokens to anyone, and is named `host` (no port) in challenges.
    #[track_caller]
    pub fn named(host: &str) -> Self {
        let address = free_address();
        Self::start(address, Some(format!("http://{host}:{}", address.port())), None)
    }

    fn start(address: SocketAddr, origin: Option<String>, credentials: Option<(String, String)>) -> Self {
        let made = rcgen::generate_simple_self_signed([ISSUER.to_owned()]).expect("make a certificate");
        let dir = tempfile::tempdir().expect("a directory for a certificate");
        fs::write(dir.path().join("tokens.pem"), made.cert.pem()).expect("write a certificate");
        let signer = Signer {
            key: EncodingKey::from_ec_der(&made.signing_key.serialize_der()),
            certificate: BASE64_STANDARD.encode(made.cert.der()),
            authorization: credentials.as_ref().map(|(user, password)| {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
            }),
        };
        let service = Service::start(address, move |request| signer.answer(request));
        let realm = format!("{}/token", origin.unwrap_or_else(|| format!("http://{address}")));
        Self { service, credentials, realm, dir }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Its access log.
    pub fn log(&self) -> Log {
        self.service.log()
    }

    /// The credentials it asks for.
    pub fn credentials(&self) -> Option<(String, String)> {
        self.credentials.clone()
    }

    /// The `auth.token` section of docker-registry's configuration.
    pub(crate) fn registry_config(&self) -> Value {
        let certificate = self.dir.path().join("tokens.pem");
        json!({ "realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": certificate })
    }
}

impl Signer {
    fn answer(&self, request: &Request) -> Answer {
        // containerd and dockerd try the OAuth2 form (POST) when they have credentials and fall back to GET on 405.
        if request.method != "GET" {
            return Answer::new(405, &[], "");
        }
        if self.authorization.as_deref().is_some_and(|wanted| request.field("authorization") != Some(wanted))
        {
            return Answer::new(401, &[("WWW-Authenticate", "Basic realm=\"pullscope\"")], "{}");
        }
        let token = self.token(request.query.as_deref().unwrap_or_default());
        let content = json!({ "token": token, "expires_in": VALID.as_secs() }).to_string();
        Answer::new(200, &[("Content-Type", "application/json")], content)
    }

    /// A token for what the query asks: each scope is `TYPE:NAME:ACTION,ACTION`, several stand in several parameters
    /// or with spaces between.
    fn token(&self, query: &str) -> String {
        let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope=")).map(|scope| {
            let scope = scope.replace('+', " ");
            percent_decode_str(&scope).decode_utf8_lossy().into_owned()
        });
        let scopes = scopes.collect::<Vec<_>>().join(" ");
        let access = scopes.split(' ').filter_map(|scope| {
            let (resource, actions) = scope.rsplit_once(':')?;
            let (kind, name) = resource.split_once(':')?;
            Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
        });
        let access: Vec<_> = access.collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let claims = json!({
            "iss": ISSUER, "aud": SERVICE, "sub": "", "jti": "1", "access": access,
            // A registry whose clock is a little behind takes it too.
            "nbf": now.as_secs() - 60, "iat": now.as_secs(), "exp": (now + VALID).as_secs(),
        });
        let x5c = Some(vec![self.certificate.clone()]);
        let header = Header { x5c, ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("sign a token")
    }
}
