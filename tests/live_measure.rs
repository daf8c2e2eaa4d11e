//! In both worlds, in a terminal of 120×40: start, idle, churn, memory, keys. The
//! rehearsal's world is served by another process.
//!
//! It prints figures and asserts none of them: machines differ. What it asserts is
//! that what was measured did happen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use support::bastion::Bastion;
use support::pty::Pty;
use support::world::{World, worlds};
use support::{program, until};
use tokio::runtime::Handle;

worlds!(figures);

const MANY: usize = 2000;

fn start(bastion: &Bastion) -> (Pty, Instant) {
    let command = bastion.in_terminal_of(&program());
    let begun = Instant::now();
    (Pty::spawn(&command, 120, 40), begun)
}

/// Processor time that a process has used, in seconds.
fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// Resident memory in MiB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Bytes a second on the line and processor share in percent over `seconds`.
fn watch(room: &Pty, seconds: u64) -> (f64, f64) {
    let pid = u32::try_from(room.pid().as_raw_nonzero().get()).unwrap();
    let (bytes, processor, begun) = (room.bytes().len(), processor_seconds(pid), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let took = begun.elapsed().as_secs_f64();
    let written = f64::from(u32::try_from(room.bytes().len() - bytes).unwrap());
    (written / took, (processor_seconds(pid) - processor) / took * 100.0)
}

/// Starts it a few times; medians of milliseconds to the first byte and to the pods.
fn starts(bastion: &Bastion, shown: &str) -> (f64, f64) {
    let mut first = Vec::new();
    let mut pods = Vec::new();
    for _ in 0..7 {
        let (mut room, begun) = start(bastion);
        room.wait_for_text(shown, Duration::from_secs(20));
        pods.push(begun.elapsed().as_secs_f64() * 1000.0);
        first.push((room.first_byte().unwrap() - begun).as_secs_f64() * 1000.0);
        room.type_keys("q");
        assert_eq!(room.wait_for_exit(Duration::from_secs(5)), 0);
    }
    (median(first), median(pods))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Pods that no scheduler and no kubelet look at, and one status change a hundredth of a second.
struct Crowd {
    runtime: Handle,
    pods: Api<Pod>,
}

impl Crowd {
    fn gather(world: &World) -> Self {
        let pods: Api<Pod> = Api::namespaced(world.client(), "taxasge");
        world.runtime().block_on(futures::future::join_all((0..8).map(|lane| {
            let pods = pods.clone();
            async move {
                for n in (lane..MANY).step_by(8) {
                    pods.create(&PostParams::default(), &pod(n)).await.unwrap();
                }
            }
        })));
        Self { runtime: world.runtime().clone(), pods }
    }

    /// Changes 100 pods' statuses a second until told to stop; how many were changed.
    fn churn(&self, stop: Arc<AtomicBool>) -> (JoinHandle<()>, Arc<AtomicUsize>) {
        let changed = Arc::new(AtomicUsize::new(0));
        let (pods, handle, count) = (self.pods.clone(), self.runtime.clone(), Arc::clone(&changed));
        let thread = std::thread::spawn(move || {
            handle.block_on(async {
                let mut beat = tokio::time::interval(Duration::from_millis(10));
                while !stop.load(Ordering::SeqCst) {
                    beat.tick().await;
                    let n = count.fetch_add(1, Ordering::SeqCst);
                    let name = format!("crowd-{:04}", n % MANY);
                    let pods = pods.clone();
                    tokio::spawn(async move {
                        let status = json!({"status": {"message": format!("change {n}"), "containerStatuses": [{
                            "name": "backend", "image": "x", "imageID": "", "ready": n % 2 == 0,
                            "restartCount": n, "state": {}, "lastState": {}}]}});
                        pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await
                    });
                }
            });
        });
        (thread, changed)
    }
}

impl Crowd {
    /// Goes, and is gone when this returns.
    fn leave(self) {
        let (runtime, pods) = (self.runtime.clone(), self.pods.clone());
        drop(self);
        until("the crowd to be gone", Duration::from_secs(120), || {
            let left = runtime.block_on(pods.list_metadata(&members())).unwrap();
            left.items.is_empty().then_some(())
        });
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let at_once = DeleteParams::default().grace_period(0);
        let gone = self.runtime.block_on(self.pods.delete_collection(&at_once, &members()));
        drop(gone);
    }
}

fn members() -> ListParams {
    ListParams::default().labels("crowd=yes")
}

fn pod(n: usize) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": format!("crowd-{n:04}"), "labels": {"app": "backend", "version": "green", "crowd": "yes"}},
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": false,
            "containers": [{"name": "backend", "image": "ghcr.io/taxasge/backend:v1.0.0"}],
        },
    }))
    .unwrap()
}

fn report(what: &str, figure: f64, unit: &str, budget: &str) {
    println!("measured: {what:<44} {figure:>9.2} {unit:<6} (budget {budget})");
}

