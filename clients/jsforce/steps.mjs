// Drives the Salesforce simulator with jsforce, as a user of that library would.
//
// Reads the simulator's connection line (one JSON object) from standard input, and prints one JSON object per step:
// its name, whether it passed, and what went wrong otherwise.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import jsforce from 'jsforce'

const line = JSON.parse(readFileSync(0, 'utf8').split('\n')[0])
const version = '66.0'
const oauth2 = {
  loginUrl: line.base_url, clientId: line.client_id, clientSecret: line.client_secret,
  redirectUri: 'http://localhost/callback' }
const salesforce = new jsforce.Connection({ instanceUrl: line.base_url, accessToken: line.access_token, version })
const accounts = salesforce.sobject('Account')
const contacts = salesforce.sobject('Contact')
const steps = []
const kept = {}
const step = (name, run) => steps.push({ name, run })

/** The call must fail with this code; gives the error. */
const fails = async (code, call) => {
  try {
    await call()
  } catch (error) {
    assert.ok(String(error.errorCode ?? error.name).includes(code), `${error.errorCode ?? error.name}: ${error.message}`)
    return error
  }
  throw new Error(`no ${code}`)
}
const toArray = async (stream) => {
  const rows = []
  for await (const row of await stream) rows.push(row)
  return rows
}

