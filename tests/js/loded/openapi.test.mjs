// /openapi.json by itself: an OpenAPI linter, its schemas in strict mode, its examples; and /docs.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { createConfig, lint } from '@redocly/openapi-core';
import { Description } from '../lib/openapi.mjs';
import { withSteps } from '../lib/world.mjs';

withSteps('the description of the API', { file: false }, (step) => {
  step('passes the linter', async ({ api, dir }) => {
    const file = path.join(dir, 'openapi.json');
    await fs.writeFile(file, (await api.get('/openapi.json')).text);
    const config = await createConfig({
      extends: ['recommended'],
      rules: {
        'no-invalid-media-type-examples': 'error',
        'no-invalid-parameter-examples': 'error',
        'no-invalid-schema-examples': 'error',
        'operation-operationId-unique': 'error',
        'info-license': 'off', // there is none to name
        'operation-2xx-response': 'off', // what needs W&B is never 200 before W&B is read; /connect answers 101
      },
    });
    const problems = await lint({ ref: file, config });
    assert.deepEqual(
      problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`),
      [],
    );
  });

  step('has schemas that a strict validator takes, and examples that they allow', async ({ api }) => {
    const description = await Description.of(api);
    let examples = 0;
    const check = (validate, value, where) => {
      assert.ok(validate(value), `${where}: ${JSON.stringify(validate.errors)}`);
      examples += 1;
    };
    for (const name of Object.keys(description.document.components.schemas))
      description.at('components', 'schemas', name);
    for (const { method, path: at, operation } of description.operations()) {
      const here = ['paths', at, method.toLowerCase()];
      for (const [i, { name, example }] of (operation.parameters ?? []).entries()) {
        const validate = description.at(...here, 'parameters', String(i), 'schema');
        if (example !== undefined) check(validate, example, `${at} ${name}`);
      }
      const body = operation.requestBody?.content['application/json'];
      if (body)
        check(description.at(...here, 'requestBody', 'content', 'application/json', 'schema'), body.example, at);
      for (const [status, { content = {} }] of Object.entries(operation.responses))
        for (const [type, { examples: given }] of Object.entries(content))
          for (const [name, { value }] of Object.entries(given))
            check(description.at(...here, 'responses', status, 'content', type, 'schema'), value, `${at} ${name}`);
    }
    assert.ok(examples > 100, `only ${examples} examples`);
  });

  step('says what each operation needs', async ({ api }) => {
    const description = await Description.of(api);
    const needs = (at, method = 'post') => description.document.paths[at][method].security;
    assert.deepEqual(needs('/healthz', 'get'), []);
    assert.deepEqual(needs('/service/allocate_spec'), [{ bearer: ['rent'] }]);
    assert.deepEqual(needs('/connect', 'get'), [{ bearer: ['read'] }, { token: ['read'] }]);
  });

  step('/docs is a page whose parts all come from here', async ({ api }) => {
    const page = await api.get('/docs');
    assert.equal(page.status, 200);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(page.headers['content-security-policy'], /script-src 'self';/);
    assert.ok(!/<script>|https?:/.test(page.text), 'no inline script, nothing of elsewhere');
    const parts = [...page.text.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map((found) => found[1]);
    assert.equal(parts.length, 3);
    for (const part of parts) {
      const reply = await api.get(part);
      assert.equal(reply.status, 200, part);
      assert.match(reply.headers['content-type'], part.endsWith('.css') ? /^text\/css/ : /^text\/javascript/);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      assert.ok(reply.text.length > 100);
    }
  });
});