fn six_pods(bastion: &Bastion) {
    let (first, pods) = starts(bastion, "backend-green-");
    report("start to first byte", first, "ms", "15");
    report("start to pods shown, 6 pods", pods, "ms", "100");
    let (mut room, _) = start(bastion);
    room.wait_for_text("backend-green-", Duration::from_secs(20));
    let pid = u32::try_from(room.pid().as_raw_nonzero().get()).unwrap();
    std::thread::sleep(Duration::from_secs(8));
    let (bytes, share) = watch(&room, 30);
    report("idle bytes a second", bytes, "B/s", "60 clock, 150 timers");
    report("idle processor, 6 pods", share, "%", "0.1");
    report("resident, 6 pods", resident(pid), "MiB", "25");
    room.hang_up();
    let begun = Instant::now();
    room.wait_for_exit(Duration::from_secs(10));
    report("hang-up to exit", begun.elapsed().as_secs_f64() * 1000.0, "ms", "2000");
}

fn two_thousand_pods(crowd: &Crowd, bastion: &Bastion) {
    let (_, pods) = starts(bastion, "crowd-");
    report("start to pods shown, 2,006 pods", pods, "ms", "180");
    let (mut room, _) = start(bastion);
    room.wait_for_text("crowd-", Duration::from_secs(20));
    let pid = u32::try_from(room.pid().as_raw_nonzero().get()).unwrap();
    std::thread::sleep(Duration::from_secs(8));
    let (bytes, share) = watch(&room, 20);
    report("idle bytes a second, 2,006 pods", bytes, "B/s", "60");
    report("idle processor, 2,006 pods", share, "%", "0.1");
    report("resident, 2,006 pods", resident(pid), "MiB", "40");
    let stop = Arc::new(AtomicBool::new(false));
    let (churning, changed) = crowd.churn(Arc::clone(&stop));
    std::thread::sleep(Duration::from_secs(3));
    let before = changed.load(Ordering::SeqCst);
    let (bytes, share) = watch(&room, 20);
    let changes = changed.load(Ordering::SeqCst) - before;
    stop.store(true, Ordering::SeqCst);
    churning.join().unwrap();
    println!("measured: {changes} status changes in 20 s");
    assert!(changes > 1000, "the churn did not happen");
    report("churn bytes a second", bytes, "B/s", "600");
    report("churn processor", share, "%", "4");
    report("resident after churn", resident(pid), "MiB", "40");
    room.type_keys("q");
    room.wait_for_exit(Duration::from_secs(5));
}

/// 10,000 lines a second, and beside them as many pods as `pods` says.
fn keys_in_a_flood(bastion: &Bastion, pods: &str, memory: &str) {
    println!("measured: a flood of lines with {pods} pods");
    let (mut room, _) = start(bastion);
    // The store is full, and so what was dropped is counted.
    room.wait_for_text("oldest dropped", Duration::from_secs(120));
    let pid = u32::try_from(room.pid().as_raw_nonzero().get()).unwrap();
    let mut frames = Vec::new();
    for n in 0..200 {
        // `?` opens the help and Esc closes it: each is a frame that only a key can cause.
        let (key, open) = if n % 2 == 0 { ("?", true) } else { ("\u{1b}", false) };
        let begun = Instant::now();
        room.type_keys(key);
        room.wait_for("the key's frame", Duration::from_secs(5), |screen| {
            screen.contents().contains("Keys ─") == open
        });
        frames.push(begun.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_millis(37));
    }
    frames.sort_by(f64::total_cmp);
    report("key to frame in a flood of lines, median", frames[100], "ms", "-");
    report("key to frame in a flood of lines, p99", frames[197], "ms", "16");
    report("resident in a flood of lines", resident(pid), "MiB", memory);
    let (bytes, share) = watch(&room, 10);
    report("flood bytes a second", bytes, "B/s", "-");
    report("flood processor", share, "%", "-");
    room.hang_up();
    let begun = Instant::now();
    room.wait_for_exit(Duration::from_secs(10));
    report("hang-up in a flood to exit", begun.elapsed().as_secs_f64() * 1000.0, "ms", "2000");
}

fn figures(world: &World) {
    if std::env::var_os("CUTOVER_MEASURED_BINARY").is_none() {
        println!("skipped: figures: CUTOVER_MEASURED_BINARY does not name a release build");
        return;
    }
    let bastion = Bastion::of_operator(world);
    let size = Command::new("stat").args(["-c", "%s", &program()]).output().unwrap();
    let size: f64 = String::from_utf8(size.stdout).unwrap().trim().parse().unwrap();
    println!("measured: the program is {}", program());
    report("binary", size / 1e6, "MB", "22");
    six_pods(&bastion);
    let crowd = Crowd::gather(world);
    two_thousand_pods(&crowd, &bastion);
    world.flood();
    keys_in_a_flood(&bastion, "2,006", "40");
    crowd.leave();
    keys_in_a_flood(&bastion, "6", "25");
}
