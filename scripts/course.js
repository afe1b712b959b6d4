#!/usr/bin/env node
// Plain JavaScript, because it may be started by a Node that cannot run TypeScript: it hands over
// to the Node that the repository pins.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  // What has been compiled once is not compiled again, neither here nor in what the tool starts.
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  const { main } = await import('./src/cli.ts');
  await main(process.argv.slice(2));
} else {
  const pinned = fileURLToPath(
    new URL(
      `../node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`,
      import.meta.url,
    ),
  );
  if (!existsSync(pinned)) {
    console.error(
      `The course tool needs Node 22.18 or later and this is ${process.version}: run "npm install" in the repository, which brings the Node it pins, and try again.`,
    );
    process.exit(2);
  }
  const self = fileURLToPath(import.meta.url);
  const child = spawn(pinned, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the child from the terminal; what is sent to this process alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code) => process.exit(code ?? 1));
}
