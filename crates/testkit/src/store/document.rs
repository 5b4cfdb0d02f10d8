use syncline_core::store::{Document, DocumentKind, DocumentQuery, Store, Transaction};
use syncline_core::{ErrorKind, Result};

use super::sample::{at, document, read, refused, write};

topic![
    a_document_comes_back_as_it_was_with_its_number_and_version,
    numbers_are_counted_by_kind_and_not_given_again,
    documents_of_every_kind_are_kept,
    a_document_may_bring_its_own_number,
    each_write_raises_the_version,
    a_stale_document_is_refused,
    a_document_that_is_gone_is_stale,
    a_new_document_with_a_taken_number_is_stale,
    a_second_document_of_the_same_key_is_refused,
    keys_are_unique_by_kind_tenant_and_scope_only,
    a_document_may_change_its_key_and_frees_the_old_one,
    a_deleted_document_is_gone_and_frees_its_key,
    documents_are_found_newest_first,
    documents_are_found_by_every_column,
    a_page_ends_where_the_next_one_begins,
    a_count_ignores_the_limit,
];

const KIND: DocumentKind = DocumentKind::Failure;

async fn a_document_comes_back_as_it_was_with_its_number_and_version(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let wanted = Document {
        scope: 9,
        body: serde_json::json!({ "b": 1, "a": [true, null, "ä"], "n": u64::MAX }),
        ..document(KIND, Some("k"))
    };
    let id = transaction.put_document(&wanted).await?;
    transaction.commit().await?;
    let found = read(store).await?.document(KIND, id).await?;
    assert_eq!(
        found,
        Some(Document {
            id,
            version: 1,
            ..wanted
        })
    );
    assert_eq!(read(store).await?.document(DocumentKind::Run, id).await?, None);
    Ok(())
}

async fn numbers_are_counted_by_kind_and_not_given_again(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    assert_eq!(transaction.put_document(&document(KIND, None)).await?, 1);
    assert_eq!(transaction.put_document(&document(KIND, None)).await?, 2);
    assert_eq!(transaction.put_document(&document(DocumentKind::Run, None)).await?, 1);
    transaction.delete_document(KIND, 2).await?;
    assert_eq!(transaction.put_document(&document(KIND, None)).await?, 3);
    Ok(())
}

async fn documents_of_every_kind_are_kept(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    for kind in DocumentKind::ALL {
        assert_eq!(
            transaction.put_document(&document(kind, Some("k"))).await?,
            1,
            "{kind:?}"
        );
    }
    transaction.commit().await?;
    for kind in DocumentKind::ALL {
        let query = DocumentQuery::new(kind).key("k");
        let found = read(store).await?.documents(&query).await?;
        assert_eq!(found.len(), 1, "{kind:?}");
        assert_eq!((found[0].kind, found[0].key.as_deref()), (kind, Some("k")));
    }
    Ok(())
}

async fn a_document_may_bring_its_own_number(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let own = Document {
        id: 40,
        ..document(KIND, None)
    };
    assert_eq!(transaction.put_document(&own).await?, 40);
    assert_eq!(transaction.put_document(&document(KIND, None)).await?, 41);
    Ok(())
}

async fn each_write_raises_the_version(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, None)).await?;
    for version in 1..4 {
        let read = get(&mut transaction, id).await?;
        assert_eq!(read.version, version);
        assert_eq!(transaction.put_document(&read).await?, id);
    }
    Ok(())
}

async fn a_stale_document_is_refused(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, None)).await?;
    let read = get(&mut transaction, id).await?;
    transaction.put_document(&read).await?;
    transaction.commit().await?;
    let mut late = write(store).await?;
    assert_eq!(refused(late.put_document(&read).await)?, ErrorKind::Stale);
    Ok(())
}

async fn a_document_that_is_gone_is_stale(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, None)).await?;
    let read = get(&mut transaction, id).await?;
    transaction.delete_document(KIND, id).await?;
    assert_eq!(refused(transaction.put_document(&read).await)?, ErrorKind::Stale);
    Ok(())
}

async fn a_new_document_with_a_taken_number_is_stale(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, None)).await?;
    let again = Document {
        id,
        ..document(KIND, None)
    };
    assert_eq!(refused(transaction.put_document(&again).await)?, ErrorKind::Stale);
    Ok(())
}

async fn a_second_document_of_the_same_key_is_refused(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_document(&document(KIND, Some("k"))).await?;
    let second = transaction.put_document(&document(KIND, Some("k"))).await;
    assert_eq!(refused(second)?, ErrorKind::Exists);
    Ok(())
}

