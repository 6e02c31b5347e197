// /ui, the dashboard, in a real browser: it shows what there is and follows what happens, takes a key where one is
// needed, and comes back after a restart.
import assert from 'node:assert/strict';
import { inBrowser, onlyOf } from '../lib/browser.mjs';
import { refused, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const simulated = { file: false, settings: { 'miners.simulated': 30 } };

const sum = (page, name) => page.locator('#sums div', { hasText: name }).locator('dd').innerText();
const live = (page) => page.locator('#link.live').waitFor();
const rows = (page, id) => page.locator(`#${id} tbody tr`);
/** Opens the page and waits until it is live. */
async function open(page, url) {
  await page.goto(`${url}/ui`);
  await live(page);
}

withWorld('shows what there is and follows what happens, without a secret', simulated, async ({ api, loded }) => {
  await inBrowser(async (page, { complaints, requests }) => {
    await open(page, loded.url);
    assert.equal(await sum(page, 'Miners'), '30');
    assert.equal(await rows(page, 'resources').count(), 25);
    await page.locator('#resources-pages').getByText('Next').click();
    await until('the second page', async () => (await rows(page, 'resources').count()) === 5);
    await page.locator('#filter input').fill('no such gpu');
    await page.locator('#resources', { hasText: 'None.' }).waitFor();
    await page.locator('#filter input').fill('');

    const mine = succeeded(await api.allocateSpec({ gpu_size: 0 }), made);
    await page.locator('#allocations', { hasText: mine.hotkey }).waitFor();
    await page.locator('#events li', { hasText: 'allocated' }).waitFor();
    await until('the sum', async () => (await sum(page, 'Reserved')) === '1');
    // What others wrote is text, whatever it holds.
    const reason = '<img src=x onerror=alert(1)><b>dust</b>';
    const mark = { hotkey: mine.hotkey, mark: 'cordon', reason };
    assert.equal((await api.post('/admin/mark', { query: mark })).status, 200);
    const other = page.locator('#events li', { hasText: 'marked' });
    await other.waitFor();
    assert.ok((await other.innerText()).includes(reason));
    const all = (await api.post('/admin/miners')).json.data.page_items.map(({ hotkey }) => hotkey);
    if (all.indexOf(mine.hotkey) >= 25) await page.locator('#miners-pages').getByText('Next').click();
    await page.locator('#miners tr', { hasText: mine.hotkey }).getByText(`cordon: ${reason}`).waitFor();

    const shown = await page.content();
    assert.ok(!shown.includes(mine.uuid_key) && !shown.includes(mine.ssh_password), 'a secret is on the page');
    await api.deallocate(mine);
    await page.locator('#allocations', { hasText: 'None.' }).waitFor();
    // An empty listing is a 404, of which browsers complain.
    assert.deepEqual(complaints.filter((text) => !/ 404 .*\/list\/allocations_sql/.test(text)), []);
    onlyOf(loded.url, requests);
  });
});

withWorld('comes back after a restart, with what happened meanwhile',
  { file: false, settings: { 'miners.simulated': 3 } },
  async (world) => {
    await inBrowser(async (page) => {
      const { url } = world.loded;
      await open(page, url);
      const first = succeeded(await world.api.allocateSpec({ gpu_size: 0 }), made);
      await page.locator('#events li', { hasText: 'allocated' }).waitFor();
      await world.stop();
      await page.locator('#link.lost').waitFor();
      world.loded.settings['http.listen'] = new URL(url).host;
      await world.restart();
      await world.api.deallocate(first);
      await live(page);
      await page.locator('#events li', { hasText: 'gone' }).waitFor();
      await page.locator('#allocations', { hasText: 'None.' }).waitFor();
      const seqs = await page.locator('#events li').evaluateAll((list) => list.map((item) => Number(item.dataset.seq)));
      assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => b - a), 'each event once, the newest first');
    });
  });

withWorld('where keys are in use it asks for one and shows what its role may see', simulated, async (world) => {
  const { api, loded } = world;
  const add = async (name, role, key) => {
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    const data = succeeded(await api.post('/admin/keys/add', { query: { name, role }, headers }), 'Key was added.');
    world.secret(data.key);
    return data.key;
  };
  const admin = await add('root', 'admin');
  const reader = await add('ci', 'read', admin);
  await inBrowser(async (page, { requests }) => {
    await page.goto(`${loded.url}/ui`);
    const signIn = async (key) => {
      await page.locator('#key').fill(key);
      await page.getByRole('button', { name: 'Use it' }).click();
    };
    await signIn('lode_wrong');
    await page.locator('#sign-in-problem', { hasText: 'Unauthorized' }).waitFor();
    assert.equal(await page.locator('#content').isVisible(), false);
    await signIn(reader);
    await live(page);
    assert.equal(await rows(page, 'resources').count(), 25);
    assert.equal(await page.locator('#health').isVisible(), false);
    await page.reload();
    await live(page);
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await signIn(admin);
    await live(page);
    assert.equal(await rows(page, 'miners').count(), 25);
    onlyOf(loded.url, requests.filter((url) => !url.startsWith('ws:')));
    // Of a WebSocket, which cannot carry it otherwise, only.
    assert.ok(requests.every((url) => !url.includes('lode_') || new URL(url).pathname === '/connect'));
  });
  refused(await api.post('/list/allocations_sql'), 401, 'Unauthorized');
  await world.stop(); // the checks at the end have no key
});
