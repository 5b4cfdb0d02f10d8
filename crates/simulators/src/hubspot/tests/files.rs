//! Files, folders of lists, and what the account may have.

use axum::body::to_bytes;
use serde_json::{Value, json};

use super::{Bench, reply, text};

fn form(content: &[u8], parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"offer.pdf\"\r\n\
        Content-Type: application/pdf\r\n\r\n"
        .to_vec();
    body.extend_from_slice(content);
    for (name, value) in parts {
        body.extend_from_slice(
            format!("\r\n--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}").as_bytes(),
        );
    }
    body.extend_from_slice(b"\r\n--edge--\r\n");
    body
}

#[tokio::test]
async fn a_file_is_uploaded_found_read_at_a_signed_address_and_deleted() {
    for base in ["/files/v3", "/files/2026-09"] {
        let bench = Bench::new(1);
        let upload = async |body: Vec<u8>| {
            let path = format!("{base}/files");
            let answer = bench
                .send("POST", &path, &bench.token, "multipart/form-data; boundary=edge", body)
                .await;
            reply(answer).await
        };
        let private = [("folderPath", "/deals/offers"), ("options", "{\"access\":\"PRIVATE\"}")];
        let made = upload(form(b"one\r\ntwo\0", &private)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(
            (&made.body["name"], &made.body["extension"], &made.body["size"]),
            (&json!("offer"), &json!("pdf"), &json!(9))
        );
        assert_eq!(made.body["path"], "/deals/offers/offer.pdf");
        let again = upload(form(b"x", &private)).await;
        assert_eq!(
            again.body["name"], "offer-1",
            "two files of one name stand side by side"
        );
        assert_eq!(
            upload(form(b"x", &[("folderPath", "/a")])).await.status,
            400,
            "the access is missing"
        );
        let id = text(&made.body, "/id");
        let found = bench.get(&format!("{base}/files/search?name=offer")).await;
        assert_eq!(found.body["results"].as_array().unwrap().len(), 2);
        let signed = bench.get(&format!("{base}/files/{id}/signed-url")).await;
        let url = text(&signed.body, "/url").replace("http://hubspot.example", "");
        let content = bench.send("GET", &url, "", "", Vec::new()).await;
        assert_eq!(
            to_bytes(content.into_body(), 100).await.unwrap().as_ref(),
            b"one\r\ntwo\0"
        );
        assert_eq!(
            bench
                .get(&format!("/hubfs/v1/1{}", text(&made.body, "/path")))
                .await
                .status,
            404,
            "it is private"
        );
        assert_eq!(
            bench
                .call("DELETE", &format!("{base}/files/{id}"), Value::Null)
                .await
                .status,
            204
        );
        assert_eq!(bench.get(&format!("{base}/files/{id}")).await.status, 404);
        let folder = bench
            .post(
                &format!("{base}/folders"),
                json!({"name": "more", "parentPath": "/deals"}),
            )
            .await;
        assert_eq!((folder.status, &folder.body["path"]), (201, &json!("/deals/more")));
    }
}

#[tokio::test]
async fn lists_lie_in_folders() {
    let bench = Bench::new(1);
    let base = "/crm/lists/2026-03";
    let made = bench.post(&format!("{base}/folders"), json!({"name": "Mine"})).await;
    let id = text(&made.body, "/folder/id");
    let list = json!({"name": "L", "objectTypeId": "0-1", "processingType": "MANUAL"});
    let list = bench.post(base, list).await;
    let list = text(&list.body, "/list/listId");
    let moved = bench
        .call(
            "PUT",
            &format!("{base}/folders/move-list"),
            json!({"listId": list, "newFolderId": id}),
        )
        .await;
    assert_eq!(moved.status, 204);
    let held = bench.get(&format!("{base}/folders?folderId={id}")).await;
    assert_eq!(held.body["folder"]["childLists"][0].to_string(), list);
    let top = bench.get(&format!("{base}/folders")).await;
    assert_eq!(top.body["folder"]["childNodes"][0]["name"], "Mine");
}

#[tokio::test]
async fn the_account_tells_what_it_may_have() {
    let bench = Bench::new(3);
    for path in [
        "records",
        "pipelines",
        "custom-properties",
        "calculated-properties",
        "custom-object-types",
        "associations/labels",
        "associations/records/from",
        "associations/records/0-1/to",
        "associations/records/0-1/0-2",
    ] {
        let told = bench.get(&format!("/crm/limits/2026-03/{path}")).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
    }
    let records = bench.get("/crm/limits/2026-03/records").await.body;
    let contacts = records["hubspotDefinedObjectTypes"].as_array().unwrap().iter();
    let contacts = contacts.into_iter().find(|one| one["objectTypeId"] == "0-1").unwrap();
    assert_eq!(contacts["usage"], 3);
    let schemas = bench
        .post(
            "/crm-object-schemas/2026-03/schemas/batch/read",
            json!({"inputs": ["contacts", "nothing"]}),
        )
        .await;
    assert_eq!(
        (schemas.status, schemas.body["results"].as_array().unwrap().len()),
        (207, 1)
    );
}

#[tokio::test]
async fn what_holds_nothing_is_null_or_left_out() {
    let bench = Bench::new(1);
    let id = bench.made("companies", json!({"name": "Only"})).await;
    let path = format!("/crm/v3/objects/companies/{id}?properties=domain,name");
    let read = bench.get(&path).await.body;
    assert!(read["properties"]["domain"].is_null() && read["properties"].get("domain").is_some());
    let mut behaviour = bench.hubspot.behaviour();
    behaviour.unset_properties_are_null = false;
    bench.hubspot.set_behaviour(behaviour);
    let read = bench.get(&path).await.body;
    assert_eq!(
        (read["properties"].get("domain"), &read["properties"]["name"]),
        (None, &json!("Only"))
    );
}

#[tokio::test]
async fn a_record_without_properties_is_refused() {
    let bench = Bench::new(1);
    for body in [json!({}), json!("text"), json!({"properties": "none"})] {
        let refused = bench.post("/crm/v3/objects/contacts", body).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
}
