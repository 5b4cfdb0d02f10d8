//! Files of records.

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::file::{FileBody, FileOf, InMemory, NewFile, RemoteFile, gather};
use syncline_core::{Error, ErrorKind, Result};

use crate::connector::{Need, Scene};

topic! { "files":
    what_was_uploaded_is_listed(Need::Files, 3) "`files`: a file that was uploaded is listed for its record alone, with its name, its size and a version.",
    no_files_are_no_error(Need::Files, 3) "`files`: a record without files has none, and so has one that does not exist.",
    without_files_all_is_unsupported(Need::NoFiles, 1) "Without `files` listing, downloading, uploading and asking for changes is `Unsupported`.",
    every_byte_comes_back(Need::Files, 3) "`files`: what is downloaded is what was uploaded, byte for byte.",
    a_missing_file_is_not_found(Need::Files, 3) "`files`: a file that does not exist is `NotFound`.",
    a_missing_record_takes_no_file(Need::Files, 3) "`files`: an upload to a record that does not exist is `NotFound`, and leaves no file.",
    a_broken_body_leaves_no_file(Need::Files, 3) "`files`: a body that breaks off leaves no file.",
    names_may_be_the_same(Need::Files, 3) "`files`: two files of one name stand side by side.",
    changes_name_every_record(Need::Files, 5) "`files`: from the beginning every record is named that has a file, and from a cursor every one that got a file since.",
    a_cursor_has_to_be_one(Need::Files, 1) "`files`: a cursor of file changes that can't be read is `CursorExpired`.",
}

async fn list(scene: &Scene<'_>, records: &[String]) -> Result<Vec<FileOf>> {
    let connector = scene.remote.connector();
    connector
        .files(&scene.host, &scene.remote.config(), &scene.subject().object, records)
        .await
}

async fn upload(scene: &Scene<'_>, record: &str, name: &str, content: impl Into<Bytes>) -> Result<RemoteFile> {
    let content = content.into();
    let file = NewFile {
        name: name.to_owned(),
        content_type: None,
        size: content.len() as u64,
    };
    put(scene, record, &file, Box::new(InMemory::new(content))).await
}

async fn put(scene: &Scene<'_>, record: &str, file: &NewFile, body: Box<dyn FileBody>) -> Result<RemoteFile> {
    let connector = scene.remote.connector();
    let object = &scene.subject().object;
    connector
        .upload(&scene.host, &scene.remote.config(), object, record, file, body)
        .await
}

async fn download(scene: &Scene<'_>, file: &RemoteFile) -> Result<Bytes> {
    let connector = scene.remote.connector();
    let object = &scene.subject().object;
    let mut body = connector
        .download(&scene.host, &scene.remote.config(), object, file)
        .await?;
    gather(&mut *body, usize::MAX).await
}

/// The records that are named from a cursor on, and the cursor at the end.
async fn changes(scene: &Scene<'_>, mut cursor: Option<Bytes>) -> (Vec<String>, Bytes) {
    let connector = scene.remote.connector();
    let mut records = Vec::new();
    for _ in 0..100 {
        let found = connector
            .file_changes(
                &scene.host,
                &scene.remote.config(),
                &scene.subject().object,
                cursor.as_ref(),
            )
            .await
            .unwrap();
        records.extend(found.records);
        if !found.more {
            records.sort();
            records.dedup();
            return (records, found.cursor);
        }
        cursor = Some(found.cursor);
    }
    panic!("changes of files do not end")
}

fn ids(scene: &Scene<'_>) -> Vec<String> {
    scene.live().into_iter().collect()
}

async fn what_was_uploaded_is_listed(scene: &Scene<'_>) {
    let ids = ids(scene);
    let made = upload(scene, &ids[0], "Offer & Ümläut.txt", "hello").await.unwrap();
    let found = list(scene, &ids).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0].record, &found[0].file.id), (&ids[0], &made.id));
    let file = &found[0].file;
    assert_eq!((file.name.as_str(), file.size), ("Offer & Ümläut.txt", 5));
    assert!(!file.version.is_empty());
    assert_eq!(
        (&made.name, made.size, &made.version),
        (&file.name, file.size, &file.version)
    );
}

async fn no_files_are_no_error(scene: &Scene<'_>) {
    let mut ids = ids(scene);
    ids.push(scene.subject().missing.clone());
    assert_eq!(list(scene, &ids).await.unwrap(), []);
    assert_eq!(list(scene, &[]).await.unwrap(), []);
}

