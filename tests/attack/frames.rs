//! Instances whose state does not decode, beside others.

use crate::{
    audit::{expected, open_with},
    clients::{Size, drive},
    poisons::GO,
    process::{rounds, run, text, told},
    workload::{Failed, Lines, NAMES, Place, chain},
};
use workflow_runtime::{
    engine::{Engine, Status},
    journal::{
        id::{Namespace, WorkflowId},
        key::InstanceKeys,
    },
    store::{Commit, SledStore, Store, Write},
    workflow,
};

/// As `worker/old.rs` has it, with a number in the place of a text.
#[workflow]
async fn retyped(name: String) -> Result<u64, Failed> {
    let kept = name.len() as u64;
    GO.recv().await?;
    Ok(kept)
}

async fn open(place: &Place) -> Engine {
    open_with(place, |b| b.only(NAMES).only(["retyped"])).await
}

async fn healthy(engine: &Engine, place: &Place, size: Size) {
    let lines = Lines::open(&place.acknowledged()).expect("the file opens");
    assert_eq!(drive(engine, size, &lines).await.expect("the healthy end"), expected(size));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_another_build_that_do_not_decode_block_their_instances() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let count = rounds(200, 10_000);
    let out = run(&["park", text(&place.0), &count.to_string()]);
    assert!(out.status.success(), "{}", told(&out));
    for opening in 0..2 {
        let engine = open(&place).await;
        let of = |n: u64| engine.run(retyped, format!("retyped-{n}"));
        let signals = async {
            for n in 0..count {
                of(n).signal(&GO, ()).id(format!("opening-{opening}")).await.expect("it is kept");
            }
        };
        tokio::join!(signals, healthy(&engine, &place, Size(4 + opening)));
        engine.pulse().idle().await;
        for n in 0..count {
            let status = of(n).status().await.expect("a status");
            let reason = status.blocked.expect("it is blocked");
            assert_eq!(reason.code, "WB005", "{}", reason.message);
            assert_eq!(status.inbox["go"], 1 + opening, "its inbox is kept");
        }
        engine.shutdown().await;
    }
    println!("undecodable: {count} blocked over two openings, with all that came for them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_is_no_checkpoint_is_told_and_hurts_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let count = rounds(50, 1_000);
    let engine = open(&place).await;
    for n in 0..count {
        let id = format!("garbled-{n}");
        engine.start(id.clone(), retyped(id)).await.expect("it starts");
    }
    engine.shutdown().await;
    drop(engine);
    let store = SledStore::open(place.store()).expect("it opens");
    let fences = store.acquire_all("the attack").await.expect("it is taken");
    for n in 0..count {
        let id = WorkflowId::new(format!("garbled-{n}")).expect("an id");
        let keys = InstanceKeys::new(&Namespace::default(), &id);
        let (based_on, value) = store.get_with_revision(&keys.frame()).await.expect("it reads").expect("it is there");
        // Cut off, of another type, or empty: all with a valid checksum.
        let value = match n % 3 {
            0 => value[..value.len() / 2].to_vec(),
            1 => b"\x01\xc3".to_vec(),
            _ => vec![],
        };
        let writes = vec![Write::Put { key: keys.frame(), value }];
        let fence = fences[usize::from(keys.shard().0)];
        let commit = Commit { fence, instance: keys.frame(), based_on, revision: based_on.next(), writes };
        store.commit(commit).await.expect("it is written");
    }
    store.close().await.expect("it closes");
    drop(store);
    let engine = open(&place).await;
    healthy(&engine, &place, Size(4)).await;
    for n in 0..count {
        let run = engine.run(retyped, format!("garbled-{n}"));
        let codes = [
            run.status().await.expect_err("it cannot be read").code(),
            run.signal(&GO, ()).await.expect_err("it cannot be taken").code(),
            run.terminate("no use").await.expect_err("it cannot be written").code(),
        ];
        assert_eq!(codes, ["WE014"; 3]);
    }
    healthy(&engine, &place, Size(6)).await;
    assert_eq!(engine.run(chain, "chain-5").status().await.expect("a status").state, Status::Completed);
    engine.shutdown().await;
    println!("garbled checkpoints: {count} told as such, the others went on");
}
