// The description of the API as the running daemon gives it, and validators made of it.
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export const escaped = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1');

export class Description {
  #ajv;

  constructor(document) {
    this.document = document;
    this.#ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
    addFormats(this.#ajv);
    // What OpenAPI has beside the schemas is none of ajv's business.
    this.#ajv.addVocabulary(['openapi', 'info', 'servers', 'tags', 'paths', 'components']);
    this.#ajv.addSchema(document, 'api');
  }

  static async of(api) {
    const reply = await api.get('/openapi.json');
    if (reply.status !== 200) throw new Error(`/openapi.json: ${reply.status}`);
    return new Description(reply.json);
  }

  /** {method, path, operation} of each. */
  operations() {
    return Object.entries(this.document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  }

  /** The validator of what is at this place of the document. */
  at(...place) {
    const validate = this.#ajv.getSchema(`api#/${place.map((part) => encodeURIComponent(escaped(part))).join('/')}`);
    if (!validate) throw new Error(`no schema at ${place.join(' ')}`);
    return validate;
  }

  resolve(object) {
    const ref = object?.$ref;
    if (ref === undefined) return object;
    return ref.slice(2).split('/').reduce((at, name) => at[name], this.document);
  }

  /** Why this reply is not as described, or ''. */
  fault({ method, path }, { status, headers, json, text }) {
    const operation = this.document.paths[path]?.[method.toLowerCase()];
    const response = operation?.responses[status];
    if (!response) return `${method} ${path}: ${status} is not documented: ${text}`;
    for (const [name, given] of Object.entries(response.headers)) {
      const header = this.resolve(given);
      if (headers[name] === undefined && header.required) return `${method} ${path} ${status}: no header ${name}`;
    }
    if (!response.content) return text === '' ? '' : `${method} ${path} ${status}: a body where none is documented`;
    const type = headers['content-type']?.split(';')[0];
    if (!response.content[type]) return `${method} ${path} ${status}: ${type} is not documented`;
    const place = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
    const validate = this.at(...place);
    if (validate(type === 'application/json' ? json : text)) return '';
    return `${method} ${path} ${status}: ${JSON.stringify(validate.errors)}\n${text}`;
  }
}
