//! An S3-compatible store on loopback, with its objects in a folder.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hyper::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use store::remote;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A store with one bucket. It ends when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    addr: SocketAddr,
    root: TempDir,
    behaviour: Arc<Behaviour>,
    _end: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Behaviour {
    is_away: AtomicBool,
    hides_hashes: AtomicBool,
    served: AtomicU64,
    requests: AtomicU64,
}

impl S3Server {
    /// Its only bucket.
    pub const BUCKET: &str = "bucket";
    /// The name of the only key that it takes.
    pub const ACCESS_KEY: &str = "testbed";
    /// That key.
    pub const SECRET_KEY: &str = "secret of the testbed";

    const REGION: &str = "us-east-1";

    /// Starts one, on a free port and a thread of its own.
    ///
    /// # Errors
    /// There is no folder, port or thread for it.
    pub fn start() -> io::Result<Self> {
        let root = tempfile::tempdir()?;
        std::fs::create_dir(root.path().join(Self::BUCKET))?;
        let files = s3s_fs::FileSystem::new(root.path()).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let service = service.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let behaviour = Arc::new(Behaviour::default());
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let at_work = Arc::clone(&behaviour);
        std::thread::Builder::new().name("s3 server".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = ended => {}
                    _ = accept(listener, service, at_work) => {}
                }
            });
        })?;
        Ok(Self { addr, root, behaviour, _end: end })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What a client needs to find it and to be let in.
    pub fn account(&self) -> remote::Options {
        remote::Options {
            endpoint: Some(self.endpoint()),
            region: Some(Self::REGION.to_owned()),
            access_key_id: Some(Self::ACCESS_KEY.to_owned()),
            secret_access_key: Some(Self::SECRET_KEY.to_owned()),
            session_token: None,
            allow_http: true,
        }
    }

    /// What clients take from the environment to find it and to be let in.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
        ]
    }

    /// Where the object with this key lies.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.path().join(Self::BUCKET).join(key)
    }

    /// The keys of all objects, sorted.
    pub fn keys(&self) -> Vec<String> {
        let root = self.path("");
        let (mut keys, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let key = path.strip_prefix(&root).map(Path::to_string_lossy).unwrap_or_default().into_owned();
                if path.is_dir() { folders.push(path) } else { keys.push(key) }
            }
        }
        keys.sort();
        keys
    }

    /// Whether it closes each connection at once.
    pub fn set_away(&self, is_away: bool) {
        self.behaviour.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Whether its ETags are no hashes of the content, as those of stores that encrypt.
    pub fn hide_hashes(&self, hides: bool) {
        self.behaviour.hides_hashes.store(hides, Ordering::Relaxed);
    }

    /// Bytes of objects that it has sent so far.
    pub fn served(&self) -> u64 {
        self.behaviour.served.load(Ordering::Relaxed)
    }

    /// Requests that it has answered so far.
    pub fn requests(&self) -> u64 {
        self.behaviour.requests.load(Ordering::Relaxed)
    }
}

async fn accept(listener: std::net::TcpListener, service: S3Service, behaviour: Arc<Behaviour>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        if !behaviour.is_away.load(Ordering::Relaxed) {
            tokio::spawn(serve(stream, service.clone(), Arc::clone(&behaviour)));
        }
    }
}

async fn serve(stream: TcpStream, service: S3Service, behaviour: Arc<Behaviour>) {
    let answering = service_fn(|request: Request<Incoming>| {
        let (service, behaviour) = (service.clone(), Arc::clone(&behaviour));
        async move { Ok::<_, Infallible>(answer(request, &service, &behaviour).await) }
    });
    // That a client goes away is nothing.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answering).await;
}

async fn answer(request: Request<Incoming>, service: &S3Service, behaviour: &Behaviour) -> s3s::HttpResponse {
    let is_get = request.method() == Method::GET;
    let answer = if behaviour.is_away.load(Ordering::Relaxed) {
        None
    } else {
        service.call(request.map(s3s::Body::from)).await.ok()
    };
    let Some(mut answer) = answer else {
        let mut away = Response::new(s3s::Body::empty());
        *away.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return away;
    };
    behaviour.requests.fetch_add(1, Ordering::Relaxed);
    if is_get {
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        behaviour.served.fetch_add(length.unwrap_or_default(), Ordering::Relaxed);
    }
    if behaviour.hides_hashes.load(Ordering::Relaxed) && answer.headers().contains_key(ETAG) {
        answer.headers_mut().insert(ETAG, HeaderValue::from_static("\"opaque\""));
    }
    answer
}
