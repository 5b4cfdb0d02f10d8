"""Drives the HubSpot simulator with HubSpot's own SDK for Python, which speaks the dated paths.

Answers are held against the SDK's types strictly, so that a member that is missing or of another type fails its step;
records alone are not, since HubSpot sends null for a property that holds nothing and its types do not allow for it.
Reads the simulator's connection line (one JSON object) from standard input, and prints one JSON object per step.
"""

import json
import sys
import time
import traceback

import hubspot_sdk
from hubspot_sdk import HubSpot

line = json.loads(sys.stdin.readline())
steps = []
kept = {}


def connect(strict=True, token=line["access_token"]):
    return HubSpot(
        access_token=token, base_url=line["base_url"], max_retries=0, _strict_response_validation=strict
    )


crm = connect().crm
records = connect(strict=False).crm.objects


def step(function):
    """Registers a step; its documentation is its name."""
    steps.append(function)
    return function


def fails(error, call):
    """The call must fail with this class of error; gives its body."""
    try:
        call()
    except error as caught:
        return caught.body
    raise AssertionError(f"no {error.__name__}")


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


@step
def account():
    """the account and its usage"""
    assert connect().account.get().portal_id > 0
    connect().account.get_daily_private_apps_usage()


@step
def dead_token():
    """error: AuthenticationError for a dead token"""
    body = fails(hubspot_sdk.AuthenticationError, lambda: connect(token="dead").crm.owners.list())
    equal(body["category"], "INVALID_AUTHENTICATION")


@step
def properties():
    """properties: made, listed, changed and archived, alone and in batches"""
    made = crm.properties.create(
        "contacts", name="sdk_one", label="One", group_name="contactinformation", type="string", field_type="text"
    )
    equal(made.label, "One")
    equal(crm.properties.update("sdk_one", object_type="contacts", label="Uno").label, "Uno")
    assert "sdk_one" in [found.name for found in crm.properties.list("contacts").results]
    two = {"name": "sdk_two", "label": "Two", "groupName": "contactinformation", "type": "number", "fieldType": "number"}
    crm.properties.batch.create("contacts", inputs=[two])
    read = crm.properties.batch.get(
        "contacts", inputs=[{"name": "sdk_two"}], archived=False, data_sensitivity="non_sensitive"
    )
    equal([found.type for found in read.results], ["number"])
    crm.properties.batch.delete("contacts", inputs=[{"name": "sdk_two"}])
    crm.properties.delete("sdk_one", object_type="contacts")
    fails(hubspot_sdk.NotFoundError, lambda: crm.properties.get("sdk_one", object_type="contacts"))


@step
def groups():
    """property groups"""
    crm.properties.groups.create("contacts", name="sdk_group", label="Group")
    equal(crm.properties.groups.update("sdk_group", object_type="contacts", label="Grp").label, "Grp")
    assert "sdk_group" in [group.name for group in crm.properties.groups.list("contacts").results]
    crm.properties.groups.delete("sdk_group", object_type="contacts")


@step
def schemas():
    """schemas of custom objects"""
    made = crm.object_schemas.create(
        name="sdk_pet", labels={"singular": "Pet", "plural": "Pets"}, primary_display_property="pet",
        required_properties=["pet"], searchable_properties=[], secondary_display_properties=[],
        properties=[{"name": "pet", "label": "Pet", "type": "string", "fieldType": "text"}],
        associated_objects=["CONTACT"], allows_sensitive_properties=False,
    )
    kept["pet"] = made.object_type_id
    equal(crm.object_schemas.get(made.object_type_id).name, "sdk_pet")
    assert made.object_type_id in [schema.object_type_id for schema in crm.object_schemas.list().results]
    crm.object_schemas.update(made.object_type_id, labels={"singular": "Animal", "plural": "Animals"}, clear_description=False)


@step
def custom_objects():
    """records of a custom object"""
    pets = records.custom
    made = pets.create(kept["pet"], properties={"pet": "Rex"}, associations=[])
    equal(pets.get(made.id, object_type=kept["pet"], properties=["pet"]).properties["pet"], "Rex")


@step
def create():
    """create, read with history, and update"""
    made = records.contacts.create(
        properties={"email": "sdk@example.com", "lastname": "O'Hara \"東京\""}, associations=[]
    )
    kept["contact"] = made.id
    records.contacts.update(made.id, properties={"city": "Ulm"})
    read = records.contacts.get(made.id, properties=["lastname", "city"], properties_with_history=["city"])
    equal((read.properties["lastname"], read.properties["city"]), ("O'Hara \"東京\"", "Ulm"))
    equal(read.properties_with_history["city"][0].value, "Ulm")


