//! What a client program was started for, told by its command line.
//!
//! Only words that the program itself gives a meaning are looked at: its sub-command, and of `skopeo copy` and `skopeo sync`
//! where from. What is not known here says nothing: a new sub-command, or one that pulls in some cases and not in others.

use std::iter;

use crate::model::event::Purpose;
use Means::{Copy, For, Group, Sync};

/// What a word on a command line means.
enum Means {
    /// The program was started for this.
    For(Purpose),
    /// Another word behind it says.
    Group(&'static [(&'static str, Means)]),
    /// `skopeo copy`: its first operand says.
    Copy,
    /// `skopeo sync`: its flag `--src` says.
    Sync,
}

/// The words of a program: each entry has words of one meaning, separated by spaces.
struct Program {
    words: &'static [(&'static str, Means)],
    /// Flags before the sub-command that take a value, which may be the next argument, separated by spaces and without dashes.
    values: &'static str,
}

const PULL: Means = For(Purpose::Pull);
const RUN: Means = For(Purpose::Run);
const BUILD: Means = For(Purpose::Build);
const SERVE: Means = For(Purpose::Serve);
const OTHER: Means = For(Purpose::Other);

/// Podman 4.3 and what 5 adds. Left out: `auto-update`, `container clone`, `machine init` and `machine os`, which pull in their own ways.
const PODMAN: Program = Program {
    words: &[
        ("pull", PULL),
        ("run create", RUN),
        ("build", BUILD),
        (
            "image",
            Group(&[
                ("pull", PULL),
                ("build", BUILD),
                (
                    "diff exists history import inspect list ls load mount prune push rm save scp search sign tag tree trust \
                 umount unmount untag",
                    OTHER,
                ),
            ]),
        ),
        (
            "container",
            Group(&[
                ("run create runlabel", RUN),
                (
                    "attach checkpoint cleanup commit cp diff exec exists export init inspect kill list ls logs mount pause \
                 port prune ps rename restart restore rm start stats stop top umount unmount unpause update wait",
                    OTHER,
                ),
            ]),
        ),
        (
            "pod",
            Group(&[
                ("create", RUN),
                (
                    "clone exists inspect kill list logs ls pause prune ps restart rm start stats stop top unpause",
                    OTHER,
                ),
            ]),
        ),
        ("play", Group(&[("kube", RUN)])),
        ("kube", Group(&[("play", RUN), ("apply down generate", OTHER)])),
        (
            "system",
            Group(&[
                ("service", SERVE),
                ("check connection df events info migrate prune renumber reset", OTHER),
            ]),
        ),
        ("machine", Group(&[("info inspect list ls rm set ssh start stop", OTHER)])),
        ("buildx farm", Group(&[("build", BUILD)])),
        ("artifact", Group(&[("pull", PULL), ("add extract inspect ls push rm", OTHER)])),
        (
            "attach commit cp diff events exec export generate healthcheck help history images import info init inspect \
             kill list load login logout logs manifest mount network pause port ps push rename restart rm rmi save search \
             secret start stats stop tag top umount unmount unpause unshare untag update version volume wait",
            OTHER,
        ),
    ],
    values: "c cdi-spec-dir cgroup-manager config conmon connection context cpu-profile db-backend default-mounts-file \
             events-backend H hooks-dir host identity imagestore log-level max-workers memory-profile module namespace \
             network-backend network-cmd-path network-config-dir out pull-option registries-conf registries-conf-dir root \
             runroot runtime runtime-flag ssh storage-driver storage-opt tls-ca tls-cert tls-key tmpdir url \
             volumepath",
};

/// Buildah 1.28. Left out: `add`, `copy` and `mkcw`, which pull an image where a flag says so.
const BUILDAH: Program = Program {
    words: &[
        ("pull", PULL),
        ("from", RUN),
        ("build bud build-using-dockerfile", BUILD),
        ("source", Group(&[("pull", PULL), ("add create push", OTHER)])),
        (
            "commit config containers delete help images info inspect list login logout ls manifest mount ps push rename \
             rm rmi run tag umount unmount unshare version",
            OTHER,
        ),
    ],
    values: "cgroup-manager cpu-profile default-mounts-file log-level memory-profile registries-conf registries-conf-dir \
             root runroot short-name-alias-conf storage-driver storage-opt userns-gid-map userns-uid-map",
};

