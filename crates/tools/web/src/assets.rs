//! Serves the files of the pages, from the program or, for those who develop the pages, from a folder.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;

/// The folder `pages/`, compiled into the program.
#[derive(RustEmbed)]
#[folder = "pages/"]
struct Pages;

/// Where the pages come from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// From the program.
    #[default]
    Embedded,
    /// From a folder, whose files are read for each request.
    Folder(PathBuf),
}

/// Whether the program has a page of this name, such as `peers`.
pub fn has_view(name: &str) -> bool {
    Pages::get(&format!("views/{name}.js")).is_some()
}

/// `GET /`.
pub async fn index(state: State<Arc<Source>>, headers: HeaderMap) -> Response {
    page(state, Path("index.html".to_owned()), headers).await
}

/// `GET /PATH`: a file of the pages, such as `lib/dom.js`.
pub async fn page(State(source): State<Arc<Source>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(kind) = content_type(&path) else {
        return not_found(&path);
    };
    let (content, tag) = match &*source {
        Source::Embedded => match Pages::get(&path) {
            Some(file) => {
                let tag: String =
                    file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                (Bytes::from(file.data.into_owned()), Some(format!("\"{tag}\"")))
            }
            None => return not_found(&path),
        },
        Source::Folder(folder) => {
            // No `..` leads out of the folder, and hidden files are not served.
            let plain = path.split('/').all(|name| !name.is_empty() && !name.starts_with('.'));
            match if plain { tokio::fs::read(folder.join(&path)).await.ok() } else { None } {
                Some(content) => (content.into(), None),
                None => return not_found(&path),
            }
        }
    };
    // Browsers must revalidate pages for each use, because a newer program may have newer pages. Mostly, they get 304 (Not Modified).
    let cache = [(header::CACHE_CONTROL, "no-cache".to_owned()), (header::CONTENT_TYPE, kind.to_owned())];
    let Some(tag) = tag else {
        return (cache, content).into_response();
    };
    let unchanged = serve::is_known(&headers, &tag);
    let tagged = [(header::ETAG, tag)];
    if unchanged {
        (StatusCode::NOT_MODIFIED, tagged, cache).into_response()
    } else {
        (tagged, cache, content).into_response()
    }
}

/// The media type by the extension of the name. `None` for files that are not served.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn not_found(path: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("there is no {}\n", event::quote::Quoted(path))).into_response()
}
