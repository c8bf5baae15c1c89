//! A video is inspected, cut into segments, and transcoded into several renditions at once; thumbnails and subtitles are made beside
//! that, and what is published depends on what came out.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Upload {
    path: String,
    languages: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Media {
    seconds: u32,
    height: u32,
    audio: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Rendition {
    P360,
    P720,
    P2160,
}

impl Rendition {
    const ALL: [Rendition; 3] = [Rendition::P360, Rendition::P720, Rendition::P2160];

    fn height(self) -> u32 {
        match self {
            Rendition::P360 => 360,
            Rendition::P720 => 720,
            Rendition::P2160 => 2_160,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Published {
    renditions: Vec<(Rendition, String)>,
    thumbnail: Option<String>,
    subtitles: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum VideoError {
    #[error("{path} is no video")]
    NoVideo { path: String },
    #[error("no rendition came out")]
    Nothing,
    #[error(transparent)]
    Activity(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

#[activity(retry(attempts = 2, initial = "1s"))]
async fn probe(path: &str) -> Result<Media, String> {
    match path.rsplit_once('.') {
        Some(("small", "mp4")) => Ok(Media { seconds: 25, height: 720, audio: true }),
        Some((_, "mp4")) => Ok(Media { seconds: 61, height: 2_160, audio: !path.contains("silent") }),
        _ => Err("no container".to_owned()),
    }
}

#[activity(timeout = "1h", heartbeat = "1m", retry(attempts = 2, initial = "10s"))]
async fn transcode(path: &str, rendition: Rendition, from: u32, to: u32) -> Result<String, String> {
    if path.starts_with("noisy") && rendition == Rendition::P2160 && from >= 30 {
        return Err(format!("out of memory at {from}"));
    }
    if path.starts_with("cursed") {
        Err("it cannot be decoded".to_owned())
    } else {
        Ok(format!("{rendition:?}[{from}-{to}]"))
    }
}

#[activity]
async fn stitch(parts: &[String]) -> Result<String, String> {
    Ok(parts.join(""))
}

#[activity(timeout = "5m")]
async fn thumbnail(path: &str, at: u32) -> Result<String, String> {
    if at == 0 { Err(format!("{path} is black")) } else { Ok(format!("{at}.png")) }
}

#[activity(timeout = "2h")]
async fn subtitles(path: &str, language: &str) -> Result<String, String> {
    if language == "tlh" { Err(format!("nobody speaks {language} in {path}")) } else { Ok(format!("{language}.vtt")) }
}

#[activity]
async fn delete_parts(path: String) -> Result<(), String> {
    println!("{path}: parts are gone");
    Ok(())
}

#[workflow]
async fn render(path: String, media: Media, rendition: Rendition) -> Result<String, ActivityError<String>> {
    const SEGMENT: u32 = 30;
    let mut parts = vec![];
    let mut from = 0;
    while from < media.seconds {
        let to = media.seconds.min(from + SEGMENT);
        parts.push(transcode(&path, rendition, from, to).await?);
        from = to;
    }
    stitch(&parts).await
}

#[workflow]
async fn transcode_video(upload: Upload) -> Result<Published, VideoError> {
    let Upload { path, languages } = upload;
    let Ok(media) = probe(&path).await else {
        return Err(VideoError::NoVideo { path });
    };
    saga::on_failure(delete_parts(path.clone()));
    let mut warnings = vec![];
    let wanted: Vec<Rendition> = Rendition::ALL.into_iter().filter(|r| r.height() <= media.height).collect();

    let (rendered, picture, texts) = join!(
        async {
            let mut rendered = vec![];
            for rendition in &wanted {
                rendered.push((*rendition, render(path.clone(), media, *rendition).await));
            }
            rendered
        },
        async {
            for at in [0, 10, media.seconds / 2] {
                if let Ok(picture) = thumbnail(&path, at).await {
                    return Some(picture);
                }
            }
            None
        },
        async {
            if !media.audio {
                return vec![];
            }
            join_all(languages.iter().map(|l| subtitles(&path, l))).await
        }
    );

    let mut renditions = Vec::with_capacity(rendered.len());
    for (rendition, ended) in rendered {
        match ended {
            Ok(url) => renditions.push((rendition, url)),
            Err(e) => warnings.push(format!("{rendition:?}: {e}")),
        }
    }
    let (texts, missing): (Vec<_>, Vec<_>) = texts.into_iter().partition(Result::is_ok);
    warnings.extend(missing.into_iter().filter_map(Result::err).map(|e| e.to_string()));
    if renditions.is_empty() {
        return Err(VideoError::Nothing);
    }
    delete_parts(path).await?;
    saga::commit();
    Ok(Published { renditions, thumbnail: picture, subtitles: texts.into_iter().flatten().collect(), warnings })
}

fn upload(path: &str, languages: &[&str]) -> Upload {
    Upload { path: path.to_owned(), languages: languages.iter().map(|l| l.to_string()).collect() }
}

#[test]
fn videos_are_published() {
    let small = agree(|| transcode_video(upload("small.mp4", &["en", "tlh"])));
    assert_eq!(
        small.outcome["ok"],
        json!({
            "renditions": [["P360", "P360[0-25]"], ["P720", "P720[0-25]"]],
            "thumbnail": "10.png",
            "subtitles": ["en.vtt"],
            "warnings": ["nobody speaks tlh in small.mp4"],
        })
    );
    let noisy = agree(|| transcode_video(upload("noisy.silent.mp4", &["en"])));
    assert_eq!(noisy.outcome["ok"]["renditions"][1], json!(["P720", "P720[0-30]P720[30-60]P720[60-61]"]));
    assert_eq!(noisy.outcome["ok"]["warnings"], json!(["P2160: out of memory at 30"]));
    assert_eq!(noisy.outcome["ok"]["subtitles"], json!([]));
}

#[test]
fn videos_are_not_published() {
    let text = agree(|| transcode_video(upload("notes.txt", &[])));
    assert_eq!(text.outcome, json!({ "err": { "NoVideo": { "path": "notes.txt" } } }));
    let cursed = agree(|| transcode_video(upload("cursed.mp4", &[])));
    assert_eq!(cursed.outcome, json!({ "err": "Nothing" }));
    assert!(asked(&cursed).ends_with("delete_parts"));
    let dark = Differential::new(|| transcode_video(upload("small.mp4", &[])));
    let dark = dark.mock(thumbnail, |_: String, at: u32| Err(format!("black at {at}"))).run();
    assert_eq!(dark.outcome["ok"]["thumbnail"], json!(null));
}

#[workflow_runtime::test(crashes = "every", in_order)]
async fn no_segment_is_transcoded_twice(t: Test) {
    let run = t.start("v", transcode_video(upload("small.mp4", &["en"]))).await;
    let Published { renditions, subtitles, warnings, .. } = run.result().await.expect("a video");
    assert_eq!((renditions.len(), subtitles, warnings), (2, vec!["en.vtt".to_owned()], vec![]));
    t.calls(transcode).assert_called_times(2);
}
