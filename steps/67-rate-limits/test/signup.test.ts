import t from 'tap';
import { createApp } from './helper.ts';

const app = await createApp(t);
const ada = { username: 'ada_1', email: 'ada@example.org', password: 'correct horse' };

function signUp(body: object) {
  return app.inject({ method: 'POST', url: '/api/accounts/signup', body });
}

t.test('signing up answers 201 with the account and nothing secret', async (t) => {
  const response = await signUp(ada);
  t.equal(response.statusCode, 201);
  const { id, ...rest } = response.json();
  t.match(id, /^[1-9]\d*$/, 'an id is a string');
  t.match(rest, { username: 'ada_1', email: 'ada@example.org' });
  t.equal(rest.nickname, null);
  t.notMatch(response.body, /password|argon2/);
});

t.test('the password is stored as an Argon2id hash', async (t) => {
  t.equal((await signUp({ ...ada, username: 'ada_2', email: 'ada2@example.org' })).statusCode, 201);
  const user = await app.db.selectFrom('users').select('password_hash').executeTakeFirst();
  t.match(user?.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

t.test('what does not fit the rules is a 400 that names the field', async (t) => {
  const wrong = {
    username: ['ab', 'a'.repeat(21), 'with space', 'naïve', '东邪', 'line\n'],
    email: ['', 'ada', 'ada@', `${'a'.repeat(250)}@b.org`],
    password: ['1234567', 'x'.repeat(129)],
  };
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const response = await signUp({ ...ada, [field]: value });
      t.equal(response.statusCode, 400, `${field}: ${JSON.stringify(value)}`);
      t.match(response.json().message, `body/${field} `);
    }
  }
  t.equal((await signUp({})).statusCode, 400);
});

t.test('a taken username or email is a 409 that says which, whatever its case', async (t) => {
  const name = await signUp({ ...ada, username: 'ADA_1', email: 'other@example.org' });
  t.match(name.json(), { statusCode: 409, code: 'USERNAME_TAKEN' });
  const email = await signUp({ ...ada, username: 'other', email: 'Ada@Example.org' });
  t.match(email.json(), { statusCode: 409, code: 'EMAIL_TAKEN' });
});

t.test('of five who want one name at the same time, one gets it', async (t) => {
  const responses = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => signUp({ ...ada, username: 'grace', email: `g${n}@example.org` })),
  );
  const codes = responses.map(({ statusCode }) => statusCode).sort();
  t.same(codes, [201, 409, 409, 409, 409]);
});
