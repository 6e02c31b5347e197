// A real browser without a window: Chromium, as scripts/deps test installs it.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const program = process.env.LODE_CHROMIUM ?? '/usr/bin/chromium-headless-shell';

/**
 * Runs `body(page, {complaints, requests})` on a fresh page of a fresh browser: what the page complained of (its console,
 * its policy, exceptions, requests that failed), and the URLs that it asked for.
 */
export async function inBrowser(body) {
  // No sandbox: tests run as root, and the pages are ours.
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'], timeout: 60_000 });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    const complaints = [];
    const requests = [];
    page.on('console', (said) => {
      if (['error', 'warning'].includes(said.type())) complaints.push(`${said.type()}: ${said.text()} ${said.location().url}`);
    });
    page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
    page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on('request', (request) => requests.push(request.url()));
    await body(page, { complaints, requests });
  } finally {
    await browser.close();
  }
}

/** Nothing was asked of anybody but `origin`; data: is no request. */
export function onlyOf(origin, requests) {
  const elsewhere = requests.filter((url) => !url.startsWith('data:') && new URL(url).origin !== origin);
  assert.deepEqual(elsewhere, []);
}