async fn keys_are_unique_by_kind_tenant_and_scope_only(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let first = document(KIND, Some("k"));
    let tenant = Document {
        tenant: 2,
        ..first.clone()
    };
    let scope = Document {
        scope: 3,
        ..first.clone()
    };
    let kind = document(DocumentKind::Run, Some("k"));
    let without = document(KIND, None);
    for document in [&first, &tenant, &scope, &kind, &without, &without] {
        transaction.put_document(document).await?;
    }
    transaction.commit().await
}

async fn a_document_may_change_its_key_and_frees_the_old_one(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, Some("old"))).await?;
    let mut read = get(&mut transaction, id).await?;
    read.key = Some("new".to_owned());
    transaction.put_document(&read).await?;
    transaction.put_document(&document(KIND, Some("old"))).await?;
    let by_key = DocumentQuery::new(KIND).key("new");
    assert_eq!(transaction.documents(&by_key).await?[0].id, id);
    Ok(())
}

async fn a_deleted_document_is_gone_and_frees_its_key(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let id = transaction.put_document(&document(KIND, Some("k"))).await?;
    transaction.delete_document(KIND, id).await?;
    transaction.delete_document(KIND, id).await?;
    assert_eq!(transaction.document(KIND, id).await?, None);
    transaction.put_document(&document(KIND, Some("k"))).await?;
    Ok(())
}

async fn documents_are_found_newest_first(store: &dyn Store) -> Result<()> {
    let mut transaction = some_documents(store).await?;
    let found = transaction.documents(&DocumentQuery::new(KIND)).await?;
    assert_eq!(ids(&found), [6, 5, 4, 3, 2, 1]);
    Ok(())
}

async fn documents_are_found_by_every_column(store: &dyn Store) -> Result<()> {
    let mut transaction = some_documents(store).await?;
    let all = DocumentQuery::new(KIND);
    let queries: [(DocumentQuery, &[u64]); 9] = [
        (all.clone().tenant(1), &[5, 3, 1]),
        (all.clone().scope(2), &[5, 2]),
        (all.clone().tenant(1).scope(2), &[5]),
        (all.clone().key("key 4"), &[4]),
        (all.clone().status("odd"), &[5, 3, 1]),
        (all.clone().status("odd").status("even"), &[6, 5, 4, 3, 2, 1]),
        (all.clone().status("none"), &[]),
        (
            DocumentQuery {
                since: Some(at(3)),
                until: Some(at(5)),
                ..all.clone()
            },
            &[4, 3],
        ),
        (DocumentQuery::new(DocumentKind::Run), &[]),
    ];
    for (query, wanted) in queries {
        assert_eq!(ids(&transaction.documents(&query).await?), wanted, "{query:?}");
        assert_eq!(
            transaction.count_documents(&query).await?,
            wanted.len() as u64,
            "{query:?}"
        );
    }
    Ok(())
}

async fn a_page_ends_where_the_next_one_begins(store: &dyn Store) -> Result<()> {
    let mut transaction = some_documents(store).await?;
    let first = DocumentQuery::new(KIND).limit(4);
    assert_eq!(ids(&transaction.documents(&first).await?), [6, 5, 4, 3]);
    let next = DocumentQuery {
        before: Some(3),
        ..first
    };
    assert_eq!(ids(&transaction.documents(&next).await?), [2, 1]);
    Ok(())
}

async fn a_count_ignores_the_limit(store: &dyn Store) -> Result<()> {
    let mut transaction = some_documents(store).await?;
    let query = DocumentQuery::new(KIND).limit(2);
    assert_eq!(transaction.count_documents(&query).await?, 6);
    Ok(())
}

/// Six documents: tenants 1 and 2 in turn, scopes 0 to 2 in turn, a key, an odd or even status, one second apart.
async fn some_documents(store: &dyn Store) -> Result<Box<dyn Transaction>> {
    let mut transaction = write(store).await?;
    for number in 1..=6 {
        transaction
            .put_document(&Document {
                tenant: if number % 2 == 1 { 1 } else { 2 },
                scope: number % 3,
                status: if number % 2 == 1 { "odd" } else { "even" }.to_owned(),
                at: at(number as i64),
                ..document(KIND, Some(&format!("key {number}")))
            })
            .await?;
    }
    transaction.commit().await?;
    read(store).await
}

async fn get(transaction: &mut Box<dyn Transaction>, id: u64) -> Result<Document> {
    let found = transaction.document(KIND, id).await?;
    found.ok_or_else(|| syncline_core::Error::new(ErrorKind::NotFound, "the document is gone"))
}

fn ids(documents: &[Document]) -> Vec<u64> {
    documents.iter().map(|document| document.id).collect()
}
