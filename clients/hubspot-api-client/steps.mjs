// Drives the HubSpot simulator with @hubspot/api-client, as a user of that library would.
//
// Reads the simulator's connection line (one JSON object) from standard input, and prints one JSON object per step:
// its name, whether it passed, and what went wrong otherwise.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Client } from '@hubspot/api-client'

const line = JSON.parse(readFileSync(0, 'utf8').split('\n')[0])
const connect = (options) => new Client({ basePath: line.base_url, ...options })
const hubspot = connect({ accessToken: line.access_token })
const { contacts, companies, deals } = hubspot.crm
const steps = []
const kept = {}
/** A step; `awaits` names what the simulator does not offer yet. */
const step = (name, run, awaits = '') => steps.push({ name, run, awaits })
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The call must fail with this status; gives the body. */
const fails = async (status, call) => {
  try {
    await call()
  } catch (error) {
    assert.equal(error.code, status, String(error.message))
    return error.body
  }
  throw new Error(`no ${status}`)
}

step('auth: refresh token', async () => {
  const answer = await hubspot.oauth.tokensApi.create(
    'refresh_token', undefined, undefined, line.client_id, line.client_secret, line.refresh_token)
  assert.equal(answer.tokenType, 'bearer')
  assert.ok(answer.accessToken && answer.expiresIn > 0)
  kept.refreshed = answer.accessToken
  await connect({ accessToken: answer.accessToken }).crm.contacts.basicApi.getPage(1)
})
step('auth: what the tokens are', async () => {
  const access = await hubspot.oauth.accessTokensApi.get(kept.refreshed)
  assert.ok(access.hubId > 0 && access.scopes.includes('oauth'))
  const refresh = await hubspot.oauth.refreshTokensApi.get(line.refresh_token)
  assert.equal(refresh.clientId, line.client_id)
})
step('auth: the account', async () => {
  const response = await hubspot.apiRequest({ method: 'GET', path: '/account-info/v3/details' })
  assert.ok((await response.json()).portalId > 0)
})
step('error: 401 for a dead token', async () => {
  const body = await fails(401, () => connect({ accessToken: 'dead' }).crm.contacts.basicApi.getPage(1))
  assert.equal(body.category, 'INVALID_AUTHENTICATION')
})
step('describe: properties', async () => {
  const { results } = await hubspot.crm.properties.coreApi.getAll('contacts')
  const email = results.find((property) => property.name === 'email')
  assert.equal(email.type, 'string')
  assert.ok(results.find((property) => property.name === 'external_id').hasUniqueValue)
  const one = await hubspot.crm.properties.coreApi.getByName('contacts', 'email')
  assert.equal(one.label, email.label)
})
step('describe: a property is made, changed and archived', async () => {
  const api = hubspot.crm.properties.coreApi
  const group = (await hubspot.crm.properties.groupsApi.getAll('contacts')).results[0].name
  const made = await api.create('contacts', {
    name: 'steps_choice', label: 'Choice', groupName: group, type: 'enumeration', fieldType: 'select',
    options: [{ label: 'A', value: 'a', displayOrder: 0, hidden: false }] })
  assert.equal(made.options[0].value, 'a')
  assert.equal((await api.update('contacts', 'steps_choice', { label: 'Choices' })).label, 'Choices')
  await api.archive('contacts', 'steps_choice')
  await fails(404, () => api.getByName('contacts', 'steps_choice'))
})
step('describe: schemas of custom objects', async () => {
  const api = hubspot.crm.schemas.coreApi
  const made = await api.create({
    name: 'steps_pet', labels: { singular: 'Pet', plural: 'Pets' }, primaryDisplayProperty: 'pet_name',
    requiredProperties: ['pet_name'], searchableProperties: ['pet_name'], secondaryDisplayProperties: [],
    properties: [{ name: 'pet_name', label: 'Name', type: 'string', fieldType: 'text', options: [] }],
    associatedObjects: ['CONTACT'] })
  assert.match(made.objectTypeId, /^2-\d+$/)
  kept.pet = made.objectTypeId
  assert.ok((await api.getAll()).results.some((schema) => schema.objectTypeId === kept.pet))
  assert.equal((await api.getById(kept.pet)).labels.plural, 'Pets')
})
step('custom objects: create, read and archive', async () => {
  const { basicApi } = hubspot.crm.objects
  const made = await basicApi.create(kept.pet, { properties: { pet_name: 'Rex' }, associations: [] })
  const read = await basicApi.getById(kept.pet, made.id, ['pet_name'])
  assert.equal(read.properties.pet_name, 'Rex')
  await basicApi.archive(kept.pet, made.id)
})
step('create', async () => {
  const made = await contacts.basicApi.create({
    properties: { email: 'steps@example.com', firstname: 'Zoë', lastname: 'O\'Hara "東京"' }, associations: [] })
  assert.ok(made.createdAt instanceof Date && made.archived === false)
  kept.contact = made.id
})
step('read, with history and by another id property', async () => {
  const read = await contacts.basicApi.getById(kept.contact, ['lastname'], ['lastname'])
  assert.equal(read.properties.lastname, 'O\'Hara "東京"')
  assert.equal(read.propertiesWithHistory.lastname[0].value, 'O\'Hara "東京"')
  const byEmail = await contacts.basicApi.getById(
    'steps@example.com', ['email'], undefined, undefined, false, 'email')
  assert.equal(byEmail.id, kept.contact)
})
step('update', async () => {
  const changed = await contacts.basicApi.update(kept.contact, { properties: { city: 'Ulm', firstname: '' } })
  assert.ok(changed.updatedAt >= changed.createdAt)
  const read = await contacts.basicApi.getById(kept.contact, ['city', 'firstname'])
  assert.equal(read.properties.city, 'Ulm')
  assert.ok(!read.properties.firstname)
})
step('error: 400 for a property that does not exist', async () => {
  const body = await fails(400, () =>
    contacts.basicApi.update(kept.contact, { properties: { no_such_thing: 'x' } }))
  assert.equal(body.category, 'VALIDATION_ERROR')
  assert.equal(body.errors[0].code, 'PROPERTY_DOESNT_EXIST')
})
step('error: 404 for a record that does not exist', async () => {
  assert.equal((await fails(404, () => contacts.basicApi.getById('999999999'))).status, 'error')
})
step('error: 409 for an e-mail address that is taken', async () => {
  const body = await fails(409, () =>
    contacts.basicApi.create({ properties: { email: 'STEPS@example.com' }, associations: [] }))
  assert.match(body.message, new RegExp(`Existing ID: ${kept.contact}`))
})
step('list: paging to the end', async () => {
  const ids = new Set()
  let after
  do {
    const page = await contacts.basicApi.getPage(100, after, ['email'])
    page.results.forEach((record) => ids.add(record.id))
    after = page.paging?.next?.after
  } while (after)
  kept.total = ids.size
  assert.ok(ids.size > 200 && ids.has(kept.contact), String(ids.size))
})
step('list: getAll of the library', async () => {
  assert.equal((await contacts.getAll(100)).length, kept.total)
})
step('search: every operator', async () => {
  await pause(200)
  const find = async (filters, more = {}) =>
    (await contacts.searchApi.doSearch({
      filterGroups: [{ filters }], properties: ['email', 'lastname'], limit: 10, sorts: [], ...more }))
  const mine = { propertyName: 'email', operator: 'EQ', value: 'steps@example.com' }
  assert.equal((await find([mine])).results[0].id, kept.contact)
  for (const filter of [
    { propertyName: 'lastname', operator: 'CONTAINS_TOKEN', value: 'hara*' },
    { propertyName: 'city', operator: 'IN', values: ['ulm', 'bonn'] },
    { propertyName: 'city', operator: 'NOT_IN', values: ['bonn'] },
    { propertyName: 'city', operator: 'NEQ', value: 'Bonn' },
    { propertyName: 'city', operator: 'HAS_PROPERTY' },
    { propertyName: 'firstname', operator: 'NOT_HAS_PROPERTY' },
    { propertyName: 'createdate', operator: 'BETWEEN', value: '1000', highValue: String(Date.now() + 60_000) },
    { propertyName: 'createdate', operator: 'GTE', value: '1000' },
    { propertyName: 'createdate', operator: 'LT', value: String(Date.now() + 60_000) },
  ]) {
    const found = await find([mine, filter])
    assert.equal(found.total, 1, JSON.stringify(filter))
  }
  const page = await find([{ propertyName: 'email', operator: 'HAS_PROPERTY' }], {
    limit: 100, sorts: ['hs_object_id'] })
  assert.ok(page.total > 100 && page.paging.next.after)
  const next = await find([{ propertyName: 'email', operator: 'HAS_PROPERTY' }], {
    limit: 100, sorts: ['hs_object_id'], after: page.paging.next.after })
  assert.ok(Number(next.results[0].id) > Number(page.results.at(-1).id))
})
step('error: 400 for a search that can not be', async () => {
  await fails(400, () => contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'nope', operator: 'EQ', value: '1' }] }],
    properties: [], limit: 10, sorts: [] }))
})
step('batch: create', async () => {
  const inputs = [1, 2, 3].map((number) => ({
    properties: { email: `batch${number}@example.com`, external_id: `s-${number}` }, associations: [] }))
  const made = await contacts.batchApi.create({ inputs })
  assert.equal(made.status, 'COMPLETE')
  kept.batch = made.results.map((record) => record.id)
  assert.equal(kept.batch.length, 3)
})
step('batch: read with partial failure', async () => {
  const read = await contacts.batchApi.read({
    inputs: [...kept.batch, '999999999'].map((id) => ({ id })), properties: ['email'], propertiesWithHistory: [] })
  assert.equal(read.results.length, 3)
  assert.equal(read.numErrors, 1)
  assert.equal(read.errors[0].category, 'OBJECT_NOT_FOUND')
})
step('batch: update, by id and by unique property', async () => {
  const changed = await contacts.batchApi.update({ inputs: [
    { id: kept.batch[0], properties: { city: 'Bonn' } },
    { id: 's-2', idProperty: 'external_id', properties: { city: 'Bonn' } }] })
  assert.deepEqual(changed.results.map((record) => record.properties.city), ['Bonn', 'Bonn'])
})
step('batch: upsert', async () => {
  const answer = await contacts.batchApi.upsert({ inputs: [
    { id: 's-3', idProperty: 'external_id', properties: { city: 'Ulm' } },
    { id: 's-4', idProperty: 'external_id', properties: { city: 'Ulm', lastname: 'New' } }] })
  assert.deepEqual(answer.results.map((record) => record._new).sort(), [false, true])
})
step('batch: error 409 for an address that is taken', async () => {
  await fails(409, () => contacts.batchApi.create({ inputs: [
    { properties: { email: 'batch1@example.com' }, associations: [] }] }))
})
step('batch: archive', async () => {
  await contacts.batchApi.archive({ inputs: kept.batch.map((id) => ({ id })) })
  await fails(404, () => contacts.basicApi.getById(kept.batch[0]))
  const archived = await contacts.basicApi.getById(
    kept.batch[0], ['email'], undefined, undefined, true)
  assert.ok(archived.archived && archived.archivedAt instanceof Date)
})
step('associations: default, labelled, read and removed', async () => {
  const company = await companies.basicApi.create({ properties: { name: 'Steps' }, associations: [] })
  kept.company = company.id
  const { basicApi, batchApi } = hubspot.crm.associations.v4
  await basicApi.createDefault('contacts', kept.contact, 'companies', company.id)
  const page = await basicApi.getPage('contacts', kept.contact, 'companies')
  assert.equal(String(page.results[0].toObjectId), company.id)
  assert.ok(page.results[0].associationTypes.some((type) => type.typeId === 279))
  const batch = await batchApi.getPage('contacts', 'companies', { inputs: [{ id: kept.contact }] })
  assert.equal(String(batch.results[0].to[0].toObjectId), company.id)
  const read = await contacts.basicApi.getById(kept.contact, [], undefined, ['companies'])
  assert.equal(read.associations.companies.results[0].id, company.id)
  await basicApi.archive('contacts', kept.contact, 'companies', company.id)
  assert.equal((await basicApi.getPage('contacts', kept.contact, 'companies')).results.length, 0)
})
step('associations: labels', async () => {
  const { definitionsApi } = hubspot.crm.associations.v4.schema
  const { results } = await definitionsApi.getAll('contacts', 'companies')
  assert.ok(results.some((label) => label.typeId === 1) && results.some((label) => label.typeId === 279))
  const made = await definitionsApi.create('contacts', 'companies', { name: 'steps_label', label: 'Steps' })
  assert.ok(made.results.some((label) => label.label === 'Steps'))
})
step('associations: made with the record', async () => {
  const deal = await deals.basicApi.create({
    properties: { dealname: 'Steps', dealstage: 'appointmentscheduled', pipeline: 'default' },
    associations: [{ to: { id: kept.contact },
      types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }] }] })
  const page = await hubspot.crm.associations.v4.basicApi.getPage('deals', deal.id, 'contacts')
  assert.equal(String(page.results[0].toObjectId), kept.contact)
})
step('pipelines and their stages', async () => {
  const { results } = await hubspot.crm.pipelines.pipelinesApi.getAll('deals')
  assert.ok(results[0].stages.length > 2)
  const stages = await hubspot.crm.pipelines.pipelineStagesApi.getAll('deals', results[0].id)
  assert.equal(stages.results.length, results[0].stages.length)
})
step('owners', async () => {
  const { results } = await hubspot.crm.owners.ownersApi.getPage(undefined, undefined, 100, false)
  assert.ok(results.length > 0 && results[0].id)
  const one = await hubspot.crm.owners.ownersApi.getById(Number(results[0].id), 'id', false)
  assert.equal(one.email, results[0].email)
})
step('lists: made, filled and read', async () => {
  const { listsApi, membershipsApi } = hubspot.crm.lists
  const { list } = await listsApi.create({
    name: 'Steps', objectTypeId: '0-1', processingType: 'MANUAL' })
  await membershipsApi.add(list.listId, [kept.contact])
  const page = await membershipsApi.getPage(list.listId)
  assert.deepEqual(page.results.map((member) => String(member.recordId)), [kept.contact])
})
step('exports', async () => {
  // The library's own method for this fails before it sends anything.
  const ask = async (method, path, body) => (await hubspot.apiRequest({ method, path, body })).json()
  const started = await ask('POST', '/crm/v3/exports/export/async', {
    exportType: 'VIEW', exportName: 'steps', format: 'CSV', language: 'EN', objectType: 'CONTACT',
    objectProperties: ['email'], associatedObjectType: [], exportInternalValuesOptions: [],
    includeLabeledAssociations: false, includePrimaryDisplayPropertyForAssociatedObjects: false,
    overrideAssociatedObjectsPerDefinitionPerRowLimit: false })
  const status = await hubspot.crm.exports.publicExportsApi.getStatus(Number(started.id))
  assert.ok(['PENDING', 'PROCESSING', 'COMPLETE'].includes(status.status))
})
step('imports', async () => {
  assert.ok(Array.isArray((await hubspot.crm.imports.coreApi.getPage()).results))
})
step('merge', async () => {
  const other = await contacts.basicApi.create({ properties: { lastname: 'Loser' }, associations: [] })
  const response = await hubspot.apiRequest({ method: 'POST', path: '/crm/v3/objects/contacts/merge',
    body: { primaryObjectId: kept.contact, objectIdToMerge: other.id } })
  const merged = await response.json()
  assert.equal((await contacts.basicApi.getById(other.id)).id, merged.id)
  kept.contact = merged.id
})
step('privacy deletion', async () => {
  const made = await contacts.basicApi.create({ properties: { lastname: 'Private' }, associations: [] })
  const response = await hubspot.apiRequest({ method: 'POST', path: '/crm/v3/objects/contacts/gdpr-delete',
    body: { objectId: made.id } })
  assert.equal(response.status, 204)
  await fails(404, () => contacts.basicApi.getById(made.id))
})
step('archive', async () => {
  await contacts.basicApi.archive(kept.contact)
  await contacts.basicApi.archive(kept.contact)
  await fails(404, () => contacts.basicApi.getById(kept.contact))
})

let failures = 0
for (const { name, run, awaits } of steps) {
  const began = Date.now()
  let detail = ''
  try {
    await run()
  } catch (error) {
    const place = /steps\.mjs:(\d+)/.exec(error.stack ?? '')
    detail = `${error.name} at line ${place?.[1] ?? '?'}: ${error.message}`.slice(0, 600)
    failures += awaits ? 0 : 1
  }
  const passed = detail === ''
  console.log(JSON.stringify({ step: name, passed, awaits, detail, milliseconds: Date.now() - began }))
}
process.exit(failures ? 1 : 0)
