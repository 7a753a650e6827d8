use super::RegistryLabel;

/// Image references and their labels, one pair per line.
const VECTORS: &str = include_str!("../../testdata/registry_labels.tsv");

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
