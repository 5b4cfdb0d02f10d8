"""Drives the Salesforce simulator with simple-salesforce, as a user of that library would.

Reads the simulator's connection line (one JSON object) from standard input, and prints one JSON object per step:
its name, whether it passed, and what went wrong otherwise.
"""

import base64
import csv
import datetime
import io
import json
import sys
import time
import traceback
from urllib.parse import urlsplit, urlunsplit

import requests
from simple_salesforce import Salesforce, exceptions as sfe, format_soql

VERSION = "66.0"


class ToSimulator(requests.adapters.HTTPAdapter):
    """The library speaks https to hosts of its own making; every request goes to the simulator instead."""

    def __init__(self, base_url):
        super().__init__()
        self.target = urlsplit(base_url)

    def send(self, request, **options):
        parts = urlsplit(request.url)
        request.url = urlunsplit(parts._replace(scheme=self.target.scheme, netloc=self.target.netloc))
        options["verify"] = False
        options["proxies"] = {}
        return super().send(request, **options)


line = json.loads(sys.stdin.readline())
session = requests.Session()
session.trust_env = False
session.mount("https://", ToSimulator(line["base_url"]))
INSTANCE = "simulated.my.salesforce.com"
steps = []
kept = {}


def step(function, awaits=""):
    """Registers a step; its documentation is its name."""
    steps.append((function, awaits))
    return function


def connect(**options):
    return Salesforce(session=session, version=VERSION, **options)


def expect(error, call):
    """The call must fail with this class of error; gives the error."""
    try:
        call()
    except error as caught:
        return caught
    raise AssertionError(f"no {error.__name__}")


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


@step
def auth_token():
    """auth: with an access token"""
    kept["sf"] = connect(instance=INSTANCE, session_id=line["access_token"])
    assert kept["sf"].query("SELECT Id FROM Contact LIMIT 1")["records"]


@step
def auth_soap():
    """auth: SOAP login with username, password and security token"""
    sf = connect(username=line["username"], password=line["password"], security_token="")
    assert sf.query("SELECT COUNT() FROM Contact")["totalSize"] > 0


@step
def auth_client_credentials():
    """auth: client credentials"""
    sf = connect(consumer_key=line["client_id"], consumer_secret=line["client_secret"], domain="simulated.my")
    assert sf.limits()["DailyApiRequests"]["Max"] > 0


@step
def auth_wrong_password():
    """error: SalesforceAuthenticationFailed for a wrong password"""
    error = expect(
        sfe.SalesforceAuthenticationFailed,
        lambda: connect(username=line["username"], password="wrong", security_token=""),
    )
    equal(error.code, "INVALID_LOGIN")


@step
def userinfo():
    """auth: userinfo"""
    info = kept["sf"].oauth2("userinfo")
    equal(info["preferred_username"], line["username"])
    assert len(info["organization_id"]) == 18


@step
def describe_global():
    """describe: all objects"""
    names = [sobject["name"] for sobject in kept["sf"].describe()["sobjects"]]
    assert {"Account", "Contact", "Lead", "Opportunity", "Case", "User"} <= set(names), names


@step
def describe_object():
    """describe: one object and its metadata"""
    fields = {field["name"]: field for field in kept["sf"].Contact.describe()["fields"]}
    assert fields["External_Id__c"]["externalId"] and not fields["LastName"]["nillable"]
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    equal(kept["sf"].Contact.metadata()["objectDescribe"]["name"], "Contact")


@step
def describe_layouts():
    """describe: layouts"""
    assert "detailLayoutSections" in kept["sf"].Contact.describe_layout("012000000000000AAA")
    assert kept["sf"].restful("sobjects/Contact/describe/layouts")["layouts"]


@step
def limits():
    """limits, record counts and the usage header"""
    assert kept["sf"].limits()["DailyApiRequests"]["Remaining"] > 0
    counts = kept["sf"].restful("limits/recordCount", params={"sObjects": "Contact,Account"})
    assert {row["name"] for row in counts["sObjects"]} == {"Contact", "Account"}
    assert kept["sf"].api_usage["api-usage"].total > 0


