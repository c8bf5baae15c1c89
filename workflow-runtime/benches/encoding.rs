//! What it costs to write and to read the locals of a small workflow.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use workflow_runtime::journal::{
    encoding::{decode_borrowed, encode_into},
    payload::Payload,
};

#[derive(Serialize, Deserialize)]
struct Locals {
    order: u64,
    customer: String,
    cents: i64,
    approved: Option<bool>,
    skus: Vec<u32>,
}

fn encoding(c: &mut Criterion) {
    let locals = Locals {
        order: 4_200_000_000_000,
        customer: "customer-00042".to_owned(),
        cents: -129_900,
        approved: Some(true),
        skus: vec![7, 70_000, 700],
    };
    let mut out = Vec::with_capacity(256);
    c.bench_function("five locals: encode_into", |b| {
        b.iter(|| {
            out.clear();
            encode_into(&mut out, black_box(&locals)).expect("encodes");
            out.len()
        });
    });
    c.bench_function("five locals: Payload::encode", |b| {
        b.iter(|| Payload::encode(black_box(&locals)).expect("encodes"));
    });
    c.bench_function("five locals: decode", |b| {
        b.iter(|| decode_borrowed::<Locals>(black_box(&out)).expect("decodes").order);
    });
    let payload = Payload::from_bytes(out.clone()).expect("has the format byte");
    c.bench_function("five locals: hash64", |b| b.iter(|| black_box(&payload).hash64()));
}

criterion_group!(benches, encoding);
criterion_main!(benches);
