//! Whether the settings are valid and can be put into force.

use super::{Context, Finding};
use crate::serve;

/// Whether the config file is valid.
pub fn config(context: &Context) -> Finding {
    const NAME: &str = "settings";
    match &context.invalid {
        Some(failure) => {
            Finding::fail(NAME, format!("{}: {}", failure.what(), failure.why()), failure.mend())
        }
        None => Finding::ok(NAME, format!("valid, {} targets", context.settings.targets.as_slice().len())),
    }
}

/// Whether the addresses to serve at can be taken, by taking them as `run` does.
pub fn addresses(context: &Context) -> Finding {
    const NAME: &str = "addresses";
    let addresses = &context.settings.listen_addresses;
    let bound = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(serve::bind(addresses)).map(drop));
    match bound {
        Ok(Ok(())) => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Finding::ok(NAME, format!("{} can be listened at", list.join(", ")))
        }
        Ok(Err(failure)) => {
            Finding::fail(NAME, format!("{}: {}", failure.what(), failure.why()), failure.mend())
        }
        Err(error) => Finding::warn(NAME, format!("could not be tried: {error}"), "Look at `ulimit -a`."),
    }
}
