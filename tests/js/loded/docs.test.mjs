// /docs in a real browser: Swagger UI shows every operation of the running daemon, calls one, and takes an API key.
import assert from 'node:assert/strict';
import { inBrowser, onlyOf } from '../lib/browser.mjs';
import { Description } from '../lib/openapi.mjs';
import { withWorld } from '../lib/world.mjs';

const simulated = { file: false, settings: { 'miners.simulated': 3 } };

/** The page once it has all operations. */
async function open(page, url, operations) {
  await page.goto(`${url}/docs`);
  const blocks = page.locator('.opblock');
  await blocks.nth(operations - 1).waitFor();
  assert.equal(await blocks.count(), operations);
}

/** Opens the operation with this id, sends what its form holds, and returns {status, text} of the reply that it shows. */
async function execute(page, tag, id) {
  const block = page.locator(`#operations-${tag}-${id}`);
  if ((await block.getByRole('button', { name: 'Execute' }).count()) === 0) {
    await block.locator('.opblock-summary-control').click();
    await block.getByRole('button', { name: 'Try it out' }).click();
  }
  const answered = page.waitForResponse((response) => response.request().resourceType() === 'fetch');
  await block.getByRole('button', { name: 'Execute' }).click();
  await answered;
  await block.locator('.loading-container').waitFor({ state: 'detached' });
  const live = block.locator('.live-responses-table tbody tr.response');
  await live.waitFor();
  return {
    status: Number(/\d+/.exec(await live.locator('.response-col_status').innerText())[0]),
    text: await live.locator('.response-col_description').innerText(),
  };
}

withWorld('every operation is shown, and a call from the page is answered', simulated, async ({ api, loded }) => {
  const operations = (await Description.of(api)).operations().length;
  await inBrowser(async (page, { complaints, requests }) => {
    await open(page, loded.url, operations);
    const alive = await execute(page, 'process', 'healthz');
    assert.equal(alive.status, 200);
    assert.match(alive.text, /"message": "alive"/);
    // One with a body and parameters, all of them the examples that the page fills in.
    const page1 = await execute(page, 'list', 'list_resources_sql');
    assert.equal(page1.status, 200, page1.text);
    assert.match(page1.text, /"message": "List resources successfully"/);
    assert.deepEqual(complaints, []);
    onlyOf(loded.url, requests);
  });
});

withWorld('where keys are in use the page takes one', simulated, async (world) => {
  const { api, loded } = world;
  const operations = (await Description.of(api)).operations().length;
  const added = await api.post('/admin/keys/add', { query: { name: 'root', role: 'admin' } });
  const { key } = added.json.data;
  world.secret(key);
  await inBrowser(async (page, { complaints, requests }) => {
    await open(page, loded.url, operations);
    const before = await execute(page, 'process', 'metrics');
    assert.equal(before.status, 401);
    assert.match(before.text, /Unauthorized/);
    complaints.splice(0); // the browser says that a reply was 401
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const form = page.locator('.auth-container').filter({ hasText: 'bearer' });
    await form.locator('input').fill(key);
    await form.getByRole('button', { name: 'Apply credentials' }).click();
    await page.locator('.modal-ux').getByRole('button', { name: 'Close' }).last().click();
    const after = await execute(page, 'process', 'metrics');
    assert.equal(after.status, 200, after.text);
    assert.match(after.text, /# HELP lode_/);
    assert.deepEqual(complaints, []);
    onlyOf(loded.url, requests);
  });
  await world.stop(); // the checks at the end have no key
});
