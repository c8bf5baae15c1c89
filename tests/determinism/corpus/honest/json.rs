//! Payloads: JSON, base64, hashes, addresses of pages, ids from names.

use crate::desk;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};
use url::Url;
use uuid::Uuid;
use workflow_runtime::prelude::*;

pub mod webhook {
    use super::*;

    #[workflow]
    pub async fn webhook(body: String) -> Result<String, WorkflowError> {
        let value: Value = serde_json::from_str(&body)?;
        let kind = value["type"].as_str().unwrap_or("unknown").to_owned();
        if let Some(id) = value.pointer("/data/object/id").and_then(Value::as_u64) {
            desk::order(id).await?;
        }
        Ok(kind)
    }
}

pub mod typed_event {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    pub enum Event {
        Created {
            id: u64,
        },
        Paid {
            id: u64,
            cents: u64,
        },
        #[serde(other)]
        Other,
    }

    #[workflow]
    pub async fn typed_event(bodies: Vec<String>) -> Result<u64, WorkflowError> {
        let mut paid = 0;
        for body in bodies {
            match serde_json::from_str(&body)? {
                Event::Created { id } => drop(desk::order(id).await?),
                Event::Paid { id, cents } => {
                    desk::store(&id.to_string(), "paid").await?;
                    paid += cents;
                }
                Event::Other => {}
            }
        }
        Ok(paid)
    }
}

pub mod merge_patch {
    use super::*;

    fn merge(into: &mut Value, patch: &Value) {
        let (Value::Object(into), Value::Object(patch)) = (into, patch) else { return };
        for (key, value) in patch {
            match (into.get_mut(key), value) {
                (_, Value::Null) => drop(into.remove(key)),
                (Some(old @ Value::Object(_)), Value::Object(_)) => merge(old, value),
                _ => drop(into.insert(key.clone(), value.clone())),
            }
        }
    }

    #[workflow]
    pub async fn merge_patch(mut document: Value, patches: Vec<Value>) -> Result<Value, WorkflowError> {
        for patch in &patches {
            merge(&mut document, patch);
            desk::store("document", &document.to_string()).await?;
        }
        Ok(document)
    }
}

pub mod built_json {
    use super::*;

    #[workflow]
    pub async fn built_json(id: u64) -> Result<String, WorkflowError> {
        let order = desk::order(id).await?;
        let mut extra = Map::new();
        extra.insert("lines".to_owned(), order.lines.len().into());
        let body = json!({ "id": order.id, "to": order.customer, "extra": extra, "tags": ["a", "b"] });
        Ok(serde_json::to_string_pretty(&body)?)
    }
}

pub mod basic_auth {
    use super::*;

    #[workflow]
    pub async fn basic_auth(user: String, password: String) -> Result<bool, WorkflowError> {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let answer = desk::ask(&header).await?;
        Ok(answer.ends_with('='))
    }
}

pub mod token_claims {
    use super::*;

    #[derive(Deserialize)]
    pub struct Claims {
        sub: String,
        exp: i64,
    }

    #[workflow]
    pub async fn token_claims(token: String) -> Result<Option<String>, WorkflowError> {
        let Some(part) = token.split('.').nth(1) else { return Ok(None) };
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?;
        if claims.exp < now().as_second() {
            return Ok(None);
        }
        let sub = claims.sub;
        desk::mail(&sub, "signed in").await?;
        Ok(Some(sub))
    }
}

pub mod content_hash {
    use super::*;

    #[workflow]
    pub async fn content_hash(url: String) -> Result<String, WorkflowError> {
        let text = desk::fetch(&url).await?;
        let hash: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        desk::store(&hash, &text).await?;
        Ok(hash)
    }
}

pub mod merkle_root {
    use super::*;

    fn node(left: &[u8], right: &[u8]) -> Vec<u8> {
        Sha512::new().chain_update(left).chain_update(right).finalize().to_vec()
    }

    #[workflow]
    pub async fn merkle_root(parts: Vec<String>) -> Result<String, WorkflowError> {
        let mut level: Vec<Vec<u8>> = vec![];
        for part in &parts {
            level.push(Sha512::digest(desk::fetch(part).await?).to_vec());
        }
        while level.len() > 1 {
            level = level.chunks(2).map(|c| node(&c[0], c.last().unwrap_or(&c[0]))).collect();
        }
        Ok(level.first().map(|root| STANDARD.encode(root)).unwrap_or_default())
    }
}

pub mod same_site {
    use super::*;

    #[workflow]
    pub async fn same_site(start: Url, links: Vec<String>) -> Result<Vec<Url>, WorkflowError> {
        let mut inside = vec![];
        for link in &links {
            let Ok(url) = start.join(link) else { continue };
            if url.host_str() == start.host_str() && url.scheme() == "https" {
                desk::fetch(url.as_str()).await?;
                inside.push(url);
            }
        }
        Ok(inside)
    }
}

pub mod query_string {
    use super::*;

    #[workflow]
    pub async fn query_string(callback: String, code: String) -> Result<String, WorkflowError> {
        let mut url = Url::parse(&callback)?;
        url.query_pairs_mut().append_pair("code", &code).append_pair("state", &run_id().to_string());
        let seen = url.query_pairs().filter(|(k, _)| k == "state").count();
        desk::store("states", &seen.to_string()).await?;
        Ok(url.into())
    }
}

pub mod id_from_a_name {
    use super::*;

    #[workflow]
    pub async fn id_from_a_name(email: String) -> Result<Uuid, WorkflowError> {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, email.as_bytes());
        desk::store(&id.simple().to_string(), &email).await?;
        Ok(id)
    }
}

pub mod parsed_ids {
    use super::*;

    #[workflow]
    pub async fn parsed_ids(rows: Vec<String>) -> Result<Vec<Uuid>, WorkflowError> {
        let mut ids = rows.iter().map(|r| Uuid::parse_str(r)).collect::<Result<Vec<_>, _>>()?;
        ids.retain(|id| !id.is_nil() && id.get_version_num() == 4);
        desk::store("ids", &ids.len().to_string()).await?;
        Ok(ids)
    }
}

pub mod id_of_the_run {
    use super::*;

    #[workflow]
    pub async fn id_of_the_run(step: u32) -> Result<Uuid, WorkflowError> {
        let key = Uuid::from_u128(uuid().as_u128() ^ u128::from(step));
        desk::store(&key.to_string(), "begun").await?;
        Ok(key)
    }
}