async fn without_files_all_is_unsupported(scene: &Scene<'_>) {
    let ids = ids(scene);
    let unsupported = |error: Error| assert_eq!(error.kind(), ErrorKind::Unsupported);
    unsupported(list(scene, &ids).await.unwrap_err());
    unsupported(upload(scene, &ids[0], "a.txt", "a").await.unwrap_err());
    unsupported(download(scene, &nothing()).await.unwrap_err());
    let connector = scene.remote.connector();
    let config = scene.remote.config();
    let found = connector.file_changes(&scene.host, &config, &scene.subject().object, None);
    unsupported(found.await.unwrap_err());
}

async fn every_byte_comes_back(scene: &Scene<'_>) {
    let ids = ids(scene);
    let all: Vec<u8> = (0..300_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for content in [all, b"\r\n--\r\n\r\n".to_vec(), b"{".to_vec()] {
        let made = upload(scene, &ids[0], "bytes.bin", content.clone()).await.unwrap();
        assert!(
            download(scene, &made).await.unwrap() == content,
            "what came back differs"
        );
    }
}

fn nothing() -> RemoteFile {
    RemoteFile {
        id: "069000000000001AAA".into(),
        name: "nothing".into(),
        size: 1,
        version: "068000000000001AAA".into(),
        md5: None,
        content_type: None,
        modified: None,
    }
}

async fn a_missing_file_is_not_found(scene: &Scene<'_>) {
    let error = download(scene, &nothing()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

async fn a_missing_record_takes_no_file(scene: &Scene<'_>) {
    let error = upload(scene, &scene.subject().missing, "a.txt", "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(scene.host.writes().is_empty(), "nothing was sent");
}

/// Two pieces, and then no more.
struct Broken(usize);

#[async_trait]
impl FileBody for Broken {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.0 += 1;
        if self.0 < 3 {
            return Ok(Some(Bytes::from_static(b"piece")));
        }
        Err(Error::new(ErrorKind::Unavailable, "the other side broke off"))
    }
}

async fn a_broken_body_leaves_no_file(scene: &Scene<'_>) {
    let ids = ids(scene);
    let file = NewFile {
        name: "a.txt".into(),
        content_type: Some("text/plain".into()),
        size: 10,
    };
    let error = put(scene, &ids[0], &file, Box::new(Broken(0))).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    let short = Box::new(InMemory::new("short"));
    put(scene, &ids[0], &file, short).await.unwrap_err();
    assert_eq!(list(scene, &ids).await.unwrap(), []);
}

async fn names_may_be_the_same(scene: &Scene<'_>) {
    let ids = ids(scene);
    let one = upload(scene, &ids[0], "a.txt", "one").await.unwrap();
    let two = upload(scene, &ids[0], "a.txt", "two").await.unwrap();
    assert_ne!(one.id, two.id);
    assert_eq!(list(scene, &ids).await.unwrap().len(), 2);
    assert_eq!(download(scene, &one).await.unwrap(), "one");
    assert_eq!(download(scene, &two).await.unwrap(), "two");
}

async fn changes_name_every_record(scene: &Scene<'_>) {
    let ids = ids(scene);
    upload(scene, &ids[0], "a.txt", "a").await.unwrap();
    upload(scene, &ids[3], "b.txt", "b").await.unwrap();
    scene.pass(60);
    let (found, cursor) = changes(scene, None).await;
    assert_eq!(found, [ids[0].clone(), ids[3].clone()]);
    // Longer than anything that is read twice.
    scene.pass(3_600);
    let (_, cursor) = changes(scene, Some(cursor)).await;
    upload(scene, &ids[1], "c.txt", "c").await.unwrap();
    scene.pass(60);
    let (found, cursor) = changes(scene, Some(cursor)).await;
    assert_eq!(found, [ids[1].clone()]);
    scene.pass(3_600);
    let (_, cursor) = changes(scene, Some(cursor)).await;
    let (found, _) = changes(scene, Some(cursor)).await;
    assert_eq!(found, Vec::<String>::new());
}

async fn a_cursor_has_to_be_one(scene: &Scene<'_>) {
    let (connector, config) = (scene.remote.connector(), scene.remote.config());
    let cursor = Bytes::from_static(b"no cursor");
    let found = connector
        .file_changes(&scene.host, &config, &scene.subject().object, Some(&cursor))
        .await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::CursorExpired);
}
