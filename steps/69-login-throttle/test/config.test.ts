import { spawnSync } from 'node:child_process';
import t from 'tap';
import { loadConfig } from '../src/config.ts';

t.test('an empty environment gives the defaults', async (t) => {
  t.match(loadConfig({}), {
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: 3000,
    LOG_LEVEL: 'info',
  });
});

t.test('values are converted, and variables that are not ours are left out', async (t) => {
  const config = loadConfig({ PORT: '8080', NODE_ENV: 'test', HOST: '', PATH: '/bin' });
  t.equal(config.PORT, 8080);
  t.equal(config.HOST, '127.0.0.1', 'empty is not set');
  t.equal(config.NODE_ENV, 'test');
  t.notOk('PATH' in config);
});

t.test('one message names every variable at fault and repeats no value', async (t) => {
  t.throws(() => loadConfig({ PORT: '99999', LOG_LEVEL: 'hunter2' }), {
    message: /PORT must be <= 65535\n {2}LOG_LEVEL .*: trace, debug/,
  });
  t.throws(() => loadConfig({ LOG_LEVEL: 'hunter2' }), { message: /^(?!.*hunter2)/s });
});

t.test('a server with a wrong configuration says so in one message and leaves', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['src/server.ts'], {
    env: { ...process.env, PORT: 'http' },
    encoding: 'utf8',
  });
  t.equal(status, 1);
  t.match(stderr, 'PORT must be integer');
  t.notMatch(stderr, 'at loadConfig', 'no stack: it is not a bug in the program');
});