@step
def create():
    """create"""
    made = kept["sf"].Contact.create({"LastName": "O'Hara", "Email": "scarlett@example.com", "Title": "Zoë \"Z\" 東京"})
    assert made["success"] and made["errors"] == []
    kept["contact"] = made["id"]
    equal(len(made["id"]), 18)


@step
def get():
    """get"""
    record = kept["sf"].Contact.get(kept["contact"])
    equal((record["LastName"], record["Title"]), ("O'Hara", "Zoë \"Z\" 東京"))
    equal(record["attributes"]["type"], "Contact")


@step
def update():
    """update"""
    equal(kept["sf"].Contact.update(kept["contact"], {"Title": "Changed", "Email": None}), 204)
    record = kept["sf"].Contact.get(kept["contact"])
    equal((record["Title"], record["Email"]), ("Changed", None))


@step
def upsert():
    """upsert: creates, then updates"""
    path = "External_Id__c/ss-1"
    equal(kept["sf"].Contact.upsert(path, {"LastName": "Upserted"}), 201)
    assert kept["sf"].Contact.upsert(path, {"LastName": "Again"}) in (200, 204)


@step
def get_by_custom_id():
    """get by external id"""
    record = kept["sf"].Contact.get_by_custom_id("External_Id__c", "ss-1")
    equal(record["LastName"], "Again")
    kept["upserted"] = record["Id"]


@step
def relationship_by_external_id():
    """create with a parent named by its external id"""
    kept["sf"].Account.upsert("External_Id__c/ss-a", {"Name": "Parent"})
    made = kept["sf"].Contact.create({"LastName": "Child", "Account": {"External_Id__c": "ss-a"}})
    record = kept["sf"].query(f"SELECT Account.Name FROM Contact WHERE Id = '{made['id']}'")["records"][0]
    equal(record["Account"]["Name"], "Parent")


@step
def delete():
    """delete"""
    equal(kept["sf"].Contact.delete(kept["contact"]), 204)


@step
def error_not_found():
    """error: SalesforceResourceNotFound for a deleted record"""
    error = expect(sfe.SalesforceResourceNotFound, lambda: kept["sf"].Contact.get(kept["contact"]))
    assert error.content[0]["errorCode"] in ("NOT_FOUND", "ENTITY_IS_DELETED"), error.content
    expect(sfe.SalesforceResourceNotFound, lambda: kept["sf"].Nothing__c.describe())


@step
def error_malformed():
    """error: SalesforceMalformedRequest for bad SOQL, a bad field and a missing one"""
    for soql, code in [
        ("SELEC Id FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Nothing__c FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing__c", "INVALID_TYPE"),
    ]:
        error = expect(sfe.SalesforceMalformedRequest, lambda: kept["sf"].query(soql))
        equal(error.content[0]["errorCode"], code)
    error = expect(sfe.SalesforceMalformedRequest, lambda: kept["sf"].Contact.create({"FirstName": "x"}))
    equal(error.content[0]["errorCode"], "REQUIRED_FIELD_MISSING")
    equal(error.content[0]["fields"], ["LastName"])
    error = expect(sfe.SalesforceMalformedRequest, lambda: kept["sf"].Contact.create({"LastName": "x", "Nope": 1}))
    equal(error.content[0]["errorCode"], "INVALID_FIELD")
    error = expect(
        sfe.SalesforceMalformedRequest,
        lambda: kept["sf"].Contact.create({"LastName": "x", "External_Id__c": "ss-1"}),
    )
    equal(error.content[0]["errorCode"], "DUPLICATE_VALUE")


@step
def error_expired():
    """error: SalesforceExpiredSession for a dead token"""
    expired = connect(instance=INSTANCE, session_id="00Dxx!dead")
    expect(sfe.SalesforceExpiredSession, lambda: expired.query("SELECT Id FROM Contact"))


