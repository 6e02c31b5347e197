// One HTTP request and the whole of its reply.

/**
 * Ends `request` (of node:http or node:https) with `payload` and returns {status, headers, text, json}; json is undefined
 * where the text is none. Nothing within `timeout` ms is an error that names `what`.
 */
export const exchanged = (request, payload, { timeout, what }) =>
  new Promise((resolve, reject) => {
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          // the test looks at the text
        }
        resolve({ status: response.statusCode, headers: response.headers, text, json });
      });
    });
    request.setTimeout(timeout, () => request.destroy(new Error(`${what}: no answer in ${timeout} ms`)));
    request.on('error', reject);
    request.end(payload);
  });
