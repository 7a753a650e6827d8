//! The oracle is `prost`, with messages as containerd's `.proto` files have them, as far as they matter here.

use std::collections::BTreeMap;

use prost::Message as _;

use super::*;

#[derive(Clone, PartialEq, prost::Message)]
struct Transfer {
    #[prost(message, optional, tag = "1")]
    source: Option<AnyMessage>,
    #[prost(message, optional, tag = "2")]
    destination: Option<AnyMessage>,
    #[prost(message, optional, tag = "3")]
    options: Option<Named>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AnyMessage {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `OCIRegistry`, `ImageStore`: what matters is their field 1.
#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(btree_map = "string, string", tag = "2")]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Descriptor {
    #[prost(string, tag = "1")]
    media_type: String,
    #[prost(string, tag = "2")]
    digest: String,
    #[prost(int64, tag = "3")]
    size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Image {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(btree_map = "string, string", tag = "2")]
    labels: BTreeMap<String, String>,
    #[prost(message, optional, tag = "3")]
    target: Option<Descriptor>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UpdateImage {
    #[prost(message, optional, tag = "1")]
    image: Option<Image>,
    #[prost(message, optional, tag = "2")]
    update_mask: Option<Named>,
}

const NAME: &str = "docker.io/library/app:v1";
const DIGEST: &str = "sha256:c24d16a7e6f87e810ce842521599ac9511cd29dc11d4ae7132332482287a280d";

fn cut(bytes: &[u8], end: usize) -> Message<'_> {
    let length = u32::try_from(bytes.len()).unwrap();
    Message { compressed: false, length, body: &bytes[..end], whole: end == bytes.len() }
}

fn any(kind: &str, name: &str) -> AnyMessage {
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let value = Named { name: name.to_owned(), labels }.encode_to_vec();
    AnyMessage { type_url: format!("containerd.types.transfer.{kind}"), value }
}

/// Reads a transfer whole, and checks that no cut one says anything else.
fn transfer(
    source: impl Into<Option<AnyMessage>>,
    destination: impl Into<Option<AnyMessage>>,
) -> TransferRequest {
    let (source, destination) = (source.into(), destination.into());
    let options = Some(Named { name: "progress-1".to_owned(), labels: BTreeMap::new() });
    let bytes = Transfer { source, destination, options }.encode_to_vec();
    let whole = TransferRequest::read(&cut(&bytes, bytes.len()));
    for end in 0..bytes.len() {
        let TransferRequest { pull, reference, name } = TransferRequest::read(&cut(&bytes, end));
        assert!(pull.is_none() || pull == whole.pull, "{end}");
        assert!(reference.is_none() || reference == whole.reference, "{end}");
        assert!(name.is_none() || name == whole.name, "{end}");
    }
    whole
}

#[test]
fn paths_name_calls() {
    assert_eq!(Call::of_path("/containerd.services.transfer.v1.Transfer/Transfer"), Some(Call::Transfer));
    assert_eq!(Call::of_path("/containerd.services.images.v1.Images/Create"), Some(Call::CreateImage));
    assert_eq!(Call::of_path("/containerd.services.images.v1.Images/Update"), Some(Call::UpdateImage));
    assert_eq!(Call::of_path("/containerd.services.images.v1.Images/Delete"), None);
    assert_eq!(Call::of_path("/containerd.services.images.v1.Images/List"), None);
    assert_eq!(Call::of_path("/runtime.v1.ImageService/PullImage"), None);
}

#[test]
fn a_transfer_from_a_registry_is_a_pull() {
    let request = transfer(any("OCIRegistry", NAME), any("ImageStore", "app"));
    let expected =
        TransferRequest { pull: Some(true), reference: Some(NAME.to_owned()), name: Some("app".to_owned()) };
    assert_eq!(request, expected);

    let mut source = any("OCIRegistry", NAME);
    source.type_url.insert_str(0, "type.googleapis.com/");
    assert_eq!(transfer(source, any("ImageStore", "app")), expected);
}

#[test]
fn other_transfers_are_none() {
    let push = transfer(any("ImageStore", "app"), any("OCIRegistry", NAME));
    assert_eq!(push, TransferRequest { pull: Some(false), ..TransferRequest::default() });
    let import = transfer(any("ImageImportStream", "x"), any("ImageStore", "app"));
    let expected = TransferRequest { pull: Some(false), reference: None, name: Some("app".to_owned()) };
    assert_eq!(import, expected);
    let mut other = any("OCIRegistry", NAME);
    other.type_url.insert(0, 'x');
    assert_eq!(transfer(other, any("ImageStore", "app")).pull, Some(false));
    let away = transfer(any("OCIRegistry", NAME), any("ImageExportStream", "x"));
    let expected = TransferRequest { pull: Some(false), reference: Some(NAME.to_owned()), name: None };
    assert_eq!(away, expected);
    assert_eq!(transfer(any("OCIRegistry", NAME), None).pull, None);
    assert_eq!(transfer(None, None), TransferRequest::default());
}

#[test]
fn images_are_named() {
    let target = Some(Descriptor { media_type: "x".into(), digest: DIGEST.into(), size: 586 });
    let labels = BTreeMap::from([("containerd.io/x".to_owned(), "y".to_owned())]);
    let image = Some(Image { name: NAME.into(), labels, target });
    let expected = ImageRequest { name: Some(NAME.to_owned()), digest: Some(DIGEST.to_owned()) };
    let mask = Some(Named { name: "target".into(), labels: BTreeMap::new() });
    for update_mask in [None, mask] {
        let bytes = UpdateImage { image: image.clone(), update_mask }.encode_to_vec();
        assert_eq!(ImageRequest::read(&cut(&bytes, bytes.len())), expected);
        for end in 0..bytes.len() {
            let ImageRequest { name, digest } = ImageRequest::read(&cut(&bytes, end));
            assert!(name.is_none() || name == expected.name, "{end}");
            assert!(digest.is_none() || digest == expected.digest, "{end}");
        }
        assert_eq!(
            ImageRequest::read(&Message { compressed: true, ..cut(&bytes, bytes.len()) }),
            ImageRequest::default()
        );
    }
    let target = Some(Descriptor { digest: "no digest".into(), ..Descriptor::default() });
    let bytes =
        UpdateImage { image: Some(Image { target, ..Image::default() }), update_mask: None }.encode_to_vec();
    assert_eq!(ImageRequest::read(&cut(&bytes, bytes.len())), ImageRequest::default());
}
