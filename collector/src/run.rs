//! `pullscope run`: puts the parts together and keeps them going until it is told to stop.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Settings;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::serve::{self, Pages, Status};

/// Runs until `shutdown` completes, then stops within two seconds.
///
/// The addresses are taken first: a busy port is told before anything is attached to the kernel.
pub async fn run(settings: Settings, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
    let listeners = serve::bind(&settings.listen_addresses).await?;
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, path = settings.telemetry_path.as_str(), "serving metrics");
        }
    }
    let max_registries = usize::try_from(settings.max_registries.get()).unwrap_or(usize::MAX);
    let metrics = Arc::new(Metrics::new(&settings.targets, max_registries).map_err(|error| {
        Failure::new("metrics", error, "This is a defect of pullscope: please report it.")
    })?);
    let status = Status::new(Arc::clone(&metrics), "kernel programs not attached");
    let pages = Arc::new(Pages { metrics, status, telemetry_path: settings.telemetry_path });

    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(serve::serve(listeners, pages, stopped));
    shutdown.await;
    tracing::info!("stopping");
    // Errors mean that the server is gone already, which is what is wanted.
    let _ = stop.send(true);
    let _ = server.await;
    Ok(())
}
