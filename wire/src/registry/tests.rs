use super::RegistryLabel;

/// Image references and their labels, one pair per line.
const VECTORS: &str = include_str!("../../testdata/registry/labels.tsv");

#[test]
fn references_have_the_labels_of_the_contract() {
    let rows = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let (reference, label) = row.split_once('\t').expect("two columns");
        assert_eq!(RegistryLabel::from_reference(reference).as_str(), label, "{reference:?}");
        count += 1;
    }
    assert_eq!(count, 38);
}

#[test]
fn hosts_have_labels() {
    for (host, label) in [
        ("registry-1.docker.io", "docker.io"),
        ("Registry.Example.CO.UK.:5000", "example.co.uk"),
        ("bucket.s3.eu-west-1.amazonaws.com", "bucket.s3.eu-west-1.amazonaws.com"),
        ("10.0.0.1:5000", "[IP_ADDRESS]"),
        ("10.0.0.1.", "[IP_ADDRESS]"),
        ("[fe80::1%25eth0]:5000", "[IP_ADDRESS]"),
        ("::1", "[IP_ADDRESS]"),
        ("localhost", "[UNKNOWN]"),
        ("a..example.com", "[UNKNOWN]"),
        (".example.com", "[UNKNOWN]"),
        ("10.0.0.256", "[UNKNOWN]"),
        ("example.com..", "[UNKNOWN]"),
        ("co.uk", "[UNKNOWN]"),
        ("", "[UNKNOWN]"),
        (".", "[UNKNOWN]"),
        ("a b.com", "[UNKNOWN]"),
    ] {
        assert_eq!(RegistryLabel::from_host(host).as_str(), label, "{host:?}");
    }
}