step('auth: SOAP login, identity and logout', async () => {
  const other = new jsforce.Connection({ loginUrl: line.base_url, version })
  const user = await other.login(line.username, line.password)
  assert.ok(user.id && user.organizationId)
  assert.equal((await other.identity()).user_id, user.id)
  await other.logout()
  await assert.rejects(() => other.query('SELECT Id FROM Contact LIMIT 1'))
})
step('auth: name and password for a token', async () => {
  const other = new jsforce.Connection({ oauth2, version })
  await other.login(line.username, line.password)
  assert.ok(other.accessToken && other.userInfo.organizationId)
})
step('auth: a dead token is refreshed by itself', async () => {
  const other = new jsforce.Connection({
    oauth2, instanceUrl: line.base_url, accessToken: 'dead', refreshToken: line.refresh_token, version })
  let refreshed = ''
  other.on('refresh', (token) => { refreshed = token })
  await other.query('SELECT Id FROM Contact LIMIT 1')
  assert.ok(refreshed)
})
step('auth: the code flow with PKCE', async () => {
  const client = new jsforce.OAuth2({ ...oauth2, useVerifier: true })
  const address = client.getAuthorizationUrl({ scope: 'api id refresh_token', state: 'x' })
  const form = new URLSearchParams({ username: line.username, password: line.password, decision: 'allow' })
  const answer = await fetch(address, { method: 'POST', body: form, redirect: 'manual' })
  const back = new URL(answer.headers.get('location'))
  const token = await client.requestToken(back.searchParams.get('code'))
  assert.ok(token.access_token && token.refresh_token && token.instance_url)
  await client.revokeToken(token.refresh_token)
})
step('describe: all objects and one, from the cache the second time', async () => {
  const { sobjects } = await salesforce.describeGlobal$()
  const names = sobjects.map((sobject) => sobject.name)
  for (const name of ['Account', 'Contact', 'Lead', 'Opportunity', 'OpportunityContactRole', 'Case', 'Task', 'Event',
    'User', 'RecordType']) assert.ok(names.includes(name), name)
  const one = await salesforce.describe$('Account')
  assert.ok(one.fields.length > 40 && one.childRelationships.length && one.recordTypeInfos.length)
  assert.equal((await salesforce.describe$('Account')).name, 'Account')
})
step('describe: layouts, list views, actions, tabs and themes', async () => {
  assert.ok((await accounts.layouts()).layouts.length)
  assert.ok((await accounts.compactLayouts()).compactLayouts)
  assert.ok((await accounts.approvalLayouts()).approvalLayouts)
  assert.ok((await accounts.listviews()).listviews.length)
  assert.ok(Array.isArray(await accounts.quickActions()))
  assert.ok(Array.isArray(await salesforce.tabs()) && (await salesforce.theme()).themeItems)
})
step('limits, and the usage that answers tell', async () => {
  assert.ok((await salesforce.limits()).DailyApiRequests.Max > 0)
  await salesforce.query('SELECT Id FROM Account LIMIT 1')
  assert.ok(salesforce.limitInfo.apiUsage.limit > 0)
})
step('create: one, and several of which one fails', async () => {
  const made = await accounts.create({ Name: 'Zoë "東京" O\'Hara' })
  assert.ok(made.success)
  kept.account = made.id
  const rows = await accounts.create([{ Name: 'One' }, {}, { Name: 'Two' }])
  assert.deepEqual(rows.map((row) => row.success), [true, false, true])
  assert.equal(rows[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING')
  kept.two = [rows[0].id, rows[2].id]
})
step('create: all or none', async () => {
  await assert.rejects(() => accounts.create([{ Name: 'Nobody' }, {}], { allOrNone: true }))
  assert.equal(await accounts.count({ Name: 'Nobody' }), 0)
})
step('retrieve: one and several', async () => {
  assert.equal((await accounts.retrieve(kept.account)).Name, 'Zoë "東京" O\'Hara')
  const rows = await accounts.retrieve(kept.two, { fields: ['Id', 'Name'] })
  assert.deepEqual(rows.map((row) => row.Name), ['One', 'Two'])
})
step('update: one, several, and a field to null', async () => {
  assert.ok((await accounts.update({ Id: kept.account, Site: 'x' })).success)
  const rows = await accounts.update(kept.two.map((Id) => ({ Id, Industry: 'Energy' })))
  assert.ok(rows.every((row) => row.success))
  await accounts.update({ Id: kept.account, Site: null })
  assert.equal((await accounts.retrieve(kept.account)).Site, null)
})
step('upsert: one and several', async () => {
  const first = await contacts.upsert({ External_Id__c: 'jsf-1', LastName: 'Up' }, 'External_Id__c')
  assert.equal(first.created, true)
  const second = await contacts.upsert({ External_Id__c: 'jsf-1', LastName: 'Again' }, 'External_Id__c')
  assert.equal(second.created, false)
  const rows = await contacts.upsert(
    [{ External_Id__c: 'jsf-1', LastName: 'Up' }, { External_Id__c: 'jsf-2', LastName: 'Up' }], 'External_Id__c')
  assert.deepEqual(rows.map((row) => row.created), [false, true])
})
step('error: each class of them', async () => {
  await fails('NOT_FOUND', () => accounts.update({ Id: '001000000000000AAA', Name: 'x' }))
  await fails('INVALID_FIELD', () => salesforce.query('SELECT Nope FROM Account'))
  await fails('INVALID_TYPE', () => salesforce.query('SELECT Id FROM Nope'))
  await fails('MALFORMED_QUERY', () => salesforce.query('SELEC Id FROM Account'))
  await fails('REQUIRED_FIELD_MISSING', () => contacts.create({ FirstName: 'x' }))
  await fails('DUPLICATE_VALUE', () => contacts.create({ LastName: 'x', External_Id__c: 'jsf-1' }))
  await fails('STRING_TOO_LONG', () => contacts.create({ LastName: 'x'.repeat(81) }))
})
step('query: paging to the end', async () => {
  const all = await salesforce.query('SELECT Id FROM Contact', { autoFetch: true, maxFetch: 100_000 })
  assert.ok(all.totalSize > 2_000)
  assert.equal(new Set(all.records.map((record) => record.Id)).size, all.totalSize)
})
step('query: deleted records too', async () => {
  await accounts.destroy(kept.two[1])
  const gone = await salesforce.query('SELECT Id FROM Account WHERE IsDeleted = true', { scanAll: true })
  assert.ok(gone.records.some((record) => record.Id === kept.two[1]))
})
step('query: put together by the library', async () => {
  const found = await contacts.find({
    $or: [{ LastName: { $in: ['Up', 'Down'] } }, { 'Account.Name': { $like: 'A%' } }],
    CreatedDate: { $gte: jsforce.SfDate.YESTERDAY } }, 'Id, LastName, Account.Name')
    .sort({ CreatedDate: -1, LastName: 1 }).limit(5)
  assert.ok(found.length)
  const parents = await accounts.select('Id, Name').include('Contacts').select('Id, LastName').limit(2).end()
    .where({ Name: { $ne: '' } }).limit(3)
  assert.equal(parents.length, 3)
  assert.ok((await contacts.find({ LastName: 'Up' }).update({ Title: 'T: ${LastName}' })).every((row) => row.success))
  assert.ok((await contacts.find({ LastName: 'Up' }).destroy()).length >= 2)
})
step('query: explained', async () => {
  const { plans } = await salesforce.query('SELECT Id FROM Contact').explain()
  assert.equal(plans[0].sobjectType, 'Contact')
})
step('query: what every organisation has', async () => {
  for (const soql of ['SELECT Id, Profile.Name FROM User WHERE IsActive = true', 'SELECT Id, Name FROM Organization',
    "SELECT Id FROM Group WHERE Type = 'Queue'", 'SELECT Id FROM Pricebook2']) {
    assert.ok((await salesforce.query(soql)).totalSize > 0, soql)
  }
  await salesforce.query('SELECT Subject, Who.Name, Who.Type, What.Name FROM Task')
  await salesforce.query('SELECT Id, DeveloperName, SobjectType FROM RecordType')
})
step('search', async () => {
  const { searchRecords } = await salesforce.search('FIND {Zoë OR One} IN NAME FIELDS RETURNING Account(Id, Name)')
  assert.ok(searchRecords.length)
})
step('updated and deleted', async () => {
  const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)]
  assert.ok((await accounts.updated(from, to)).ids.includes(kept.account))
  assert.ok((await accounts.deleted(from, to)).deletedRecords.some((record) => record.id === kept.two[1]))
})
step('bulk 1.0: insert with partial failure, query, update and delete', async () => {
  const { bulk } = salesforce
  bulk.pollInterval = 100
  const rows = await bulk.load('Account', 'insert', 'Name,Site\nb1,x\n,y\n"b ""2""",z\n')
  assert.deepEqual(rows.map((row) => row.success), [true, false, true])
  const ids = rows.filter((row) => row.success).map((row) => row.id)
  const found = await toArray(bulk.query("SELECT Id, Name FROM Account WHERE Name LIKE 'b %'"))
  assert.equal(found[0].Name, 'b "2"')
  assert.ok((await bulk.load('Account', 'update', ids.map((Id) => ({ Id, Industry: 'Energy' })))).every((row) => row.success))
  assert.ok((await bulk.load('Account', 'delete', ids.map((Id) => ({ Id })))).every((row) => row.success))
  await assert.rejects(async () => toArray(bulk.query('SELECT Nope FROM Account')))
})
step('bulk 2.0: insert with partial failure, upsert and delete', async () => {
  const { bulk2 } = salesforce
  Object.assign(bulk2, { pollInterval: 100, pollTimeout: 20_000 })
  const made = await bulk2.loadAndWaitForResults({
    object: 'Account', operation: 'insert', input: 'Name,Site\n"B2, ""q""",x\n,y\n' })
  assert.equal(made.successfulResults.length, 1)
  assert.ok(made.failedResults[0].sf__Error.startsWith('REQUIRED_FIELD_MISSING'))
  const job = bulk2.createJob({ object: 'Account', operation: 'delete' })
  await job.open()
  await job.uploadData(made.successfulResults.map((row) => ({ Id: row.sf__Id })))
  await job.close()
  await job.poll(100, 20_000)
  assert.equal((await job.check()).numberRecordsProcessed, 1)
  await job.delete()
  await fails('Error', () => bulk2.loadAndWaitForResults({
    object: 'Account', operation: 'insert', input: [{ Nope: 'x' }] }))
})
step('bulk 2.0: query, with deleted records too, and an abort', async () => {
  const { bulk2 } = salesforce
  const rows = await toArray(bulk2.query('SELECT Id, LastName, Account.Name FROM Contact'))
  assert.ok(rows.length > 2_000 && rows[0].Id)
  const gone = await toArray(bulk2.query('SELECT Id, IsDeleted FROM Account', { scanAll: true }))
  assert.ok(gone.some((row) => row.IsDeleted === 'true'))
  const job = bulk2.createJob({ object: 'Account', operation: 'insert' })
  await job.open()
  await job.abort()
  assert.equal((await job.check()).state, 'Aborted')
})
step('composite: references between its parts', async () => {
  const base = `/services/data/v${version}`
  const { compositeResponse } = await salesforce.requestPost(`${base}/composite`, {
    allOrNone: true,
    compositeRequest: [
      { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'a', body: { Name: 'Composite' } },
      { method: 'GET', url: `${base}/sobjects/Account/@{a.id}?fields=Name`, referenceId: 'b' },
      { method: 'GET', url: `${base}/query?q=SELECT+Id+FROM+Account+WHERE+Id='@{a.id}'`, referenceId: 'c' }] })
  assert.deepEqual(compositeResponse.map((part) => part.httpStatusCode), [201, 200, 200])
})
step('SOAP: create, merge, undelete and the time', async () => {
  const { soap } = salesforce
  const rows = await soap.create([{ type: 'Account', Name: 'Winner' }, { type: 'Account', Name: 'Loser' }])
  const ids = rows.map((row) => row.id)
  const merged = await soap.merge({
    masterRecord: { type: 'Account', Id: ids[0] }, recordToMergeIds: [ids[1]] })
  assert.ok([merged].flat()[0].success, JSON.stringify(merged))
  await accounts.destroy(ids[0])
  assert.ok([await soap.undelete([ids[0]])].flat()[0].success)
  assert.ok((await soap.getServerTimestamp()).timestamp)
  assert.ok((await soap.getUserInfo()).organizationId)
})
step('delete', async () => {
  assert.ok((await accounts.destroy([kept.account, kept.two[0]])).every((row) => row.success))
  await fails('ENTITY_IS_DELETED', () => accounts.destroy(kept.account))
})

let failures = 0
for (const { name, run } of steps) {
  const began = Date.now()
  let detail = ''
  try {
    await run()
  } catch (error) {
    const place = /steps\.mjs:(\d+)/.exec(error.stack ?? '')
    detail = `${error.errorCode ?? error.name} at line ${place?.[1] ?? '?'}: ${error.message}`.slice(0, 600)
    failures += 1
  }
  console.log(JSON.stringify({ step: name, passed: detail === '', detail, milliseconds: Date.now() - began }))
}
process.exit(failures ? 1 : 0)
