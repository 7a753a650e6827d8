//! `rustls-get CA-FILE NAME ADDRESS PATH...`: a client whose TLS no probe reads. It asks for every PATH on one connection, by
//! HTTP/1.1, and prints for each the length of what came after the head; it reads to the very end of the connection, so that
//! no byte of it is left in the socket.

use std::env::args;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn main() {
    let arguments: Vec<_> = args().skip(1).collect();
    let [authority, name, address, paths @ ..] = &arguments[..] else {
        panic!("wants CA-FILE NAME ADDRESS PATH...")
    };
    let mut trusted = RootCertStore::empty();
    trusted
        .add(CertificateDer::from_pem_file(authority).expect("the authority's certificate"))
        .expect("an authority");
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    let server = ServerName::try_from(name.clone()).expect("a server's name");
    let session = ClientConnection::new(Arc::new(config), server).expect("a TLS session");
    let socket = TcpStream::connect(address).expect("a connection");
    let mut stream = BufReader::new(StreamOwned::new(session, socket));
    for (number, path) in paths.iter().enumerate() {
        let last = if number + 1 == paths.len() { "Connection: close\r\n" } else { "" };
        let head = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: rustls\r\n{last}\r\n");
        stream.get_mut().write_all(head.as_bytes()).expect("send a request");
        println!("{}", answer(&mut stream));
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end of the connection");
    assert!(rest.is_empty(), "{} bytes after the last answer", rest.len());
}

/// Reads an answer with a Content-Length; gives it.
fn answer(stream: &mut impl BufRead) -> u64 {
    let mut length = None;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a line of a head");
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim_end().parse().ok();
        }
    }
    let length = length.expect("a Content-Length");
    let copied = std::io::copy(&mut stream.take(length), &mut std::io::sink()).expect("a body");
    assert_eq!(copied, length, "the body is cut");
    length
}
