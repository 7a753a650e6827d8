//! Debian's nginx as a front of the registry, as another host for its blobs, as a mirror, as a registry of static
//! files: one program, any number of sites, one exact access log.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::images::Image;
use crate::log::{Log, LogEntry};
use crate::loopback::free_address;
use crate::place::Place;
use crate::process::{PATIENCE, Server, poll};
use crate::registry::Registry;
use crate::tls::{Certificate, Version};

/// What one address of nginx serves.
pub struct Site {
    address: SocketAddr,
    /// What follows the address in `listen`.
    listens: &'static str,
    /// Directives of the site as a whole.
    directives: String,
    locations: String,
}

impl Site {
    /// A site with an address of its own on loopback. It answers 404 to everything.
    pub fn new() -> Self {
        Self::at(free_address())
    }

    /// A site at a given address.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, listens: "", directives: String::new(), locations: String::new() }
    }

    /// Speaks TLS only.
    #[must_use]
    pub fn with_tls(mut self, Certificate { chain, key }: &Certificate, version: Version) -> Self {
        self.listens = match version {
            Version::Http1 => " ssl",
            Version::Http2 => " ssl http2",
        };
        let (chain, key) = (quotable(chain), quotable(key));
        self.directives = format!("    ssl_certificate {chain};\n    ssl_certificate_key {key};\n");
        self
    }

    /// Speaks HTTP/2 in the clear, with clients that know it beforehand (RFC 9113, 3.3).
    #[must_use]
    pub fn with_http2_in_the_clear(mut self) -> Self {
        self.listens = " http2";
        self
    }

    /// The same on a unix socket, besides its address.
    #[must_use]
    pub fn with_http2_at(mut self, socket: &Path) -> Self {
        writeln!(self.directives, "    listen unix:{} http2;", quotable(socket)).expect("write to a string");
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes what no other rule takes on to `registry`: a plain front; and a mirror, as the query (`?ns=`) goes
    /// along and the registry pays no attention to it.
    #[must_use]
    pub fn front_of(self, registry: &Registry) -> Self {
        self.pass_to(registry.address())
    }

    /// Passes what no other rule takes on to a server at `address`.
    #[must_use]
    pub fn pass_to(self, address: SocketAddr) -> Self {
        self.location(
            "/",
            &format!(
                "proxy_pass http://{address}; proxy_http_version 1.1; proxy_set_header Connection ''; \
                 proxy_max_temp_file_size 0;"
            ),
        )
    }

    /// Passes everything on to a server at a unix socket.
    #[must_use]
    pub fn pass_to_socket(self, socket: &Path) -> Self {
        let socket = quotable(socket);
        self.location("/", &format!("proxy_pass http://unix:{socket}; proxy_max_temp_file_size 0;"))
    }

    /// Passes what begins with `prefix` on to a server at `address`, and waits so long for a connection, and for the next bytes of
    /// an answer. The answer is passed on as it comes.
    #[must_use]
    pub fn proxy(self, prefix: &str, address: SocketAddr, patience: Duration) -> Self {
        let patience = patience.as_millis();
        self.location(
            prefix,
            &format!(
                "proxy_pass http://{address}; proxy_buffering off; proxy_connect_timeout {patience}ms; \
                 proxy_read_timeout {patience}ms;"
            ),
        )
    }

    /// Answers every path that matches `pattern` (a regular expression) with `code`. 429 comes with `Retry-After: 1`
    /// (RFC 6585, 4), so that clients which try again do so soon.
    #[must_use]
    pub fn answer(self, pattern: &str, code: u16) -> Self {
        let fields = if code == 429 { "add_header Retry-After 1 always; " } else { "" };
        self.location(&format!("~ \"{pattern}\""), &format!("{fields}return {code};"))
    }

    /// Sends each answer of this site at so many bytes a second. Those of the first second may leave at once: nginx looks at its
    /// clock's seconds (`ngx_http_write_filter`).
    #[must_use]
    pub fn limit_rate(mut self, bytes: u64) -> Self {
        writeln!(self.directives, "    limit_rate {bytes};").expect("write to a string");
        self
    }

    /// Redirects every blob with `code` to `origin` (`http://name:port`), where another site has a
    /// [`blob_store`](Self::blob_store). The URL is signed, as those of object stores are.
    #[must_use]
    pub fn redirect_blobs(self, code: u16, origin: &str) -> Self {
        let to = format!("{origin}/data/$1$2?X-Amz-Signature=0123456789abcdef");
        self.location(r#"~ "^/v2/.+/blobs/sha256:(..)([0-9a-f]+)$""#, &format!("return {code} {to};"))
    }

    /// Serves the blobs of `registry` out of its storage, under paths that say nothing of registries.
    #[must_use]
    pub fn blob_store(self, registry: &Registry) -> Self {
        let files = registry.blob_files();
        self.location(r#"~ "^/data/(..)([0-9a-f]+)$""#, &format!("alias {}/$1/$1$2/data;", quotable(&files)))
    }

    /// Serves `image` as `name` (repository and tag) from its files alone, without a registry behind. Images of one site have
    /// repositories of their own.
    #[must_use]
    pub fn static_image(self, image: &Image, name: &str) -> Self {
        let (repository, tag) = name.rsplit_once(':').expect("a name with a tag");
        let manifest = format!(
            "default_type application/vnd.oci.image.manifest.v1+json; \
             add_header Docker-Content-Digest {}; alias {};",
            image.manifest.digest,
            quotable(&image.manifest.file)
        );
        let blobs = image.layout.join("blobs/sha256");
        let blobs = quotable(&blobs);
        let site = if self.locations.contains("location = /v2/ ") {
            self
        } else {
            self.location("= /v2/", "default_type application/json; return 200 '{}';")
        };
        site.location(&format!("= /v2/{repository}/manifests/{tag}"), &manifest)
            .location(&format!("= /v2/{repository}/manifests/{}", image.manifest.digest), &manifest)
            .location(
                &format!("~ \"^/v2/{repository}/blobs/sha256:([0-9a-f]+)$\""),
                &format!("alias {blobs}/$1;"),
            )
    }

    fn location(mut self, matching: &str, directives: &str) -> Self {
        writeln!(self.locations, "    location {matching} {{ {directives} }}").expect("write to a string");
        self
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// A path that nginx takes as it is.
fn quotable(path: &Path) -> &str {
    let text = path.to_str().expect("the rig's directories have plain names");
    assert!(
        !text.contains([' ', '$', '"', '\'', ';', '{', '}', '\\']),
        "nginx would not take {text} as it is"
    );
    text
}

/// A running nginx; gone when dropped.
pub struct Nginx {
    server: Server,
    /// The rig's own door, so that its requests are told from those of the clients.
    door: SocketAddr,
    /// Connections that the rig has made itself.
    own: AtomicU64,
    dir: TempDir,
}

impl Nginx {
    /// Starts nginx with these sites.
    #[track_caller]
    pub fn start(sites: impl IntoIterator<Item = Site>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for nginx");
        let door = Site::new().location("/mark", "return 204;").location("/status", "stub_status;");
        let door_at = door.address;
        let sites: Vec<_> = sites.into_iter().chain([door]).collect();
        let file = dir.path().join("nginx.conf");
        fs::write(&file, configuration(dir.path(), &sites)).expect("write the configuration of nginx");
        let mut command = Place::machine().command("nginx");
        command.args(["-e", "stderr", "-p"]).arg(dir.path()).arg("-c").arg(&file);
        let mut server = Server::spawn("nginx", command, &dir.path().join("log"));
        // All ports are open before the first connection is accepted.
        server.wait_until("an open port", |_| TcpStream::connect(door_at).ok());
        Self { server, door: door_at, own: AtomicU64::new(1), dir }
    }

    /// The process id: there is one process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The access log, complete: every answer that has gone out, and every client that has left, is in it.
    ///
    /// nginx is one thread here and writes a request's line when it has handed over the last byte, before it turns to
    /// anything else. So once a later request is in the log, all before it are.
    #[track_caller]
    pub fn log(&self) -> Log {
        let marker = format!("number={}", self.own.load(Ordering::SeqCst));
        self.ask(&format!("/mark?{marker}"));
        let complete = poll(PATIENCE, || {
            let log = Log(self.read());
            log.at(self.door).0.iter().any(|entry| entry.query.as_ref() == Some(&marker)).then_some(log)
        });
        complete.expect("the marker in the log of nginx").filter(|entry| entry.server != Some(self.door))
    }

    /// What it has said of errors so far.
    pub fn errors(&self) -> String {
        self.server.output()
    }

    /// How many connections clients have made, with or without a request on them (`ngx_http_stub_status_module`).
    #[track_caller]
    pub fn connections(&self) -> u64 {
        let status = self.ask("/status");
        // Active connections: 1 \n server accepts handled requests \n 7 7 9 \n ...
        let accepts =
            status.lines().nth(2).and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        accepts.unwrap_or_else(|| panic!("no number of accepts in {status}"))
            - self.own.load(Ordering::SeqCst)
    }

    /// Makes a request at the rig's own door, on a connection of its own.
    #[track_caller]
    fn ask(&self, target: &str) -> String {
        self.own.fetch_add(1, Ordering::SeqCst);
        let mut answer = ureq::get(format!("http://{}{target}", self.door)).call().expect("ask nginx");
        answer.body_mut().read_to_string().expect("read what nginx says")
    }

    fn read(&self) -> Vec<LogEntry> {
        // A host name or path may hold bytes that are not UTF-8.
        let bytes = fs::read(self.dir.path().join("access.log")).expect("read the log of nginx");
        let text = String::from_utf8_lossy(&bytes);
        text.lines().filter(|_| text.ends_with('\n')).map(parse_access).collect()
    }
}

/// One process and one thread (`master_process off`): the child that the rig ends is all there is, and the order of
/// the log is the order of events. Every path lies in the rig's directory.
fn configuration(dir: &Path, sites: &[Site]) -> String {
    let dir = quotable(dir);
    let mut text = format!(
        r#"daemon off;
master_process off;
pid {dir}/pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
  log_format rig escape=json '{{"address":"$server_addr","port":"$server_port","connection":$connection,'
    '"method":"$request_method","target":"$request_uri","status":"$status","body_bytes":$body_bytes_sent,'
    '"host":"$http_host","protocol":"$server_protocol","user_agent":"$http_user_agent"}}';
  access_log {dir}/access.log rig;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  default_type application/octet-stream;
  sendfile on;
  client_max_body_size 0;
"#
    );
    for Site { address, listens, directives, locations } in sites {
        let listen = format!("listen {address}{listens};\n{directives}");
        write!(text, "  server {{\n    {listen}    root {dir}/none;\n{locations}  }}\n")
            .expect("write to a string");
    }
    text.push_str("}\n");
    text
}

/// A line of the log as `log_format` above writes it. nginx leaves a variable empty when there is no value.
#[derive(Deserialize)]
struct Line {
    /// Of a unix socket its path, with an empty port.
    address: String,
    port: String,
    connection: u64,
    method: String,
    target: String,
    status: String,
    body_bytes: u64,
    host: String,
    protocol: String,
    user_agent: String,
}

fn parse_access(line: &str) -> LogEntry {
    let line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    let (path, query) = LogEntry::split_target(&line.target);
    LogEntry {
        server: format!("{}:{}", line.address, line.port).parse().ok(),
        connection: Some(line.connection),
        method: line.method,
        path,
        query,
        code: line.status.parse().ok().filter(|code| *code != 0),
        body_bytes: line.body_bytes,
        host: (!line.host.is_empty()).then_some(line.host),
        protocol: Some(line.protocol).filter(|protocol| !protocol.is_empty()),
        user_agent: line.user_agent,
    }
}