/// Skopeo 1.9. Left out: `layers` and `experimental-image-proxy`, which pull at the word of their caller.
const SKOPEO: Program = Program {
    words: &[
        ("copy", Copy),
        ("sync", Sync),
        (
            "delete generate-sigstore-key help inspect list-tags login logout manifest-digest standalone-sign \
             standalone-verify",
            OTHER,
        ),
    ],
    values: "command-timeout override-arch override-os override-variant policy registries-conf registries.d tmpdir \
             user-agent-prefix",
};

/// Flags of `skopeo copy` and `skopeo sync` that take a value (1.9, and what came until 1.18).
const SKOPEO_VALUES: &str = "additional-tag authfile d decryption-key dest dest-authfile dest-cert-dir \
     dest-compress-format dest-compress-level dest-creds dest-daemon-host dest-password dest-registry-token \
     dest-shared-blob-dir dest-username digestfile encrypt-layer encryption-key f format image-parallel-copies multi-arch \
     retry-delay retry-times s sign-by sign-by-sigstore sign-by-sigstore-private-key sign-by-sq-fingerprint sign-identity \
     sign-passphrase-file src src-authfile src-cert-dir src-creds src-daemon-host src-password src-registry-token \
     src-shared-blob-dir src-username";

/// `ctr` of containerd 1.6 and 2.
const CTR: Program = Program {
    words: &[
        ("run", RUN),
        (
            "images image i",
            Group(&[
                ("pull", PULL),
                (
                    "check convert del delete export import inspect label list ls mount push remove rm tag unmount usage",
                    OTHER,
                ),
            ]),
        ),
        (
            "content",
            Group(&[
                ("fetch", PULL),
                (
                    "active del delete edit fetch-blob fetch-object get ingest label list ls prune push-object remove rm",
                    OTHER,
                ),
            ]),
        ),
        (
            "c container containers deprecations event events h help info install leases namespace namespaces ns oci \
             plugin plugins pprof s sandbox sandboxes sb shim snapshot snapshots t task tasks version",
            OTHER,
        ),
    ],
    values: "a address connect-timeout n namespace timeout",
};

/// nerdctl 2.
const NERDCTL: Program = Program {
    words: &[
        ("pull", PULL),
        ("run create", RUN),
        ("build", BUILD),
        (
            "image",
            Group(&[
                ("pull", PULL),
                ("build", BUILD),
                (
                    "convert decrypt encrypt history import inspect list load ls prune push remove rm save squash tag",
                    OTHER,
                ),
            ]),
        ),
        (
            "container",
            Group(&[
                ("run create", RUN),
                (
                    "attach commit cp diff exec export inspect kill list logs ls pause port prune ps remove rename restart rm \
                 start stats stop top unpause update wait",
                    OTHER,
                ),
            ]),
        ),
        ("builder", Group(&[("build debug", BUILD), ("prune", OTHER)])),
        (
            "compose",
            Group(&[
                ("pull", PULL),
                ("up run create", RUN),
                ("build", BUILD),
                (
                    "config cp down exec images kill logs pause port ps push remove restart rm start stop top unpause version",
                    OTHER,
                ),
            ]),
        ),
        (
            "apparmor attach checkpoint commit completion cp diff events exec export healthcheck help history images \
             import info inspect internal ipfs kill load login logout logs manifest namespace network ns pause port ps push \
             rename restart rm rmi save search start stats stop system tag top unpause update version volume wait",
            OTHER,
        ),
    ],
    values: "H a address bridge-ip cdi-spec-dirs cgroup-manager cni-netconfpath cni-path data-root env-file f file \
             global-dns global-dns-opts global-dns-search host host-gateway-ip hosts-dir ipfs-address n namespace p profile \
             project-directory project-name snapshotter storage-driver userns-remap",
};

/// crane of go-containerregistry 0.20. Left out: what rewrites images (`append`, `mutate` and others) and `validate`.
const CRANE: Program = Program {
    words: &[
        ("pull export copy cp", PULL),
        (
            "auth blob catalog completion config delete digest help layout ls manifest push registry tag version",
            OTHER,
        ),
    ],
    values: "platform",
};

