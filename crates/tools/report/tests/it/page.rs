//! The page in a browser: it is whole, loads nothing, and works without scripts.

use std::path::Path;
use std::time::Duration;

use redact::Redactor;
use serde_json::json;
use testbed::Browser;

use crate::scene::fixed;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_page_shows_everything_and_loads_nothing() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start().await.unwrap();
    for (name, redaction) in [("whole", None), ("redacted", Some(Redactor::new([7; 32])))] {
        let path = folder.path().join(format!("{name}.html"));
        std::fs::write(&path, fixed(redaction).html()).unwrap();
        for width in [1200, 400] {
            let page = browser.page(width, 900).await.unwrap();
            page.go(&format!("file://{}", path.display())).await.unwrap();
            page.until("document.readyState === 'complete' && document.querySelector('footer') !== null", PATIENCE)
                .await
                .unwrap();
            let facts = "[document.scripts.length, document.querySelectorAll('[src],link,[onclick],iframe').length,
                performance.getEntriesByType('resource').length, document.documentElement.scrollWidth <= innerWidth,
                document.querySelectorAll('svg').length > 2, document.querySelectorAll('main table').length > 3]";
            assert_eq!(page.value(facts).await.unwrap(), json!([0, 0, 0, true, true, true]), "{name} {width}");
            assert_eq!(page.wrong(), Vec::<String>::new());
            if let Some(folder) = std::env::var_os("SCREENSHOTS") {
                page.prefer(if width > 1_000 { "light" } else { "dark" }).await.unwrap();
                let file = Path::new(&folder).join(format!("incident-{name}-{width}.png"));
                page.screenshot(&file).await.unwrap();
            }
        }
    }
}
