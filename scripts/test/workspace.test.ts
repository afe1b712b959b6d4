// No line of a learner is ever lost: each case does for real what could lose one.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import t, { type Test } from 'tap';
import { Learner, put } from './workspace-fixture.ts';

t.setTimeout(180_000);

const MINE = 'const mine = 4711;\n';

/** A learner at step 02 with work that is not committed. */
async function withWork(t: Test, root?: string): Promise<Learner> {
  const learner = new Learner(t, root);
  await learner.run(['start', '02']);
  learner.write('src/app.ts', MINE);
  return learner;
}

t.test('a folder with files that is no git repository becomes one, files first', async (t) => {
  const learner = new Learner(t);
  learner.write('src/app.ts', MINE);
  learner.write('deep/er/notes.txt', 'notes\n');
  const { code, text } = await learner.run(['start', '02']);
  t.equal(code, 0, text);
  t.notMatch(learner.read('src/app.ts'), MINE);
  t.ok(learner.hasLine('mine = 4711'));
  t.equal(learner.read('deep/er/notes.txt'), 'notes\n');
});

t.test(
  'no user name, hooks that refuse, signing and a global ignore file do not matter',
  async (t) => {
    const learner = new Learner(t);
    const home = join(learner.course.root, 'home');
    put(join(home, 'hooks/pre-commit'), '#!/bin/sh\nexit 1\n');
    execaSync('chmod', ['+x', join(home, 'hooks/pre-commit')]);
    put(join(home, 'ignore'), '*.ts\n');
    put(
      join(home, '.gitconfig'),
      `[core]\n hooksPath = ${home}/hooks\n excludesFile = ${home}/ignore\n autocrlf = true\n[commit]\n gpgSign = true\n[user]\n useConfigOnly = true\n`,
    );
    const env = {
      HOME: home,
      XDG_CONFIG_HOME: home,
      GIT_DIR: '/nowhere',
      GIT_INDEX_FILE: '/nowhere',
    };
    t.equal((await learner.run(['start', '02'], env)).code, 0);
    learner.write('src/app.ts', 'const windows = 1;\r\nlast\n');
    const { code, text } = await learner.run(['solve'], env);
    t.equal(code, 0, text);
    t.equal(
      learner.git('show', 'HEAD~1:src/app.ts'),
      'const windows = 1;\r\nlast',
      'byte for byte',
    );
  },
);

t.test('files that the learner ignores are committed before they are overwritten', async (t) => {
  const learner = await withWork(t);
  learner.write('.gitignore', 'src/more.ts\nsecret.env\n');
  learner.write('src/more.ts', '// ignored work\n');
  learner.write('secret.env', 'KEY=1\n');
  const { code, text } = await learner.run(['solve', '02']);
  t.equal(code, 0, text);
  t.match(learner.read('src/more.ts'), "'more'");
  t.ok(learner.hasLine('ignored work'));
  t.equal(learner.read('secret.env'), 'KEY=1\n', 'what is not in the way stays uncommitted');
  t.equal(learner.git('ls-files', 'secret.env'), '');
});

t.test('git is missing', async (t) => {
  const learner = await withWork(t);
  const empty = join(learner.course.root, 'no-programs');
  mkdirSync(empty);
  for (const args of [['solve', '02'], ['start', '03'], ['advance'], ['status']]) {
    const { code, text } = await learner.run(args, { PATH: empty });
    t.equal(code, 2, text);
    t.match(text, /^git was not found.*install git/m);
  }
  t.equal(learner.read('src/app.ts'), MINE);
});

t.test('the workspace is a file, a link, a dangling link', async (t) => {
  const learner = new Learner(t);
  const { workspaceDir, root } = learner.course;
  writeFileSync(workspaceDir, MINE);
  const file = await learner.run(['start', '02']);
  t.equal(file.code, 2, file.text);
  t.match(file.text, 'workspace is a file');
  t.equal(readFileSync(workspaceDir, 'utf8'), MINE);
  rmSync(workspaceDir);
  for (const target of ['elsewhere', 'nowhere']) {
    if (target === 'elsewhere') put(join(root, target, 'src/app.ts'), MINE);
    symlinkSync(join(root, target), workspaceDir);
    const { code, text } = await learner.run(['start', '02']);
    t.equal(code, 2, text);
    t.match(text, 'symbolic link');
    rmSync(workspaceDir);
  }
  t.equal(readFileSync(join(root, 'elsewhere/src/app.ts'), 'utf8'), MINE);
});

