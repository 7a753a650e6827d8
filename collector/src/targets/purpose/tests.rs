use super::*;

/// What a command line says; the first word is the program's name.
fn told(line: &str) -> Option<Purpose> {
    let arguments: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    of(arguments[0], arguments.iter().copied())
}

#[track_caller]
fn all(purpose: Option<Purpose>, lines: &[&str]) {
    for line in lines {
        assert_eq!(told(line), purpose, "{line}");
    }
}

#[test]
fn pulls() {
    all(
        Some(Purpose::Pull),
        &[
            "podman pull quay.io/a/b",
            "podman --log-level=debug image pull -q a",
            "podman --root run --storage-driver vfs pull a",
            "buildah pull --tls-verify=false a",
            "buildah source pull a dir",
            "ctr images pull --plain-http a",
            "ctr -n run i pull a",
            "ctr -namespace k8s.io image pull a",
            "ctr --address=/run/a.sock content fetch a",
            "nerdctl --namespace k8s.io pull a",
            "nerdctl compose -f up pull",
            "crane pull a out.tar",
            "crane -v cp a b",
            "crane --platform linux/arm64 export a -",
            "oras pull a",
            "oras cp a b",
            "regctl -v debug image copy a b",
            "regctl --host reg=h,user=run,pass=p artifact get a",
        ],
    );
}

#[test]
fn runs_builds_and_serves() {
    all(
        Some(Purpose::Run),
        &[
            "podman run -it --rm a pull",
            "podman create a",
            "podman container run a",
            "podman container create a",
            "podman play kube pod.yaml",
            "podman kube play pod.yaml",
            "podman pod create",
            "buildah from a",
            "ctr run --rm a name",
            "nerdctl run a",
            "nerdctl create a",
            "nerdctl compose -p name up -d",
        ],
    );
    all(
        Some(Purpose::Build),
        &[
            "podman build .",
            "podman image build -t pull .",
            "buildah bud .",
            "buildah build-using-dockerfile .",
            "nerdctl build .",
            "nerdctl builder build .",
            "nerdctl compose build",
        ],
    );
    all(Some(Purpose::Serve), &["podman system service -t 0", "podman --log-level info system service"]);
}

#[test]
fn skopeo_tells_by_where_from() {
    all(
        Some(Purpose::Pull),
        &[
            "skopeo copy docker://a dir:/tmp/a",
            "skopeo --insecure-policy copy --src-tls-verify=false -q docker://a docker://b",
            "skopeo --command-timeout 5m copy --src-creds docker-archive:x --dest-shared-blob-dir d docker://a oci:b",
            "skopeo copy -f v2s2 -- docker://a oci:b",
            "skopeo sync --src docker --dest dir registry.example.com/a /tmp",
            "skopeo sync --dest dir -s docker a /tmp",
            "skopeo sync --src=yaml --dest=dir a.yaml /tmp",
        ],
    );
    all(
        Some(Purpose::Other),
        &[
            "skopeo copy dir:/tmp/a docker://b",
            "skopeo copy --src-creds docker://x containers-storage:a docker://b",
            "skopeo copy --dest-creds docker://x oci:a docker://b",
            "skopeo sync --dest docker --src dir /tmp a",
            "skopeo inspect docker://a",
        ],
    );
    all(
        None,
        &[
            "skopeo copy",
            "skopeo copy --src-creds",
            "skopeo sync docker a b",
            "skopeo sync --dest --src docker",
        ],
    );
}

#[test]
fn what_pulls_nothing() {
    all(
        Some(Purpose::Other),
        &[
            "podman push a",
            "podman ps --filter pull",
            "podman images pull",
            "podman image inspect a",
            "podman container cleanup a",
            "podman system prune",
            "buildah push a",
            "ctr images ls",
            "ctr version",
            "nerdctl login a",
            "crane digest a",
            "oras manifest fetch a",
            "regctl tag ls a",
        ],
    );
}

#[test]
fn what_says_nothing() {
    all(
        None,
        &[
            "podman",
            "podman --version",
            "podman image",
            "podman --root",
            "podman fetch pull",
            "podman auto-update",
            "podman image fetch pull",
            "buildah add --from a b c",
            "crane mutate a",
            "skopeo layers docker://a",
            "docker pull a",
            "containerd pull",
        ],
    );
    assert_eq!(of(b"podman", []), None);
    assert_eq!(of(b"podman", [&b"podman"[..], b""]), None);
    assert_eq!(of(b"podman", [&b"pull"[..], b"\xff"]), None);
}

/// Every word is in one place only, so that the order of the table says nothing.
#[test]
fn no_word_has_two_meanings() {
    fn look(words: &[(&str, Means)]) {
        let all: Vec<_> = words.iter().flat_map(|(names, _)| names.split(' ')).collect();
        for (at, name) in all.iter().enumerate() {
            assert!(!name.is_empty() && !all[..at].contains(name), "{name:?}");
        }
        for (_, means) in words {
            if let Group(inner) = means {
                look(inner);
            }
        }
    }
    for program in ["podman", "buildah", "skopeo", "ctr", "nerdctl", "crane", "oras", "regctl"] {
        look(find(program.as_bytes()).expect("a known program").words);
    }
}
