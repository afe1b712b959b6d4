import t from 'tap';
import { createApp } from './helper.ts';

interface Operation {
  summary?: string;
  tags?: string[];
  security?: object[];
  requestBody?: object;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

const app = await createApp(t);
const page = await app.inject('/docs/json');
const { paths = {}, openapi } = page.json<{
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}>();
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
);

t.test('the page is there, and the document is OpenAPI', async (t) => {
  const docs = await app.inject('/docs');
  t.equal(docs.statusCode, 200);
  t.match(docs.headers['content-type'], 'text/html');
  t.match(openapi, /^3\./);
});

t.test('every route is published with what it takes, gives and refuses', async (t) => {
  t.match(
    operations.map(({ name }) => name),
    ['get /healthz', 'get /readyz', 'post /api/accounts/signup'],
  );
  for (const { name, operation } of operations) {
    const { summary, tags, requestBody, responses } = operation;
    t.ok(summary, `${name} has a summary`);
    t.equal(tags?.length, 1, `${name} has one tag`);
    t.notOk(requestBody && /^(get|delete) /.test(name), `${name} takes no body`);
    t.ok(
      Object.keys(responses).some((status) => /^2\d\d$/.test(status)),
      `${name}: success`,
    );
    t.ok(responses['4XX']?.content, `${name}: errors`);
  }
});

t.test('exactly the routes that refuse anonymous requests ask for a token', async (t) => {
  t.ok(operations.length > 0);
  for (const { name, operation } of operations) {
    const [method = '', path = ''] = name.split(' ');
    const url = path.replaceAll(/\{\w+\}/g, '1');
    const { code } = (await app.inject({ method: method as 'get', url })).json();
    const asks = JSON.stringify(operation.security) === '[{"bearer":[]}]';
    t.equal(asks, code === 'FST_JWT_NO_AUTHORIZATION_IN_HEADER', name);
  }
});

t.test('no response schema lets a password or its hash out', async (t) => {
  t.equal(page.statusCode, 200);
  for (const { name, operation } of operations) {
    t.notMatch(JSON.stringify(operation.responses), /password|hash/i, name);
  }
});