t.test(
  'a link inside the workspace is replaced, and what it leads to is not written',
  async (t) => {
    const learner = await withWork(t);
    const outside = join(learner.course.root, 'outside');
    renameSync(learner.path('src'), outside);
    symlinkSync(outside, learner.path('src'));
    rmSync(learner.path('test/app.test.ts'));
    symlinkSync(join(outside, 'app.ts'), learner.path('test/app.test.ts'));
    const { code, text } = await learner.run(['solve', '02']);
    t.equal(code, 0, text);
    t.equal(readFileSync(join(outside, 'app.ts'), 'utf8'), MINE);
    t.match(learner.read('src/app.ts'), "return 'one'");
    t.match(learner.read('test/app.test.ts'), 'hello says one');
  },
);

t.test('a folder where a file has to be, a file where a folder has to be', async (t) => {
  const learner = await withWork(t);
  rmSync(learner.path('src'), { recursive: true });
  learner.write('src', 'a file with my words\n');
  rmSync(learner.path('test/app.test.ts'));
  learner.write('test/app.test.ts/inner.txt', 'inner words\n');
  learner.write('.gitignore', 'kept.log\n');
  learner.write('test/app.test.ts/kept.log', 'ignored words\n');
  const { code, text } = await learner.run(['solve', '02']);
  t.equal(code, 0, text);
  t.match(learner.read('src/app.ts'), "return 'one'");
  t.ok(learner.hasLine('a file with my words'));
  t.ok(learner.hasLine('inner words'));
  const rescued = execaSync('grep', [
    '-r',
    'ignored words',
    join(learner.course.stateDir, 'rescued'),
  ]);
  t.match(rescued.stdout, 'kept.log', 'what git does not keep is moved aside');
});

t.test('a git repository inside the workspace, a damaged one, a rebase under way', async (t) => {
  const learner = await withWork(t);
  execaSync('git', ['init', '-q', learner.path('src/lib')]);
  learner.write('src/lib/own.ts', '// nested work\n');
  const nested = await learner.run(['solve', '02']);
  t.equal(nested.code, 2, nested.text);
  t.match(nested.text, 'workspace/src/lib is a git repository of its own');
  t.equal(learner.read('src/lib/own.ts'), '// nested work\n');
  rmSync(learner.path('src/lib/.git'), { recursive: true });

  mkdirSync(learner.path('.git/rebase-merge'));
  const rebase = await learner.run(['solve', '02']);
  t.equal(rebase.code, 2);
  t.match(rebase.text, 'merge or rebase of your own');
  rmSync(learner.path('.git/rebase-merge'), { recursive: true });

  writeFileSync(learner.path('.git/index.lock'), '');
  const locked = await learner.run(['solve', '02']);
  t.equal(locked.code, 1);
  t.match(locked.text, 'delete that file');
  rmSync(learner.path('.git/index.lock'));

  rmSync(learner.path('.git/index'));
  rmSync(learner.path('.git/HEAD'));
  t.equal((await learner.run(['solve', '02'])).code, 0, 'a lost HEAD is mended');
  t.ok(learner.hasLine('nested work'));

  rmSync(learner.path('.git'), { recursive: true });
  learner.write('.git', 'gitdir: /nowhere\n');
  learner.write('src/app.ts', MINE);
  const damaged = await learner.run(['start', '03']);
  t.not(damaged.code, 0);
  t.match(damaged.text, 'move it away');
  t.equal(learner.read('src/app.ts'), MINE);
});

t.test('a commit made on no branch is kept reachable', async (t) => {
  const learner = await withWork(t);
  learner.git('checkout', '-q', '--detach');
  await learner.run(['solve', '02']);
  learner.git('checkout', '-q', '-f', 'main');
  t.match(learner.git('log', '--branches', '--format=%h', '-Smine = 4711'), /\w/);
});

t.test('the disk is full', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'fanout-small-'));
  const mounted = execaSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root], {
    reject: false,
  });
  if (mounted.failed) {
    rmSync(root, { recursive: true });
    return t.comment('no small disk can be mounted here; the next case limits file sizes instead');
  }
  t.teardown(() => {
    execaSync('umount', ['-l', root]);
    rmSync(root, { recursive: true, force: true });
  });
  const learner = await withWork(t, root);
  const before = learner.files();
  const state = readFileSync(join(learner.course.stateDir, 'workspace.json'), 'utf8');
  const filler = join(root, 'filler');
  let stage = 0;
  for (const freeKilobytes of [0, 4, 8, 12, 16, 24, 32, 48, 64, 96]) {
    execaSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k'], { reject: false });
    execaSync('truncate', ['-s', `-${freeKilobytes}K`, filler]);
    const { code, text } = await learner.run(['solve', '02']);
    if (code === 0) break;
    stage += 1;
    t.match(text, /No space left|disk is full/i, `with ${freeKilobytes} KB`);
    t.notMatch(text, /^\s+at /m, 'no stack');
    t.ok(learner.hasLine('mine = 4711'), 'the line is there');
    if (!/half done/.test(text)) {
      t.same(learner.files(), before, 'nothing has changed');
      t.equal(readFileSync(join(learner.course.stateDir, 'workspace.json'), 'utf8'), state);
    }
  }
  t.ok(stage > 1, `it failed in ${stage} places`);
  rmSync(filler);
  const { code, text } = await learner.run(['solve', '02']);
  t.equal(code, 0, text);
  t.ok(learner.hasLine('mine = 4711'));
  t.match(learner.read('src/app.ts'), "return 'one'");
});