@step
def query_pages():
    """query: paging to the end with query_more"""
    page = kept["sf"].query("SELECT Id FROM Contact ORDER BY Id")
    total, ids = page["totalSize"], [record["Id"] for record in page["records"]]
    assert not page["done"] and total > 2000, total
    while not page["done"]:
        page = kept["sf"].query_more(page["nextRecordsUrl"], identifier_is_url=True)
        equal(page["totalSize"], total)
        ids += [record["Id"] for record in page["records"]]
    equal((len(ids), len(set(ids))), (total, total))


@step
def query_all():
    """query: query_all, query_all_iter and deleted records"""
    soql = "SELECT Id, IsDeleted FROM Contact"
    live = kept["sf"].query_all(soql)["totalSize"]
    equal(sum(1 for _ in kept["sf"].query_all_iter(soql)), live)
    with_deleted = kept["sf"].query_all(soql, include_deleted=True)
    assert any(record["IsDeleted"] for record in with_deleted["records"])
    assert with_deleted["totalSize"] > live


@step
def query_shapes():
    """query: bind escapes, parents, children, aggregates and date literals"""
    sf = kept["sf"]
    sf.Contact.create({"LastName": "50% \\ 'quoted'_"})
    found = sf.query(format_soql("SELECT Id, Account.Name FROM Contact WHERE LastName = {}", "50% \\ 'quoted'_"))
    equal(found["totalSize"], 1)
    equal(found["records"][0]["Account"], None)
    found = sf.query(format_soql("SELECT Id FROM Contact WHERE LastName LIKE '50\\%{:like}%'", " \\ 'q"))
    equal(found["totalSize"], 1)
    children = sf.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE External_Id__c = 'ss-a'")
    equal(children["records"][0]["Contacts"]["records"][0]["LastName"], "Child")
    groups = sf.query("SELECT COUNT(Id) n, MailingCity FROM Contact GROUP BY MailingCity HAVING COUNT(Id) > 1")
    assert groups["records"][0]["attributes"]["type"] == "AggregateResult" and groups["records"][0]["n"] > 1
    assert sf.query("SELECT COUNT() FROM Contact WHERE CreatedDate <= TODAY")["totalSize"] > 0
    assert sf.query("SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name != null)")["totalSize"]
    nulls = sf.query("SELECT Email FROM Contact ORDER BY Email DESC NULLS LAST LIMIT 5 OFFSET 2")
    equal(len(nulls["records"]), 5)


@step
def search():
    """search: SOSL and quick search"""
    found = kept["sf"].search("FIND {Upserted OR Again} IN ALL FIELDS RETURNING Contact(Id, LastName)")
    assert kept["upserted"] in [record["Id"] for record in found["searchRecords"]], found
    found = kept["sf"].quick_search("Again")
    assert found["searchRecords"], found


@step
def updated_and_deleted():
    """replication: updated and deleted"""
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = now - datetime.timedelta(hours=2), now + datetime.timedelta(minutes=2)
    updated = kept["sf"].Contact.updated(start, end)
    assert kept["upserted"] in updated["ids"] and updated["latestDateCovered"]
    deleted = kept["sf"].Contact.deleted(start, end)
    assert kept["contact"] in [record["id"] for record in deleted["deletedRecords"]]