/// oras 1.3.
const ORAS: Program = Program {
    words: &[
        ("pull copy cp backup", PULL),
        (
            "attach blob completion discover help login logout manifest push repo repository resolve restore tag version",
            OTHER,
        ),
    ],
    values: "",
};

/// regctl 0.8. Left out: what rewrites images (`image create`, `image mod`), and `image get-file`.
const REGCTL: Program = Program {
    words: &[
        (
            "image",
            Group(&[
                ("copy cp export", PULL),
                ("check-base delete digest import inspect manifest ratelimit rm", OTHER),
            ]),
        ),
        ("artifact", Group(&[("get", PULL), ("list put tree", OTHER)])),
        ("repo", Group(&[("copy cp", PULL), ("ls list", OTHER)])),
        ("blob completion config digest help index manifest ref registry tag version", OTHER),
    ],
    values: "host logopt user-agent v verbosity",
};

/// What a program of that name (its comm) was started for, by its command line, its own name first; `None` where it is none that
/// this is known of, or its words say nothing that is known.
pub fn of<'a>(program: &[u8], arguments: impl IntoIterator<Item = &'a [u8]>) -> Option<Purpose> {
    let program = find(program)?;
    let mut arguments = arguments.into_iter().skip(1);
    let mut words = program.words;
    loop {
        let word = operand(&mut arguments, program.values, "")?;
        let (_, means) = words.iter().find(|(names, _)| has(names, word))?;
        match means {
            For(purpose) => return Some(*purpose),
            Group(inner) => words = inner,
            Copy => {
                return Some(pull_if(
                    operand(&mut arguments, program.values, SKOPEO_VALUES)?.starts_with(b"docker://"),
                ));
            }
            Sync => {
                return source(&mut arguments)
                    .map(|transport| pull_if(matches!(transport, b"docker" | b"yaml")));
            }
        }
    }
}

/// Whether the words of a program of that name are known.
pub fn is_known_of(program: &[u8]) -> bool {
    find(program).is_some()
}

fn find(program: &[u8]) -> Option<&'static Program> {
    Some(match program {
        b"podman" => &PODMAN,
        b"buildah" => &BUILDAH,
        b"skopeo" => &SKOPEO,
        b"ctr" => &CTR,
        b"nerdctl" => &NERDCTL,
        b"crane" => &CRANE,
        b"oras" => &ORAS,
        b"regctl" => &REGCTL,
        _ => return None,
    })
}

fn pull_if(pulls: bool) -> Purpose {
    if pulls { Purpose::Pull } else { Purpose::Other }
}

/// Whether a list of words has this one.
fn has(list: &str, word: &[u8]) -> bool {
    list.split(' ').any(|name| name.as_bytes() == word && !word.is_empty())
}

/// A flag's name without dashes and its value, if that is in the same argument.
fn flag(argument: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let name = argument
        .strip_prefix(b"--")
        .or_else(|| argument.strip_prefix(b"-"))
        .filter(|name| !name.is_empty())?;
    Some(match name.iter().position(|byte| *byte == b'=') {
        Some(at) => (&name[..at], Some(&name[at + 1..])),
        None => (name, None),
    })
}

/// The next argument that is no flag, nor the value of a flag that takes one.
fn operand<'a>(
    arguments: &mut impl Iterator<Item = &'a [u8]>,
    values: &str,
    more_values: &str,
) -> Option<&'a [u8]> {
    loop {
        let argument = arguments.next()?;
        match flag(argument) {
            Some((name, None)) if has(values, name) || has(more_values, name) => {
                arguments.next()?;
            }
            // `--` only says that no flag follows.
            Some(_) => {}
            None if argument == b"--" => {}
            None => return Some(argument),
        }
    }
}

/// The value of `--src` of `skopeo sync`: `docker`, `yaml` (a file that names images in registries) or `dir`.
fn source<'a>(arguments: &mut impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let mut arguments = iter::from_fn(|| arguments.next());
    loop {
        match flag(arguments.next()?) {
            Some((b"src" | b"s", Some(value))) => return Some(value),
            Some((b"src" | b"s", None)) => return arguments.next(),
            Some((name, None)) if has(SKOPEO_VALUES, name) || has(SKOPEO.values, name) => {
                arguments.next()?;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