t.test('a file cannot be written whole', async (t) => {
  const learner = await withWork(t);
  put(join(learner.course.stepsDir, '02-second/src/large.ts'), '// large\n'.repeat(10_000));
  const before = learner.files();
  const { code, text } = await learner.shell("trap '' XFSZ; ulimit -f 20; course solve 02");
  t.equal(code, 1, text);
  t.match(text, 'Nothing in workspace/ was changed');
  t.same(learner.files(), before);
  t.equal((await learner.run(['solve', '02'])).code, 0);
  t.ok(learner.hasLine('mine = 4711'));
});

t.test('a folder that cannot be written to', async (t) => {
  if (process.getuid?.() !== 0) return t.comment('only root can become somebody else');
  const learner = await withWork(t);
  const other = 65534;
  execaSync('chmod', ['-R', 'a+rwX', learner.course.root]);
  execaSync('chown', ['-R', String(other), join(learner.course.root, 'workspace')]);
  execaSync('chown', ['-R', '0', learner.path('src')]);
  execaSync('chmod', ['-R', 'go-w', learner.path('src')]);
  const before = learner.files();
  const asOther = `setpriv --reuid=${other} --clear-groups '${process.execPath}' '${join(import.meta.dirname, '../course.js')}'`;
  const { code, text } = await learner.shell(`${asOther} solve 02`);
  t.equal(code, 1, text);
  t.match(text, /There is no permission to write.*Nothing in workspace\/ was changed/s);
  t.same(learner.files(), before);
  execaSync('chown', ['-R', '0', learner.course.workspaceDir]);
  execaSync('chmod', ['-R', 'go-w', learner.course.root]);
  for (const command of ['hint', 'test']) {
    const { code, text } = await learner.shell(`${asOther} ${command}`);
    t.equal(code, 1, text);
    t.match(text, /There is no permission to write \(.*Give yourself the right/, command);
    t.notMatch(text, / {4}at /, 'no stack');
  }

  execaSync('chmod', ['0555', learner.course.root]);
  rmSync(learner.course.stateDir, { recursive: true });
  rmSync(learner.course.workspaceDir, { recursive: true });
  const bare = await learner.shell(`${asOther} start 01`);
  t.equal(bare.code, 1, bare.text);
  t.match(bare.text, 'There is no permission to write');
});

t.test(
  'two commands at once: one works, the other one waits for nothing and says so',
  async (t) => {
    const learner = await withWork(t);
    const runs = await Promise.all(['02', '03', '02'].map((id) => learner.run(['solve', id])));
    t.ok(runs.some(({ code }) => code === 0));
    for (const { code, text } of runs) if (code !== 0) t.match(text, 'Another course command');
    t.ok(learner.hasLine('mine = 4711'));
    put(join(learner.course.stateDir, 'lock'), `${process.pid}\n`);
    const held = await learner.run(['solve', '02']);
    t.equal(held.code, 1);
    t.match(held.text, `process ${process.pid}`);
    put(join(learner.course.stateDir, 'lock'), '999999999\n');
    t.equal((await learner.run(['solve', '02'])).code, 0, 'a lock left by a dead process is taken');
  },
);

t.test('.course is a file, or the workspace was deleted', async (t) => {
  const learner = await withWork(t);
  rmSync(learner.course.workspaceDir, { recursive: true });
  const status = await learner.run(['status']);
  t.match(status.text, 'npx course start 02');
  t.equal((await learner.run(['test'])).code, 2);
  t.equal((await learner.run(['start', '02'])).code, 0);
  t.ok(learner.read('src/app.ts'));

  rmSync(learner.course.stateDir, { recursive: true });
  writeFileSync(learner.course.stateDir, '');
  learner.write('src/app.ts', MINE);
  const { code, text } = await learner.run(['start', '03']);
  t.equal(code, 1, text);
  t.match(text, /A file is where a folder should be.*\.course/);
  t.equal(learner.read('src/app.ts'), MINE);
});