@step
def refusals():
    """error: 400, 404 and 409"""
    body = fails(
        hubspot_sdk.BadRequestError, lambda: records.contacts.update(kept["contact"], properties={"nope": "x"})
    )
    equal((body["category"], body["errors"][0]["code"]), ("VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST"))
    equal(fails(hubspot_sdk.NotFoundError, lambda: records.contacts.get("999999999"))["category"], "OBJECT_NOT_FOUND")
    body = fails(
        hubspot_sdk.ConflictError,
        lambda: records.contacts.create(properties={"email": "SDK@example.com"}, associations=[]),
    )
    assert f"Existing ID: {kept['contact']}" in body["message"], body


@step
def pages():
    """list: paging to the end"""
    ids = [record.id for record in records.contacts.list(limit=100)]
    assert len(ids) > 200 and len(ids) == len(set(ids)), len(ids)


@step
def search():
    """search: groups, operators, sorting and pages"""
    page = records.contacts.search(
        after="0", limit=5, properties=["email"], sorts=["hs_object_id"],
        filter_groups=[
            {"filters": [{"propertyName": "email", "operator": "EQ", "value": "sdk@example.com"}]},
            {"filters": [{"propertyName": "createdate", "operator": "BETWEEN", "value": "0", "highValue": "4102444800000"}]},
        ],
    )
    assert page.total > 200 and page.paging.next.after == "5"


@step
def batches():
    """batches: create, read with partial failure, update, upsert and archive"""
    contacts = records.contacts.batch
    made = contacts.create(inputs=[
        {"properties": {"email": f"sdk{n}@example.com", "external_id": f"sdk-{n}"}, "associations": [],
         "objectWriteTraceId": str(n)} for n in range(3)])
    ids = [record.id for record in made.results]
    read = contacts.get(inputs=[{"id": id} for id in [*ids, "999999999"]], properties=["email"],
                        properties_with_history=[])
    equal((len(read.results), read.status), (3, "COMPLETE"))
    contacts.update(inputs=[{"id": id, "properties": {"city": "Ulm"}} for id in ids])
    answer = contacts.upsert(inputs=[
        {"id": "sdk-1", "idProperty": "external_id", "properties": {"city": "Bonn"}},
        {"id": "sdk-9", "idProperty": "external_id", "properties": {"lastname": "New"}}])
    equal(sorted(record.new for record in answer.results), [False, True])
    contacts.delete(inputs=[{"id": id} for id in ids])
    fails(hubspot_sdk.NotFoundError, lambda: records.contacts.get(ids[0]))


@step
def every_object():
    """each kind of object is listed and searched"""
    for name in [
        "calls", "carts", "commerce_payments", "communications", "companies", "courses", "deals", "discounts", "emails",
        "feedback_submissions", "fees", "goal_targets", "invoices", "leads", "line_items", "listings", "meetings",
        "notes", "orders", "partner_clients", "postal_mail", "products", "quotes", "services", "subscriptions", "tasks",
        "taxes", "tickets", "users",
    ]:
        kind = getattr(records, name)
        try:
            kind.list(limit=3)
            kind.search(after="0", filter_groups=[], limit=3, properties=[], sorts=[])
        except hubspot_sdk.APIError as error:
            raise AssertionError(f"{name}: {error}") from error


@step
def associations():
    """associations: made, read, labelled and removed"""
    company = records.companies.create(properties={"name": "Sdk"}, associations=[]).id
    pair = {"from": {"id": kept["contact"]}, "to": {"id": company}}
    batch = crm.associations.batch
    batch.create_default("companies", from_object_type="contacts", inputs=[pair])
    read = batch.get("companies", from_object_type="contacts", inputs=[{"id": kept["contact"]}])
    equal([link.to_object_id for link in read.results[0].to], [company])
    labels = crm.associations_schema.labels
    label = labels.create_label("companies", from_object_type="contacts", label="Payer", name="sdk_payer").results[0]
    kind = {"associationCategory": "USER_DEFINED", "associationTypeId": label.type_id}
    batch.create("companies", from_object_type="contacts", inputs=[{**pair, "types": [kind]}])
    assert any(found.label == "Payer" for found in labels.list_labels("companies", from_object_type="contacts").results)
    batch.delete("companies", from_object_type="contacts", inputs=[
        {"from": {"id": kept["contact"]}, "to": [{"id": company}]}])
    crm.associations.request_high_usage_report(1)


@step
def pipelines():
    """pipelines and their stages"""
    stage = {"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.5"}}
    made = crm.pipelines.create("deals", label="Sdk", display_order=9, stages=[stage])
    crm.pipelines.create_stage(
        made.id, object_type="deals", label="Won", display_order=1, metadata={"probability": "1.0"}
    )
    equal(len(crm.pipelines.list_stages(made.id, object_type="deals").results), 2)
    crm.pipelines.list_audit(made.id, object_type="deals")
    crm.pipelines.delete(made.id, object_type="deals")
    assert crm.pipelines.list("deals").results


