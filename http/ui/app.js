// The dashboard: what the daemon's listings say, fetched again whenever an event says that something changed. It only
// reads. Everything is put into the page as text, never as HTML.

const pageSize = 25;
const mostEvents = 200;
const byId = (id) => document.getElementById(id);

let key = sessionStorage.getItem('lode-key'); // of this tab only
let lastSeq = null; // of the last event seen
let socket = null;
let pause = 1000;
let due = null; // of the next refresh
const pages = { allocations: 1, resources: 1, miners: 1 };

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

class Unauthorized extends Error {}

async function call(method, path, query = {}, body = undefined) {
  const url = new URL(path, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers = {};
  if (key) headers.authorization = `Bearer ${key}`;
  if (body) headers['content-type'] = 'application/json';
  const reply = await fetch(url, { method, headers, body: body && JSON.stringify(body), cache: 'no-store' });
  const { message, data, err_detail: detail } = await reply.json();
  if (reply.status === 401 || reply.status === 429) throw new Unauthorized(detail ?? message);
  return { status: reply.status, data, message };
}
const post = (path, query, body) => call('POST', path, query, body);

/** columns: [title, (item) => text, class of the cell] */
function fill(id, columns, items, none) {
  const head = element('thead');
  const titles = head.appendChild(element('tr'));
  for (const [title, , className] of columns) titles.append(element('th', title, className === 'number' ? className : ''));
  const rows = element('tbody');
  for (const item of items) {
    const row = rows.appendChild(element('tr'));
    for (const [, text, className] of columns) row.append(element('td', text(item), className));
  }
  if (items.length === 0) {
    const cell = element('td', none);
    cell.colSpan = columns.length;
    rows.appendChild(element('tr')).append(cell);
  }
  byId(id).replaceChildren(head, rows);
}

function fillPages(name, page) {
  const go = (text, number) => {
    const button = element('button', text);
    button.type = 'button';
    button.disabled = number === null;
    button.addEventListener('click', () => {
      pages[name] = number;
      refresh();
    });
    return button;
  };
  const { page_number: number, next_page_number: next } = page;
  const one = number === 1 && next === null;
  byId(`${name}-pages`).replaceChildren(
    ...(one ? [] : [go('Back', number > 1 ? number - 1 : null), element('span', `page ${number}`), go('Next', next)]),
  );
}

function fillSums(sums) {
  byId('sums').replaceChildren(
    ...Object.entries(sums).map(([title, value]) => {
      const tile = element('div');
      tile.append(element('dt', title), element('dd', value));
      return tile;
    }),
  );
}

const yes = (truth) => (truth === null ? 'unknown' : truth ? 'yes' : 'no');
const allocationColumns = [
  ['Hotkey', (a) => a.hotkey, 'hotkey'],
  ['GPU', (a) => a.resource || 'none'],
  ['State', (a) => a.state],
  ['SSH', (a) => `${a.ssh_ip}:${a.ssh_port}`],
  ['Since', (a) => a.created_at],
  ['Until', (a) => a.expires_at],
];
const resourceColumns = [
  ['Hotkey', (r) => r.hotkey, 'hotkey'],
  ['GPU', (r) => r.gpu_name || 'none'],
  ['GPUs', (r) => r.gpu_count, 'number'],
  ['Memory, GB', (r) => r.gpu_capacity, 'number'],
  ['CPUs', (r) => r.cpu_count, 'number'],
  ['RAM, GiB', (r) => r.ram, 'number'],
  ['Disk, GiB', (r) => r.hard_disk, 'number'],
  ['Status', (r) => r.allocate_status],
];
const minerColumns = [
  ['Hotkey', (m) => m.hotkey, 'hotkey'],
  ['Axon', (m) => `${m.ip}:${m.port}${m.simulated ? ' (simulated)' : ''}`],
  ['Reachable', (m) => yes(m.reachable)],
  ['Healthy', (m) => yes(m.healthy)],
  ['Eligible', (m) => yes(m.eligible)],
  ['Slot', (m) => m.slot],
  ['Marks', (m) => m.marks.map(({ mark, reason }) => (reason ? `${mark}: ${reason}` : mark)).join('; ')],
];

async function show() {
  const filter = new FormData(byId('filter')).get('gpu_name');
  const query = filter ? { gpu_name: filter } : {};
  const [ready, stats, resources, allocations, miners, dead] = await Promise.all([
    call('GET', '/readyz'),
    post('/list/resources_sql', { stats: true }, {}),
    post('/list/resources_sql', { page_number: pages.resources, page_size: pageSize }, query),
    post('/list/allocations_sql', { page_number: pages.allocations, page_size: pageSize }),
    post('/admin/miners', { page_number: pages.miners, page_size: pageSize }),
    post('/admin/notifications', { state: 'dead' }),
  ]);
  const counted = stats.data?.stats ?? { available: 0, reserved: 0 };
  fillSums({
    Miners: ready.data?.miners ?? '–',
    Available: counted.available,
    Reserved: counted.reserved,
    Allocations: ready.data?.allocations ?? '–',
    ...(ready.data?.set_aside?.length ? { 'Set aside': ready.data.set_aside.length } : {}),
    ...(dead.status === 200 ? { 'Webhooks given up': dead.data.page_items.length } : {}),
  });
  const rented = allocations.status === 200 ? allocations.data : []; // 404 is none at all
  fill('allocations', allocationColumns, rented, 'None.');
  fillPages('allocations', {
    page_number: pages.allocations,
    next_page_number: rented.length === pageSize ? pages.allocations + 1 : null,
  });
  fill('resources', resourceColumns, resources.data?.page_items ?? [], 'None.');
  if (resources.data) fillPages('resources', resources.data);
  byId('health').hidden = miners.status !== 200; // for admins only
  if (miners.status === 200) {
    fill('miners', minerColumns, miners.data.page_items, 'None.');
    fillPages('miners', miners.data);
  }
  byId('content').hidden = false;
  byId('sign-in').hidden = true;
}

let showing = false;
let again = false;
/** Fetches everything; calls that come meanwhile make it one more time. */
async function refresh() {
  if (showing) {
    again = true;
    return;
  }
  showing = true;
  try {
    await show();
    if (socket === null) connect();
  } catch (problem) {
    if (problem instanceof Unauthorized) signIn(key ? problem.message : '');
    else retry('no answer');
  } finally {
    showing = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}
/** Many events make one refresh. */
function refreshSoon(after = 200) {
  due ??= setTimeout(() => {
    due = null;
    refresh();
  }, after);
}
function retry(why) {
  say('lost', why);
  refreshSoon(pause);
  pause = Math.min(pause * 2, 30_000);
}

function signIn(problem) {
  byId('content').hidden = true;
  byId('sign-in').hidden = false;
  byId('sign-in-problem').textContent = problem;
  say('', 'an API key is needed');
  socket?.close();
}

function say(className, text) {
  byId('link').className = className;
  byId('link').textContent = text;
}

function note({ seq, type, payload }) {
  const { time, hotkey, event, reason, mark } = payload;
  const line = [time, type, event, mark, hotkey, reason].filter(Boolean).join('  ');
  const item = element('li', line);
  item.dataset.seq = seq;
  const list = byId('events');
  list.prepend(item);
  while (list.children.length > mostEvents) list.lastChild.remove();
}

function connect() {
  const url = new URL('/connect', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  if (lastSeq !== null) url.searchParams.set('since', lastSeq);
  if (key) url.searchParams.set('token', key); // a browser cannot set the header
  socket = new WebSocket(url);
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data);
    pause = 1000;
    say('live', 'live');
    if (frame.type === 'keepalive') return;
    lastSeq = frame.seq;
    note(frame);
    refreshSoon();
  });
  socket.addEventListener('close', ({ code }) => {
    socket = null;
    if (!byId('sign-in').hidden) return;
    if (code === 4409 || code === 4410) lastSeq = null; // of another store, or no longer kept
    retry('connection lost'); // connects again once there is an answer
  });
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  key = byId('key').value.trim();
  byId('key').value = '';
  sessionStorage.setItem('lode-key', key);
  refresh();
});
byId('filter').addEventListener('input', () => {
  pages.resources = 1;
  refreshSoon();
});
byId('filter').addEventListener('submit', (event) => event.preventDefault());

setInterval(refresh, 60_000); // health changes without an event
refresh();