@step
def collections():
    """collections: create, update, upsert, read and delete with partial failure"""
    sf = kept["sf"]
    person = lambda **fields: {"attributes": {"type": "Contact"}, **fields}
    body = {"allOrNone": False, "records": [person(LastName="One"), person(FirstName="No"), person(LastName="Two")]}
    rows = sf.restful("composite/sobjects", method="POST", json=body)
    equal([row["success"] for row in rows], [True, False, True])
    equal(rows[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING")
    ids = [rows[0]["id"], rows[2]["id"]]
    body = {"records": [person(id=ids[0], Title="T"), person(id="003000000000000AAA", Title="T")]}
    rows = sf.restful("composite/sobjects", method="PATCH", json=body)
    equal([row["success"] for row in rows], [True, False])
    body = {"records": [person(External_Id__c="ss-1", Title="U"), person(External_Id__c="ss-2", LastName="New")]}
    rows = sf.restful("composite/sobjects/Contact/External_Id__c", method="PATCH", json=body)
    equal([row.get("created") for row in rows], [False, True])
    read = sf.restful("composite/sobjects/Contact", method="POST", json={"ids": ids, "fields": ["Id", "Title"]})
    equal([record["Title"] for record in read], ["T", None])
    rows = sf.restful("composite/sobjects", method="DELETE", params={"ids": ",".join(ids), "allOrNone": "false"})
    equal([row["success"] for row in rows], [True, True])


@step
def composite():
    """composite: references between subrequests, and a rollback"""
    sf = kept["sf"]
    url = f"/services/data/v{VERSION}/sobjects/"
    requests_ = [
        {"method": "POST", "url": url + "Account", "referenceId": "acc", "body": {"Name": "Composite"}},
        {"method": "POST", "url": url + "Contact", "referenceId": "con",
         "body": {"LastName": "Composite", "AccountId": "@{acc.id}"}},
    ]
    answer = sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": requests_})
    equal([part["httpStatusCode"] for part in answer["compositeResponse"]], [201, 201])
    requests_[1]["body"] = {"FirstName": "no last name"}
    answer = sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": requests_})
    equal([part["httpStatusCode"] for part in answer["compositeResponse"]], [400, 400])


@step
def composite_family():
    """composite: batch, tree and graph"""
    sf = kept["sf"]
    batch = {"batchRequests": [{"method": "GET", "url": f"v{VERSION}/limits"},
                               {"method": "GET", "url": f"v{VERSION}/sobjects/Contact/003000000000000AAA"}]}
    answer = sf.restful("composite/batch", method="POST", json=batch)
    equal((answer["hasErrors"], [part["statusCode"] for part in answer["results"]]), (True, [200, 404]))
    tree = {"records": [{"attributes": {"type": "Account", "referenceId": "a"}, "Name": "Tree", "Contacts": {"records": [
        {"attributes": {"type": "Contact", "referenceId": "c"}, "LastName": "Leaf"}]}}]}
    answer = sf.restful("composite/tree/Account", method="POST", json=tree)
    equal((answer["hasErrors"], sorted(part["referenceId"] for part in answer["results"])), (False, ["a", "c"]))
    graph = {"graphs": [{"graphId": "g", "compositeRequest": [
        {"method": "POST", "url": f"/services/data/v{VERSION}/sobjects/Account", "referenceId": "a",
         "body": {"Name": "Graph"}}]}]}
    answer = sf.restful("composite/graph", method="POST", json=graph)
    assert answer["graphs"][0]["isSuccessful"]


@step
def bulk1():
    """bulk 1.0: insert with partial failure, query, update, upsert and delete"""
    bulk = kept["sf"].bulk.Contact
    rows = bulk.insert([{"LastName": f"Bulk {n}"} for n in range(5)] + [{"FirstName": "no last name"}])
    equal([row["success"] for row in rows], [True] * 5 + [False])
    equal(rows[5]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING")
    ids = [row["id"] for row in rows[:5]]
    found = bulk.query("SELECT Id, LastName FROM Contact WHERE LastName LIKE 'Bulk %'")
    equal({record["Id"] for record in found}, set(ids))
    assert all(row["success"] for row in bulk.update([{"Id": id, "Title": "B"} for id in ids]))
    rows = bulk.upsert([{"External_Id__c": "ss-1", "Title": "B"}], "External_Id__c")
    equal((rows[0]["success"], rows[0]["created"]), (True, False))
    assert all(row["success"] for row in bulk.delete([{"Id": id} for id in ids]))


@step
def bulk2_ingest():
    """bulk 2.0: ingest with success, failure and every quoting case"""
    bulk = kept["sf"].bulk2.Contact
    odd = ["a,b", 'say "hi"', "two\nlines", "plain", " padded "]
    records = [{"LastName": f"Bulk2 {n}", "Title": odd[n]} for n in range(5)] + [{"LastName": "", "Title": "x"}]
    jobs = bulk.insert(records=records)
    equal([(job["numberRecordsTotal"], job["numberRecordsFailed"]) for job in jobs], [(6, 1)])
    failed = bulk.get_failed_records(jobs[0]["job_id"])
    assert "REQUIRED_FIELD_MISSING" in failed and "sf__Error" in failed, failed
    done = bulk.get_successful_records(jobs[0]["job_id"])
    equal(done.count("Bulk2 "), 5)
    bulk.get_unprocessed_records(jobs[0]["job_id"])
    titles = [r["Title"] for r in kept["sf"].query("SELECT Title FROM Contact WHERE LastName LIKE 'Bulk2 %' ORDER BY LastName")["records"]]
    equal(titles[:4], odd[:4])


@step
def bulk2_upsert():
    """bulk 2.0: upsert, update and delete"""
    bulk = kept["sf"].bulk2.Contact
    jobs = bulk.upsert(records=[{"External_Id__c": "ss-1", "Title": "B2"}, {"External_Id__c": "ss-9", "LastName": "N"}],
                       external_id_field="External_Id__c")
    equal(jobs[0]["numberRecordsFailed"], 0)
    ids = [r["Id"] for r in kept["sf"].query("SELECT Id FROM Contact WHERE LastName LIKE 'Bulk2 %'")["records"]]
    equal(bulk.update(records=[{"Id": id, "Title": "#N/A"} for id in ids])[0]["numberRecordsFailed"], 0)
    equal(kept["sf"].query("SELECT COUNT() FROM Contact WHERE LastName LIKE 'Bulk2 %' AND Title = null")["totalSize"], 5)
    equal(bulk.delete(records=[{"Id": id} for id in ids])[0]["numberRecordsFailed"], 0)


@step
def bulk2_query():
    """bulk 2.0: query with pages by locator"""
    pages = list(kept["sf"].bulk2.Contact.query("SELECT Id, LastName FROM Contact", max_records=1000))
    assert len(pages) > 2
    ids = {row["Id"] for page in pages for row in csv.DictReader(io.StringIO(page))}
    equal(len(ids), kept["sf"].query("SELECT COUNT() FROM Contact")["totalSize"])
    deleted = "".join(kept["sf"].bulk2.Contact.query_all("SELECT Id, IsDeleted FROM Contact WHERE IsDeleted = true"))
    assert kept["contact"] in deleted


@step
def files():
    """files: upload and download"""
    data = base64.b64encode(b"hello\x00world").decode()
    body = {"Title": "a", "PathOnClient": "a.txt", "VersionData": data, "FirstPublishLocationId": kept["upserted"]}
    made = kept["sf"].ContentVersion.create(body)
    got = kept["sf"].ContentVersion.get_base64(made["id"], base64_field="VersionData")
    equal(got, b"hello\x00world")


@step
def conditional():
    """headers: If-Modified-Since and If-Unmodified-Since"""
    record = kept["sf"].Contact
    time.sleep(1.1)
    error = expect(
        sfe.SalesforceGeneralError,
        lambda: record.update(kept["upserted"], {"Title": "x"},
                              headers={"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}),
    )
    equal(error.status, 412)


def main():
    failures = 0
    for function, awaits in steps:
        began = time.monotonic()
        try:
            function()
            detail, passed = "", True
        except Exception as error:  # every failure is a line of the table
            place = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in place if frame.filename == __file__]
            detail, passed = f"{type(error).__name__} at line {lines[-1] if lines else '?'}: {error}"[:600], False
            failures += not awaits
        took = round((time.monotonic() - began) * 1000)
        line = {"step": function.__doc__, "passed": passed, "awaits": awaits, "detail": detail, "milliseconds": took}
        print(json.dumps(line), flush=True)
    return 1 if failures else 0


sys.exit(main())