@step
def owners():
    """owners"""
    found = crm.owners.list()
    equal(crm.owners.get(int(found.results[0].id)).email, found.results[0].email)


@step
def lists():
    """lists, their members and their folders"""
    made = crm.lists.create(name="Sdk", object_type_id="0-1", processing_type="MANUAL").list.list_id
    crm.lists.add_memberships(made, body=[kept["contact"]])
    equal([member.record_id for member in crm.lists.list_memberships(made).results], [kept["contact"]])
    crm.lists.get_memberships_join_order(made)
    crm.lists.get_record_memberships(kept["contact"], object_type_id="0-1")
    crm.lists.batch_read_memberships(inputs=[{"objectTypeId": "0-1", "recordId": kept["contact"]}])
    equal(crm.lists.get_by_object_type_and_name("Sdk", object_type_id="0-1").list.list_id, made)
    folder = crm.lists.create_folder(name="Folder", parent_folder_id="0").folder
    crm.lists.move_list(list_id=made, new_folder_id=str(folder.id))
    crm.lists.delete(made)
    crm.lists.restore(made)


@step
def limits():
    """limits"""
    assert crm.limits.get_record_limits().hubspot_defined_object_types
    assert crm.limits.get_custom_property_limits().overall_limit
    crm.limits.get_pipeline_limits()
    crm.limits.get_calculated_property_limits()
    crm.limits.get_custom_object_type_limits()
    crm.limits.get_association_label_limits()
    crm.limits.get_association_records_limits_from_objects()


@step
def exports():
    """exports"""
    started = crm.exports.create_async(
        export_type="VIEW", export_name="sdk", format="CSV", language="EN", object_type="CONTACT",
        object_properties=["email"], associated_object_type=[], export_internal_values_options=[],
        include_labeled_associations=False, include_primary_display_property_for_associated_objects=False,
        override_associated_objects_per_definition_per_row_limit=False,
    )
    assert crm.exports.get_status(int(started.id)).status in ("PENDING", "PROCESSING", "COMPLETE")
    equal(crm.exports.get(int(started.id)).export_name, "sdk")


@step
def imports():
    """imports"""
    columns = [{"columnObjectTypeId": "0-1", "columnName": "Email", "propertyName": "email",
                "columnType": "HUBSPOT_ALTERNATE_ID"}]
    request = {"name": "sdk", "importOperations": {"0-1": "UPSERT"}, "files": [
        {"fileName": "people.csv", "fileFormat": "CSV",
         "fileImportPage": {"hasHeader": True, "columnMappings": columns}}]}
    made = crm.imports.create(
        files=("people.csv", b"Email\nimported@example.com\n", "text/csv"), import_request=json.dumps(request)
    )
    crm.imports.get(int(made.id))
    crm.imports.list_errors(int(made.id))


@step
def files():
    """files: uploaded, signed, found and deleted"""
    files = connect().files.file_assets
    made = files.upload(
        file=("offer.txt", b"an offer", "text/plain"), folder_path="/offers", options=json.dumps({"access": "PRIVATE"})
    )
    equal((made.name, made.extension, made.size), ("offer", "txt", 8))
    assert files.get_signed_url(made.id).url
    assert made.id in [found.id for found in files.search(name="offer")]
    files.delete(made.id)


@step
def merges():
    """merge gives a new id, and privacy deletion leaves nothing"""
    one, other = (records.contacts.create(properties={"lastname": name}, associations=[]).id for name in "AB")
    merged = records.contacts.merge(primary_object_id=one, object_id_to_merge=other)
    assert merged.id not in (one, other)
    equal(records.contacts.get(other).id, merged.id)
    records.contacts.gdpr_delete(object_id=merged.id)
    fails(hubspot_sdk.NotFoundError, lambda: records.contacts.get(merged.id))


failures = 0
for function in steps:
    began = time.monotonic()
    detail = ""
    try:
        function()
    except Exception as error:  # noqa: BLE001 - whatever a client raises is a finding
        place = traceback.extract_tb(error.__traceback__)
        at = next((frame.lineno for frame in reversed(place) if frame.filename == __file__), "?")
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        detail = f"{type(error).__name__} at line {at}: {error}{cause}"[:600]
        failures += 1
    took = round((time.monotonic() - began) * 1000)
    print(json.dumps({"step": function.__doc__, "passed": not detail, "detail": detail, "milliseconds": took}))
sys.exit(1 if failures else 0)
