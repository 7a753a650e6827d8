//! `pullscope run`: puts the parts together and keeps them going until it is told to stop.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{mpsc, watch};

use crate::cli::check;
use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::kernel::programs::{Options, Probe};
use crate::kernel::strategy::Strategy;
use crate::metrics::Metrics;
use crate::metrics::labels::{self, AttachedStrategy};
use crate::model::pull::{Flavour, Told};
use crate::model::{self, Model};
use crate::notify::Notifier;
use crate::observer::{Observer, schedule};
use crate::pulls::PullLog;
use crate::recipes::Recipe;
use crate::serve::status::ProbeState;
use crate::serve::{self, Pages, Status};
use crate::targets::Target;

/// Scrapes that may wait for fresh numbers at a time; as many as the server has connections.
const WAITING_SCRAPES: usize = 64;

/// Runs until `shutdown` completes, then stops within two seconds.
///
/// The addresses are taken first: a busy port is told before anything is attached to the kernel.
pub async fn run(settings: Settings, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
    forbid_core_dumps();
    allow_descriptors();
    let listeners = serve::bind(&settings.listen_addresses).await?;
    let max_registries = usize::try_from(settings.max_registries.get()).unwrap_or(usize::MAX);
    let metrics =
        Arc::new(Metrics::new(&settings.targets, &settings.recipes, max_registries).map_err(|error| {
            Failure::new("metrics", error, "This is a defect of pullscope: please report it.")
        })?);
    let status = Status::new(Arc::clone(&metrics), "kernel programs not attached");
    let remember = usize::try_from(settings.pulls_remember.get()).unwrap_or(usize::MAX);
    let pulls = PullLog::new(&settings.targets, remember, Arc::clone(&metrics));
    let observer = observe(&settings, &metrics, &pulls, &status)?;

    let (refresh, refreshes) = mpsc::channel(WAITING_SCRAPES);
    let path = settings.telemetry_path.as_str();
    let mut urls = Vec::new();
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, path, "serving metrics");
            urls.push(format!("http://{address}{path}"));
        }
    }
    let notifier = Notifier::new(urls.join(" "));
    let pages = Arc::new(Pages::new(metrics, status.clone(), pulls, settings.telemetry_path, refresh));
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(serve::serve(listeners, pages, stopped.clone()));
    let observing = schedule::run(observer, status, notifier, refreshes, stopped);
    tokio::pin!(observing);
    let ended = tokio::select! {
        () = shutdown => None,
        ended = &mut observing => Some(ended),
    };
    tracing::info!("stopping");
    // Errors mean that the server is gone already, which is what is wanted.
    let _ = stop.send(true);
    let ended = match ended {
        Some(ended) => ended,
        None => observing.await,
    };
    let _ = server.await;
    ended.map_err(|error| failure(&error))
}

/// Attaches the kernel programs and says so.
fn observe(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    pulls: &PullLog,
    status: &Status,
) -> Result<Observer, Failure> {
    let namespace = check::pid_namespace_of(&check::Host::new("/"));
    if namespace.status == check::Outcome::Fail {
        return Err(Failure::new(namespace.name, namespace.reason, namespace.mend));
    }
    let options = Options {
        strategy: match settings.strategy {
            config::Strategy::Auto => None,
            config::Strategy::Sock => Some(Strategy::Sock),
            config::Strategy::Syscall => Some(Strategy::Syscall),
        },
        ring_buffer_bytes: settings.ring_buffer_bytes.get(),
        max_connections: settings.max_connections.get(),
        measure: settings.bpf_stats,
    };
    let model = Model::new(model_settings(settings, [random(), random()]));
    let wanted = settings.wanted();
    let observer = Observer::start(
        &options,
        wanted,
        settings.targets.clone(),
        model,
        Arc::clone(metrics),
        pulls.clone(),
    )
    .map_err(|error| failure(&error))?;
    for Probe { name, missing } in &observer.programs().probes {
        let state = missing.clone().map_or(ProbeState::Attached, ProbeState::Detached);
        status.probe(labels::Probe(name), state);
    }
    let strategy = observer.programs().strategy;
    tracing::info!(%strategy, "kernel programs attached");
    status.attached(match strategy {
        Strategy::Sock => AttachedStrategy::Sock,
        Strategy::Syscall => AttachedStrategy::Syscall,
    });
    Ok(observer)
}

/// What the model is made with under these settings.
pub(crate) fn model_settings(settings: &Settings, hash_key: [u64; 2]) -> model::Settings {
    let flavours = settings.targets.as_slice().iter().map(|target| flavour(target, &settings.recipes));
    model::Settings {
        limits: model::Limits::default(),
        flavours: flavours.collect(),
        recipes: settings.rules(),
        fetches_name_digest: settings
            .with_recipe(|recipe| recipe.fetches_name_digest)
            .map(|(id, _)| id)
            .collect(),
        hash_key,
    }
}

/// What the pulls of a target's own processes are for: by the name of the program, and by what its recipe says.
fn flavour(target: &Target, recipes: &[Recipe]) -> Flavour {
    let of = match target.comm.as_bytes() {
        b"podman" => Flavour::Podman,
        b"dockerd" => Flavour::Docker,
        b"containerd" | b"crio" => Flavour::Cri,
        _ => Flavour::Oci,
    };
    match recipes.iter().find(|recipe| recipe.target.name == target.name) {
        Some(Recipe { isolation, trigger, .. }) if isolation.is_some() || trigger.is_some() => {
            Flavour::Told(Box::new(Told { of, isolation: isolation.clone(), trigger: *trigger }))
        }
        _ => of,
    }
}

/// Captured heads hold credentials: they must not reach a disk in a core dump. A limit of 1 also keeps the kernel from
/// piping a dump to a program (fs/coredump.c), which 0 does not.
fn forbid_core_dumps() {
    let limit = Rlimit { current: Some(1), maximum: Some(1) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!(%error, "core dumps cannot be forbidden");
    }
}

/// Each probe in a program file is an open descriptor, some tens of them for each file; the usual limit is 1024, and the
/// system allows more to who asks.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

fn failure(error: &anyhow::Error) -> Failure {
    Failure::new("kernel programs", format!("{error:#}"), "`pullscope check` says what this machine lacks.")
}

/// A number that nobody can foresee: the standard library draws the keys of its hash maps from the system.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
