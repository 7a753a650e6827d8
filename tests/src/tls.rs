//! Certificates of a test's own: an authority that only the test's clients trust, and what it signs.
//!
//! Nothing of it reaches the machine's own store. Keys are ECDSA P-256, which every client here takes.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// An authority of a test's own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A server's certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, signed by the authority itself: there is none between.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What a server speaks to a client that would have either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 too; ALPN decides (RFC 7301).
    Http2,
}

impl Version {
    /// As access logs and clients write it.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

impl Authority {
    /// The authority's certificate in its folder: the name that containers-certs.d(5) wants.
    const FILE: &str = "ca.crt";

    /// A new authority.
    #[track_caller]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("an authority has no names");
        params.distinguished_name.push(DnType::CommonName, "pullscope tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("make an authority");
        let dir = tempfile::tempdir().expect("a directory for certificates");
        fs::create_dir(dir.path().join("trusted")).expect("a directory for the authority");
        let authority = Self { issuer, dir };
        fs::write(authority.file(), authority.issuer.pem()).expect("write the authority's certificate");
        authority
    }

    /// Its certificate, for clients that want a file.
    pub fn file(&self) -> PathBuf {
        self.folder().join(Self::FILE)
    }

    /// Its certificate, for clients that want a folder with nothing but trusted certificates.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("trusted")
    }

    /// The file in such a folder.
    pub fn file_in(folder: &Path) -> PathBuf {
        folder.join(Self::FILE)
    }

    /// A server's certificate for these names and addresses.
    #[track_caller]
    pub fn certificate<T: ToString>(&self, names: impl IntoIterator<Item = T>) -> Certificate {
        let names: Vec<_> = names.into_iter().map(|name| name.to_string()).collect();
        let (params, key) = (CertificateParams::new(names).expect("names of a server"), key());
        let signed = params.signed_by(&key, &self.issuer).expect("sign a certificate");
        let at = tempfile::tempdir_in(self.dir.path()).expect("a directory for a certificate").keep();
        let certificate = Certificate { chain: at.join("chain.pem"), key: at.join("key.pem") };
        fs::write(&certificate.chain, signed.pem()).expect("write a certificate");
        fs::write(&certificate.key, key.serialize_pem()).expect("write a key");
        certificate
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
fn key() -> KeyPair {
    KeyPair::generate().expect("make a key")
}
