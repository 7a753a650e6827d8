//! Image references and hosts, one per line of input: the labels are bounded and stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::reference::Reference;
use wire::registry::RegistryLabel;

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let reference = line.split('\t').next().unwrap_or_default();
        let label = RegistryLabel::from_reference(reference);
        assert!(matches!(label, RegistryLabel::Unknown) || Reference::parse(reference).is_ok());
        for label in [label, RegistryLabel::from_host(reference)] {
            if let RegistryLabel::Name(name) = &label {
                assert!(name.len() <= 253 && name.contains('.') && !name.contains(['/', ':', '@']));
                assert!(!name.bytes().any(|b| b.is_ascii_uppercase()));
                assert_eq!(RegistryLabel::from_host(name), label, "a label is its own registry");
            }
        }
        if let Ok(parsed) = Reference::parse(reference) {
            let tag = parsed.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = parsed.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
            let whole = format!("{}/{}{tag}{digest}", parsed.registry_host(), parsed.repository());
            // `library/` may make a repository too long that was not before.
            if parsed.repository().len() <= 255 {
                assert_eq!(Reference::parse(&whole), Ok(parsed));
            }
        }
    }
});
